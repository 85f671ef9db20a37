"""Statistics of training cases in a bundle: what is written, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from dlnms_model import bundle, export, network, reference_statistics, seeded

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A bundle of PET networks, the smallest that the exporter builds, and planes of 48 cases."""
    out = tmp_path_factory.mktemp("bundle")
    networks = network.arrange({(label, "pet"): seeded.weights(f"7:{label}", "pet") for label in network.LABELS})
    description = bundle.Description(
        id="reference", version="1.0.0", weights="seeded", card="test", preprocessing=bundle.AUTHORS_PREPROCESSING,
        preprocessing_source=export.AUTHORS, cutoffs=None, cutoffs_source=None,
    )
    bundle.write(out, networks, description, half=False)
    planes = tmp_path_factory.mktemp("planes")
    y, x = np.mgrid[0:112, 0:112] / 111.0 - 0.5
    for n in range(48):
        u = seeded.uniform(f"case {n}", 6)
        blob = (4 * u[0] * np.exp(-((x - u[1] + 0.5) ** 2 + (y - u[2] + 0.5) ** 2) * 40)).astype(np.float32)
        for modality in ("pet", "ct"):
            np.save(planes / f"{n:02}_{modality}.npy", np.stack([blob] * 3))
    files = sorted(str(p) for p in planes.glob("*_pet.npy"))
    assert reference_statistics.write(out, files, "48 made cases") == 48
    return out, files


def test_manifest_names_the_statistics(written):
    out, _ = written
    manifest = json.loads((out / "manifest.json").read_text())
    reference = manifest["reference"]
    assert (reference["cases"], reference["held_out"], reference["source"]) == (48, 12, "48 made cases")
    entry = next(f for f in manifest["files"] if f["name"] == reference["file"])
    shapes = {t["name"]: t["shape"] for t in entry["tensors"]}
    assert shapes["n1.mean"] == [512] and shapes["n2.axes"][1] == 512 and shapes["n2.sd"] == shapes["n2.axes"][:1]
    for head in reference["heads"]:
        for kind in ("distance", "residual"):
            assert head[kind] == sorted(head[kind]) and head[kind][0] > 0


def test_distances_are_those_of_a_known_cloud():
    mean, axes, sd = np.zeros(3), np.eye(3)[:2], np.array([2.0, 0.5])
    distance, residual = reference_statistics.distances(np.array([[4.0, 0.5, 7.0]]), mean, axes, sd)
    assert distance[0] == pytest.approx(np.hypot(2, 1)) and residual[0] == 7


def test_twice_is_once(written):
    out, files = written
    before = (out / "manifest.json").read_bytes()
    reference_statistics.write(out, files, "48 made cases")
    assert (out / "manifest.json").read_bytes() == before


def test_refused_by_name(written, tmp_path):
    out, files = written
    with pytest.raises(reference_statistics.ReferenceError, match="at least 40"):
        reference_statistics.write(out, files[:3], "few")
    named = tmp_path / "planes.npy"
    shutil.copy(files[0], named)
    with pytest.raises(reference_statistics.ReferenceError, match="_pet.npy"):
        reference_statistics.write(out, files[:45] + [str(named)], "named otherwise")
    signature = out / "manifest.json.minisig"
    signature.write_text("signed")
    with pytest.raises(reference_statistics.ReferenceError, match="signed"):
        reference_statistics.write(out, files, "too late")
    signature.unlink()
