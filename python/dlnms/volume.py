"""Voxels with their place in the patient."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Optional, Sequence, Tuple, Union

import numpy as np

from ._library import call, ffi, interruptible, lib, make, struct

#: numpy's element types by that of the C ABI. A bool is read as u8.
DTYPES = {
    np.dtype(np.uint8): lib.DLNMS_DTYPE_U8,
    np.dtype(np.bool_): lib.DLNMS_DTYPE_U8,
    np.dtype(np.int16): lib.DLNMS_DTYPE_I16,
    np.dtype(np.uint16): lib.DLNMS_DTYPE_U16,
    np.dtype(np.int32): lib.DLNMS_DTYPE_I32,
    np.dtype(np.float16): lib.DLNMS_DTYPE_F16,
    np.dtype(np.float32): lib.DLNMS_DTYPE_F32,
    np.dtype(np.float64): lib.DLNMS_DTYPE_F64,
}
_NUMPY = {code: dtype for dtype, code in DTYPES.items() if dtype != np.bool_}


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels with their place in the patient, in ITK's conventions: LPS, millimetres.

    `array` has the axes (k, j, i), as SimpleITK's GetArrayFromImage gives them: the last axis is that of `spacing[0]`. Any strides
    will do, negative ones too; nothing is copied. The array must not change while a call uses it. Element types: uint8, bool,
    int16, uint16, int32, float16, float32, float64, in native byte order.

    `origin` is the centre of voxel (0, 0, 0), `spacing` the distances between voxel centres along i, j, k, and `direction` a
    row-major 3 x 3 matrix whose columns are the unit vectors of i, j, k. The physical value (HU, Bq/ml, SUV) is the stored value
    times `slope` plus `intercept`; `slice_slopes` has a slope for each k instead. `slice_offsets` are distances from slice 0 in
    mm where the steps are uneven. `padding` is the first and the last stored value that mean padding.

    Raises TypeError for an element type that the library does not read, ValueError for another number of axes.
    """

    array: np.ndarray
    origin: Sequence[float]
    spacing: Sequence[float]
    direction: Sequence[float]
    slope: float = 1.0
    intercept: float = 0.0
    slice_slopes: Optional[Sequence[float]] = None
    slice_offsets: Optional[Sequence[float]] = None
    padding: Optional[Tuple[float, float]] = None
    _owner: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.array, np.ndarray):
            raise TypeError(f"array: {type(self.array).__name__} is no numpy array")
        if self.array.dtype not in DTYPES:
            raise TypeError(f"array: {self.array.dtype} is none of {', '.join(str(d) for d in DTYPES)} in native byte order")
        if self.array.ndim != 3:
            raise ValueError(f"array: {self.array.ndim} axes instead of 3 (k, j, i)")
        if self.array.size > 1 and not any(self.array.strides):
            raise ValueError("array: every voxel has the same address (numpy.broadcast_to): give it memory of its own")
        for name, length in (("origin", 3), ("spacing", 3), ("direction", 9)):
            values = tuple(float(v) for v in np.asarray(getattr(self, name), dtype=float).reshape(-1))
            if len(values) != length:
                raise ValueError(f"{name}: {len(values)} numbers instead of {length}")
            object.__setattr__(self, name, values)
        for name in ("slice_slopes", "slice_offsets"):
            values = getattr(self, name)
            if values is not None and len(values) != self.array.shape[0]:
                raise ValueError(f"{name}: {len(values)} numbers for {self.array.shape[0]} slices")

    @classmethod
    def from_sitk(cls, image: Any) -> "Volume":
        """Returns a view of a SimpleITK image of three dimensions and one component; the image is kept alive.

        Raises ValueError for another image.
        """
        import SimpleITK

        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            raise ValueError(f"a SimpleITK image of {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} components "
                             "instead of 3 and 1")
        array = SimpleITK.GetArrayViewFromImage(image)
        return cls(array, image.GetOrigin(), image.GetSpacing(), image.GetDirection(), _owner=image)

    @classmethod
    def from_file(cls, path: Union[str, "os.PathLike[str]"]) -> "Volume":
        """Reads a .nii, .nii.gz, .nrrd or .nhdr file. Coordinates become LPS.

        Raises `Error` with DLNMS_E_NIFTI or DLNMS_E_NRRD and the field at fault.
        """
        name = os.fsencode(path)
        handle = interruptible(lambda cancel: make("volume_file", lib.dlnms_volume_file_open, name, ffi.NULL, cancel))
        raw = struct("volume")
        call(lib.dlnms_volume_file_volume, handle, raw)
        return from_raw(raw, handle)

    def __repr__(self) -> str:
        return f"Volume({self.array.dtype}, shape {self.array.shape}, origin {self.origin}, spacing {self.spacing}, direction {self.direction})"

    def values(self) -> np.ndarray:
        """Returns the physical values as float64, a copy."""
        if self.slice_slopes is None:
            return self.array * float(self.slope) + self.intercept
        return self.array * np.asarray(self.slice_slopes, dtype=float)[:, None, None] + self.intercept

    def raw(self) -> Tuple[Any, list]:
        """Returns the dlnms_volume of these voxels and what has to live as long."""
        raw = struct("volume")
        raw.dtype = DTYPES[self.array.dtype]
        raw.data = ffi.cast("const void *", self.array.ctypes.data)
        for c, axis in enumerate((2, 1, 0)):
            raw.dims[c] = self.array.shape[axis]
            raw.strides[c] = self.array.strides[axis]
        raw.origin, raw.spacing, raw.direction = list(self.origin), list(self.spacing), list(self.direction)
        raw.rescale_slope, raw.rescale_intercept = self.slope, self.intercept
        alive: list = [self, raw]
        for name in ("slice_slopes", "slice_offsets"):
            if getattr(self, name) is not None:
                values = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
                setattr(raw, name, ffi.cast("const double *", values.ctypes.data))
                alive.append(values)
        if self.padding is not None:
            raw.has_padding = 1
            raw.padding_first, raw.padding_last = self.padding
        return raw, alive


class _Memory:
    """Voxels of the library for numpy, which keeps the owner alive as long as an array uses them."""

    def __init__(self, address: int, shape: tuple, strides: tuple, dtype: np.dtype, owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (address, True), "shape": shape, "strides": strides, "typestr": dtype.str, "version": 3}


def doubles(pointer: Any, count: int) -> Optional[np.ndarray]:
    """Returns a copy of an array of the library, or None for NULL."""
    if pointer == ffi.NULL:
        return None
    return np.frombuffer(ffi.buffer(pointer, 8 * count), dtype=np.float64).copy()


def from_raw(raw: Any, owner: Any) -> Volume:
    """Returns the volume that a dlnms_volume of `owner` describes; its array is read-only."""
    dtype = _NUMPY[raw.dtype]
    shape = (raw.dims[2], raw.dims[1], raw.dims[0])
    memory = _Memory(int(ffi.cast("uintptr_t", raw.data)), shape, (raw.strides[2], raw.strides[1], raw.strides[0]), dtype, owner)
    return Volume(np.asarray(memory), list(raw.origin), list(raw.spacing), list(raw.direction), raw.rescale_slope, raw.rescale_intercept,
                  doubles(raw.slice_slopes, raw.dims[2]), doubles(raw.slice_offsets, raw.dims[2]),
                  (raw.padding_first, raw.padding_last) if raw.has_padding else None, owner)


#: What is accepted for a volume: `Volume`, a SimpleITK image, or the path of a NIfTI or NRRD file.
VolumeLike = Any


def as_volume(value: VolumeLike, name: str) -> Volume:
    """Returns a volume for what a caller gave."""
    if isinstance(value, Volume):
        return value
    if isinstance(value, (str, os.PathLike)):
        return Volume.from_file(value)
    if hasattr(value, "GetDirection") and hasattr(value, "GetNumberOfComponentsPerPixel"):
        return Volume.from_sitk(value)
    raise TypeError(f"{name}: {type(value).__name__} is no Volume, SimpleITK image or path")
