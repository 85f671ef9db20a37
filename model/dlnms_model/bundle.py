"""Writes a bundle, format version 2: manifest.json, graphs, weights and self-test vectors. Files appear whole or not at all."""

import dataclasses
import json
import pathlib

import numpy as np
import onnx

from . import graph, network, reference, seeded, sign
from .output import write_file
from .storage import WeightFile, file_entry

FORMAT_VERSION = 2
INTENDED_USE = (
    "Research use only: scores for occult N1 and N2 nodal metastasis of a clinically node-negative (cN0) primary "
    "non-small cell lung cancer on FDG PET/CT. Not a medical device; not for diagnosis or treatment decisions."
)
# What the authors' scripts do and, where they leave it open, what NUMERICS 1 says.
AUTHORS_PREPROCESSING = {
    "frame": "LPS",
    "center": "point_or_mask_centroid",
    "spacing_mm": 1.0,
    "samples": 132,
    "center_index": 66,
    "channels": [
        {"plane": "axial", "rows": "+P", "columns": "+L"},
        {"plane": "coronal", "rows": "+S", "columns": "+L"},
        {"plane": "sagittal", "rows": "+S", "columns": "+P"},
    ],
    "interpolation": "trilinear",
    "output": 112,
    "resize": "bilinear_align_corners",
    "pet": {"unit": "SUVbw", "outside": 0.0, "mean": 0.89308566, "std": 0.9870795},
    "ct": {
        "unit": "HU",
        "outside": -1000.0,
        "padding_below": -1024.0,
        "padding_replacement": -1000.0,
        "clip": [-1024.0, 3071.0],
        "mean": -410.96716,
        "std": 460.16315,
    },
}
SELF_TEST_CASES = 2
# Of any head, from the self-test vectors; a provider beyond it is refused.
TOLERANCE = {"fp32": 1e-5, "fp16": 2e-3, "bf16": 1e-2}


def self_test_inputs(cases=SELF_TEST_CASES):
    """Smooth blobs with noise, in the value range of real inputs: cases x (pet, ct) x 3 x 112 x 112, float32."""
    n = graph.SIZE
    y, x = np.mgrid[0:n, 0:n] / (n - 1.0) - 0.5
    out = np.empty((cases, 2, 3, n, n), np.float32)
    for case in range(cases):
        for m, (low, high, noise) in enumerate(((-0.9, 6.0, 0.05), (-1.2, 1.6, 0.1))):
            for channel in range(3):
                u = seeded.uniform(f"self-test:{case}:{m}:{channel}", n * n + 3)
                cx, cy, width = 0.4 * (u[-3] - 0.5), 0.4 * (u[-2] - 0.5), 0.05 + 0.2 * u[-1]
                blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
                out[case, m, channel] = low + (high - low) * blob + noise * (2 * u[: n * n].reshape(n, n) - 1)
    return out


@dataclasses.dataclass(frozen=True)
class Description:
    """What a manifest says beside the networks. Nothing of it has a default that could be wrong for somebody's weights."""

    id: str
    version: str
    weights: str  # trained, phantom or seeded
    card: str
    preprocessing: dict
    preprocessing_source: str
    cutoffs: dict = None  # {"n1": ..., "n2": ...}; without them there are no risk groups
    cutoffs_source: str = None
    calibration: dict = None  # {"n1": {"a": ..., "b": ..., "n": ..., "prevalence": ...}, ...}, folded into the weights before
    calibration_source: str = None


class Folder:
    """Files of a bundle, listed as they are written."""

    def __init__(self, out):
        self.out, self.files = out, []

    def write(self, name, content, tensors=None):
        write_file(self.out / name, content)
        self.files.append(file_entry(name, content, tensors))
        return name

    def write_weights(self, file):
        return self.write(file.name, file.content(), file.tensors)

    def write_graph(self, name, model, weights):
        self.write(name, model.SerializeToString())
        onnx.checker.check_model(str(self.out / name))
        return {"file": name, "weights": weights}


def _write_single(folder, networks):
    """The graphs in single precision; returns entries of `models` in FP32 and BF16, and the manifest's `backbones`."""
    graphs = graph.build(networks)
    of_backbones, of_heads = WeightFile("backbones.f32"), WeightFile("heads.f32")
    inside = lambda name: any(name.startswith(f"{backbone}.") for backbone in graphs.backbones)
    behind = [of_heads.add(name, array) for name, array in graphs.weights.items() if not inside(name)]
    before = [of_backbones.add(name, array) for name, array in graphs.weights.items() if inside(name)]
    weights = [folder.write_weights(file) for file in (of_backbones, of_heads)]
    full = folder.write_graph("dlnms.onnx", graphs.full(before + behind), weights)
    kernels = folder.write_graph("dlnms-kernels.onnx", graphs.with_operator(behind), weights[1:])
    backbones = {
        "weights": weights[0],
        "layers": graph.layers(graphs.weights, next(iter(graphs.backbones))),
        "names": list(graphs.backbones),
    }
    # BF16 is arithmetic of the library's kernels on the weights in single precision.
    models = [{"precision": "fp32", "graph": full, "kernel_graph": kernels}, {"precision": "bf16", "kernel_graph": kernels}]
    return models, backbones


def _write_half(folder, networks):
    graphs = graph.build(networks, half=True)
    weights = WeightFile("dlnms.f16")
    declared = [weights.add(name, array) for name, array in graphs.weights.items()]
    name = folder.write_weights(weights)
    return {"precision": "fp16", "graph": folder.write_graph("dlnms-fp16.onnx", graphs.full(declared), [name])}


def write(out, networks, description, half=True, say=lambda text: None):
    """Builds graphs, weights, self-test vectors and manifest of networks (`network.arrange`) in folder `out`; returns the
    manifest."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("manifest.json", sign.SIGNATURE):  # written last: an interrupted run leaves no valid bundle
        (out / name).unlink(missing_ok=True)
    folder = Folder(out)
    say("building the graphs, fp32")
    models, backbones = _write_single(folder, networks)
    if half:
        say("building the graph, fp16")
        models.insert(1, _write_half(folder, networks))
    inputs = self_test_inputs()
    heads = network.head_names(networks)
    expected = []
    for i, (pet, ct) in enumerate(inputs):
        say(f"self-test vectors in float64, case {i + 1} of {len(inputs)}")
        scores = reference.scores(networks, pet, ct)
        expected.append([scores[head] for head in heads])
    test = folder.write("self_test.f32", inputs.astype("<f4").tobytes())
    tensors = {"inputs": {m: m for m in network.modalities(networks)}, "output": "scores"}
    models = [{**m, **tensors, "tolerance": TOLERANCE[m["precision"]]} for m in models]
    manifest = write_manifest(out, description, heads, folder.files, models, backbones, {"file": test, "expected": expected})
    say(f"bundle {description.id} {description.version} written")
    return manifest


def write_manifest(out, description, heads, files, models, backbones, self_test):
    """Writes manifest.json, which names every other file with its digest."""
    d = description
    sources = {"preprocessing": d.preprocessing_source, "cutoffs": d.cutoffs_source, "calibration": d.calibration_source}
    manifest = {
        "format_version": FORMAT_VERSION,
        "id": d.id,
        "version": d.version,
        "intended_use": INTENDED_USE,
        "weights": d.weights,
        "card": d.card,
        "members": 1,  # of an ensemble; reserved
        "spread": None,  # of its members' scores; reserved
        "heads": heads,
        "cutoffs": d.cutoffs,
        "preprocessing": d.preprocessing,
        "calibration": d.calibration,
        "sources": {what: source for what, source in sources.items() if source is not None},
        "files": files,
        "models": models,
        "backbones": backbones,
        "self_test": self_test,
    }
    write_file(out / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())
    return manifest
