"""Training: the network is the authors', the views are the library's planes, a training gives the same bytes however it is interrupted, and what
it leaves behind becomes a bundle whose scores are PyTorch's."""

import csv
import errno
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = next((str(p) for p in (os.environ.get("DLNMS_PROGRAM"), ROOT / "target/dist/bin/dlnms", ROOT / "target/release/dlnms") if p and os.access(p, os.X_OK)), None)
if not REQUIRED:
    pytest.importorskip("torch", reason="SKIPPED LOUDLY: no test of training ran, because PyTorch is not installed: `make torch` installs it for the tests")
    for module in ("scipy", "sklearn", "joblib", "pydicom"):
        pytest.importorskip(module, reason=f"SKIPPED LOUDLY: {module} is not installed: pip install 'dlnms_model[train]'")
    if not PROGRAM:
        pytest.skip("SKIPPED LOUDLY: no program dlnms (make dist)", allow_module_level=True)

import torch  # noqa: E402
from train_demo import torch_scores  # noqa: E402

from dlnms_model import __main__, bundle, checkpoint, layout, network, reference, seeded  # noqa: E402
from dlnms_model.cohort import file, prepared  # noqa: E402
from dlnms_model.table import TableError  # noqa: E402
from dlnms_model.training import authors, calibrate, data, fit, nets, recipe, split, steps, views  # noqa: E402

SMALL = ("--set", "folds=2", "--set", "epochs=2", "--set", "batch=8")


def main(*arguments):
    return __main__.main([str(a) for a in arguments])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---------------------------------------------------------------- the network


@pytest.mark.parametrize("kind", layout.KINDS)
def test_the_network_has_the_authors_layout_and_computes_what_the_reference_does(kind):
    net = nets.Net(kind)
    assert {k: tuple(v.shape) for k, v in net.state_dict().items()} == layout.shapes(kind)
    state = seeded.weights(f"{kind}:n1", kind)
    net.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    x = bundle.self_test_inputs()[:1]
    found = fit.logits(net.double(), lambda size: [torch.from_numpy(x).double()])
    wanted = reference.scores([network.Network("n1", kind, state, "n1")], *x[0])
    assert {f"n1{suffix}" for suffix in found} == set(wanted)
    for suffix, logit in found.items():
        assert abs(calibrate.sigmoid(logit[0]) - wanted[f"n1{suffix}"]) < 1e-9


def test_weights_come_from_the_seed_or_from_torchvisions_file(tmp_path):
    a, b, c = (nets.initialise(nets.Net("ct"), seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(a[k], b[k]) for k in a) and not torch.equal(a["encode.0.weight"], c["encode.0.weight"])
    names = {v: k for k, v in nets.CHILDREN.items()}
    torchvision = {f"{names[k.split('.')[1]]}.{k.split('.', 2)[2]}": v for k, v in a.items() if k.startswith("encode.")}
    torchvision.update({"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)})
    torch.save(torchvision, tmp_path / "resnet18.pth")
    net = nets.initialise(nets.Net("pet-ct"), 3, tmp_path / "resnet18.pth").state_dict()
    assert all(torch.equal(net[f"{p}.{k[7:]}"], a[k]) for k in a if k.startswith("encode.") for p in ("encode_pet", "encode_ct"))
    del torchvision["conv1.weight"]
    torch.save(torchvision, tmp_path / "resnet18.pth")
    with pytest.raises(TableError, match="--init: is not a ResNet-18"):
        nets.initialise(nets.Net("ct"), 3, tmp_path / "resnet18.pth")
    (tmp_path / "no.pth").write_bytes(b"no")
    with pytest.raises(TableError, match="--init: cannot be read"):
        nets.initialise(nets.Net("ct"), 3, tmp_path / "no.pth")


# ---------------------------------------------------------------- a cohort


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles")
    subprocess.run([sys.executable, ROOT / "tests/tiny_bundle.py", out / "tiny", out / "fragile"], check=True, capture_output=True,
                   env={**os.environ, "PYTHONPATH": str(ROOT / "model")})
    return out / "tiny"


@pytest.fixture(scope="session")
def cohort(tmp_path_factory, tiny):
    """A phantom cohort of 48 + 8 patients, prepared."""
    out = tmp_path_factory.mktemp("cohort") / "cohort"
    assert main("phantom-cohort", "--n", 48, "--external", 8, "--seed", 82, "--dicom", 2, "--out", out, "--quiet") == 0
    assert main("cohort", "prepare", out / "cohort.csv", "--bundle", tiny, "--dlnms", PROGRAM, "--out", out / "prepared", "--quiet") == 0
    return out / "cohort.csv"


@pytest.fixture(scope="session")
def cubes(tmp_path_factory, tiny):
    """Its 48 training patients, prepared with cubes."""
    out = tmp_path_factory.mktemp("cubes") / "cohort"
    assert main("phantom-cohort", "--n", 48, "--seed", 82, "--out", out, "--quiet") == 0
    assert main("cohort", "prepare", out / "cohort.csv", "--bundle", tiny, "--dlnms", PROGRAM, "--cube", 152, "--out", out / "prepared", "--quiet") == 0
    return out / "cohort.csv"


def train(cohort, out, *more, label="n1"):
    return ["train", "--cohort", cohort, "--label", label, "--where", "split=training", "--out", out, *SMALL, *more]


# ---------------------------------------------------------------- views


def test_a_view_that_is_not_changed_is_the_librarys_planes(cubes):
    d = data.read(cubes, None, "n1", ["split=training"])
    v = views.Views(d, recipe.Recipe(), 0)
    p = d.preprocessing
    for i in (0, 5):
        x = views.from_cube(v.cubes[i], v.normal.outside, p["samples"], p["center_index"], p["output"], np.eye(3), np.zeros(3))
        off = np.abs(v.normal.back(v.plain(i)) - x)
        assert off[0].max() < 0.02 and off[1].max() < 1.0, off.max((1, 2, 3))  # half precision of SUV and of HU
    still = recipe.Recipe(rotation=0, shift=0, zoom_low=1, zoom_high=1, pet_gain=0, ct_shift=0, noise=0)
    for source in (cubes,):
        v = views.Views(data.read(source, None, "n1", ["split=training"]), still, 0)
        assert np.abs(v.changed(1, 3) - v.plain(1)).max() < 0.02


def test_planes_alone_can_be_turned_too_and_a_still_transform_leaves_them(cohort):
    d = data.read(cohort, None, "n1", ["split=training"])
    still = recipe.Recipe(rotation=0, shift=0, zoom_low=1, zoom_high=1, pet_gain=0, ct_shift=0, noise=0)
    assert np.abs(views.Views(d, still, 0).changed(1, 3) - d.planes()[1]).max() < 1e-4
    moved = views.Views(d, recipe.Recipe(), 0)
    assert np.abs(moved.changed(1, 3) - d.planes()[1]).max() > 0.5
    assert np.array_equal(moved.changed(1, 3), views.Views(d, recipe.Recipe(), 0).changed(1, 3))
    assert not np.array_equal(moved.changed(1, 3), moved.changed(1, 4)) and not np.array_equal(moved.changed(1, 3), views.Views(d, recipe.Recipe(), 1).changed(1, 3))


@pytest.mark.parametrize("matrix, shift", [(np.eye(3), (3.0, 0, 0)), (np.eye(3) / 1.2, (0, 0, 0)), (views.rotation((1.0, 0, 0), np.pi / 2), (0, 2.0, 0))])
def test_one_transform_moves_pet_and_ct_alike(matrix, shift):
    """A point that is bright in both lands in one place, where the transform says."""
    cube = np.zeros((2, 65, 65, 65), np.float32)
    grid = np.stack(np.mgrid[:65, :65, :65], -1) - 32
    at = np.array(matrix) @ (0, 0, 8) + shift  # what the axial plane shows 8 to the left of its middle
    cube += np.exp(-((grid - at) ** 2).sum(-1) / 8).astype(np.float32)
    out = views.from_cube(cube, np.zeros((2, 1, 1, 1), np.float32), 41, 20, 41, np.array(matrix), np.array(shift))
    assert np.array_equal(out[0], out[1])
    assert np.unravel_index(out[0, 0].argmax(), (41, 41)) == (20, 28)


def test_what_lies_outside_a_cube_is_air(cubes):
    d = data.read(cubes, None, "n1", ["split=training"])
    v = views.Views(d, recipe.Recipe(), 0)
    x = views.from_cube(v.cubes[0], v.normal.outside, 132, 66, 112, np.eye(3), np.array([200.0, 0, 0]))
    assert (x[0, 0] == 0).all() and (x[1, 0] == -1000).all()


def test_the_cohorts_own_normalisation_is_that_of_its_planes(cohort):
    theirs, own = (data.read(cohort, None, "n1", ["split=training"], own_normalisation=o) for o in (False, True))
    planes = own.planes()
    assert np.abs(planes.mean((0, 2, 3, 4))).max() < 1e-3 and np.abs(planes.std((0, 2, 3, 4)) - 1).max() < 1e-3
    back = [data.Normalisation(d.preprocessing).back(d.planes()) for d in (theirs, own)]
    assert np.abs(back[0] - back[1]).max() < 1e-3 and own.digest != theirs.digest and "48 patients" in own.preprocessing_source
    assert np.abs(views.Views(own, recipe.Recipe(), 0).changed(3, 0)).max() < 30


def test_the_authors_sharpening_has_the_semantics_of_their_time():
    """TRAINING.md, 1.2: with factor 0.25 lung and tumour, -850 and 40 HU, become -212 and 10.8."""
    class Fixed:
        def uniform(self, low, high):
            return 0.25

        def random(self):
            return 0.0

    x = np.full((3, 9, 9), -850, np.float32)
    x[:, :, 5:] = 40
    out = authors.sharpened(x, Fixed())
    assert abs(out[0, 4, 2] + 212.5) < 0.1 and abs(out[0, 4, 7] - 10.75) < 0.01 and out[0, 0, 0] == -850
    assert np.allclose(authors.blurred(np.full((3, 9, 9), 7, np.float32), np.random.default_rng(5))[:, 1:-1, 1:-1], 7, atol=1e-4)


def test_the_authors_turn_pet_and_ct_apart():
    cube = np.random.default_rng(0).standard_normal((1, 140, 140, 140), np.float32).repeat(2, 0)
    p = {**bundle.AUTHORS_PREPROCESSING}
    out = [authors.view(cube, p, np.random.default_rng(s)) for s in range(3)]
    assert all(o.shape == (2, 3, 112, 112) and np.isfinite(o).all() for o in out) and not np.array_equal(out[0][0], out[0][1])


# ---------------------------------------------------------------- folds, steps, calibration


def test_folds_share_no_patient_and_spread_both_labels_and_sites():
    rng = np.random.default_rng(1)
    y, other, site = rng.random(311) < 0.12, rng.random(311) < 0.1, rng.integers(0, 3, 311)
    folds = split.k_fold(y, [y.tolist(), other.tolist(), site.tolist()], 5, 0.15, 3)
    assert sorted(i for f in folds for i in f.test) == list(range(311))
    for f in folds:
        assert sorted([*f.train, *f.stopping, *f.test]) == list(range(311))
        assert abs(y[f.test].sum() - y.sum() / 5) <= 1.5 and abs(other[f.test].sum() - other.sum() / 5) <= 3 and y[f.stopping].sum() >= 2
    assert all(np.array_equal(a.test, b.test) for a, b in zip(folds, split.k_fold(y, [y.tolist(), other.tolist(), site.tolist()], 5, 0.15, 3)))
    one = split.authors(y, 5, 10)
    assert len(one.test) in (62, 63) and not set(one.train) & set(one.test) and abs(y[one.test].sum() - y.sum() / 5) <= 1


def test_batches_have_their_share_of_positives_and_use_every_patient():
    y = np.arange(100) < 12
    positions = np.arange(100)
    r = recipe.Recipe(batch=20, positives=0.4)
    parts = steps.batches(positions, y, r, np.random.default_rng(0))
    assert len(parts) == 5 and all(len(p) == 20 and y[p].sum() == 8 for p in parts) and set(np.concatenate(parts)) >= set(range(12))
    assert steps.share(positions, y, r) == 0.4
    repeated = recipe.make("authors", "n2", ["batch=64"], None)
    parts = steps.batches(positions, y, repeated, np.random.default_rng(0))
    assert sum(map(len, parts)) == 88 + 12 * 12 and abs(steps.share(positions, y, repeated) - 144 / 232) < 1e-12


def test_the_authors_learning_rate_falls_at_the_epochs_of_their_script():
    r = recipe.make("authors", "n1", [], None)
    at = lambda epoch: steps.rate(r, epoch, 0)
    assert abs(at(0) - 0.001) < 1e-12 and at(5) == at(34) == 0.01 and abs(at(35) - 1e-3) < 1e-12 and abs(at(95) - 1e-5) < 1e-12 and abs(at(215) - 1e-9) < 1e-15
    sound = recipe.Recipe()
    assert steps.rate(sound, 0, 0.1) == sound.rate and steps.rate(sound, 0, 0.55) == pytest.approx(sound.rate / 2) and steps.rate(sound, 0, 1.0) < 1e-9


def test_the_focal_bug_loses_the_class_weights_and_the_mended_loss_keeps_them():
    draw = torch.Generator().manual_seed(1)
    labels, outputs = torch.tensor([0, 1, 1, 0]), torch.randn(4, 2, generator=draw)
    for bugs, constant in (("focal", True), ("", False)):
        loss = steps.Loss(recipe.make("authors", "n1", ["ratio=5", f"bugs={bugs}"], None))
        first = float(loss.of_head(outputs, labels))
        for _ in range(30):  # batches in which either label comes first
            loss.of_head(outputs, torch.randint(0, 2, (4,), generator=draw))
        assert (len(set(loss.class_weights.tolist())) == 1) is constant
        assert (float(loss.of_head(outputs, labels)) == first) is not constant
    fair = steps.Loss(recipe.Recipe(focal=0.0, smoothing=0.0))
    assert abs(float(fair.of_head(outputs, labels)) - float(torch.nn.functional.cross_entropy(outputs, labels))) < 1e-7


def test_calibration_and_cutoff_by_hand():
    rng = np.random.default_rng(2)
    x = rng.standard_normal(20000) * 2
    y = rng.random(20000) < calibrate.sigmoid(0.7 * x - 1.2)
    a, b = calibrate.platt(y, x)
    assert abs(a - 0.7) < 0.04 and abs(b + 1.2) < 0.06
    assert calibrate.platt(~y, x) is None
    y = np.array([0, 0, 1, 0, 1, 1], bool)
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    # Cut-offs of 0.3 (3 of 3, 2 of 3) and 0.5 (2 of 3, 3 of 3) have the same index: the more specific one is taken.
    assert calibrate.youden(y, score) == (pytest.approx(0.45), pytest.approx(2 / 3), 1.0)
    assert calibrate.youden(y, np.full(6, 0.5))[0] == 0.5


@pytest.mark.parametrize("change, word", [
    ("epochs=0", "epochs=0: is not possible"), ("epochs=ten", "is not int"), ("flips=maybe", "is not bool"), ("nonsense=1", "names are epochs"), ("epochs", "write NAME=VALUE"),
    ("bugs=libauc", "bugs=libauc"), ("focal=2", "not beside oversample or focal"), ("precision=fp8", "precision=fp8"), ("stopping=0.9", "stopping"),
])
def test_numbers_that_make_no_recipe_are_refused_by_name(change, word):
    with pytest.raises(TableError, match=re.escape(word)):
        recipe.make("sound", "n1", [change], None)
    assert recipe.make("sound", "n1", ["flips=true", "epochs=3"], "file").rate == 2e-4


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


def test_the_bundle_scores_what_pytorch_scores(cohort, trained, tmp_path):
    out = tmp_path / "bundle"
    assert main("export", "--n1", trained / "n1/model.pth", "--n2", trained / "n2/model.pth", "--no-fp16", "--out", out, "--quiet") == 0
    m = json.loads((out / "manifest.json").read_text())
    records = {label: json.loads((trained / label / "training.json").read_text()) for label in network.LABELS}
    assert m["weights"] == "phantom" and m["cutoffs"] == {label: r["cutoff"]["value"] for label, r in records.items()}
    assert main("cohort", "score", cohort, "--bundle", out, "--dlnms", PROGRAM, "--out", tmp_path / "scores.csv", "--quiet") == 0
    rows = {r["patient"]: r for r in csv.DictReader(open(tmp_path / "scores.csv"))}
    found = prepared.read(cohort.parent / "prepared", file.read(cohort))
    planes = np.stack([found.planes(i) for i in range(len(found.records))])
    for label in network.LABELS:
        scores = torch_scores(trained / label / "model.pth", label, planes)
        for suffix, wanted in scores.items():
            off = [abs(float(rows[c.patient][f"score_{label}{suffix}"]) - w) for c, w in zip(found.cohort.cases, wanted)]
            assert max(off) < 1e-5, (label, suffix, max(off))


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
