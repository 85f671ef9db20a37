"""What the tests of the Orthanc plugin need. `make test-hosts` builds it and says what is missing."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from server import Server  # noqa: E402

ACRIN = Path(os.environ["DLNMS_SHARED"]) / "data/petct/a_paired/acrin042"
ROI = ACRIN / "derived/rtstruct_tumour_suv4_on_ct.dcm"
CENTER = [-42.3, -14.6, -122.1]


@pytest.fixture(scope="session")
def plugin():
    return os.environ["DLNMS_ORTHANC_PLUGIN"]


@pytest.fixture(scope="session")
def dlnms():
    """The section Dlnms for the seeded bundle."""
    return {
        "Library": os.environ["DLNMS_LIBRARY"],
        "Bundle": os.environ["DLNMS_BUNDLE"],
        "OnnxRuntime": os.environ["DLNMS_ONNXRUNTIME"],
        "Providers": ["cpu"],
        "Threads": 2,
        "AcceptResearchUse": True,
        "StoreNotTrained": True,
    }


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory, plugin, dlnms):
    """An Orthanc that holds ACRIN-042, sent by C-STORE, with an RTSTRUCT of one ROI."""
    with Server(tmp_path_factory.mktemp("orthanc"), plugin, dlnms) as server:
        server.start()
        server.send(ACRIN / "ct", ACRIN / "pet_ac", ROI)
        yield server


@pytest.fixture()
def study(orthanc):
    (study,) = orthanc.studies()
    return study
