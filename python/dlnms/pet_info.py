"""Attributes of a PET series that SUV depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Optional, Sequence, Tuple

import numpy as np

from ._library import call, constants, ffi, lib, struct, value_of
from .volume import doubles

_NUMBERS = ("weight_kg", "height_m", "dose_bq", "half_life_s", "injection_time_s", "injection_time_of_day_s", "series_time_s", "ge_scan_start_time_s")
_ARRAYS = ("acquisition_time_s", "frame_reference_time_ms", "frame_duration_ms", "philips_suv_factor", "philips_activity_factor")
#: Field -> prefix of its constants.
_NAMES = {"units": "DLNMS_UNITS_", "suv_type": "DLNMS_SUV_", "decay_correction": "DLNMS_DECAY_", "sex": "DLNMS_SEX_"}


@dataclass(frozen=True, eq=False)
class PetInfo:
    """Attributes of a PET series that SUV depends on (DICOM PS3.3 C.8.9); the C header describes each field.

    `units` is "bqml", "gml", "cm2ml", "cnts" or "other"; `suv_type` "bw", "lbm", "lbmjames128", "lbmjanma" or "ibw";
    `decay_correction` "start", "admin", "none" or "unknown"; `sex` "male", "female", "other" or "unknown". A number that is not
    known is None. Times are seconds on any one clock on which midnight is a multiple of 86400. Arrays have a number for each slice.
    """

    units: str
    n_slices: int
    attenuation_corrected: bool
    decay_correction: str = "unknown"
    suv_type: str = "bw"
    sex: str = "unknown"
    f18_coded: bool = False
    assumptions: int = 0
    weight_kg: Optional[float] = None
    height_m: Optional[float] = None
    dose_bq: Optional[float] = None
    half_life_s: Optional[float] = None
    injection_time_s: Optional[float] = None
    injection_time_of_day_s: Optional[float] = None
    series_time_s: Optional[float] = None
    ge_scan_start_time_s: Optional[float] = None
    acquisition_time_s: Optional[Sequence[float]] = field(default=None, repr=False)
    frame_reference_time_ms: Optional[Sequence[float]] = field(default=None, repr=False)
    frame_duration_ms: Optional[Sequence[float]] = field(default=None, repr=False)
    philips_suv_factor: Optional[Sequence[float]] = field(default=None, repr=False)
    philips_activity_factor: Optional[Sequence[float]] = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            values = getattr(self, name)
            if values is not None and len(values) != self.n_slices:
                raise ValueError(f"{name}: {len(values)} numbers for {self.n_slices} slices")

    def suv_factors(self) -> np.ndarray:
        """Returns the SUVbw factor of each slice: SUVbw = physical value * factor.

        Raises `Error` with DLNMS_E_SUV and the attribute at fault.
        """
        raw, _alive = self.raw()
        factors = np.empty(self.n_slices)
        call(lib.dlnms_pet_info_suv_factors, raw, ffi.cast("double *", factors.ctypes.data), self.n_slices, ffi.NULL)
        return factors

    def raw(self) -> Tuple[Any, list]:
        """Returns the dlnms_pet_info and what has to live as long."""
        raw = struct("pet_info")
        for name, prefix in _NAMES.items():
            setattr(raw, name, value_of(prefix, getattr(self, name), name))
        raw.attenuation_corrected, raw.f18_coded = int(self.attenuation_corrected), int(self.f18_coded)
        raw.assumptions, raw.n_slices = self.assumptions, self.n_slices
        for name in _NUMBERS:
            if getattr(self, name) is not None:
                setattr(raw, name, getattr(self, name))
        alive: list = [raw]
        for name in _ARRAYS:
            if getattr(self, name) is not None:
                values = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
                setattr(raw, name, ffi.cast("const double *", values.ctypes.data))
                alive.append(values)
        return raw, alive


def from_raw(raw: Any) -> PetInfo:
    """Returns a copy of a dlnms_pet_info."""
    known = {name: constants(prefix)[getattr(raw, name)] for name, prefix in _NAMES.items()}
    numbers = {name: getattr(raw, name) for name in _NUMBERS if not math.isnan(getattr(raw, name))}
    arrays = {name: doubles(getattr(raw, name), raw.n_slices) for name in _ARRAYS}
    return PetInfo(n_slices=raw.n_slices, attenuation_corrected=bool(raw.attenuation_corrected), f18_coded=bool(raw.f18_coded),
                   assumptions=raw.assumptions, **known, **numbers, **arrays)
