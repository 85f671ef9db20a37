"""A study is scored: the request, the job, the result."""

import json
import os
import subprocess

import pytest
from conftest import ACRIN, CENTER
from server import HttpError


def refused(call, *arguments):
    with pytest.raises(HttpError) as caught:
        call(*arguments)
    return caught.value


def test_a_point_gives_the_scores_of_the_command_line(orthanc, study, tmp_path):
    job = orthanc.wait(orthanc.score(study, {"Center": CENTER}))
    assert job["State"] == "Success", job
    assert job["Type"] == "DlnmsScore" and job["Progress"] == 100
    result = orthanc.get(f"/dlnms/jobs/{job['ID']}/result.json")
    subprocess.run(
        [os.environ["DLNMS_CLI"], "score", "--bundle", os.environ["DLNMS_BUNDLE"], "--provider", "cpu", "--center=" + ",".join(map(str, CENTER)),
         "--json", str(tmp_path / "cli.json"), str(ACRIN / "ct"), str(ACRIN / "pet_ac")],
        check=True, stdout=subprocess.DEVNULL,
    )
    expected = json.loads((tmp_path / "cli.json").read_text())
    assert result["scores"] == expected["scores"]
    assert job["Content"]["N1"] == pytest.approx(expected["scores"]["n1"], abs=1e-7)
    assert job["Content"]["NotTrained"] is True
    assert job["Content"]["Instances"] == 271


def test_the_only_roi_of_a_study_needs_no_name(orthanc, study):
    by_rule = orthanc.wait(orthanc.score(study, {}))
    assert by_rule["State"] == "Success", by_rule
    roi = {"RtStruct": {"Series": orthanc.series(study, "RTSTRUCT"), "Roi": "GTV_SUV4"}}
    by_name = orthanc.wait(orthanc.score(study, roi))
    by_number = orthanc.wait(orthanc.score(study, {"RtStruct": {"Series": roi["RtStruct"]["Series"], "Number": 1}}))
    assert by_rule["Content"]["N1"] == by_name["Content"]["N1"] == by_number["Content"]["N1"]


def test_a_study_is_inspected(orthanc, study):
    answer = orthanc.get(f"/dlnms/studies/{study}")
    assert [roi["Name"] for roi in answer["Rois"]] == ["GTV_SUV4"]
    assert answer["Rois"][0]["Tumour"] == {"RtStruct": {"Series": orthanc.series(study, "RTSTRUCT"), "Number": 1}}
    assert {s["modality"] for s in answer["Study"]["series"]} == {"CT", "PT"}


@pytest.mark.parametrize("body, why", [
    ({"Centre": CENTER}, "the key is unknown"),
    ({"Center": [1, 2]}, "Center needs three numbers"),
    ({"Center": [1, 2, "3"]}, "Center needs three numbers"),
    ({"Center": CENTER, "Seg": {}}, "at most one key"),
    ({"RtStruct": {"Series": "../system", "Roi": "GTV"}}, "not an identifier of Orthanc"),
    ({"Seg": {"Series": "0" * 8}}, "Seg is incomplete"),
    ([], "not an object"),
])
def test_a_malformed_request_is_400(orthanc, study, body, why):
    error = refused(orthanc.score, study, body)
    assert error.status == 400 and why in error.json()["Error"], error


def test_other_refusals_have_their_status(orthanc, study):
    url = f"/dlnms/studies/{study}/score"
    assert refused(orthanc.request, "POST", url, b"{", "application/json").status == 400
    assert refused(orthanc.request, "POST", url, b"{}", "application/x-www-form-urlencoded").status == 415
    assert refused(orthanc.request, "POST", url, b" " * 65537, "application/json").status == 413
    assert refused(orthanc.request, "GET", url).status == 405
    assert refused(orthanc.score, "-".join(["0" * 8] * 5), {}).status == 404
    assert refused(orthanc.score, "no-study", {}).status == 404
    assert refused(orthanc.get, "/dlnms/jobs/no-job/result.json").status == 404


def test_a_refused_case_is_a_job_that_failed_by_name(orthanc, study):
    job = orthanc.wait(orthanc.score(study, {"Center": [5000, 0, 0]}))
    assert job["State"] == "Failure"
    assert "centre" in job["Content"]["Error"].lower() or "outside" in job["Content"]["Error"], job["Content"]
    job = orthanc.wait(orthanc.score(study, {"RtStruct": {"Series": orthanc.series(study, "RTSTRUCT"), "Roi": "No such"}}))
    assert job["State"] == "Failure" and job["Content"]["Error"] == "the study has no such ROI"
