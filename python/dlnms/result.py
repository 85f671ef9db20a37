"""The outcome of one case as plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from ._library import call, constants, ffi, filled_text, lib, struct, text
from .errors import Error

_RISKS = constants("DLNMS_RISK_")
_SEVERITIES = constants("DLNMS_SEVERITY_")
_PROVIDERS = constants("DLNMS_PROVIDER_")
_PRECISIONS = constants("DLNMS_PRECISION_")
_KERNELS = constants("DLNMS_KERNELS_")
_INSTRUCTIONS = constants("DLNMS_INSTRUCTIONS_")
_PLACED_BY = constants("DLNMS_PLACED_BY_")


@dataclass(frozen=True)
class Risk:
    """Risk groups, "low" or "high", and their cut-offs. `combined` is high if either is."""

    n1: str
    n2: str
    combined: str
    cutoff_n1: float
    cutoff_n2: float


@dataclass(frozen=True)
class Finding:
    """What a quality check found: its code, for example "misregistration", "info", "warning" or "critical", and a sentence."""

    code: str
    severity: str
    message: str


@dataclass(frozen=True)
class Lesion:
    """Measures of the lesion: SUV, volume in ml, total lesion glycolysis; diameters in mm on an axial CT slice, None if there are none."""

    voxels: int
    suv_max: float
    suv_mean: float
    suv_peak: float
    mtv_ml: float
    tlg: float
    threshold: float
    longest_mm: Optional[float]
    perpendicular_mm: Optional[float]
    ct_slice: Optional[int]


@dataclass(frozen=True)
class Reference:
    """SUV over a reference region, and who placed it: "host" or "library"."""

    placed_by: str
    center_lps_mm: Tuple[float, float, float]
    suv_mean: float
    suv_sd: float
    voxels: int


@dataclass(frozen=True)
class Engine:
    """What computed the scores."""

    provider: str
    precision: str
    kernels: str
    instruction_set: Optional[str]
    threads: int


@dataclass(frozen=True)
class Timings:
    """Times of the phases in milliseconds, and their sum."""

    prepare: float
    preprocess: float
    evidence: float
    infer: float
    finish: float
    total: float


@dataclass(frozen=True)
class Result:
    """The outcome of one case: scores from 0 to 1 with risk groups, findings, measures and provenance. Research use only.

    `not_trained` says that the bundle's weights were not trained on patients: the scores mean nothing about one. `risk` is None
    if the bundle has no cut-offs. `lesion`, `liver` and `blood_pool` are None unless the case asked for them; `unmeasured` has
    the reason where they could not be measured. Equal results compare equal without their times and their JSON.
    """

    n1: float
    n2: float
    heads: Dict[str, float]
    risk: Optional[Risk]
    not_trained: bool
    prepared_in_call: bool = field(compare=False)
    center_lps_mm: Tuple[float, float, float]
    suv_factor: float
    decay_time_s: float
    findings: Tuple[Finding, ...]
    lesion: Optional[Lesion]
    liver: Optional[Reference]
    blood_pool: Optional[Reference]
    unmeasured: Dict[str, str]
    engine: Engine
    manifest_sha256: str
    timings_ms: Timings = field(compare=False)
    _json: str = field(repr=False, compare=False)

    def json(self) -> str:
        """Returns the whole result with its provenance (schema_version 1: keys are only ever added)."""
        return self._json

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content of `json()`."""
        return json.loads(self._json)


def from_handle(handle: Any, case: Any) -> Result:
    """Copies a dlnms_result of a dlnms_case."""
    raw = struct("scores")
    call(lib.dlnms_result_scores, handle, raw)
    risk = None
    if not raw.flags & lib.DLNMS_FLAG_NO_CUTOFFS:
        risk = Risk(_RISKS[raw.risk_n1], _RISKS[raw.risk_n2], _RISKS[raw.risk_combined], raw.cutoff_n1, raw.cutoff_n2)
    lesion, liver, blood_pool, unmeasured = None, None, None, {}
    if case.measure_lesion:
        lesion = _measured("lesion", unmeasured, lambda: _lesion(handle))
    if case.measure_references:
        liver = _measured("liver", unmeasured, lambda: _reference(handle, lib.DLNMS_REFERENCE_LIVER))
        blood_pool = _measured("blood_pool", unmeasured, lambda: _reference(handle, lib.DLNMS_REFERENCE_BLOOD_POOL))
    milliseconds = (getattr(raw, f"{phase}_ns") / 1e6 for phase in ("prepare", "preprocess", "evidence", "infer", "finish", "total"))
    engine = Engine(_PROVIDERS[raw.provider], _PRECISIONS[raw.precision], _KERNELS[raw.kernels], _INSTRUCTIONS.get(raw.instruction_set), raw.threads)
    return Result(
        n1=raw.n1, n2=raw.n2, heads=_heads(handle), risk=risk, not_trained=bool(raw.flags & lib.DLNMS_FLAG_NOT_TRAINED),
        prepared_in_call=bool(raw.flags & lib.DLNMS_FLAG_PREPARED_IN_CALL), center_lps_mm=tuple(raw.center_lps_mm),
        suv_factor=raw.suv_factor, decay_time_s=raw.decay_time_s, findings=_findings(handle), lesion=lesion, liver=liver,
        blood_pool=blood_pool, unmeasured=unmeasured, engine=engine, manifest_sha256=text(lib.dlnms_result_manifest_sha256(handle)) or "",
        timings_ms=Timings(*milliseconds), _json=filled_text(lib.dlnms_result_json, handle))


def _measured(name: str, unmeasured: Dict[str, str], measure: Any) -> Any:
    """Returns a measure, or None with the reason in `unmeasured`."""
    try:
        return measure()
    except Error as error:
        if error.status != lib.DLNMS_E_ROI_INVALID:
            raise
        unmeasured[name] = error.message
        return None


def _heads(handle: Any) -> Dict[str, float]:
    heads = {}
    for index in range(lib.dlnms_result_head_count(handle)):
        name, score = ffi.new("const char **"), ffi.new("float *")
        call(lib.dlnms_result_head, handle, index, name, score)
        heads[text(name[0]) or ""] = score[0]
    return heads


def _findings(handle: Any) -> Tuple[Finding, ...]:
    found = []
    for index in range(lib.dlnms_result_finding_count(handle)):
        code, severity, message = ffi.new("uint32_t *"), ffi.new("uint32_t *"), ffi.new("const char **")
        call(lib.dlnms_result_finding, handle, index, code, severity, message)
        found.append(Finding(text(lib.dlnms_quality_name(code[0])) or str(code[0]), _SEVERITIES[severity[0]], text(message[0]) or ""))
    return tuple(found)


def _lesion(handle: Any) -> Lesion:
    raw = struct("lesion")
    call(lib.dlnms_result_lesion, handle, raw)
    diameters = (raw.longest_mm, raw.perpendicular_mm, raw.ct_slice) if raw.has_diameters else (None, None, None)
    return Lesion(raw.voxels, raw.suv_max, raw.suv_mean, raw.suv_peak, raw.mtv_ml, raw.tlg, raw.threshold, *diameters)


def _reference(handle: Any, which: int) -> Reference:
    raw = struct("reference")
    call(lib.dlnms_result_reference, handle, which, raw)
    return Reference(_PLACED_BY[raw.placed_by], tuple(raw.center_lps_mm), raw.suv_mean, raw.suv_sd, raw.voxels)
