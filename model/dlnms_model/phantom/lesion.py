"""The made images as formulas: HU and SUV at any point around a tumour in a lung.

A tumour is a sphere with spicules: a core of soft tissue in a shell of ground glass. In PET it has an uptake with a blurred edge and,
where it is necrotic, a cold centre. Around it are lung, vessels and a chest wall.
"""

import dataclasses

import numpy as np

SPICULES = 36
VESSELS = 4
LUNG, GROUND_GLASS, CORE, VESSEL, WALL = -850.0, -550.0, 40.0, 0.0, 30.0  # HU
LUNG_SUV, WALL_SUV = 0.4, 0.8
CT_EDGE, PET_EDGE, WALL_EDGE = 0.8, 2.5, 1.0  # mm over which an edge runs
SPICULE_WIDTH = 0.3  # rad


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


@dataclasses.dataclass(frozen=True)
class Lesion:
    """What the images of one patient show; lengths in mm, from the tumour's centre."""

    radius: float
    core: float  # share of the radius
    spiculation: float  # height of a spicule over the radius
    spicules: np.ndarray  # directions
    uptake: float  # SUV
    necrosis: float  # share of the uptake that the centre lacks
    vessels: tuple  # (point, direction, radius)
    wall: tuple  # (normal, distance)

    @property
    def reach(self):
        """Beyond this distance from the centre there is no tumour in CT."""
        return self.radius * (1 + self.spiculation) + 10 * CT_EDGE

    def hu(self, x, y, z):
        """Returns HU at coordinates that broadcast against each other."""
        out = self._background(x, y, z)
        rho = np.sqrt(x * x + y * y + z * z)
        near = rho < self.reach
        inside = [np.broadcast_to(c, rho.shape)[near] for c in (x, y, z)]
        rho = rho[near]
        direction = np.stack(inside) / np.maximum(rho, 1e-6)
        height = np.exp((self.spicules @ direction - 1) / SPICULE_WIDTH**2 * 2).max(axis=0)
        surface = self.radius * (1 + self.spiculation * height)
        outer, inner = sigmoid((surface - rho) / CT_EDGE), sigmoid((self.core * self.radius - rho) / CT_EDGE)
        ground = out[near]
        out[near] = ground + (np.maximum(ground, GROUND_GLASS) - ground) * outer
        out[near] += (CORE - out[near]) * inner * outer
        return out

    def suv(self, x, y, z):
        """Returns SUVbw at coordinates that broadcast against each other."""
        rho = np.sqrt(x * x + y * y + z * z)
        edge = sigmoid((self.radius - rho) / PET_EDGE)
        cold = 1 - self.necrosis * np.exp(-((rho / (0.55 * self.radius)) ** 2))
        return LUNG_SUV + (WALL_SUV - LUNG_SUV) * self._wall(x, y, z, 3 * WALL_EDGE) + self.uptake * edge * cold

    def _background(self, x, y, z):
        out = LUNG + (WALL - LUNG) * self._wall(x, y, z, WALL_EDGE)
        for point, direction, radius in self.vessels:
            a, b, c = x - point[0], y - point[1], z - point[2]
            along = a * direction[0] + b * direction[1] + c * direction[2]
            apart = a * a + b * b + c * c - along * along
            near = apart < (radius + 8) ** 2
            share = sigmoid((radius - np.sqrt(np.maximum(apart[near], 0))) / CT_EDGE)
            out[near] = np.maximum(out[near], LUNG + (VESSEL - LUNG) * share)
        return out

    def _wall(self, x, y, z, edge):
        normal, distance = self.wall
        return sigmoid((x * normal[0] + y * normal[1] + z * normal[2] - distance) / edge)


def direction(rng, shape=()):
    """Draws directions, evenly over the sphere."""
    v = rng.standard_normal((*shape, 3))
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def vessel(rng):
    """Draws a vessel that passes the tumour at some distance: a point, the direction there, and the radius."""
    point, other = direction(rng), direction(rng)
    along = other - (other @ point) * point
    return point * rng.uniform(24, 60), along / np.linalg.norm(along), rng.uniform(1.0, 2.5)


def of_patient(hidden, rng):
    """Returns what the images of a patient show. `hidden` maps the names of the hidden numbers to values."""
    vessels = tuple(vessel(rng) for _ in range(VESSELS))
    return Lesion(
        radius=float(np.exp(2.4 + 0.25 * hidden["size"])),
        core=float(sigmoid(1.2 * hidden["solid"])),
        spiculation=float(sigmoid(1.2 * hidden["spiculation"])),
        spicules=direction(rng, (SPICULES,)),
        uptake=float(np.exp(1.5 + 0.55 * hidden["uptake"])),
        necrosis=float(0.95 * sigmoid(1.2 * hidden["necrosis"])),
        vessels=vessels,
        wall=(direction(rng), rng.uniform(34, 60)),
    )
