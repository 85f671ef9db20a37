"""The made truth: five hidden numbers of a patient, the risk that follows from them, and the best AUROC that a reader of the images can reach.

Every hidden number is drawn from N(0, 1). CT shows how solid and how spiculated the tumour is, PET its uptake and its necrosis, both its
size. Age and sex act on the risk beside the images, with a known odds ratio.
"""

import dataclasses

import numpy as np

HIDDEN = ("solid", "spiculation", "uptake", "necrosis", "size")
SEEN = {"pet-ct": HIDDEN, "ct": ("solid", "spiculation", "size"), "pet": ("uptake", "necrosis", "size")}
ODDS_RATIO = {"age": 1.3, "male": 1.5}  # for ten years, and for a man
MEAN_AGE = 63.0
MEN = 0.55


@dataclasses.dataclass(frozen=True)
class Label:
    """The log odds of a label: intercept + weights of the hidden numbers + age and sex."""

    intercept: float
    weights: dict

    def logit(self, hidden, age, male):
        """Returns the log odds of patients. `hidden` maps names to arrays."""
        return self.intercept + self.part(hidden, HIDDEN) + clinical(age, male)

    def part(self, hidden, names):
        """Returns what the hidden numbers `names` add to the log odds."""
        return sum(self.weights.get(n, 0.0) * hidden[n] for n in names)

    def variance(self, names):
        return sum(self.weights.get(n, 0.0) ** 2 for n in names)


def _weights(scale, ct, pet, size):
    """Weights of the standardised sums of what CT and PET show."""
    ct, pet = ((a / np.hypot(a, b), b / np.hypot(a, b)) for a, b in (ct, pet))
    return dict(zip(HIDDEN, (scale * ct[0], scale * ct[1], 0.75 * scale * pet[0], 0.75 * scale * pet[1], size)))


# N2 follows from other weights of the same numbers, so that the two labels go together as they do in patients.
LABELS = {
    "n1": Label(-2.4, _weights(2.4, (1.0, 0.6), (1.0, 0.6), 0.0)),
    "n2": Label(-2.9, _weights(2.4, (0.8, 0.8), (1.0, 0.5), 0.5)),
}


def clinical(age, male):
    """Returns what age and sex add to the log odds; zero on average."""
    return np.log(ODDS_RATIO["age"]) * (age - MEAN_AGE) / 10 + np.log(ODDS_RATIO["male"]) * (male - MEN)


def best_auroc(label, modality, age_sd=9.0):
    """Returns the AUROC of the best score that a reader of a modality can give, by numerical integration.

    The best score rises with the part of the log odds that the modality shows, because the rest is independent of it. That part is
    normal, so the AUROC is a sum over a grid of pairs.
    """
    t = LABELS[label]
    seen = SEEN[modality]
    unseen = t.variance([n for n in HIDDEN if n not in seen]) + (np.log(ODDS_RATIO["age"]) * age_sd / 10) ** 2
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(61)
    node_weights = node_weights / node_weights.sum()
    grid = np.linspace(-8, 8, 4001)
    density = np.exp(-grid**2 / 2)
    density /= density.sum()
    shown = t.intercept + np.sqrt(t.variance(seen)) * grid
    chance = np.zeros_like(grid)
    for male, share in ((1.0, MEN), (0.0, 1 - MEN)):
        x = shown[:, None] + np.sqrt(unseen) * nodes + clinical(MEAN_AGE, male)
        chance += share * (node_weights / (1 + np.exp(-x))).sum(1)
    positive, negative = density * chance, density * (1 - chance)
    positive, negative = positive / positive.sum(), negative / negative.sum()
    return float((positive * (np.cumsum(negative) - negative / 2)).sum())


def draw(rng, n):
    """Draws n patients: {name: array} of the hidden numbers, age, sex, and the labels with their log odds."""
    hidden = {name: rng.standard_normal(n) for name in HIDDEN}
    age = np.clip(rng.normal(MEAN_AGE, 9.0, n), 30, 95).round(1)
    male = (rng.random(n) < MEN).astype(float)
    out = {"hidden": hidden, "age": age, "male": male}
    for name, label in LABELS.items():
        logit = label.logit(hidden, age, male)
        out[name] = rng.random(n) < 1 / (1 + np.exp(-logit))
        out[f"{name}_logit"] = logit
        for modality, seen in SEEN.items():
            out[f"{name}_{modality}"] = label.intercept + label.part(hidden, seen)
    return out
