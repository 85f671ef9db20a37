"""Studies: DICOM files, folders and buffers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from . import pet_info, volume
from ._library import call, constants, ffi, filled_text, interruptible, lib, make, struct, text
from .case import Case, CaseMetadata, Point, Tumour, metadata_from_raw
from .progress import Progress, Reporter
from .volume import Volume, VolumeLike

Path = Union[str, "os.PathLike[str]"]
_SOURCES = constants("DLNMS_ROI_SOURCE_")
_MODALITIES = constants("DLNMS_MODALITY_")


@dataclass(frozen=True)
class Series:
    """One CT or PET series of a study. `rejected_because` is None if loading by rule would use it."""

    modality: str
    uid: str
    slices: int
    columns: int
    rows: int
    chosen: bool
    rejected_because: Optional[str]
    suv_factor: Optional[float]
    suv_rule: Optional[str]
    suv_refusal: Optional[str]


@dataclass(frozen=True)
class Roi:
    """One ROI of a study: contours of a structure set ("rtstruct") or a segment ("seg"). `refusal` is None if it has a mask."""

    index: int
    source: str
    number: int
    name: str
    file: str
    voxels: Optional[int]
    ml: Optional[float]
    centroid_lps_mm: Optional[Tuple[float, float, float]]
    contours_overlap: bool
    refusal: Optional[str]


class Study:
    """A PET/CT study from DICOM: `paths` are files and folders, which are searched recursively.

    The CT and the PET are chosen by rule and decoded, unless `load` is False or their Series Instance UIDs are given.
    `progress` shows or reports the decoding. `threads` read and decode (0: the processor's cores, at most four);
    `max_study_bytes` is what the decoded volumes may take (0: 8 GiB); `verbose_names` allows names of files inside folders in
    messages, which call them "file 17" otherwise.

    Raises `Error`, among others with DLNMS_E_DICOM_READ, DLNMS_E_DICOM_NO_SERIES, DLNMS_E_DICOM_SERIES and DLNMS_E_SUV.
    """

    def __init__(self, paths: Union[Path, Sequence[Path]], *, ct_series: Optional[str] = None, pet_series: Optional[str] = None,
                 load: bool = True, progress: Progress = None, threads: int = 0, max_study_bytes: int = 0, verbose_names: bool = False) -> None:
        given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        names = [ffi.new("char[]", os.fsencode(path)) for path in given]
        array = ffi.new("const char *[]", names)
        options = _read_options(threads, max_study_bytes, verbose_names)
        self._handle = interruptible(lambda cancel: make("study", lib.dlnms_study_scan, array, len(names), options, cancel))
        if load:
            self.load(ct_series, pet_series, progress)

    @classmethod
    def from_buffers(cls, buffers: Sequence[bytes], *, ct_series: Optional[str] = None, pet_series: Optional[str] = None, load: bool = True,
                     progress: Progress = None, threads: int = 0, max_study_bytes: int = 0) -> "Study":
        """Returns the study of DICOM files that are in memory. Their bytes are copied."""
        held = [ffi.from_buffer("const uint8_t[]", buffer) for buffer in buffers]
        data, sizes = ffi.new("const uint8_t *[]", held), ffi.new("size_t[]", [len(h) for h in held])
        options = _read_options(threads, max_study_bytes, False)
        study = cls.__new__(cls)
        study._handle = interruptible(lambda cancel: make("study", lib.dlnms_study_scan_buffers, data, sizes, len(held), options, cancel))
        if load:
            study.load(ct_series, pet_series, progress)
        return study

    def load(self, ct_series: Optional[str] = None, pet_series: Optional[str] = None, progress: Progress = None) -> None:
        """Decodes the CT and the PET; once for each study."""
        choice = struct("series_choice")
        uids = [None if uid is None else ffi.new("char[]", uid.encode()) for uid in (ct_series, pet_series)]
        choice.ct_series, choice.pet_series = (ffi.NULL if uid is None else uid for uid in uids)
        with Reporter(progress) as reporter:
            interruptible(lambda cancel: call(lib.dlnms_study_load, self._handle, choice, reporter.raw, cancel))

    @property
    def series(self) -> List[Series]:
        """The CT and PET series, the CTs first."""
        found = []
        for index in range(lib.dlnms_study_series_count(self._handle)):
            raw = struct("series")
            call(lib.dlnms_study_series, self._handle, index, raw)
            found.append(Series(_MODALITIES[raw.modality], text(raw.uid) or "", raw.slices, raw.columns, raw.rows, bool(raw.chosen),
                                text(raw.rejected_because), raw.suv_factor if raw.has_suv else None, text(raw.suv_rule), text(raw.suv_refusal)))
        return found

    @property
    def rois(self) -> List[Roi]:
        """The ROIs, those of structure sets first. Their masks are made for this, which may take a second."""
        interruptible(lambda cancel: call(lib.dlnms_study_inspect, self._handle, cancel))
        found = []
        for index in range(lib.dlnms_study_roi_count(self._handle)):
            raw = struct("roi_info")
            call(lib.dlnms_study_roi, self._handle, index, raw)
            size = (raw.voxels, raw.ml, tuple(raw.centroid_lps_mm)) if raw.has_mask else (None, None, None)
            found.append(Roi(index, _SOURCES[raw.source], raw.number, text(raw.name) or "", text(raw.file) or "", *size,
                             bool(raw.contours_overlap), text(raw.refusal)))
        return found

    def inspect(self) -> Dict[str, Any]:
        """Returns series and ROIs as `dlnms inspect --json` prints them."""
        interruptible(lambda cancel: call(lib.dlnms_study_inspect, self._handle, cancel))
        return json.loads(filled_text(lib.dlnms_study_json, self._handle))

    @property
    def ct(self) -> Volume:
        """The decoded CT: stored values and what makes HU of them. The array is the library's memory, read-only."""
        return self._volume(lib.DLNMS_MODALITY_CT)

    @property
    def pet(self) -> Volume:
        """The decoded PET, likewise."""
        return self._volume(lib.DLNMS_MODALITY_PET)

    def _volume(self, modality: int) -> Volume:
        raw = struct("volume")
        call(lib.dlnms_study_volume, self._handle, modality, raw)
        return volume.from_raw(raw, self)

    @property
    def pet_info(self) -> pet_info.PetInfo:
        """What makes SUV of the PET's values."""
        raw = struct("pet_info")
        call(lib.dlnms_study_pet_info, self._handle, raw)
        return pet_info.from_raw(raw)

    @property
    def metadata(self) -> CaseMetadata:
        """What the headers of both series say to the quality checks."""
        raw = struct("case")
        call(lib.dlnms_study_case, self._handle, ffi.NULL, raw)
        return metadata_from_raw(raw.metadata)

    @property
    def warnings(self) -> List[str]:
        """What was skipped and what is unusual about the loaded series."""
        count = lib.dlnms_study_warning_count(self._handle)
        return [text(lib.dlnms_study_warning(self._handle, index)) or "" for index in range(count)]

    def roi(self, wanted: Union[Roi, str, int]) -> Roi:
        """Returns an ROI by its name or number.

        Raises ValueError, which lists the ROIs, if there is none or more than one.
        """
        if isinstance(wanted, Roi):
            return wanted
        rois = self.rois
        found = [r for r in rois if r.name == wanted or (isinstance(wanted, int) and r.number == wanted)]
        if len(found) != 1:
            listed = ", ".join(f"{r.source} {r.number} {r.name!r}" for r in rois) or "none"
            raise ValueError(f"roi: {wanted!r} names {len(found)} ROIs of the study, which has {listed}")
        return found[0]

    def roi_mask(self, wanted: Union[Roi, str, int]) -> Volume:
        """Returns the mask of an ROI on the grid of the series that it was drawn on; its array is read-only."""
        return volume.from_raw(self._roi_mask(self.roi(wanted)), self)

    def _roi_mask(self, roi: Roi) -> Any:
        raw = struct("volume")
        interruptible(lambda cancel: call(lib.dlnms_study_roi_mask, self._handle, roi.index, cancel, raw))
        return raw

    def case(self, *, center: Optional[Point] = None, seed: Optional[Point] = None, box: Optional[Tuple[Point, Point]] = None,
             mask: Optional[VolumeLike] = None, roi: Union[Roi, str, int, None] = None, threshold_fraction: Optional[float] = None,
             threshold_suv: Optional[float] = None, radius_mm: Optional[float] = None, measure_lesion: bool = False,
             measure_references: bool = False, liver: Optional[Point] = None, blood_pool: Optional[Point] = None) -> Case:
        """Returns a case of this study for a tumour: exactly one of `center`, `seed`, `box`, `mask` and `roi`.

        `roi` is one of `rois`, its name or its number. The other parameters are those of `Case`.
        """
        tumour = Tumour(center, seed, box, mask, threshold_fraction, threshold_suv, radius_mm)
        raw, alive = struct("case"), [self]
        if roi is None:
            place, kept = tumour.raw()
        else:
            if any(p is not None for p in (center, seed, box, mask)):
                raise ValueError("the tumour needs exactly one of center, seed, box, mask or roi")
            place, kept = struct("roi"), [self._roi_mask(self.roi(roi))]
            place.kind, place.mask = lib.DLNMS_ROI_MASK, kept[0]
        call(lib.dlnms_study_case, self._handle, place, raw)
        alive += [raw, place, kept]
        return Case._from_raw(raw, alive, tumour, measure_lesion, measure_references, liver, blood_pool)


def _read_options(threads: int, max_study_bytes: int, verbose_names: bool) -> Any:
    options = struct("read_options")
    options.threads, options.max_study_bytes, options.verbose_names = threads, max_study_bytes, int(verbose_names)
    return options
