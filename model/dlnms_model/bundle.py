"""Writes a bundle: manifest.json, the ONNX file and self-test vectors. Files appear whole or not at all."""

import hashlib
import json
import os
import pathlib

import numpy as np

from . import graph, reference, seeded

FORMAT_VERSION = 1
CUTOFFS = {"n1": 0.362, "n2": 0.356}  # maximum Youden index on the authors' training set
INTENDED_USE = (
    "Research use only: scores for occult N1 and N2 nodal metastasis of a clinically node-negative (cN0) primary "
    "non-small cell lung cancer on FDG PET/CT. Not a medical device; not for diagnosis or treatment decisions."
)
# NUMERICS 1. What the paper leaves unpublished is data here, never a constant in the library.
PREPROCESSING = {
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


def write_file(path, data):
    """Write through a temporary file and rename, and return size and digest."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)
    return {"file": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def write(out, nets, identity, version, weights, card, half=True, say=lambda text: None):
    """Build graphs, self-test vectors and manifest into folder `out`; returns the manifest."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.json").unlink(missing_ok=True)  # written last: an interrupted run leaves no valid bundle
    models = []
    for precision, file in (("fp32", "dlnms.onnx"), ("fp16", "dlnms-fp16.onnx"))[: 2 if half else 1]:
        say(f"building the graph, {precision}")
        model = write_file(out / file, graph.build(nets, precision == "fp16").SerializeToString())
        tensors = {"inputs": {"pet": "pet", "ct": "ct"}, "output": "scores"}
        models.append({"precision": precision, **model, **tensors, "tolerance": TOLERANCE[precision]})
    # BF16 is arithmetic of the library's kernels on the model in single precision.
    models.append({**models[0], "precision": "bf16", "tolerance": TOLERANCE["bf16"]})
    inputs = self_test_inputs()
    expected = []
    for i, (pet, ct) in enumerate(inputs):
        say(f"self-test vectors in float64, case {i + 1} of {len(inputs)}")
        s = reference.scores(nets, pet, ct)
        expected.append([s[h] for h in graph.HEAD_NAMES])
    test = write_file(out / "self_test.f32", inputs.astype("<f4").tobytes())
    manifest = {
        "format_version": FORMAT_VERSION,
        "id": identity,
        "version": version,
        "intended_use": INTENDED_USE,
        "weights": weights,
        "card": card,
        "models": models,
        "heads": graph.HEAD_NAMES,
        "cutoffs": CUTOFFS,
        "preprocessing": PREPROCESSING,
        "self_test": {**test, "expected": expected},
    }
    write_file(out / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    say(f"bundle {identity} {version} written")
    return manifest
