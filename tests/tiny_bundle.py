"""A bundle of a few kilobytes with the inputs and heads of the real one: for tests that damage bundles, and for
Valgrind, under which 187 MB of weights take too long. Its weights are of kind "phantom".

    python tiny_bundle.py OUT FRAGILE

FRAGILE gets the same with a second model, "fp16", that answers the self-test but fails in the run of a case with bone of
more than 1900 HU, as a card does that has fallen off its bus.
"""

import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "model"))
from dlnms_model import bundle, graph, seeded  # noqa: E402


def model(w, heads, fragile=False):
    node = helper.make_node
    weights = [numpy_helper.from_array(w, "w")]
    kind, pet, ct, logits, nodes = TensorProto.FLOAT, "pet", "ct", "logits", []
    if fragile:
        kind, pet, ct, logits = TensorProto.FLOAT16, "pet.single", "ct.single", "sum"
        nodes = [node("Cast", [name], [f"{name}.single"], to=TensorProto.FLOAT) for name in ("pet", "ct")]
    nodes += [
        node("GlobalAveragePool", [pet], ["pet.mean"]),
        node("GlobalMaxPool", [ct], ["ct.max"]),
        node("Concat", ["pet.mean", "ct.max"], ["features4"], axis=1),
        node("Flatten", ["features4"], ["features"], axis=1),
        node("MatMul", ["features", "w"], ["logits"]),
    ]
    if fragile:
        nodes += [  # row 0 of one for most; there is no row 1
            node("ReduceMax", [ct], ["highest"], keepdims=0),
            node("Div", ["highest", "bone"], ["share"]),
            node("Cast", ["share"], ["row"], to=TensorProto.INT64),
            node("Gather", ["rows", "row"], ["nothing"], axis=0),
            node("Add", ["logits", "nothing"], ["sum"]),
        ]
        weights += [numpy_helper.from_array(np.float32(5), "bone"), numpy_helper.from_array(np.zeros(1, np.float32), "rows")]
    nodes.append(node("Sigmoid", [logits], ["scores"]))
    image = lambda name: helper.make_tensor_value_info(name, kind, ["batch", 3, graph.SIZE, graph.SIZE])
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(heads)])
    g = helper.make_graph(nodes, "tiny", [image("pet"), image("ct")], [output], weights)
    made = helper.make_model(g, opset_imports=[helper.make_opsetid("", graph.OPSET)])
    made.ir_version = graph.IR_VERSION
    return made.SerializeToString()


def main(out, fragile):
    out, fragile = pathlib.Path(out), pathlib.Path(fragile)
    heads = graph.HEAD_NAMES
    w = ((2 * seeded.uniform("tiny", 6 * len(heads)) - 1) * 0.8).reshape(6, len(heads)).astype(np.float32)
    sound, broken = model(w, heads), model(w, heads, fragile=True)
    for folder, models in ((out, [("fp32", sound)]), (fragile, [("fp32", sound), ("fp16", broken)])):
        write(folder, models, w, heads)


def write(out, models, w, heads):
    out.mkdir(parents=True, exist_ok=True)
    entries = []
    for precision, content in models:
        file = bundle.write_file(out / ("tiny.onnx" if precision == "fp32" else f"tiny-{precision}.onnx"), content)
        tensors = {"inputs": {"pet": "pet", "ct": "ct"}, "output": "scores"}
        entries.append({"precision": precision, **file, **tensors, "tolerance": 1e-5 if precision == "fp32" else 5e-3})
    inputs = bundle.self_test_inputs()
    x = inputs.astype(np.float64)
    features = np.concatenate([x[:, 0].mean((2, 3)), x[:, 1].max((2, 3))], 1)
    expected = (1 / (1 + np.exp(-features @ w.astype(np.float64)))).tolist()
    manifest = {
        "format_version": 1,
        "id": "dlnms-tiny",
        "version": "1.0.0",
        "intended_use": bundle.INTENDED_USE,
        "weights": "phantom",
        "card": "Test double: the means of the inputs. Not the DLNMS network.",
        "models": entries,
        "heads": heads,
        "cutoffs": bundle.CUTOFFS,
        "preprocessing": bundle.PREPROCESSING,
        "self_test": {**bundle.write_file(out / "self_test.f32", inputs.astype("<f4").tobytes()), "expected": expected},
    }
    bundle.write_file(out / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())


main(*sys.argv[1:])
