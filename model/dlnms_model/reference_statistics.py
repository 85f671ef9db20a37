"""The command `reference`: statistics of the training cases enter a bundle, so that an explanation can say how far a case lies from them.

For each of the scores N1 and N2, the hidden activations of its head over the training cases: their mean, the principal axes with their standard
deviations, and percentiles of a case's distance along the axes (Mahalanobis) and beside them (residual), over cases that were held out.
"""

import json
import pathlib

import numpy as np

from .failure import fail
from .output import write_file
from .sign import SIGNATURE
from .storage import WeightFile, file_entry

FILE = "reference.f32"
HEADS = ("n1", "n2")
AXES = 64
PERCENTILES = (50, 90, 95, 99)
EVERY = 4  # every fourth case is held out
LEAST = 40  # cases


class ReferenceError(ValueError):
    """Planes or a bundle that give no statistics; the message says which."""


def add(sub):
    """Adds the options of `reference`."""
    p = sub.add_parser("reference", help="statistics of the training cases enter a bundle, so that unlike cases are noticed (needs onnxruntime)")
    p.add_argument("--bundle", required=True, metavar="DIR", help="bundle whose manifest gets the statistics")
    p.add_argument("--planes", required=True, nargs="+", metavar="FILE_pet.npy", help="planes of the training cases, as `dlnms planes` writes them; the CT lies beside each")
    p.add_argument("--source", required=True, metavar="TEXT", help="where the cases come from; enters the manifest")
    return p


def run(a, say):
    try:
        n = write(a.bundle, a.planes, a.source, say)
    except (ValueError, OSError, ImportError) as error:
        return fail(error)
    say(f"statistics of {n} cases written")
    return 0


def write(bundle, planes, source, say=lambda text: None):
    """Writes the statistics into a bundle; returns the number of cases."""
    bundle = pathlib.Path(bundle)
    if (bundle / SIGNATURE).exists():
        raise ReferenceError(f"{bundle}: it is signed; statistics are added before a bundle is signed")
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    activations = _activations(bundle, manifest, sorted(planes), say)
    file, heads = WeightFile(FILE), []
    for head, values in activations.items():
        heads.append({"head": head, **_statistics(file, head, values)})
    n = len(planes)
    content = file.content()
    write_file(bundle / FILE, content)
    manifest["files"] = [f for f in manifest["files"] if f["name"] != FILE] + [file_entry(FILE, content, file.tensors)]
    manifest["reference"] = {"file": FILE, "cases": n, "held_out": len(range(0, n, EVERY)), "source": source, "heads": heads}
    write_file(path, (json.dumps(manifest, indent=1) + "\n").encode())
    return n


def _activations(bundle, manifest, planes, say):
    """Hidden activations of the heads, {head: cases x units}."""
    import onnx
    import onnxruntime

    if len(planes) < LEAST:
        raise ReferenceError(f"{len(planes)} cases: at least {LEAST} are needed")
    model = next(m for m in manifest["models"] if m["precision"] == "fp32")
    graph = onnx.load(str(bundle / model["graph"]["file"]))
    names = {head: f"{head}.relu" for head in HEADS}
    made = {output for node in graph.graph.node for output in node.output}
    for name in names.values():
        if name not in made:
            raise ReferenceError(f"{bundle}: the graph has no {name!r}: it is not built as the exporter builds them")
        graph.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = {head: [] for head in HEADS}
    for i, pet in enumerate(planes):
        if i % 50 == 0:
            say(f"case {i + 1} of {len(planes)}")
        images = {"pet": _image(pet), "ct": _image(_beside(pet))}
        inputs = {name: images[modality] for modality, name in model["inputs"].items()}
        for head, values in zip(HEADS, session.run([names[h] for h in HEADS], inputs)):
            found[head].append(values[0].astype(np.float64))
    return {head: np.array(values) for head, values in found.items()}


def _beside(pet):
    if not pet.endswith("_pet.npy"):
        raise ReferenceError(f"{pet}: the name does not end with _pet.npy")
    return pet.removesuffix("_pet.npy") + "_ct.npy"


def _image(path):
    image = np.load(path, allow_pickle=False)
    if image.shape != (3, 112, 112) or not np.isfinite(image).all():
        raise ReferenceError(f"{path}: not 3 x 112 x 112 finite values")
    return np.ascontiguousarray(image[None], np.float32)


def _statistics(file, head, values):
    held = values[::EVERY]
    fitted = np.delete(values, np.s_[::EVERY], axis=0)
    mean = fitted.mean(0)
    _, singular, axes = np.linalg.svd(fitted - mean, full_matrices=False)
    sd = singular / np.sqrt(len(fitted) - 1)
    kept = min(AXES, int((sd > 1e-6 * sd[0]).sum()))
    if kept == 0 or not sd[0] > 0:
        raise ReferenceError(f"{head}: the cases do not differ")
    # As the library reads them: in single precision.
    mean, axes, sd = (a.astype(np.float32) for a in (mean, axes[:kept], sd[:kept]))
    for name, array in (("mean", mean), ("axes", axes), ("sd", sd)):
        file.add(f"{head}.{name}", array)
    distance, residual = distances(held, mean, axes, sd)
    percentiles = lambda v: [float(p) for p in np.percentile(v, PERCENTILES)]
    return {"distance": percentiles(distance), "residual": percentiles(residual)}


def distances(values, mean, axes, sd):
    """Distance of each row along the axes, in standard deviations, and the length of what is left beside them."""
    mean, axes, sd = (np.asarray(a, np.float64) for a in (mean, axes, sd))
    centered = values - mean
    along = centered @ axes.T
    residual = centered - along @ axes
    return np.sqrt(((along / sd) ** 2).sum(1)), np.sqrt((residual**2).sum(1))
