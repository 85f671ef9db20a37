"""A bundle of a few kilobytes with the inputs and heads of the real one: for tests that damage bundles, and for
Valgrind, under which 187 MB of weights take too long. Its weights are of kind "phantom".

    python tiny_bundle.py OUT
"""

import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "model"))
from dlnms_model import bundle, graph, seeded  # noqa: E402


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    heads = graph.HEAD_NAMES
    w = ((2 * seeded.uniform("tiny", 6 * len(heads)) - 1) * 0.8).reshape(6, len(heads)).astype(np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["pet"], ["pet.mean"]),
        helper.make_node("GlobalMaxPool", ["ct"], ["ct.max"]),
        helper.make_node("Concat", ["pet.mean", "ct.max"], ["features4"], axis=1),
        helper.make_node("Flatten", ["features4"], ["features"], axis=1),
        helper.make_node("MatMul", ["features", "w"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    image = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, graph.SIZE, graph.SIZE])
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(heads)])
    g = helper.make_graph(nodes, "tiny", [image("pet"), image("ct")], [output], [numpy_helper.from_array(w, "w")])
    model = helper.make_model(g, opset_imports=[helper.make_opsetid("", graph.OPSET)])
    model.ir_version = graph.IR_VERSION
    file = bundle.write_file(out / "tiny.onnx", model.SerializeToString())
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
        "models": [{"precision": "fp32", **file, "inputs": {"pet": "pet", "ct": "ct"}, "output": "scores", "tolerance": 1e-5}],
        "heads": heads,
        "cutoffs": bundle.CUTOFFS,
        "preprocessing": bundle.PREPROCESSING,
        "self_test": {**bundle.write_file(out / "self_test.f32", inputs.astype("<f4").tobytes()), "expected": expected},
    }
    bundle.write_file(out / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())


main(sys.argv[1])
