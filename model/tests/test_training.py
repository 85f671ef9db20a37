"""Training: it gives the same bytes however it is interrupted, what it leaves behind becomes a bundle whose scores are PyTorch's, and what no
network can be trained with is refused."""

import csv
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from conftest import PROGRAM, ROOT

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
if not REQUIRED:
    pytest.importorskip("torch", reason="SKIPPED LOUDLY: no test of training ran, because PyTorch is not installed: `make torch` installs it for the tests")
    for module in ("scipy", "sklearn", "joblib", "pydicom"):
        pytest.importorskip(module, reason=f"SKIPPED LOUDLY: {module} is not installed: pip install 'dlnms_model[train]'")
    if not PROGRAM:
        pytest.skip("SKIPPED LOUDLY: no program dlnms (make dist)", allow_module_level=True)

import torch  # noqa: E402
import train_demo  # noqa: E402
from train_demo import torch_scores  # noqa: E402

from dlnms_model import __main__, bundle, checkpoint, layout, network  # noqa: E402
from dlnms_model.training import calibrate, data, fit  # noqa: E402

SMALL = ("--set", "folds=2", "--set", "epochs=2", "--set", "batch=8")


def main(*arguments):
    return __main__.main([str(a) for a in arguments])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def train(cohort, out, *more, label="n1"):
    return ["train", "--cohort", cohort, "--label", label, "--where", "split=training", "--out", out, *SMALL, *more]


# ---------------------------------------------------------------- trainings


@pytest.fixture(scope="session")
def trained(cohort, tmp_path_factory):
    """Both labels, trained without an interruption."""
    out = tmp_path_factory.mktemp("trained")
    for label in network.LABELS:
        assert main(*train(cohort, out / label, label=label), "--quiet") == 0
    return out


def started(arguments):
    return subprocess.Popen([sys.executable, "-m", "dlnms_model", *map(str, arguments)], cwd=ROOT / "model", stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(ROOT / "model")})


def test_a_training_that_is_killed_goes_on_to_the_same_bytes(cohort, trained, tmp_path):
    """Killed in the first fold and again in the final network; another folder, another process."""
    arguments = train(cohort, tmp_path / "n1", "--save-minutes", 0.01)
    for job in ("fold-1-of-2", "final"):
        process = started(arguments)
        state = tmp_path / "n1/jobs" / job / fit.STATE
        while not state.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "n1/training.json").exists() and not (tmp_path / "n1/model.pth").exists()
    assert main(*arguments, "--quiet") == 0
    for name in ("model.pth", "training.json"):
        assert digest(tmp_path / "n1" / name) == digest(trained / "n1" / name), name
    assert not list(tmp_path.rglob("*.pt"))
    assert main(*arguments, "--quiet") == 0  # finished: nothing is done again


def test_two_workers_give_the_same_bytes(cohort, trained, tmp_path):
    assert main(*train(cohort, tmp_path / "two", "--workers", 2), "--quiet") == 0
    assert digest(tmp_path / "two/model.pth") == digest(trained / "n1/model.pth")


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="SKIPPED LOUDLY: folds on Ray were not tested: pip install 'ray>=2.40,<3' into the environment of the tests")
def test_folds_on_ray_give_the_same_bytes(cohort, trained, tmp_path):
    process = started(train(cohort, tmp_path / "ray", "--ray", "local", "--workers", 2, "--quiet"))
    assert process.communicate()[1].count("Traceback") == 0 and process.returncode == 0
    assert digest(tmp_path / "ray/model.pth") == digest(trained / "n1/model.pth")


def test_the_record_says_everything(cohort, trained):
    r = json.loads((trained / "n1/training.json").read_text())
    assert r["weights"] == "phantom" and r["label"] == "n1" and r["recipe"]["folds"] == 2 and r["checkpoint_sha256"] == digest(trained / "n1/model.pth")
    assert len(r["patients"]) == 48 and {p["fold"] for p in r["patients"]} == {1, 2} and "P00001" not in json.dumps(r)
    y, score = (np.array([p[k] for p in r["patients"]]) for k in ("label", "score"))
    assert r["auroc"]["value"] == pytest.approx(fit.auroc(y == 1, score)) and calibrate.youden(y == 1, score)[0] == r["cutoff"]["value"]
    assert r["preprocessing"] == bundle.AUTHORS_PREPROCESSING and set(r["curves"]) == {"fold 1 of 2", "fold 2 of 2", "final"}
    log = list(csv.DictReader(open(trained / "n1/jobs/fold-1-of-2/log.csv")))
    assert len(log) == 2 and float(log[1]["loss"]) == r["curves"]["fold 1 of 2"][1]["loss"] and int(log[1]["positives_seen"]) > 0


def test_a_checkpoint_has_the_authors_layout(trained):
    found = checkpoint.load(trained / "n1/model.pth", "n1", "pet-ct")
    assert set(found.state) == {k for k in layout.shapes() if not k.endswith("tracked")}
    with pytest.raises(layout.CheckpointError, match="label 'N1'"):
        checkpoint.load(trained / "n1/model.pth", "n2", "pet-ct")


def test_the_whole_road_in_small(tiny, tmp_path, capfd):
    """`make train-demo` with patients too few to learn from: cohort, planes, networks, bundle, scores, evaluation; the scores are PyTorch's."""
    out = tmp_path / "demo"
    train_demo.main(["--dlnms", PROGRAM, "--bundle", str(tiny), "--out", str(out), "--n", "40", "--external", "24", "--dicom", "2", "--seed", "82", "--epochs", "1",
                     "--control-epochs", "0", "--small"])
    said = capfd.readouterr().out
    assert "library and PyTorch differ by" in said and "24 patients, six heads" in said and "FAILED" not in said
    m = json.loads((out / "bundle/manifest.json").read_text())
    records = {label: json.loads((out / "networks" / label / "training.json").read_text()) for label in network.LABELS}
    assert m["weights"] == "phantom" and m["cutoffs"] == {label: r["cutoff"]["value"] for label, r in records.items()}
    for label, folder in (("n1", "evaluation"), ("n2", "evaluation-n2")):
        e = json.loads((out / folder / "evaluation.json").read_text())
        assert {f"score_{label}", f"score_{label}_pet", f"x_best_{label}_petct"} <= set(e["scores"])


def test_the_calibration_is_in_the_last_layer(trained, cohort):
    """Folded in: the final network's logit is a (raw + prior) + b, which the job's own logits show."""
    r = json.loads((trained / "n1/training.json").read_text())
    raw = json.loads((trained / "n1/jobs/final/result.json").read_text())["train_logits"]
    scores = torch_scores(trained / "n1/model.pth", "n1", data.read(cohort, None, "n1", ["split=training"]).planes())
    ab = {"": (r["calibration"]["a"], r["calibration"]["b"]) if r["calibration"] else (1, 0)}
    for suffix, pair in ((s, (r["calibration"] or {"auxiliary": {}})["auxiliary"].get(f"n1{s}")) for s in ("_pet", "_ct")):
        ab[suffix] = pair or (1, 0)
    for suffix, (a, b) in ab.items():
        assert np.abs(scores[suffix] - calibrate.sigmoid(a * np.array(raw[suffix]) + b)).max() < 1e-5


@pytest.mark.parametrize("kind", ["pet", "ct"])
def test_networks_of_one_modality_train_too(cohort, tmp_path, kind):
    assert main(*train(cohort, tmp_path / kind, "--modality", kind, "--set", "epochs=1"), "--quiet") == 0
    assert checkpoint.load(tmp_path / kind / "model.pth", "n1", kind).kind == kind
    assert json.loads((tmp_path / kind / "training.json").read_text())["modality"] == kind


def test_bf16_trains_with_shuffled_labels_as_a_control(cohort, tmp_path):
    assert main(*train(cohort, tmp_path / "c", "--set", "precision=bf16", "--set", "epochs=1", "--shuffle-labels"), "--quiet") == 0
    control = json.loads((tmp_path / "c/control.json").read_text())
    assert control["n"] == 48 and 0 <= control["out_of_fold_auroc"]["value"] <= 1 and not (tmp_path / "c/model.pth").exists()


def test_the_authors_recipe_trains_with_and_without_their_bugs_and_goes_on(cubes, tmp_path, capsys):
    for name, more in (("theirs", ()), ("mended", ("--set", "bugs=", "--set", "mixup=0.2"))):
        arguments = [*train(cubes, tmp_path / name, "--recipe", "authors", "--set", "oversample=2"), *more]
        assert main(*arguments, "--quiet") == 0
        r = json.loads((tmp_path / name / "training.json").read_text())
        assert r["calibration"] is None and "as in the paper" in r["cutoff"]["source"] and "too high" in r["warnings"][0]
        assert r["recipe"]["optimiser"] == "sgd" and r["data"]["cube"] == 152 and sum(p["score"] is not None for p in r["patients"]) == 24
    assert digest(tmp_path / "theirs/model.pth") != digest(tmp_path / "mended/model.pth")


# ---------------------------------------------------------------- refusals


def refused(arguments, capsys, out):
    assert main(*arguments, "--quiet") == 1
    assert not (out / "training.json").exists() and not (out / "model.pth").exists()
    return capsys.readouterr().err


def changed(cohort, tmp_path, change):
    """A copy of a cohort file whose rows `change` has changed, with the prepared folder made to fit it."""
    rows = list(csv.reader(open(cohort)))
    header, rows = rows[0], [dict(zip(rows[0], r)) for r in rows[1:]]
    change(rows)
    folder = tmp_path / "changed"
    folder.mkdir()
    for name in ("images", "prepared"):
        (folder / name).symlink_to(cohort.parent / name)
    with open(folder / "cohort.csv", "w", newline="") as f:
        w = csv.DictWriter(f, header, lineterminator="\n")
        w.writeheader()
        w.writerows(rows)
    (folder / "prepared").unlink()
    (folder / "prepared").mkdir()
    for path in (cohort.parent / "prepared").iterdir():
        if path.name != "prepared.json":
            (folder / "prepared" / path.name).symlink_to(path)
    summary = json.loads((cohort.parent / "prepared/prepared.json").read_text())
    summary["cohort"]["sha256"] = digest(folder / "cohort.csv")
    return folder, summary


def test_labels_that_cannot_be_trained_with_are_refused_by_row_and_column(cohort, tmp_path, capsys):
    def some(column, value, keep=0):
        def change(rows):
            for r in rows[keep:]:
                r[column] = value
        return change

    def missing(rows):
        rows[3]["n1"] = ""

    def few(rows):
        for r in [r for r in rows if r["n1"] == "1"][9:]:
            r["n1"] = "0"

    cases = [
        (missing, "cohort.csv, row 5, column n1: no value"), (some("n1", "0"), "column n1: all 48 rows are 0"), (few, "column n1: 9 positive patients; a training needs ten"),
        (some("n1", "2", 7), "row 9, column n1: must be 0 or 1"),
    ]
    for k, (change, message) in enumerate(cases):
        place = tmp_path / str(k)
        place.mkdir()
        folder, summary = changed(cohort, place, change)
        (folder / "prepared/prepared.json").write_text(json.dumps(summary))
        assert message in refused(train(folder / "cohort.csv", place / "out"), capsys, place / "out")
    # Those without a label can be left out, and are counted.
    place = tmp_path / "drop"
    place.mkdir()
    folder, summary = changed(cohort, place, missing)
    (folder / "prepared/prepared.json").write_text(json.dumps(summary))
    found = data.read(folder / "cohort.csv", None, "n1", ["split=training"], drop_missing=True)
    assert len(found.y) == 47 and found.left_out == {"no value in n1": 1}


def test_one_patient_in_two_rows_is_refused(cohort, tmp_path, capsys):
    folder, summary = changed(cohort, tmp_path, lambda rows: None)
    summary["studies"][1]["identity"]["ct"]["patient"] = summary["studies"][0]["identity"]["ct"]["patient"]
    (folder / "prepared/prepared.json").write_text(json.dumps(summary))
    assert "cohort.csv, rows 2 and 3: the same patient, by the DICOM header" in refused(train(folder / "cohort.csv", tmp_path / "out"), capsys, tmp_path / "out")


def test_a_cohort_that_changed_and_planes_that_changed_are_refused(cohort, tmp_path, capsys):
    folder, summary = changed(cohort, tmp_path, lambda rows: None)
    summary["cohort"]["sha256"] = "0" * 64
    (folder / "prepared/prepared.json").write_text(json.dumps(summary))
    assert "cohort.csv has changed since it was prepared" in refused(train(folder / "cohort.csv", tmp_path / "out"), capsys, tmp_path / "out")
    (folder / "prepared/prepared.json").unlink()
    assert "is not prepared" in refused(train(folder / "cohort.csv", tmp_path / "out"), capsys, tmp_path / "out")


def test_the_external_patients_are_not_trained_with_by_accident(cohort, tmp_path, capsys):
    arguments = ["train", "--cohort", cohort, "--label", "n1", "--out", tmp_path / "out", *SMALL]
    assert "column split: holds external, training: choose" in refused(arguments, capsys, tmp_path / "out")


def test_the_authors_recipe_needs_cubes_and_a_gpu_that_is_not_there_is_refused(cohort, tmp_path, capsys):
    assert "cohort prepare --cube" in refused(train(cohort, tmp_path / "a", "--recipe", "authors"), capsys, tmp_path / "a")
    if not torch.cuda.is_available():
        assert "--device cuda: PyTorch finds no GPU" in refused(train(cohort, tmp_path / "b", "--device", "cuda"), capsys, tmp_path / "b")
    assert "--workers and --threads" in refused(train(cohort, tmp_path / "c", "--threads", 0), capsys, tmp_path / "c")


def test_a_training_of_something_else_is_not_gone_on_with(cohort, trained, tmp_path, capsys):
    out = tmp_path / "n1"
    out.mkdir()
    (out / "plan.json").write_bytes((trained / "n1/plan.json").read_bytes())
    assert "holds a training with another seed" in refused(train(cohort, out, "--seed", 1), capsys, out)
    assert "holds a training with another recipe" in refused(train(cohort, out, "--set", "rate=0.01"), capsys, out)
    with open(out / "plan.json") as plan:
        fcntl.flock(plan, fcntl.LOCK_EX)
        assert "another run is training in this folder" in refused(train(cohort, out), capsys, out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("x")
    assert "is not replaced" in refused(train(cohort, tmp_path / "mine"), capsys, tmp_path / "mine")


def test_a_loss_that_is_not_finite_stops_the_training(cohort, tmp_path, capsys):
    error = refused(train(cohort, tmp_path / "out", "--set", "rate=1e30", "--set", "warm_up=0"), capsys, tmp_path / "out")
    assert "the loss is not finite; use a lower rate" in error and "fold 1 of 2, epoch 1" in error


def test_a_full_disk_leaves_nothing_half_written_and_the_training_goes_on(cohort, trained, tmp_path, capsys, monkeypatch):
    """The disk is full at each file in turn; the same command goes on each time."""
    real, out = pathlib.Path.write_bytes, tmp_path / "n1"
    for full in ("state.pt", "result.json", "model.pth", "training.json"):
        def write(path, content, full=full):
            if full in path.name:
                real(path, content[: len(content) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(path, content)

        with monkeypatch.context() as m:
            m.setattr(pathlib.Path, "write_bytes", write)
            assert main(*train(cohort, out, "--save-minutes", 0 if full == "state.pt" else 5), "--quiet") == 1
        assert "No space left" in capsys.readouterr().err
        assert not list(out.rglob(f"*{full}*")) and not (out / "training.json").exists()
    assert main(*train(cohort, out), "--quiet") == 0
    for name in ("model.pth", "training.json"):
        assert digest(out / name) == digest(trained / "n1" / name)


def test_a_result_whose_weights_are_gone_is_made_again(cohort, trained, tmp_path):
    shutil.copytree(trained / "n1", tmp_path / "n1")
    (tmp_path / "n1/training.json").unlink()
    assert not list(tmp_path.rglob("weights.pt"))
    assert main(*train(cohort, tmp_path / "n1"), "--quiet") == 0
    assert digest(tmp_path / "n1/model.pth") == digest(trained / "n1/model.pth")
