"""The exporter: the authors' real checkpoints, networks of one modality, and what records and options have to say."""

import argparse
import importlib.util
import json

import numpy as np
import onnxruntime
import pytest

from dlnms_model import __main__, bundle, calibration, checkpoint, layout, network, record, reference, seeded

CALIBRATION = {"a": 0.8, "b": -0.3, "n": 1528, "prevalence": 0.12, "source": "Platt, out of fold", "folded": False}


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"SKIPPED LOUDLY: {package} is not installed (pip install {package})")


@pytest.fixture(scope="module")
def states():
    """One network of each label and kind."""
    return {(label, kind): seeded.weights(f"{kind}:{label}", kind) for label in network.LABELS for kind in layout.KINDS}


def save(state, path):
    np.savez(path, **state)
    return str(path)


def written(folder, **changes):
    """A training record beside a checkpoint; the folder has the name of the label."""
    value = {
        "format": 1, "label": folder.name, "modality": "pet-ct", "weights": "phantom", "preprocessing": bundle.AUTHORS_PREPROCESSING,
        "preprocessing_source": "training set", "cutoff": {"value": 0.41, "source": "Youden, out of fold"}, "curves": [1, 2],
    }
    folder.mkdir(exist_ok=True)
    path = folder / record.NAME
    path.write_text(json.dumps({**value, **changes}))
    return path


@pytest.fixture
def recorded(states, tmp_path):
    """Fused networks with their records, each in a folder of its own, and the options that name them."""
    options = []
    for label, cutoff in (("n1", 0.41), ("n2", 0.38)):
        written(tmp_path / label, cutoff={"value": cutoff, "source": "Youden, out of fold"})
        options += [f"--{label}", save(states[label, "pet-ct"], tmp_path / label / "best.npz")]
    return options


def export(*options, code=0, out=None, capsys=None):
    assert __main__.main(["export", *map(str, options), "--out", str(out), "--quiet", "--no-fp16"]) == code
    if code:
        assert not (out / "manifest.json").exists()
        return capsys.readouterr().err
    return json.loads((out / "manifest.json").read_text())


def answers_its_self_test(out, manifest, inputs):
    """Whether the graph that ONNX Runtime computes gives the expected scores."""
    session = onnxruntime.InferenceSession(str(out / "dlnms.onnx"), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == inputs
    x = bundle.self_test_inputs()
    images = {"pet": x[:, 0], "ct": x[:, 1]}
    scores = session.run(["scores"], {name: images[name] for name in inputs})[0]
    assert np.abs(scores - np.array(manifest["self_test"]["expected"])).max() < 1e-5
    return scores


def test_records_beside_checkpoints_say_everything(recorded, tmp_path):
    written(tmp_path / "n2", cutoff={"value": 0.38, "source": "Youden, out of fold"}, calibration=CALIBRATION)
    m = export(*recorded, out=tmp_path / "out")
    assert m["cutoffs"] == {"n1": 0.41, "n2": 0.38} and m["weights"] == "phantom"
    assert m["calibration"] == {"n1": None, "n2": {"a": 0.8, "b": -0.3, "n": 1528, "prevalence": 0.12}}
    assert m["sources"] == {"preprocessing": "training set", "cutoffs": "Youden, out of fold", "calibration": "Platt, out of fold"}
    assert (m["members"], m["spread"]) == (1, None)


def test_calibration_is_folded_in_exactly_once(states):
    state = states["n2", "pet-ct"]
    x = bundle.self_test_inputs()[0]
    score = lambda s: reference.scores([network.Network("n2", "pet-ct", s, "n2")], *x)
    raw, calibrated = score(state), score(calibration.fold(state, "head", 0.8, -0.3))
    logit = np.log(raw["n2"] / (1 - raw["n2"]))
    assert abs(calibrated["n2"] - 1 / (1 + np.exp(-(0.8 * logit - 0.3)))) < 1e-7
    assert calibrated["n2_pet"] == raw["n2_pet"]


def test_a_calibration_that_is_folded_already_is_only_noted(recorded, states, tmp_path):
    both = {}
    for folded in (False, True):
        for label in network.LABELS:
            written(tmp_path / label, calibration={**CALIBRATION, "folded": folded})
        both[folded] = export(*recorded, out=tmp_path / f"out-{folded}")
    plain = network.arrange({(n, "pet-ct"): states[n, "pet-ct"] for n in network.LABELS})
    x = bundle.self_test_inputs()[0]
    assert both[True]["self_test"]["expected"][0] == list(reference.scores(plain, *x).values())
    assert both[True]["self_test"]["expected"][0][0] != both[False]["self_test"]["expected"][0][0]
    assert both[True]["calibration"] == both[False]["calibration"]


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"label": "n2"}, "label is 'n2'"),
        ({"modality": "pet"}, "modality is 'pet'"),
        ({"format": 2}, "format is not 1"),
        ({"weights": "good"}, "weights is 'good'"),
        ({"preprocessing": None}, "preprocessing is missing"),
        ({"preprocessing_source": ""}, "preprocessing_source is missing"),
        ({"cutoff": {"value": 0.4}}, "cutoff needs"),
        ({"cutoff": {"value": 1.4, "source": "x"}}, "cutoff needs"),
        ({"cutoff": None}, "cut-off for n1"),
        ({"calibration": {**CALIBRATION, "a": -1}}, "calibration needs"),
        ({"calibration": {**CALIBRATION, "folded": None}}, "calibration needs"),
        ({"checkpoint_sha256": "0" * 64}, "checkpoint_sha256"),
        ({"weights": "trained"}, "weights of"),
        ({"preprocessing": {**bundle.AUTHORS_PREPROCESSING, "spacing_mm": 2.0}}, "preprocessing of"),
    ],
)
def test_records_that_are_incomplete_or_contradict_are_refused_by_field(recorded, tmp_path, capsys, changes, word):
    path = written(tmp_path / "n1", **changes)
    error = export(*recorded, code=1, out=tmp_path / "out", capsys=capsys)
    assert word in error and str(path if "cut-off for" not in word else "--no-cutoffs") in error, error


def test_options_that_are_missing_or_contradict_are_refused_by_name(states, tmp_path, capsys):
    n1, n2 = (save(states[label, "pet-ct"], tmp_path / f"{label}.npz") for label in network.LABELS)
    both = ["--n1", n1, "--n2", n2]
    said = ["--preprocessing", "authors", "--weights", "seeded"]
    pet = save(states["n1", "pet"], tmp_path / "pet.npz")
    for options, word in [
        ([], "no network"),
        (["--n1", n1, *said], "n2 is missing"),
        ([*both, "--weights", "seeded", "--no-cutoffs"], "--preprocessing"),
        ([*both, "--preprocessing", "authors", "--no-cutoffs"], "--weights"),
        ([*both, *said], "--cutoffs"),
        ([*both, *said, "--cutoffs", "0.4,0.3"], "--cutoffs-source"),
        ([*both, *said, "--cutoffs", "0.4,0.3", "--cutoffs-source", "x", "--no-cutoffs"], "--no-cutoffs"),
        ([*both, *said, "--no-cutoffs", "--record", "one.json"], "--record"),
        ([*both, "--preprocessing", n1, "--weights", "seeded", "--no-cutoffs"], "is not JSON"),
        (["--n1-pet", pet, "--n2-ct", pet, *said, "--no-cutoffs"], "missing"),
        (["--n1", pet, "--n2", n2, *said, "--no-cutoffs"], "encode_ct.0.weight"),
    ]:
        error = export(*options, code=1, out=tmp_path / "out", capsys=capsys)
        assert word in error, (options, error)
    with pytest.raises(SystemExit):
        export(*both, *said, "--cutoffs", "0.4,1.3", code=2, out=tmp_path / "out")


@pytest.mark.parametrize("kind", ["pet", "ct"])
def test_networks_of_one_modality_are_a_bundle_of_their_own(states, tmp_path, kind):
    options = [o for n in network.LABELS for o in (f"--{n}-{kind}", save(states[n, kind], tmp_path / f"{n}.npz"))]
    m = export(*options, "--preprocessing", "authors", "--weights", "seeded", "--no-cutoffs", out=tmp_path / "out")
    assert m["heads"] == ["n1", "n2"] and m["cutoffs"] is None and "cutoffs" not in m["sources"]
    assert m["models"][0]["inputs"] == {kind: kind} and m["backbones"]["names"] == [f"n1.{kind}", f"n2.{kind}"]
    answers_its_self_test(tmp_path / "out", m, [kind])


def test_networks_of_one_modality_stand_beside_fused_ones(states, tmp_path):
    options = []
    for label in network.LABELS:
        for kind, option in (("pet-ct", ""), ("pet", "-pet"), ("ct", "-ct")):
            options += [f"--{label}{option}", save(states[label, kind], tmp_path / f"{label}{option}.npz")]
    m = export(*options, "--preprocessing", "authors", "--weights", "seeded", "--no-cutoffs", out=tmp_path / "out")
    assert m["heads"] == ["n1", "n1_pet", "n1_ct", "n2", "n2_pet", "n2_ct", "n1_pet_model", "n2_pet_model", "n1_ct_model", "n2_ct_model"]
    assert len(m["backbones"]["names"]) == 8
    scores = answers_its_self_test(tmp_path / "out", m, ["pet", "ct"])
    # Each is the network alone: other weights than the auxiliary heads'.
    x = bundle.self_test_inputs()
    alone = network.Network("n2", "ct", states["n2", "ct"], "n2_ct_model")
    assert abs(scores[0, 9] - reference.scores([alone], *x[0])["n2_ct_model"]) < 1e-5
    assert abs(scores[0, 9] - scores[0, 5]) > 1e-3


@needs("safetensors")
def test_safetensors_are_npz(states, tmp_path):
    from safetensors.numpy import save_file

    save_file(states["n1", "ct"], tmp_path / "n1.safetensors")
    found = checkpoint.load(tmp_path / "n1.safetensors", "n1", "ct").state
    assert all(np.array_equal(found[k], v) for k, v in states["n1", "ct"].items())
    (tmp_path / "no.safetensors").write_bytes(b"no")
    with pytest.raises(layout.CheckpointError, match="no.safetensors: not a readable"):
        checkpoint.load(tmp_path / "no.safetensors", "n1", "ct")


def test_pth_without_torch_says_what_it_needs(tmp_path):
    if importlib.util.find_spec("torch"):
        pytest.skip("torch is installed")
    with pytest.raises(layout.CheckpointError, match="needs torch"):
        checkpoint.load(tmp_path / "n1.pth", "n1", "pet-ct")


def authors_checkpoint(torch, state, path, **arguments):
    """What the authors' scripts save: arguments as a Namespace, areas under the curve as numpy numbers."""
    counters = {k: torch.tensor(7) for k in layout.shapes("pet-ct" if "head.fc1.weight" in state else "pet") if k.endswith("tracked")}
    torch.save({
        "model": {**{k: torch.from_numpy(v) for k, v in state.items()}, **counters},
        "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.01, "params": [0]}]},
        "lr_scheduler": {"last_epoch": 219, "_last_lr": [1e-9]},
        "epoch": 219,
        "args": argparse.Namespace(lr=0.01, data_path="/data", world_size=1, **arguments),
        "auc": np.float64(0.942),
        "eval_auc": np.float32(0.958),
    }, path)
    return path


@needs("torch")
@pytest.mark.parametrize("kind", ["pet-ct", "pet", "ct"])
def test_the_authors_own_checkpoints_load(states, tmp_path, kind):
    import torch

    state = states["n2", kind]
    path = authors_checkpoint(torch, state, tmp_path / "checkpoint_eval.pth", mx=kind, label="N2")
    found = checkpoint.load(path, "n2", kind).state
    assert found.keys() == state.keys() and all(np.array_equal(found[k], state[k]) for k in state)
    # numpy 1 and 2 name the function behind their numbers differently.
    for name in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        content = path.read_bytes()
        assert b"numpy._core.multiarray" in content or b"numpy.core.multiarray" in content
        other = tmp_path / "other.pth"
        other.write_bytes(content)
        _rewrite_pickle(other, name)
        assert checkpoint.load(other, "n2", kind).state.keys() == state.keys()


def _rewrite_pickle(path, module):
    """Names numpy's function by another module in the pickle inside the zip."""
    import zipfile

    with zipfile.ZipFile(path) as z:
        parts = {i.filename: z.read(i) for i in z.infolist()}
    with zipfile.ZipFile(path, "w") as z:
        for name, content in parts.items():
            if name.endswith("data.pkl"):
                content = content.replace(b"cnumpy._core.multiarray\n", b"c" + module + b"\n").replace(b"cnumpy.core.multiarray\n", b"c" + module + b"\n")
                assert module in content
            z.writestr(name, content)


@needs("torch")
def test_a_checkpoint_that_says_it_is_another_network_or_runs_code_is_refused(states, tmp_path):
    import torch

    for arguments, word in (({"mx": "ct", "label": "N1"}, "mx 'ct'"), ({"mx": "pet", "label": "N2"}, "label 'N2'")):
        path = authors_checkpoint(torch, states["n1", "pet"], tmp_path / "n1.pth", **arguments)
        with pytest.raises(layout.CheckpointError, match=word):
            checkpoint.load(path, "n1", "pet")

    class Code:
        def __reduce__(self):
            return print, ("it ran",)

    torch.save({"model": {}, "args": Code()}, tmp_path / "code.pth")
    with pytest.raises(layout.CheckpointError, match="torch cannot read it"):
        checkpoint.load(tmp_path / "code.pth", "n1", "pet")
