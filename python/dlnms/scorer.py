"""Scorers: a bundle on ONNX Runtime."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import result
from ._library import STATUS_NAMES, call, constants, exception, ffi, filled_text, interruptible, lib, make, struct, text, value_of
from .case import Case
from .errors import Error
from .progress import Progress, Reporter
from .result import Result

Path = Union[str, "os.PathLike[str]"]


class Planes(NamedTuple):
    """The two input tensors of the network: normalised values, channels x rows x columns, float32."""

    pet: np.ndarray
    ct: np.ndarray


@dataclass(frozen=True)
class Provider:
    """An execution provider: "cpu", "cuda", "tensorrt", "tensorrt-rtx" or "openvino". 0 and None leave a field to the library.

    `precision` is "fp32", "fp16" or "bf16"; `kernels` "onnxruntime" or "dlnms"; `instruction_set` "scalar", "avx2", "avx512" or
    "avx512-bf16".
    """

    name: str
    precision: Optional[str] = None
    device: int = 0
    threads: int = 0
    cuda_graph: bool = False
    memory_limit_bytes: int = 0
    workspace_bytes: int = 0
    cache_dir: Optional[Path] = None
    plugin_path: Optional[Path] = None
    kernels: Optional[str] = None
    batch: int = 0
    instruction_set: Optional[str] = None


@dataclass(frozen=True)
class QualityPolicy:
    """What happens on findings of the quality checks: `base` is "default" or "strict".

    `actions` changes single checks: the name of a check, as findings have it, to "ignore", "warn" or "refuse".
    """

    base: str = "default"
    actions: Optional[Mapping[str, str]] = None

    def raw(self) -> Any:
        """Returns the dlnms_quality_policy. Raises ValueError for an unknown name."""
        if self.base not in ("default", "strict"):
            raise ValueError(f"quality: {self.base!r} is none of default, strict")
        raw = ffi.new("dlnms_quality_policy *")
        init = lib.dlnms_quality_policy_init_strict if self.base == "strict" else lib.dlnms_quality_policy_init
        init(raw, ffi.sizeof(raw[0]))
        codes = {text(lib.dlnms_quality_name(code)): code for code in constants("DLNMS_QC_")}
        for name, action in (self.actions or {}).items():
            if name not in codes:
                raise ValueError(f"quality: there is no check {name!r}")
            raw.actions[codes[name]] = value_of("DLNMS_ACTION_", action, f"quality: {name}")
        return raw


def onnxruntime_path() -> Optional[str]:
    """Returns where ONNX Runtime is looked for: DLNMS_ONNXRUNTIME, else the installed `onnxruntime` wheel; None if there is neither.

    The wheel's Python module is not imported.
    """
    named = os.environ.get("DLNMS_ONNXRUNTIME")
    if named:
        return named
    found = importlib.util.find_spec("onnxruntime")
    folders = found.submodule_search_locations if found else None
    for folder in folders or ():
        for library in sorted(pathlib.Path(folder, "capi").glob("libonnxruntime.so*")):
            return str(library)
    return None


def _runtime(path: Optional[Path]) -> Any:
    """Loads ONNX Runtime, or returns another handle to the one that is loaded."""
    wanted = path or onnxruntime_path()
    if wanted is None:
        raise Error(lib.DLNMS_E_RUNTIME_NOT_FOUND, STATUS_NAMES[lib.DLNMS_E_RUNTIME_NOT_FOUND],
                    "ONNX Runtime was not found: `pip install onnxruntime`, or set DLNMS_ONNXRUNTIME to libonnxruntime.so or its folder")
    options = struct("runtime_options")
    name = ffi.new("char[]", os.fsencode(wanted))
    options.library_path = name
    return make("runtime", lib.dlnms_runtime_new, options)


class Scorer:
    """A model bundle on ONNX Runtime. Share one among all threads.

    `providers` are names or `Provider`s in order of preference: the first that works is used, one alone is strict, none is AUTO.
    `threads` are those of a call, 0 for min(4, cores). `quality` is "default", "strict" or a `QualityPolicy`. `cache_dir` keeps
    what a provider makes of the model. `onnxruntime` is libonnxruntime.so or its folder, by default `onnxruntime_path()`.
    `expected_manifest_sha256` pins the bundle. The C header describes the others, which have the same names there.

    Raises `Error`, among others with DLNMS_E_RUNTIME_NOT_FOUND, DLNMS_E_BUNDLE_MISSING and DLNMS_E_BUNDLE_ALTERED.
    """

    def __init__(self, bundle: Path, *, providers: Sequence[Union[str, Provider]] = (), threads: int = 0, precision: Optional[str] = None,
                 quality: Union[str, QualityPolicy] = "default", cache_dir: Optional[Path] = None, plugin_path: Optional[Path] = None,
                 device: int = 0, spin: bool = False, prepare_timeout_ms: int = 0, expected_manifest_sha256: Optional[str] = None,
                 onnxruntime: Optional[Path] = None) -> None:
        options, alive = struct("scorer_options"), []

        def kept(path: Optional[Path]) -> Any:
            """Returns a C string that lives as long as the options."""
            if path is None:
                return ffi.NULL
            alive.append(ffi.new("char[]", os.fsencode(path)))
            return alive[-1]

        options.bundle_dir, options.threads, options.device, options.spin = kept(bundle), threads, device, int(spin)
        options.precision = value_of("DLNMS_PRECISION_", precision, "precision") if precision else 0
        options.cache_dir, options.plugin_path = kept(cache_dir), kept(plugin_path)
        options.prepare_timeout_ms = prepare_timeout_ms
        options.expected_manifest_sha256 = kept(expected_manifest_sha256)
        policy = (QualityPolicy(quality) if isinstance(quality, str) else quality).raw()
        options.quality = policy
        raws = [_raw_provider(Provider(p) if isinstance(p, str) else p, kept) for p in providers]
        if raws:
            array = ffi.new("const dlnms_provider_options *[]", raws)
            options.providers, options.n_providers = array, len(raws)
        self._handle = make("scorer", lib.dlnms_scorer_new, _runtime(onnxruntime), options)

    def prepare(self, progress: Progress = None) -> None:
        """Does all slow work now: builds the network, warms it up and compares its answers with the bundle's self-test vectors.

        A scorer that is prepared already returns at once; `score` prepares by itself if nobody did.
        """
        with Reporter(progress) as reporter:
            interruptible(lambda cancel: call(lib.dlnms_scorer_prepare, self._handle, reporter.raw, cancel))

    def score(self, case: Case) -> Result:
        """Scores one case. Raises `Error` with the field at fault, or with DLNMS_E_QUALITY and every finding that the policy refuses."""
        out = interruptible(lambda cancel: make("result", lib.dlnms_scorer_score, self._handle, case._raw, cancel))
        return result.from_handle(out, case._raw)

    def score_batch(self, cases: Sequence[Case]) -> List[Union[Result, Error]]:
        """Scores many cases, several in one run of the network, each equal to the bit to `score`.

        Returns the outcome of each case: its result, or the error that `score` would have raised.
        """
        array = ffi.new("const dlnms_case *[]", [case._raw for case in cases])
        results, errors = ffi.new("dlnms_result *[]", len(cases)), ffi.new("dlnms_error *[]", len(cases))
        interruptible(lambda cancel: call(lib.dlnms_scorer_score_batch, self._handle, array, len(cases), cancel, results, errors))
        outcomes: List[Union[Result, Error]] = []
        for case, done, error in zip(cases, results, errors):
            if done == ffi.NULL:
                outcomes.append(exception(error, lib.dlnms_error_status(error)))
            else:
                outcomes.append(result.from_handle(ffi.gc(done, lib.dlnms_result_free), case._raw))
        return outcomes

    def planes(self, case: Case) -> Planes:
        """Returns the input tensors of the network for a case, without running the network. The scorer need not be prepared."""
        preprocessing = self.info()["preprocessing"]
        needed = ffi.new("size_t *")
        try:
            call(lib.dlnms_scorer_planes, self._handle, case._raw, ffi.NULL, ffi.NULL, 0, needed)
        except Error as error:
            if error.status != lib.DLNMS_E_BUFFER_TOO_SMALL:
                raise
        shape = (-1, preprocessing["output"], preprocessing["output"])
        pet, ct = np.empty(needed[0], np.float32), np.empty(needed[0], np.float32)
        pointers = (ffi.cast("float *", pet.ctypes.data), ffi.cast("float *", ct.ctypes.data))
        call(lib.dlnms_scorer_planes, self._handle, case._raw, *pointers, needed[0], ffi.NULL)
        return Planes(pet.reshape(shape), ct.reshape(shape))

    def info(self) -> Dict[str, Any]:
        """Describes the scorer: model, cut-offs, preprocessing, runtime, provider, and the reason for each that was skipped."""
        return json.loads(filled_text(lib.dlnms_scorer_info_json, self._handle))


def _raw_provider(provider: Provider, kept: Any) -> Any:
    """Returns the dlnms_provider_options of a provider."""
    raw = struct("provider_options")
    raw.provider = value_of("DLNMS_PROVIDER_", provider.name, "providers")
    for name, prefix in (("precision", "DLNMS_PRECISION_"), ("kernels", "DLNMS_KERNELS_"), ("instruction_set", "DLNMS_INSTRUCTIONS_")):
        wanted = getattr(provider, name)
        if wanted is not None:
            setattr(raw, name, value_of(prefix, wanted, name))
    for name in ("device", "threads", "memory_limit_bytes", "workspace_bytes", "batch"):
        setattr(raw, name, getattr(provider, name))
    raw.cuda_graph = int(provider.cuda_graph)
    raw.cache_dir, raw.plugin_path = kept(provider.cache_dir), kept(provider.plugin_path)
    return raw
