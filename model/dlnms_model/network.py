"""Networks of a bundle: which backbones and heads each has, by modality, and under which names they stand in a bundle."""

import dataclasses

from .layout import KINDS

LABELS = ("n1", "n2")


@dataclasses.dataclass(frozen=True)
class Network:
    """One trained network: its label (n1 or n2), its kind (pet-ct, pet or ct), its state dict, and the name of its score."""

    label: str
    kind: str
    state: dict
    head: str

    @property
    def backbones(self):
        """Modality -> prefix in the state dict, in the order of the graph."""
        return KINDS[self.kind].backbones

    @property
    def heads(self):
        """Name of each head of a bundle -> (prefix in the state dict, modalities that it sees)."""
        return {self.head + suffix: of for suffix, of in KINDS[self.kind].heads.items()}

    def backbone(self, modality):
        """Name of a backbone in a bundle."""
        return f"{self.head}.{modality}"


def arrange(found):
    """Networks of a bundle from {(label, kind): state}.

    The networks that give the scores `n1` and `n2` are the fused ones, or those of a single modality where no fused ones are given.
    Networks of a single modality beside fused ones give the heads `n1_pet_model`, `n1_ct_model` and so on; the auxiliary
    heads of a fused network are `n1_pet` and `n1_ct`.
    """
    kinds = [k for k in KINDS if any((label, k) in found for label in LABELS)]
    if not kinds:
        raise ValueError("no network is given")
    first = kinds[0]
    missing = [label for label in LABELS if (label, first) not in found]
    if missing:
        raise ValueError(f"the {first} network for {missing[0]} is missing: a bundle scores n1 and n2")
    if first != "pet-ct" and len(kinds) > 1:
        raise ValueError("PET and CT networks stand beside fused ones, or alone with one modality; these are of both without a fused one")
    networks = [Network(label, first, found[label, first], label) for label in LABELS]
    for kind in kinds[1:]:
        networks += [Network(label, kind, found[label, kind], f"{label}_{kind}_model") for label in LABELS if (label, kind) in found]
    return networks


def head_names(networks):
    return [head for network in networks for head in network.heads]


def modalities(networks):
    """Modalities that any of the networks sees: pet, ct or both, in this order."""
    return [m for m in ("pet", "ct") if any(m in network.backbones for network in networks)]
