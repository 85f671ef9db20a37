"""Writes the images of a made patient: CT and PET on grids of their own, as NIfTI or as DICOM."""

import dataclasses
import struct

import numpy as np

HALF_FIELD = 74.0  # mm from the tumour to the edge of the images
CT_NOISE, PET_NOISE = 15.0, 0.06  # HU; share of the SUV, beside a floor
PET_FLOOR = 0.08
PET_SPACING = 4.0


@dataclasses.dataclass(frozen=True)
class Volume:
    """Values in the order slices, rows, columns; LPS millimetres with the axes of the patient."""

    values: np.ndarray
    spacing: tuple  # x, y, z
    origin: tuple  # of the first voxel


def grid(spacing, middle):
    """Returns the number of voxels of each axis and the first voxel's place, so that the images reach HALF_FIELD around `middle`."""
    counts = [int(np.ceil(2 * HALF_FIELD / s)) + 1 for s in spacing]
    return counts, tuple(m - (n - 1) / 2 * s for n, s, m in zip(counts, spacing, middle))


def axes(spacing, counts, origin, centre):
    """Returns x, y, z of a grid from the tumour's centre, ready to broadcast to slices, rows, columns."""
    x, y, z = (np.float32(o - c) + np.float32(s) * np.arange(n, dtype=np.float32) for s, n, o, c in zip(spacing, counts, origin, centre))
    return x[None, None, :], y[None, :, None], z[:, None, None]


def of_lesion(lesion, centre, rng, noise=True):
    """Returns CT (int16, HU) and PET (float32, SUVbw) of a tumour at `centre`, each on a grid of its own."""
    ct_spacing = (in_plane := round(float(rng.uniform(1.2, 2.0)), 3), in_plane, 2.0)
    pet_spacing = (PET_SPACING,) * 3
    volumes = []
    for spacing, field in ((ct_spacing, lesion.hu), (pet_spacing, lesion.suv)):
        middle = [c + d for c, d in zip(centre, rng.uniform(-2, 2, 3))]
        counts, origin = grid(spacing, middle)
        volumes.append((field(*axes(spacing, counts, origin, centre)), spacing, origin))
    (hu, *ct_place), (suv, *pet_place) = volumes
    if noise:
        hu = hu + CT_NOISE * rng.standard_normal(hu.shape, np.float32)
        suv = suv + (PET_FLOOR + PET_NOISE * suv) * rng.standard_normal(suv.shape, np.float32)
    return Volume(np.rint(hu).astype(np.int16), *ct_place), Volume(np.maximum(suv, 0).astype(np.float32), *pet_place)


def nifti(volume):
    """Returns a volume as the bytes of a NIfTI-1 file, whose axes point to the right, the front and the head."""
    code, bits = {"<i2": (4, 16), "<f4": (16, 32)}[volume.values.dtype.newbyteorder("<").str]
    slices, rows, columns = volume.values.shape
    (sx, sy, sz), (ox, oy, oz) = volume.spacing, volume.origin
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, code, bits)
    struct.pack_into("<8f", header, 76, 1.0, sx, sy, sz, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352.0, 1.0, 0.0)  # where the values begin, slope, intercept
    header[123] = 2  # millimetres
    struct.pack_into("<hh", header, 252, 0, 1)  # the affine below alone is in force
    struct.pack_into("<12f", header, 280, -sx, 0, 0, -ox, 0, -sy, 0, -oy, 0, 0, sz, oz)  # LPS to RAS
    header[344:348] = b"n+1\0"
    return bytes(header) + np.ascontiguousarray(volume.values, volume.values.dtype.newbyteorder("<")).tobytes()
