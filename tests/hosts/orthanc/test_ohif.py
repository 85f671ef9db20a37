"""OHIF shows what was stored."""

import json
import os

import ohif
from test_browser import drive
from test_store import stored_by_dlnms


def test_ohif_shows_the_report_the_segmentation_and_the_page(orthanc, study):
    job = orthanc.wait(orthanc.score(study, {}))
    assert job["State"] == "Success", job
    series = {}
    for modality, (instance, *_) in stored_by_dlnms(orthanc, study).items():
        series[modality] = orthanc.get(f"/instances/{instance}/simplified-tags")["SeriesDescription"]
    views = [
        {"name": "7-ohif-report", "series": series["SR"], "words": "DLNMS N1 score"},
        {"name": "8-ohif-segmentation", "series": series["SEG"], "panel": "panelSegmentation", "words": "Primary tumour"},
        {"name": "9-ohif-page", "series": series["OT"], "words": series["OT"]},
    ]
    uid = orthanc.get(f"/studies/{study}")["MainDicomTags"]["StudyInstanceUID"]
    server = ohif.serve(os.environ["DLNMS_OHIF"], orthanc.url("").rstrip("/"))
    try:
        seen = drive("ohif.mjs", f"http://127.0.0.1:{server.server_port}", uid, json.dumps(views))
    finally:
        server.shutdown()
    assert seen["errors"] == []
    for view in views:
        shown = seen["views"][view["name"]]
        assert view["words"] in shown and "Something went wrong" not in shown and "not found" not in shown, shown
    report = seen["views"]["7-ohif-report"]
    assert f"{job['Content']['N1']:.3f}"[:4] in report and "Research use only" in report, report
