"""Cases: volumes and a tumour together."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Optional, Sequence, Tuple

from ._library import ffi, lib, struct
from .pet_info import PetInfo
from .volume import VolumeLike, as_volume

Point = Sequence[float]


@dataclass(frozen=True)
class CaseMetadata:
    """What is known of a case beyond voxels and SUV, for the quality checks. None: not known."""

    same_patient: Optional[bool] = None
    same_study: Optional[bool] = None
    same_frame_of_reference: Optional[bool] = None
    lossy: Optional[bool] = None
    derived: Optional[bool] = None
    fdg: Optional[bool] = None
    age_known: Optional[bool] = None
    modality_stated: Optional[bool] = None
    hounsfield_stated: Optional[bool] = None
    contours_overlap: Optional[bool] = None
    ct_slice_thickness_mm: Optional[float] = None
    pet_slice_thickness_mm: Optional[float] = None

    def raw(self) -> Any:
        """Returns the dlnms_case_metadata."""
        raw = struct("case_metadata")
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                setattr(raw, field.name, float(value) if field.name.endswith("_mm") else int(value))
        return raw


def metadata_from_raw(raw: Any) -> CaseMetadata:
    """Returns a copy of a dlnms_case_metadata."""
    known = {}
    for field in fields(CaseMetadata):
        value = getattr(raw, field.name)
        if field.name.endswith("_mm"):
            known[field.name] = value or None
        else:
            known[field.name] = None if value == lib.DLNMS_TRISTATE_UNKNOWN else bool(value)
    return CaseMetadata(**known)


@dataclass(frozen=True)
class Tumour:
    """Where the tumour is: exactly one of center, seed, box and mask.

    A box is two opposite corners. A mask is a `Volume`, a SimpleITK image or a file on any grid. A seed is a point in the tumour,
    from which a threshold cuts the lesion out of the PET: a fraction of SUVmax (0.41 unless one is given) or an SUV.
    """

    center: Optional[Point] = None
    seed: Optional[Point] = None
    box: Optional[Tuple[Point, Point]] = None
    mask: Optional[VolumeLike] = None
    threshold_fraction: Optional[float] = None
    threshold_suv: Optional[float] = None
    radius_mm: Optional[float] = None

    def threshold(self) -> Tuple[int, float]:
        """Returns the kind of the threshold and its value; 0 leaves it to the library."""
        if self.threshold_fraction is not None and self.threshold_suv is not None:
            raise ValueError("threshold_fraction and threshold_suv exclude each other")
        if self.threshold_fraction is not None:
            return lib.DLNMS_THRESHOLD_FRACTION, self.threshold_fraction
        if self.threshold_suv is not None:
            return lib.DLNMS_THRESHOLD_SUV, self.threshold_suv
        return 0, 0.0

    def raw(self) -> Tuple[Any, list]:
        """Returns the dlnms_roi and what has to live as long.

        Raises ValueError unless exactly one place is named.
        """
        named = [name for name in ("center", "seed", "box", "mask") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(f"the tumour needs exactly one of center, seed, box, mask or roi; given: {', '.join(named) or 'none'}")
        raw = struct("roi")
        alive: list = [raw]
        if self.center is not None:
            raw.kind, raw.point = lib.DLNMS_ROI_POINT, _three(self.center, "center")
        elif self.seed is not None:
            raw.kind, raw.point = lib.DLNMS_ROI_SEED, _three(self.seed, "seed")
            raw.threshold_kind, raw.threshold = self.threshold()
            raw.radius_mm = self.radius_mm or 0.0
        elif self.box is not None:
            raw.kind = lib.DLNMS_ROI_BOX
            raw.box_first, raw.box_last = _three(self.box[0], "box"), _three(self.box[1], "box")
        else:
            raw.kind = lib.DLNMS_ROI_MASK
            raw.mask, kept = as_volume(self.mask, "mask").raw()
            alive += kept
        return raw, alive


def _three(point: Point, name: str) -> list:
    values = [float(v) for v in point]
    if len(values) != 3:
        raise ValueError(f"{name}: {len(values)} numbers instead of 3")
    return values


class Case:
    """One tumour of one patient: a CT in HU, a PET, what makes SUV of its values, and the place of the tumour.

    `ct` and `pet` are volumes, SimpleITK images or paths of NIfTI or NRRD files. Without `pet_info` the PET values are SUVbw
    already. The tumour is exactly one of `center`, `seed`, `box` (two corners) and `mask`; see `Tumour`. `measure_lesion` and
    `measure_references` (liver and blood pool, at `liver` and `blood_pool` or searched on the CT) measure more beside the scores.
    Voxels stay the caller's and are read during calls. `Study.case` makes a case from DICOM.
    """

    def __init__(self, ct: VolumeLike, pet: VolumeLike, *, pet_info: Optional[PetInfo] = None, metadata: Optional[CaseMetadata] = None,
                 center: Optional[Point] = None, seed: Optional[Point] = None, box: Optional[Tuple[Point, Point]] = None,
                 mask: Optional[VolumeLike] = None, threshold_fraction: Optional[float] = None, threshold_suv: Optional[float] = None,
                 radius_mm: Optional[float] = None, measure_lesion: bool = False, measure_references: bool = False,
                 liver: Optional[Point] = None, blood_pool: Optional[Point] = None) -> None:
        raw = struct("case")
        raw.ct, ct_alive = as_volume(ct, "ct").raw()
        raw.pet, pet_alive = as_volume(pet, "pet").raw()
        alive = [raw, ct_alive, pet_alive]
        if pet_info is not None:
            raw.pet_info, kept = pet_info.raw()
            alive.append(kept)
        if metadata is not None:
            known = metadata.raw()
            raw.metadata = known
            alive.append(known)
        self._raw, self._alive = raw, alive
        tumour = Tumour(center, seed, box, mask, threshold_fraction, threshold_suv, radius_mm)
        self._place(tumour, measure_lesion, measure_references, liver, blood_pool)

    @classmethod
    def _from_raw(cls, raw: Any, alive: list, tumour: Tumour, *measures: Any) -> "Case":
        """Returns a case around a dlnms_case that has its volumes."""
        case = cls.__new__(cls)
        case._raw, case._alive = raw, alive
        case._place(tumour, *measures)
        return case

    def _place(self, tumour: Tumour, measure_lesion: bool, measure_references: bool, liver: Optional[Point], blood_pool: Optional[Point]) -> None:
        """Sets the tumour, unless the raw case has it, and what is measured beside the scores."""
        raw = self._raw
        if raw.roi == ffi.NULL:
            raw.roi, kept = tumour.raw()
            self._alive.append(kept)
        raw.measure_lesion, raw.measure_references = int(measure_lesion), int(measure_references)
        raw.threshold_kind, raw.threshold = tumour.threshold()
        raw.radius_mm = tumour.radius_mm or 0.0
        for name, point in (("liver_lps_mm", liver), ("blood_pool_lps_mm", blood_pool)):
            if point is not None:
                place = ffi.new("double[3]", _three(point, name))
                setattr(raw, name, place)
                self._alive.append(place)

    @property
    def metadata(self) -> Optional[CaseMetadata]:
        """What the quality checks know beyond the voxels; None if nothing was given."""
        return None if self._raw.metadata == ffi.NULL else metadata_from_raw(self._raw.metadata)


