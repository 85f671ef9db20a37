"""A bundle whose explanations are known: seeded weights with first layers that see what they are told to.

    python planted_bundle.py OUT

N1 sees the axial plane of the PET and nothing else: the weights of all other channels are zero. N2 sees the three planes of PET and CT
alike: the weights of its channels are equal. Its weights are of kind "phantom".
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "model"))
from dlnms_model import bundle, export, layout, network, seeded  # noqa: E402


def first_layer(modality):
    return f"{layout.KINDS['pet-ct'].backbones[modality]}.0.weight"


def main(out):
    n1, n2 = (seeded.weights(f"42:{label}") for label in network.LABELS)
    n1[first_layer("pet")][:, 1:] = 0
    n1[first_layer("ct")][:] = 0
    for modality in ("pet", "ct"):
        weights = n2[first_layer(modality)]
        weights[:] = weights[:, :1]
    description = bundle.Description(
        id="dlnms-planted", version="1.0.0", weights="phantom",
        card="Test double: N1 sees the axial plane of the PET alone, N2 sees all planes of a modality alike. Trained on nothing.",
        preprocessing=bundle.AUTHORS_PREPROCESSING, preprocessing_source=export.AUTHORS,
        cutoffs=export.SEEDED_CUTOFFS, cutoffs_source=export.SEEDED_CUTOFFS_SOURCE,
    )
    networks = network.arrange({("n1", "pet-ct"): n1, ("n2", "pet-ct"): n2})
    bundle.write(out, networks, description, half=False)


main(*sys.argv[1:])
