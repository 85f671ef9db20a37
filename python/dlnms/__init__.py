"""Scores of occult nodal metastasis (DLNMS N1 and N2) from PET/CT and a tumour.

RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.

    import dlnms
    study = dlnms.Study(["ct", "pet"])
    scorer = dlnms.Scorer("bundle")
    result = scorer.score(study.case(center=(-42.3, -14.6, -122.1)))
    print(result.n1, result.n2, result.json())

Coordinates are in DICOM's patient frame, LPS, in millimetres. A value that is missing or contradictory is refused by name
(`Error`), never replaced.

Threads. Every object may be used from any thread, by several at once; share one `Scorer`. Calls of the library release the
global interpreter lock. In the main thread, KeyboardInterrupt, or another exception that a signal handler raises, cancels the
call that runs: it ends within 100 ms, and the exception goes on.

Fork. A process that was forked after ONNX Runtime was loaded (by the first `Scorer`) cannot use the library: every call raises
`Error` with the name DLNMS_E_FORKED. Use the start method "spawn" or "forkserver" of multiprocessing.
"""

from ._library import abi_version, live_objects, version
from .case import Case, CaseMetadata
from .errors import CancelledError, Error
from .pet_info import PetInfo
from .result import Finding, Lesion, Reference, Result, Risk, Timings
from .scorer import Planes, Provider, QualityPolicy, Scorer, onnxruntime_path
from .study import Roi, Series, Study
from .volume import Volume

__version__ = version()
__all__ = ["CancelledError", "Case", "CaseMetadata", "Error", "Finding", "Lesion", "PetInfo", "Planes", "Provider", "QualityPolicy",
           "Reference", "Result", "Risk", "Roi", "Scorer", "Series", "Study", "Timings", "Volume", "abi_version", "live_objects",
           "onnxruntime_path", "version"]
