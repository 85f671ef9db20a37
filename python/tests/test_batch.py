"""Promises of `python -m dlnms.batch`: the lines of `dlnms batch`, on a cluster that loses a node half-way; workers that die."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ACRIN, TARGET, loudly_without, needs_data

from dlnms import batch, program

ROWS = 24
needs_ray = loudly_without(importlib.util.find_spec("ray"), "Ray is not installed: CLUSTER=1 make test-python")
BUNDLE = ["--bundle", str(TARGET / "tiny-bundle")]


def write_manifest(path, rows):
    """Writes tumours of one real study, the last of them outside of its images."""
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["patient", "study", "tumour"])
        for n in range(rows):
            out.writerow([f"p{n}", f"{ACRIN / 'ct'};{ACRIN / 'pet_ac'}", f"point:-42.3,-14.6,{-110 - n if n < rows - 1 else 9000}"])
    return path


def lines(folder):
    """Returns the lines of a folder by row; none is there twice."""
    path = folder / "results.jsonl"
    read = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    by_row = {line["row"]: line for line in read}
    assert len(by_row) == len(read)
    return by_row


def rows_of(manifest, folder):
    coordinator = batch.Coordinator(str(manifest), str(folder), BUNDLE)
    rows = list(coordinator.rows())
    assert coordinator.close() == 1  # nothing came back
    return rows


@needs_data
def test_a_worker_that_is_killed_fails_its_row_and_goes_on(tmp_path):
    first, second, *_ = rows_of(write_manifest(tmp_path / "m.csv", 3), tmp_path / "out")
    worker = batch.Worker(BUNDLE)
    assert json.loads(worker.score(first))["outcome"] == "scored"
    os.kill(worker._process.pid, signal.SIGKILL)
    line = json.loads(worker.score(second))
    assert (line["outcome"], line["result"], line["row"]) == ("failed", None, 3)
    assert "signal 9" in line["error"]["message"]
    assert json.loads(worker.score(second))["outcome"] == "scored"
    worker.close()
    with pytest.raises(RuntimeError, match="exit code 3"):
        batch.Worker(["--bundle", str(tmp_path)]).score(first)


def test_without_ray_the_command_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit, match="pip install 'dlnms\\[ray\\]'. Without a cluster use `dlnms batch`"):
        batch.main(["m.csv", "--bundle", "b", "--out", "o", "--ray", "auto"])


@needs_data
@needs_ray
def test_a_cluster_that_loses_a_node_half_way_loses_no_row_and_scores_none_twice(tmp_path):
    from ray.cluster_utils import Cluster

    manifest = write_manifest(tmp_path / "m.csv", ROWS)
    alone = [program.PATH, "batch", str(manifest), "--out", str(tmp_path / "alone"), *BUNDLE]
    subprocess.run(alone, check=True, env=program.environment(), capture_output=True)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        command = [sys.executable, "-m", "dlnms.batch", str(manifest), "--out", str(tmp_path / "out"), "--ray", cluster.address, *BUNDLE]
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while len(lines(tmp_path / "out")) < ROWS // 2 and running.poll() is None:
            time.sleep(0.02)
        before = lines(tmp_path / "out")
        cluster.remove_node(second, allow_graceful=False)  # killed, with the row that it is scoring
        said = running.communicate()[1]
    finally:
        cluster.shutdown()
    assert running.returncode == 0, said
    assert ROWS // 2 <= len(before) < ROWS, "the node was lost half-way"
    wanted, got = lines(tmp_path / "alone"), lines(tmp_path / "out")
    assert sorted(got) == list(range(2, ROWS + 2))
    assert {line["outcome"] for line in got.values()} == {"scored", "refused"}
    for row, line in got.items():
        assert (line["key"], line["error"], line["patient"]) == (wanted[row]["key"], wanted[row]["error"], wanted[row]["patient"])
        assert (line["result"] or {}).get("scores") == (wanted[row]["result"] or {}).get("scores")
    assert f"{ROWS - 1} scored, 1 refused" in said
