"""A bundle of a few kilobytes with the inputs and heads of the real one: for tests that damage bundles, and for
Valgrind, under which 187 MB of weights take too long. Its weights are of kind "phantom".

    python tiny_bundle.py OUT FRAGILE

FRAGILE gets the same with a second model, "fp16", that answers the self-test but fails in the run of a case with bone of
more than 1900 HU, as a card does that has fallen off its bus. Beside FRAGILE, in "looping-bundle" and "unruly-bundle", are
models that answer the self-test too: for a case with such bone the one runs for ever, and the other returns scores above 1.
The "fp16" of the looping one runs for ever whatever the case. "pet-bundle" sees PET alone.
"""

import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "model"))
from dlnms_model import bundle, export, graph, seeded, storage  # noqa: E402


BONE = 5.0  # 1900 HU, normalised
HEADS = ["n1", "n1_pet", "n1_ct", "n2", "n2_pet", "n2_ct"]


def fragile_nodes(ct):
    """Adds row 0 of a table of one row to the logits, for bone the row behind it, which fails the run."""
    node = helper.make_node
    nodes = [
        node("ReduceMax", [ct], ["highest"], keepdims=0),
        node("Div", ["highest", "bone"], ["share"]),
        node("Cast", ["share"], ["row"], to=TensorProto.INT64),
        node("Gather", ["rows", "row"], ["nothing"], axis=0),
        node("Add", ["logits", "nothing"], ["changed"]),
    ]
    return nodes, [numpy_helper.from_array(np.float32(BONE), "bone"), numpy_helper.from_array(np.zeros(1, np.float32), "rows")]


def looping_nodes(ct, always):
    """Adds the result of a loop to the logits: zero after no iteration, and for bone after 10^18 of them."""
    node = helper.make_node
    value = lambda name, kind, shape: helper.make_tensor_value_info(name, kind, shape)
    body = helper.make_graph(
        [node("Identity", ["again"], ["still"]), node("Mul", ["sum", "half"], ["next"])],
        "body",
        [value("n", TensorProto.INT64, []), value("again", TensorProto.BOOL, []), value("sum", TensorProto.FLOAT, [1])],
        [value("still", TensorProto.BOOL, []), value("next", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(np.float32([0.5]), "half")],
    )
    nodes = [
        node("ReduceMax", [ct], ["highest"], keepdims=0),
        node("Greater", ["highest", "bone"], ["is_bone"]),
        node("Cast", ["is_bone"], ["times"], to=TensorProto.INT64),
        node("Mul", ["times", "most"], ["iterations"]),
        node("Loop", ["iterations", "", "zero"], ["nothing"], body=body),
        node("Add", ["logits", "nothing"], ["changed"]),
    ]
    return nodes, [
        numpy_helper.from_array(np.float32(-1e9 if always else BONE), "bone"),
        numpy_helper.from_array(np.int64(10**18), "most"),
        numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
    ]


def model(w, kind="sound"):
    """A serialised graph; `w` is the declaration of its weights, which lie in a file of their own."""
    node = helper.make_node
    weights = [w]
    image_type, pet, ct, logits, nodes = TensorProto.FLOAT, "pet", "ct", "logits", []
    if kind in ("fragile", "always_looping"):
        image_type, pet, ct = TensorProto.FLOAT16, "pet.single", "ct.single"
        nodes = [node("Cast", [name], [f"{name}.single"], to=TensorProto.FLOAT) for name in ("pet", "ct")]
    if kind == "pet_only":
        ct = pet
    nodes += [
        node("GlobalAveragePool", [pet], ["pet.mean"]),
        node("GlobalMaxPool", [ct], ["ct.max"]),
        node("Concat", ["pet.mean", "ct.max"], ["features4"], axis=1),
        node("Flatten", ["features4"], ["features"], axis=1),
        node("MatMul", ["features", "w"], ["logits"]),
    ]
    more = ([], [])
    if kind == "fragile":
        more, logits = fragile_nodes(ct), "changed"
    elif kind in ("looping", "always_looping"):
        more, logits = looping_nodes(ct, kind == "always_looping"), "changed"
    nodes += more[0]
    weights += more[1]
    nodes.append(node("Sigmoid", [logits], ["probabilities" if kind == "unruly" else "scores"]))
    if kind == "unruly":
        nodes += [
            node("ReduceMax", [ct], ["highest"], axes=[1, 2, 3], keepdims=0),
            node("Sub", ["highest", "bone"], ["above"]),
            node("Relu", ["above"], ["excess"]),
            node("Unsqueeze", ["excess", "second"], ["excess2"]),
            node("Add", ["probabilities", "excess2"], ["scores"]),
        ]
        weights += [numpy_helper.from_array(np.float32(BONE), "bone"), numpy_helper.from_array(np.int64([1]), "second")]
    image = lambda name: helper.make_tensor_value_info(name, image_type, ["batch", 3, graph.SIZE, graph.SIZE])
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(HEADS)])
    images = [image(modality) for modality in modalities(kind)]
    g = helper.make_graph(nodes, "tiny", images, [output], weights)
    made = helper.make_model(g, opset_imports=[helper.make_opsetid("", graph.OPSET)])
    made.ir_version = graph.IR_VERSION
    return made.SerializeToString()


def modalities(kind):
    return ["pet"] if kind == "pet_only" else ["pet", "ct"]


def main(out, fragile):
    out, fragile = pathlib.Path(out), pathlib.Path(fragile)
    write(out, fp32="sound")
    write(fragile, fp32="sound", fp16="fragile")
    write(fragile.with_name("looping-bundle"), fp32="looping", fp16="always_looping")
    write(fragile.with_name("unruly-bundle"), fp32="unruly")
    write(fragile.with_name("pet-bundle"), fp32="pet_only")


def write(out, **kinds):
    out.mkdir(parents=True, exist_ok=True)
    for file in out.iterdir():
        file.unlink()
    w = ((2 * seeded.uniform("tiny", 6 * len(HEADS)) - 1) * 0.8).reshape(6, len(HEADS)).astype(np.float32)
    folder, weights, models = bundle.Folder(out), storage.WeightFile("tiny.f32"), []
    declared = weights.add("w", w)
    folder.write_weights(weights)
    for precision, kind in kinds.items():
        file = "tiny.onnx" if precision == "fp32" else f"tiny-{precision}.onnx"
        folder.write(file, model(declared, kind))
        models.append({
            "precision": precision, "graph": {"file": file, "weights": [weights.name]}, "inputs": {m: m for m in modalities(kind)},
            "output": "scores", "tolerance": 1e-5 if precision == "fp32" else 5e-3,
        })
    inputs = bundle.self_test_inputs()
    x = inputs.astype(np.float64)
    second = len(modalities(kinds["fp32"])) - 1
    features = np.concatenate([x[:, 0].mean((2, 3)), x[:, second].max((2, 3))], 1)
    expected = (1 / (1 + np.exp(-features @ w.astype(np.float64)))).tolist()
    test = folder.write("self_test.f32", inputs.astype("<f4").tobytes())
    description = bundle.Description(
        id="dlnms-tiny", version="1.0.0", weights="phantom", card="Test double: the means of the inputs. Not the DLNMS network.",
        preprocessing=bundle.AUTHORS_PREPROCESSING, preprocessing_source=export.AUTHORS,
        cutoffs=export.SEEDED_CUTOFFS, cutoffs_source=export.SEEDED_CUTOFFS_SOURCE,
    )
    bundle.write_manifest(out, description, HEADS, folder.files, models, None, {"file": test, "expected": expected})


main(*sys.argv[1:])
