"""Load and faults: what goes wrong is named, and leaves nothing half-done."""

import io
import subprocess
import time

import pydicom
import pytest
from conftest import ACRIN, CENTER
from server import HttpError, Server
from test_store import stored_by_dlnms

STS = ACRIN.parent / "ibsi_sts/STS_001"


@pytest.fixture()
def other_abi(tmp_path):
    """A library of ABI 2."""
    source = tmp_path / "abi.c"
    source.write_text("#include <stdint.h>\nuint32_t dlnms_abi_version(void) { return 2; }\n")
    library = tmp_path / "libdlnms.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return str(library)


@pytest.mark.parametrize("change, reason", [
    ({"Library": "/no/libdlnms.so"}, "the library dlnms cannot be loaded"),
    ({"Library": "ABI"}, "the plugin was built for ABI 1 of dlnms, and"),
    ({"Bundle": "/no/bundle"}, "manifest.json"),
    ({"OnnxRuntime": "/no/onnxruntime"}, "ONNX Runtime"),
    ({"Bundel": "x", "Thread": 1}, "unknown keys: Bundel, Thread"),
    ({"AcceptResearchUse": False}, "AcceptResearchUse"),
    ({"Bundle": ""}, "Dlnms.Bundle"),
    ({"MaxBytes": -1}, "Dlnms.MaxBytes"),
    ({"Providers": ["gpu"]}, 'Dlnms.Providers: "gpu" is not known'),
    ({"QualityPolicy": {"no_such": "warn"}}, 'there is no check "no_such"'),
    ({"AutoScore": "seg", "RoiPattern": "("}, "Dlnms.RoiPattern"),
])
def test_orthanc_starts_and_the_reason_is_in_the_log_and_on_the_page(tmp_path, plugin, dlnms, other_abi, change, reason):
    change = {key: other_abi if value == "ABI" else value for key, value in change.items()}
    with Server(tmp_path / "orthanc", plugin, {**dlnms, **change}).start() as server:
        info = server.get("/dlnms/info")
        assert info["State"] == "failed" and reason in info["Message"], info
        assert info["Message"] in server.log
        assert b"DLNMS score" in server.request("GET", "/dlnms/app")[0]
        server.upload(STS / "PET/dicom")
        (study,) = server.studies()
        with pytest.raises(HttpError) as refused:
            server.score(study, {"Center": CENTER})
        assert refused.value.status == 503 and info["Message"] in refused.value.json()["Error"]
        assert server.stop() == 0


def test_without_a_section_orthanc_starts(tmp_path, plugin):
    with Server(tmp_path, plugin, None).start() as server:
        assert server.get("/dlnms/info")["Message"] == 'configuration: there is no section "Dlnms"'


@pytest.mark.parametrize("limit, key", [({"MaxInstances": 100}, "MaxInstances"), ({"MaxBytes": 100000}, "MaxBytes")])
def test_a_study_beyond_the_limits_is_413(tmp_path, plugin, dlnms, limit, key):
    with Server(tmp_path, plugin, {**dlnms, **limit}).start() as server:
        server.upload(STS / "PET/dicom", STS / "CT/dicom")
        (study,) = server.studies()
        for call in (lambda: server.score(study, {"Center": CENTER}), lambda: server.get(f"/dlnms/studies/{study}")):
            with pytest.raises(HttpError) as refused:
                call()
            assert refused.value.status == 413 and key in refused.value.json()["Error"]


def test_a_study_of_more_than_four_gigabytes_is_413(tmp_path, plugin, dlnms):
    # Pixels of one value: Orthanc compresses them, and counts what they are.
    slice_ = pydicom.dcmread(next((STS / "PET/dicom").iterdir()))
    slice_.Rows = slice_.Columns = 5792
    slice_.PixelData = bytes(5792 * 5792 * 2)
    with Server(tmp_path, plugin, dlnms, {"StorageCompression": True}).start() as server:
        for number in range(65):
            slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number + 1}"
            with io.BytesIO() as file:
                slice_.save_as(file)
                server.request("POST", "/instances", file.getvalue(), "application/dicom")
        (study,) = server.studies()
        assert int(server.get(f"/studies/{study}/statistics")["DicomUncompressedSize"]) > 1 << 32
        with pytest.raises(HttpError) as refused:
            server.score(study, {"Center": CENTER})
        assert refused.value.status == 413 and "MaxBytes" in refused.value.json()["Error"]


def test_ten_studies_at_once(tmp_path, plugin, dlnms):
    with Server(tmp_path, plugin, {**dlnms, "MaxJobs": 10}, {"ConcurrentJobs": 4}).start() as server:
        server.upload(STS / "PET/dicom", STS / "CT/dicom", STS / "CT/rtstruct")
        (study,) = server.studies()
        series = server.series(study, "RTSTRUCT")
        roi = server.get(f"/dlnms/studies/{study}")["Study"]["rois"][0]
        center = {"Center": roi["centroid_lps_mm"]}
        server.delete(f"/series/{series}")
        for number in range(9):
            server.post(f"/studies/{study}/modify", {"Replace": {"StudyDescription": f"copy {number}"}})
        studies = server.studies()
        assert len(studies) == 10
        jobs = [server.score(one, center) for one in studies]
        with pytest.raises(HttpError) as refused:  # the eleventh, unless one has ended meanwhile
            for _ in range(20):
                jobs.append(server.score(study, center))
        assert refused.value.status == 503 and "MaxJobs" in refused.value.json()["Error"]
        ended = [server.wait(job) for job in jobs]
        assert all(job["State"] == "Success" for job in ended), ended
        assert len({job["Content"]["N1"] for job in ended}) == 1
        for one in studies:
            assert {m: len(i) for m, i in stored_by_dlnms(server, one).items()} == {"SR": 1, "SEG": 1, "OT": 1}


def in_phase(server, study, phase, act):
    """Starts jobs until one is seen in a phase, and acts on it. Returns the job's identifier."""
    for _ in range(50):
        job = server.score(study, {"Center": CENTER})
        while True:
            now = server.job(job)
            if now["State"] in ("Success", "Failure"):
                break
            if now["Content"]["Phase"] == phase:
                act(job)
                return job
    raise AssertionError(f"no job was seen while {phase}")


def test_a_job_is_cancelled_in_every_phase_and_leaves_nothing(tmp_path, plugin, dlnms):
    with Server(tmp_path, plugin, {**dlnms, "Outputs": ["SEG", "SR", "SC", "PDF", "MARKER"]}, {"ConcurrentJobs": 1}).start() as server:
        server.upload(ACRIN / "ct", ACRIN / "pet_ac")
        (study,) = server.studies()

        def cancelled(phase):
            """Whether a job that was seen in a phase was still in it when the cancel came."""
            for instance in sum(stored_by_dlnms(server, study).values(), []):
                server.delete(f"/instances/{instance}")
            job = server.score(study, {"Center": CENTER})
            while (now := server.job(job))["State"] not in ("Success", "Failure"):
                if now["Content"]["Phase"] == phase:
                    server.post(f"/jobs/{job}/cancel", {})
                    break
            ended = server.wait(job)
            if ended["State"] == "Success" or ended["Content"]["Phase"] != phase:
                return False
            assert ended["ErrorDescription"] == "This job was canceled", ended
            assert stored_by_dlnms(server, study) == {}
            return True

        for phase in ("reading", "decoding", "scoring", "storing"):
            assert any(cancelled(phase) for _ in range(50)), phase
        # One that has not begun.
        jobs = [server.score(study, {"Center": CENTER}) for _ in range(2)]
        server.post(f"/jobs/{jobs[1]}/cancel", {})
        assert server.wait(jobs[1])["State"] == "Failure"
        assert server.wait(jobs[0])["State"] == "Success"
        # A cancelled job can be submitted again.
        server.post(f"/jobs/{jobs[1]}/resubmit", {})
        again = server.wait(jobs[1])
        assert again["State"] == "Success" and "Error" not in again["Content"], again


def test_a_study_deleted_while_it_is_scored_fails_by_name_and_stays_deleted(tmp_path, plugin, dlnms):
    with Server(tmp_path, plugin, dlnms).start() as server:
        for phase in ("reading", "scoring"):
            server.upload(ACRIN / "ct", ACRIN / "pet_ac")
            (study,) = server.studies()
            job = in_phase(server, study, phase, lambda _: server.delete(f"/studies/{study}"))
            ended = server.wait(job)
            assert ended["State"] == "Failure" and "deleted" in ended["Content"]["Error"] or "no longer" in ended["Content"]["Error"], ended
            assert server.studies() == []


def test_killed_in_the_middle_the_jobs_go_on_after_the_restart(tmp_path, plugin, dlnms):
    with Server(tmp_path, plugin, dlnms, {"ConcurrentJobs": 1}).start() as server:
        server.upload(ACRIN / "ct", ACRIN / "pet_ac")
        (study,) = server.studies()
        jobs = [server.score(study, {"Center": CENTER}) for _ in range(4)]
        server.until(lambda: server.job(jobs[0])["Content"]["Phase"] not in ("waiting", "reading"), 60, "the first job does not start")
        server.until(lambda: server.job(jobs[1])["State"] == "Pending" or server.job(jobs[1])["State"] == "Running", 60, "no job waits")
        time.sleep(1)  # Orthanc writes its list of jobs every now and then
        server.kill()
        server.start()
        known = server.get("/jobs")
        assert set(jobs[1:]) <= set(known), (jobs, known)
        for job in jobs[1:]:
            assert server.wait(job)["State"] == "Success", server.job(job)
            assert server.get(f"/dlnms/jobs/{job}/result.json")["scores"]["n1"] > 0
        assert {m: len(i) for m, i in stored_by_dlnms(server, study).items()} == {"SR": 1, "SEG": 1, "OT": 1}
        assert server.stop() == 0
