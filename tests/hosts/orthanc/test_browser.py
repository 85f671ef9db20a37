"""A person's way: the button in Orthanc Explorer, the page, the report, in Chromium."""

import json
import os
import subprocess
from pathlib import Path

from server import Server

HERE = Path(__file__).parent


def drive(script, *arguments):
    screenshots = Path(os.environ["DLNMS_SCREENSHOTS"])
    screenshots.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["node", str(HERE / "browser" / script), *arguments, str(screenshots)], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "failed" not in seen, seen["failed"]
    return seen


def names(node, role):
    found = [node.get("name", "")] if node["role"] == role else []
    for child in node.get("children", []):
        found += names(child, role)
    return found


def test_from_the_button_to_the_report_by_keyboard(orthanc, study):
    seen = drive("page.mjs", orthanc.url("").rstrip("/"), study)
    assert seen["url"].endswith(f"/dlnms/app?study={study}")
    assert seen["console"] == []
    # No external resource; the pictures of the report are in it.
    assert seen["requests"] and all(url.startswith((orthanc.url("/"), "data:image/png")) for url in seen["requests"]), seen["requests"]
    policy = orthanc.request("GET", "/dlnms/app")[1]["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    # What a screen reader is told.
    tree = seen["accessibility"]
    assert tree["name"] == "DLNMS score"
    assert names(tree, "combobox") == ["Study with PET"]
    assert names(tree, "radio") == ["GTV_SUV4", "A point in the tumour, in millimetres"]
    assert names(tree, "spinbutton") == ["Left (x)", "Back (y)", "Head (z)"]
    assert names(tree, "button") == ["Score"]
    assert seen["focusAtResult"] == "result-title"
    # The job and its result.
    assert seen["running"]["cancel"] is True
    assert seen["result"]["error"] == ""
    assert 0 < float(seen["result"]["n1"]) < 1 and 0 < float(seen["result"]["n2"]) < 1
    assert seen["notTrained"] is True
    assert [text for text, _ in seen["links"]] == ["Report", "Result as JSON", *(f"{o} in Orthanc Explorer" for o in ("SR", "SEG", "SC"))]
    assert "RESEARCH USE ONLY" in seen["report"].upper() and "NOT TRAINED" in seen["report"].upper()
    assert not seen["overflow"]


def test_the_page_says_why_nothing_can_be_scored(tmp_path, plugin, dlnms):
    with Server(tmp_path, plugin, {**dlnms, "Bundle": "/no/bundle"}).start() as server:
        seen = drive("failed.mjs", server.url("").rstrip("/"))
        assert seen["engine"] == f"Nothing can be scored: {server.get('/dlnms/info')['Message']}"
        assert "manifest.json" in seen["engine"] and seen["disabled"] is True
