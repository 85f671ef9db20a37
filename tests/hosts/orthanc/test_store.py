"""The objects of a result in the study: stored once, all or none, sent on by STOW-RS."""

import io
import time

import pydicom
import pytest
from conftest import ACRIN, CENTER, ROI
from server import Server


def stored_by_dlnms(server, study):
    """Identifiers of the instances that dlnms stored, by modality."""
    found = {}
    for series in server.get(f"/studies/{study}/series"):
        if series["MainDicomTags"].get("Manufacturer") == "dlnms project":
            found.setdefault(series["MainDicomTags"]["Modality"], []).extend(series["Instances"])
    return found


def dicom(server, instance):
    return pydicom.dcmread(io.BytesIO(server.request("GET", f"/instances/{instance}/file")[0]))


def test_report_and_segmentation_are_in_the_study_and_a_second_score_adds_nothing(orthanc, study):
    first = orthanc.wait(orthanc.score(study, {}))
    assert first["State"] == "Success", first
    assert [o["Kind"] for o in first["Content"]["Stored"]] == ["SR", "SEG", "SC"]
    found = stored_by_dlnms(orthanc, study)
    assert {m: len(i) for m, i in found.items()} == {"SR": 1, "SEG": 1, "OT": 1}
    capture = dicom(orthanc, found["OT"][0])
    assert (capture.Rows, capture.Columns, capture.SamplesPerPixel) == (1448, 1024, 3) and capture.BurnedInAnnotation == "NO"
    report, segmentation = dicom(orthanc, found["SR"][0]), dicom(orthanc, found["SEG"][0])
    pet = dicom(orthanc, orthanc.get(f"/series/{orthanc.series(study, 'PT')}")["Instances"][0])
    assert report.PatientID == segmentation.PatientID == pet.PatientID
    assert report.StudyInstanceUID == pet.StudyInstanceUID
    assert "NOT TRAINED" in report.SeriesDescription.upper()
    assert segmentation.SOPInstanceUID in str(report)

    second = orthanc.wait(orthanc.score(study, {}))
    assert second["State"] == "Success" and stored_by_dlnms(orthanc, study) == found
    assert [o["New"] for o in second["Content"]["Stored"]] == [False, False, False]
    assert [o["Instance"] for o in second["Content"]["Stored"]] == [o["Instance"] for o in first["Content"]["Stored"]]


def test_weights_that_are_not_trained_store_nothing_unless_allowed(tmp_path, plugin, dlnms):
    with Server(tmp_path, plugin, {**dlnms, "StoreNotTrained": False}).start() as server:
        server.upload(ACRIN / "ct", ACRIN / "pet_ac")
        (study,) = server.studies()
        job = server.wait(server.score(study, {"Center": CENTER}))
        assert job["State"] == "Success" and "not trained" in job["Content"]["NotStored"]
        assert stored_by_dlnms(server, study) == {}


def test_results_are_sent_to_a_dicomweb_server(tmp_path, plugin, dlnms):
    with Server(tmp_path / "archive", plugin, None).start(wait_ready=False) as archive:
        servers = {"DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": {"archive": [archive.url("/dicom-web/")]}}}
        with Server(tmp_path / "orthanc", plugin, {**dlnms, "StowTo": "archive"}, servers).start() as server:
            server.upload(ACRIN / "ct", ACRIN / "pet_ac")
            (study,) = server.studies()
            job = server.wait(server.score(study, {"Center": CENTER}))
            assert job["State"] == "Success", job
            assert sorted(archive.get("/instances")) == sorted(o["Instance"] for o in job["Content"]["Stored"])
            archive.kill()
            job = server.wait(server.score(study, {"Center": CENTER}))
            assert job["State"] == "Failure" and "StowTo" in job["Content"]["Error"], job


def test_auto_score_scores_a_complete_study_once(tmp_path, plugin, dlnms):
    with Server(tmp_path, plugin, {**dlnms, "AutoScore": "rtstruct"}).start() as server:
        server.upload(ACRIN / "ct", ACRIN / "pet_ac", ROI)
        (study,) = server.studies()
        server.until(lambda: stored_by_dlnms(server, study).keys() == {"SR", "SEG", "OT"}, 120, "nothing was scored")
        stable = lambda: sum(c["ChangeType"] == "StableStudy" for c in server.get("/changes?limit=1000000")["Changes"])  # noqa: E731
        server.until(lambda: stable() >= 2, 60, "the study with its results does not become stable")
        time.sleep(3)
        assert len(server.get("/jobs")) == 1, "its own results were scored again"
        assert server.get(f"/studies/{study}")["IsStable"]
