"""Views of a patient: the planes that a training sees, moved and changed at random. All draws follow from seed, epoch and patient, so that
neither the order of the patients nor a restart changes them.

Planes are in SUVbw and HU here; normalisation is the last step. A transform is one for PET and CT, so that what lies in one place in the
one lies there in the other.
"""

import numpy as np
import torch
from torch.nn import functional

from ..table import TableError
from .data import Normalisation

# Directions (superior, posterior, left) of rows and columns of the axial, coronal and sagittal plane.
PLANES = (((0, 1, 0), (0, 0, 1)), ((1, 0, 0), (0, 0, 1)), ((1, 0, 0), (0, 1, 0)))


def rotation(axis, angle):
    """Returns the matrix of a rotation by `angle` (radians) about a unit vector (Rodrigues)."""
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


class Transform:
    """One rigid transform with a zoom, drawn for a patient in an epoch."""

    def __init__(self, recipe, rng, spacing):
        axis = rng.standard_normal(3)
        angle = np.deg2rad(rng.uniform(-recipe.rotation, recipe.rotation))
        self.matrix = rotation(axis / np.linalg.norm(axis), angle) / rng.uniform(recipe.zoom_low, recipe.zoom_high)
        self.shift = rng.uniform(-recipe.shift, recipe.shift, 3) / spacing
        self.mirror = rng.choice([-1.0, 1.0], 3) if recipe.flips else np.ones(3)
        self.in_plane = angle * np.sign(axis)  # where only planes are at hand, each is turned in itself


def from_cube(cube, outside, samples, centre_index, size, matrix, shift):
    """Samples the three planes of a cube, (PET, CT) x superior x posterior x left, in a turned frame: (PET, CT) x 3 x size x size."""
    n = cube.shape[1]
    steps = np.linspace(0, samples - 1, size) - centre_index
    rows, columns = np.meshgrid(steps, steps, indexing="ij")
    points = np.stack([rows[..., None] * np.array(r) + columns[..., None] * np.array(c) for r, c in PLANES])
    index = points @ matrix.T + shift + n // 2
    place = torch.from_numpy((2 * index[..., ::-1] / (n - 1) - 1).astype(np.float32))[None]  # grid_sample wants x, y, z
    values = torch.from_numpy(np.asarray(cube, np.float32) - outside)[None]
    return functional.grid_sample(values, place, mode="bilinear", padding_mode="zeros", align_corners=True)[0].numpy() + outside


def from_planes(planes, outside, t):
    """Turns, shifts and zooms each plane in itself, PET and CT alike."""
    size = planes.shape[-1]
    out = np.empty_like(planes)
    zoom = np.cbrt(np.linalg.det(t.matrix))
    for k, (row, column) in enumerate(PLANES):
        normal = [i for i in range(3) if not row[i] and not column[i]][0]
        turn, shift = t.in_plane[normal], 2 * t.shift / (size - 1)
        c, s = np.cos(turn) * zoom, np.sin(turn) * zoom
        affine = torch.tensor([[[c, -s, shift[column.index(1)]], [s, c, shift[row.index(1)]]]], dtype=torch.float32)
        place = functional.affine_grid(affine, (1, 2, size, size), align_corners=True)
        values = torch.from_numpy(np.ascontiguousarray(planes[:, k]) - outside[:, 0])[None]
        out[:, k] = functional.grid_sample(values, place, mode="bilinear", padding_mode="zeros", align_corners=True)[0].numpy() + outside[:, 0]
    return out


def mirror(planes, signs):
    """Mirrors the planes along superior, posterior and left, where a sign is -1; the same for all planes and both modalities."""
    out = planes.copy()
    for k, (row, column) in enumerate(PLANES):
        for axis, direction in ((1, row), (2, column)):
            if signs[direction.index(1)] < 0:
                out[:, k] = np.flip(out[:, k], axis)
    return out


class Views:
    """The views of all patients of a training."""

    def __init__(self, data, recipe, seed):
        self.recipe, self.seed = recipe, seed
        self.p = data.preprocessing
        self.normal = Normalisation(self.p)
        self.cubes = data.cubes() if data.cube else None
        self.exact = data.planes()
        self.spacing = float(self.p["spacing_mm"]) * (self.p["samples"] - 1) / (self.p["output"] - 1)  # of a plane's samples, mm
        if recipe.name == "authors" and not data.cube:
            raise TableError(f"{data.prepared.folder.name}: the authors' recipe turns volumes: run `cohort prepare --cube 152`")

    def plain(self, i):
        """Returns the planes that the library gives, as a scanner will feed them."""
        return self.exact[i]

    def changed(self, i, epoch):
        """Returns a view of patient i for an epoch."""
        rng = np.random.default_rng([self.seed, 1, epoch, i])
        if self.recipe.name == "authors":
            from .authors import view
            return self.normal.forward(view(self.cubes[i], self.p, rng)).astype(np.float32)
        r, p = self.recipe, self.p
        if self.cubes is not None:
            t = Transform(r, rng, float(p["spacing_mm"]))
            x = from_cube(self.cubes[i], self.normal.outside, p["samples"], p["center_index"], p["output"], t.matrix, t.shift)
        else:
            t = Transform(r, rng, self.spacing)
            x = from_planes(self.normal.back(self.exact[i]), self.normal.outside, t)
        x = mirror(x, t.mirror)
        x[0] *= rng.uniform(1 - r.pet_gain, 1 + r.pet_gain)
        x[1] += rng.uniform(-r.ct_shift, r.ct_shift)
        x = self.normal.forward(x)
        return (x + r.noise * rng.standard_normal(x.shape, np.float32)).astype(np.float32)
