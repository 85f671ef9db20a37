"""The console stand-in: a real study in JPEG-LS over C-STORE, scored when it is complete, its results sent to an archive."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pydicom
import pytest

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
ROOT = pathlib.Path(__file__).resolve().parents[3]
TARGET = ROOT / "target"
SHARED = pathlib.Path(os.environ.get("DLNMS_SHARED", ROOT.parent / "shared"))
ACRIN = SHARED / "data/petct/a_paired/acrin042"
COMPLETE = shutil.which("storescp") and shutil.which("storescu") and ACRIN.is_dir()
JPEG_LS = "1.2.840.10008.1.2.4.80"
SR, SEG, SC = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.7"

pytestmark = pytest.mark.skipif(not COMPLETE and not REQUIRED, reason=f"SKIPPED LOUDLY: DCMTK (apt: dcmtk) or the images at {ACRIN} are missing")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def started(command, port, **options):
    """Starts a server in a process group of its own and waits until it listens."""
    server = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, **options)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server
        except OSError:
            assert server.poll() is None, command
            time.sleep(0.05)
    raise AssertionError(f"{command} does not listen")


def stop(server):
    os.killpg(server.pid, 15)
    server.wait()


def send(port, *folders):
    subprocess.run(["storescu", "--propose-jls-lossless", "--scan-directories", "--recurse", "localhost", str(port), *map(str, folders)], check=True)


def waited_for(condition):
    for _ in range(1200):
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def console(tmp_path):
    """The console and an archive behind it."""
    archive_port, port = free_port(), free_port()
    (tmp_path / "archive").mkdir()
    archive = started(["storescp", "--promiscuous", "--output-directory", str(tmp_path / "archive"), str(archive_port)], archive_port)
    environment = {**os.environ, "PATH": f"{TARGET / 'dist/bin'}{os.pathsep}{os.environ['PATH']}", "DLNMS_ALLOW_NOT_TRAINED": "1"}
    environment.pop("DLNMS_ONNXRUNTIME", None)  # beside the program
    command = [ROOT / "cpp-example/console/console.sh", str(port), str(tmp_path / "console"), str(TARGET / "tiny-bundle"), "localhost", str(archive_port),
               "--center=-42.3,-14.6,-122.1"]
    server = started(command, port, env=environment)
    yield port, tmp_path / "console", tmp_path / "archive"
    stop(server)
    stop(archive)


def test_a_study_is_scored_when_it_is_complete_and_its_results_reach_the_archive(console):
    port, folder, archive = console
    send(port, ACRIN / "ct", ACRIN / "pet_ac")
    assert waited_for(lambda: len(list(archive.iterdir())) == 3), [p.read_text() for p in folder.glob("results/*/log.txt")]
    received = [pydicom.dcmread(p, stop_before_pixels=True) for p in folder.glob("studies/*/*")]
    assert len(received) == 270 and {d.file_meta.TransferSyntaxUID for d in received} == {JPEG_LS}
    [result] = folder.glob("results/*/result.json")
    alone = subprocess.run([TARGET / "dist/bin/dlnms", "score", "--bundle", TARGET / "tiny-bundle", "--center=-42.3,-14.6,-122.1", "--json", "-",
                            ACRIN / "ct", ACRIN / "pet_ac"], check=True, capture_output=True)
    assert json.loads(result.read_text())["scores"] == json.loads(alone.stdout)["scores"]
    sent = {d.SOPClassUID: d for d in (pydicom.dcmread(p) for p in archive.iterdir())}
    assert set(sent) == {SR, SEG, SC}
    for one in sent.values():
        assert (one.StudyInstanceUID, one.PatientID) == (received[0].StudyInstanceUID, received[0].PatientID)


def test_a_study_that_is_refused_sends_nothing_and_the_next_one_is_scored(console):
    port, folder, archive = console
    send(port, ACRIN / "ct")  # no PET
    assert waited_for(lambda: any("failed with" in p.read_text() for p in folder.glob("results/*/log.txt")))
    assert not list(archive.iterdir())
    send(port, ACRIN / "pet_ac")  # the study is complete now
    assert waited_for(lambda: len(list(archive.iterdir())) == 3)
