"""The ITK host on a real study: its scores, and what it refuses."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
ROOT = pathlib.Path(__file__).resolve().parents[3]
TARGET = ROOT / "target"
SHARED = pathlib.Path(os.environ.get("DLNMS_SHARED", ROOT.parent / "shared"))
PAIRED = SHARED / "data/petct/a_paired"
ACRIN = PAIRED / "acrin042"
ITK = next(pathlib.Path("/usr/lib").rglob("ITK-5*/ITKConfig.cmake"), None)
CENTER = "-42.3,-14.6,-122.1"

pytestmark = pytest.mark.skipif(not (ITK and ACRIN.is_dir()) and not REQUIRED,
                                reason=f"SKIPPED LOUDLY: ITK 5 (apt: libinsighttoolkit5-dev) or the images at {ACRIN} are missing")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """cpp-example/itk, built against target/dist."""
    build = tmp_path_factory.mktemp("build")
    cmake = os.environ.get("CMAKE") or shutil.which("cmake")
    for command in ([cmake, "-S", ROOT / "cpp-example/itk", "-B", build, f"-DCMAKE_PREFIX_PATH={TARGET / 'dist'}", "-DCMAKE_BUILD_TYPE=Release"],
                    [cmake, "--build", build]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "itk_score"


def run(host, *folders):
    return subprocess.run([host, "--bundle", TARGET / "bundle", "--center", CENTER, *folders], capture_output=True, text=True)


def scores(text):
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith(("n1 ", "n2 "))}


def test_scores_are_those_of_the_program_within_a_ten_thousandth(host):
    done = run(host, ACRIN / "ct", ACRIN / "pet_ac")
    assert done.returncode == 0, done.stderr
    program = subprocess.run([TARGET / "dist/bin/dlnms", "score", "--bundle", TARGET / "bundle", f"--center={CENTER}", "--json", "-", ACRIN / "ct", ACRIN / "pet_ac"],
                             check=True, capture_output=True)
    wanted, got = json.loads(program.stdout)["scores"], scores(done.stdout)
    assert abs(got["n1"] - wanted["n1"]) < 1e-4 and abs(got["n2"] - wanted["n2"]) < 1e-4
    assert "finding" not in done.stdout


def test_headers_that_contradict_each_other_are_refused_or_found(host, tmp_path):
    other = run(host, PAIRED / "ibsi_sts/STS_001/CT/dicom", ACRIN / "pet_ac")
    assert other.returncode == 1 and "error 401" in other.stderr, "another patient's CT shares no frame of reference"
    nac = run(host, ACRIN / "ct", ACRIN / "pet_nac")
    assert nac.returncode == 1 and "PROPCNTS" in nac.stderr
    # A PET whose slices are not all there: ITK reads it, the headers refuse it.
    shutil.copytree(ACRIN / "pet_ac", tmp_path / "pet")
    sorted((tmp_path / "pet").rglob("*"))[40].unlink()
    gap = run(host, ACRIN / "ct", tmp_path / "pet")
    assert gap.returncode == 1 and "error 4" in gap.stderr, gap
