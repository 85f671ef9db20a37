"""The parts of a training: the network is the authors', a view that is not changed is the library's planes, folds, steps, calibration."""

import os
import re

import numpy as np
import pytest

from conftest import PROGRAM

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
if not REQUIRED:
    pytest.importorskip("torch", reason="SKIPPED LOUDLY: no test of training ran, because PyTorch is not installed: `make torch` installs it for the tests")
    for module in ("scipy", "sklearn", "joblib", "pydicom"):
        pytest.importorskip(module, reason=f"SKIPPED LOUDLY: {module} is not installed: pip install 'dlnms_model[train]'")
    if not PROGRAM:
        pytest.skip("SKIPPED LOUDLY: no program dlnms (make dist)", allow_module_level=True)

import torch  # noqa: E402

from dlnms_model import bundle, layout, network, reference, seeded  # noqa: E402
from dlnms_model.table import TableError  # noqa: E402
from dlnms_model.training import authors, calibrate, data, fit, nets, recipe, split, steps, views  # noqa: E402


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
