"""Promises of dlnms_model: the graph equals PyTorch in float64, the layout is checked, the bundle is whole."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from dlnms_model import __main__, bundle, checkpoint, graph, layout, network, reference, seeded

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("DLNMS_SHARED", ROOT.parent / "shared"))
GOLDEN = SHARED / "golden"
TOLERANCE = 1e-5
SUFFIX = {"fused": "", "pet_only": "_pet", "ct_only": "_ct"}
HEADS = [label + suffix for label in ("n1", "n2") for suffix in SUFFIX.values()]

needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"SKIPPED LOUDLY: golden data is not at {GOLDEN}")


def onnx_scores(session, pet, ct):
    out = session.run(["scores"], {"pet": np.asarray(pet, np.float32), "ct": np.asarray(ct, np.float32)})[0]
    return [dict(zip(HEADS, map(float, row))) for row in out]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """The golden script's own checkpoints, so that the weight recipe is not ours to get wrong."""
    folder = tmp_path_factory.mktemp("checkpoints")
    subprocess.run([sys.executable, GOLDEN / "make_network_golden.py", "--checkpoints", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def exported(checkpoints, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle")
    code = __main__.main(["export", "--n1", str(checkpoints / "n1.npz"), "--n2", str(checkpoints / "n2.npz"),
                          "--out", str(out), "--quiet", "--weights", "seeded", "--preprocessing", "authors",
                          "--cutoffs", "0.41,0.38", "--cutoffs-source", "made up for this test"])
    assert code == 0
    return out


@pytest.fixture(scope="session")
def session(exported):
    return onnxruntime.InferenceSession(str(exported / "dlnms.onnx"), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="session")
def golden():
    cases = json.loads((GOLDEN / "network.json").read_text())["cases"]
    for name, case in cases.items():
        case["pet"], case["ct"] = (np.load(GOLDEN / f"{name}_{m}.npy") for m in ("pet", "ct"))
    return cases


def expected(case):
    return {n + SUFFIX[k]: v for n in ("n1", "n2") for k, v in case[n].items()}


@needs_golden
def test_every_head_equals_pytorch_alone_and_in_a_batch(session, golden):
    batch = onnx_scores(session, *(np.stack([c[m] for c in golden.values()]) for m in ("pet", "ct")))
    for (name, case), in_batch in zip(golden.items(), batch):
        single = onnx_scores(session, case["pet"][None], case["ct"][None])[0]
        for head, truth in expected(case).items():
            assert abs(single[head] - truth) < TOLERANCE, (name, head)
            assert abs(in_batch[head] - truth) < TOLERANCE, (name, head)


@needs_golden
def test_half_precision_is_within_its_tolerance_of_pytorch_on_real_patients(exported, golden):
    half = onnxruntime.InferenceSession(str(exported / "dlnms-fp16.onnx"), providers=["CPUExecutionProvider"])
    for name, case in golden.items():
        inputs = {m: np.asarray(case[m][None], np.float16) for m in ("pet", "ct")}
        scores = dict(zip(HEADS, map(float, half.run(["scores"], inputs)[0][0])))
        worst = max(abs(scores[head] - truth) for head, truth in expected(case).items())
        print(f"{name}: {worst:.1e}")
        assert 1e-6 < worst < bundle.TOLERANCE["fp16"], (name, worst)


@needs_golden
def test_swapped_inputs_change_the_score_as_pytorch_says(session, golden):
    for name, case in golden.items():
        swapped = onnx_scores(session, case["ct"][None], case["pet"][None])[0]["n1"]
        assert abs(swapped - case["swapped_inputs_n1"]) < TOLERANCE, name
        assert abs(swapped - case["n1"]["fused"]) > 1e-3, name


@needs_golden
def test_reference_equals_pytorch_in_float64(checkpoints, golden):
    networks = network.arrange({(n, "pet-ct"): checkpoint.load(checkpoints / f"{n}.npz", n, "pet-ct").state for n in ("n1", "n2")})
    case = golden["acrin042_tumour"]
    ours = reference.scores(networks, case["pet"], case["ct"])
    for head, truth in expected(case).items():
        assert abs(ours[head] - truth) < 1e-9, head


@needs_golden
def test_seeded_recipe_is_the_golden_one(checkpoints):
    with np.load(checkpoints / "n2.npz") as z:
        ours = seeded.weights("n2")
        assert all(np.array_equal(ours[k], z[k]) for k in ours)


@pytest.fixture(scope="session")
def state():
    return seeded.weights("n1")


@pytest.mark.parametrize(
    "edit, key",
    [
        (lambda s: s.pop("head.fc1.weight"), "head.fc1.weight"),
        (lambda s: s.update({"encode_pet.4.0.conv1.weight": np.zeros((64, 64, 1, 1), np.float32)}), "encode_pet.4.0.conv1.weight"),
        (lambda s: s.update({"head.fc2.bias": np.array([0, np.nan], np.float32)}), "head.fc2.bias"),
        (lambda s: s.update({"head.fc2.bias": np.array([0, 1e300])}), "head.fc2.bias"),
        (lambda s: s.update({"encode_ct.1.running_var": np.full(64, -1, np.float32)}), "encode_ct.1.running_var"),
        (lambda s: s.update({"head.fc2.bias": np.array([0, 1])}), "head.fc2.bias"),
        (lambda s: s.update({"decode.fc.weight": np.zeros(3, np.float32)}), "decode.fc.weight"),
    ],
)
def test_wrong_checkpoints_are_refused_by_key(state, edit, key, tmp_path):
    wrong = dict(state)
    edit(wrong)
    np.savez(tmp_path / "n1.npz", **wrong)
    with pytest.raises(layout.CheckpointError, match=key.replace(".", r"\.")):
        checkpoint.load(tmp_path / "n1.npz", "n1", "pet-ct")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, capsys):
    (tmp_path / "n.npz").write_bytes(b"not a zip file")
    code = __main__.main(["export", "--n1", str(tmp_path / "n.npz"), "--n2", str(tmp_path / "n.npz"), "--out", str(tmp_path / "o"),
                          "--preprocessing", "authors", "--no-cutoffs", "--weights", "seeded"])
    assert code == 1 and "n.npz" in capsys.readouterr().err
    assert not (tmp_path / "o" / "manifest.json").exists()


@needs_golden
def test_the_bundle_is_what_its_manifest_says(exported):
    m = json.loads((exported / "manifest.json").read_text())
    assert sorted(entry["name"] for entry in m["files"]) == sorted(f.name for f in exported.iterdir() if f.name != "manifest.json")
    for entry in m["files"]:
        data = (exported / entry["name"]).read_bytes()
        assert len(data) == entry["bytes"] and hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert m["cutoffs"] == {"n1": 0.41, "n2": 0.38} and m["sources"]["cutoffs"] == "made up for this test"
    assert m["weights"] == "seeded"
    # The weights are there once for each precision, and hardly anything else.
    weights = sum(t["bytes"] for entry in m["files"] for t in entry.get("tensors", ()))
    assert sum(f.stat().st_size for f in exported.iterdir()) < 1.02 * weights


@needs_golden
def test_tensors_lie_where_manifest_and_graphs_say(exported):
    m = json.loads((exported / "manifest.json").read_text())
    places = {entry["name"]: {t["name"]: t for t in entry["tensors"]} for entry in m["files"] if "tensors" in entry}
    graphs = [model[kind] for model in m["models"] for kind in ("graph", "kernel_graph") if kind in model]
    assert len(graphs) == 4
    for of in graphs:
        external = 0
        for tensor in onnx.load(exported / of["file"], load_external_data=False).graph.initializer:
            if tensor.data_location != onnx.TensorProto.EXTERNAL:
                assert tensor.data_type == onnx.TensorProto.INT64  # an axis or a bound of a slice
                continue
            at = {e.key: e.value for e in tensor.external_data}
            listed = places[at["location"]][tensor.name]
            assert at["location"] in of["weights"] and list(tensor.dims) == listed["shape"]
            assert (int(at["offset"]), int(at["length"])) == (listed["offset"], listed["bytes"])
            external += 1
        assert external == sum(len(places[name]) for name in of["weights"])


@needs_golden
def test_the_kernels_graph_is_the_full_one_with_an_operator_for_the_backbones(exported):
    m = json.loads((exported / "manifest.json").read_text())
    full, kernels = (onnx.load(exported / f"dlnms{k}.onnx", load_external_data=False).graph for k in ("", "-kernels"))
    operator, *heads = kernel_nodes = list(kernels.node)
    assert (operator.domain, operator.op_type) == ("dlnms", "Backbones")
    assert list(operator.input) == ["pet", "ct", "pet", "ct"]
    assert list(operator.output) == [f"{b}.{pool}" for b in m["backbones"]["names"] for pool in ("max", "avg")]
    assert heads == list(full.node)[-len(heads):] and len(kernel_nodes) == 38
    assert [layer["name"] for layer in m["backbones"]["layers"]][:8] == [
        "stem", "4.0.conv1", "4.0.conv2", "4.1.conv1", "4.1.conv2", "5.0.conv1", "5.0.down", "5.0.conv2"]
    # Strides are those of the full graph's convolutions.
    strides = {n.name: onnx.helper.get_node_attr_value(n, "strides")[-1] for n in full.node if n.op_type == "Conv"}
    for backbone in m["backbones"]["names"]:
        assert all(strides[f"{backbone}.{layer['name']}"] == layer["stride"] for layer in m["backbones"]["layers"])


@needs_golden
def test_graph_answers_its_own_self_test(exported, session):
    m = json.loads((exported / "manifest.json").read_text())
    x = np.fromfile(exported / "self_test.f32", "<f4").reshape(-1, 2, 3, graph.SIZE, graph.SIZE)
    assert np.array_equal(x, bundle.self_test_inputs())
    for scores, truth in zip(onnx_scores(session, x[:, 0], x[:, 1]), m["self_test"]["expected"]):
        assert max(abs(scores[h] - t) for h, t in zip(m["heads"], truth)) < m["models"][0]["tolerance"]


def test_the_seed_enters_the_weights():
    assert not np.array_equal(seeded.tensor("42:n1", "head.fc2.weight", (2, 512)), seeded.tensor("43:n1", "head.fc2.weight", (2, 512)))
