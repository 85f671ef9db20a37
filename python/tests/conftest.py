"""What the tests share. They run on the installed wheel, never on the sources: `make test-python` installs it."""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

import dlnms

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
SHARED = pathlib.Path(os.environ.get("DLNMS_SHARED", ROOT.parent / "shared"))
ACRIN = SHARED / "data/petct/a_paired/acrin042"
CENTER = (-42.3, -14.6, -122.1)

assert ROOT / "python" not in pathlib.Path(dlnms.__file__).parents, "the sources are imported instead of the wheel"


def loudly_without(condition, what):
    """Returns a mark that skips a test with a reason that stands in the summary; where everything is required, the test runs."""
    return pytest.mark.skipif(not condition and not REQUIRED, reason=f"SKIPPED LOUDLY: {what}")


needs_data = loudly_without(ACRIN.is_dir(), f"no images at {ACRIN}")


@pytest.fixture(scope="session")
def tiny():
    """A scorer of the bundle of a few kilobytes."""
    return dlnms.Scorer(TARGET / "tiny-bundle")


@pytest.fixture(scope="session")
def acrin():
    """The study of a real patient."""
    return dlnms.Study([ACRIN / "ct", ACRIN / "pet_ac"])


@pytest.fixture(scope="session")
def phantom(tmp_path_factory):
    """A synthetic study as the program of the wheel writes it, with the truth about it."""
    from dlnms import program

    folder = tmp_path_factory.mktemp("phantom")
    subprocess.run([program.PATH, "phantom", "--out", folder / "study"], check=True, capture_output=True)
    return folder / "study", json.loads((folder / "study/truth.json").read_text())


def voxels(seed=0, shape=(40, 50, 60), dtype=np.float32):
    """Returns voxels of tissue: values near water, or SUV, that a network can see."""
    return np.random.default_rng(seed).normal(1.0, 0.2, shape).clip(0.1, 3).astype(dtype)


PLACE = {"origin": (-118.0, -98.0, -78.0), "spacing": (4.0, 4.0, 4.0), "direction": (1, 0, 0, 0, 1, 0, 0, 0, 1)}


def pair(ct=None, pet=None, center=(0.0, 0.0, 0.0)):
    """Returns a case of a CT and a PET on one grid; arrays or volumes replace the made ones."""
    made = [dlnms.Volume(voxels(n) * scale, **PLACE) for n, scale in ((1, 40.0), (2, 1.0))]
    given = [v if isinstance(v, dlnms.Volume) or v is None else dlnms.Volume(v, **PLACE) for v in (ct, pet)]
    return dlnms.Case(*(g or m for g, m in zip(given, made)), center=center)


def pytest_runtest_logreport(report):
    """Leaves the reason of a skipped test for the end of `make test`."""
    listed = os.environ.get("DLNMS_SKIPPED")
    if listed and report.skipped and isinstance(report.longrepr, tuple):
        with open(listed, "a") as file:
            file.write(f"{report.nodeid}: {report.longrepr[2]}\n")
