"""Calibration and cut-off from scores of patients that the network has not seen."""

import numpy as np
from scipy import optimize

from ..evaluation.discrimination import auroc

REPLICATES = 2000


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def platt(y, logit):
    """Returns (a, b) so that sigma(a logit + b) is calibrated (Platt 1999), or None where a higher logit does not mean a higher risk.

    The targets are not 0 and 1 but a little inside, as Platt has it, so that separated classes have an answer.
    """
    n, p = len(y), int(y.sum())
    target = np.where(y, (p + 1) / (p + 2), 1 / (n - p + 2))

    def loss(parameters):
        x = parameters[0] * logit + parameters[1]
        difference = sigmoid(x) - target
        return np.logaddexp(0, x).sum() - target @ x, np.array([difference @ logit, difference.sum()])

    found = optimize.minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-8 * n})
    a, b = map(float, found.x)
    return (a, b) if a > 0 and np.isfinite([a, b]).all() else None


def youden(y, score):
    """Returns the cut-off with the largest sensitivity + specificity - 1, at or above which a score is positive. Among equals the higher.

    It lies in the middle between two scores, so that rounding moves nobody across it.
    """
    values, level = np.unique(score, return_inverse=True)
    positive, negative = (np.bincount(level[y == c], minlength=len(values)) for c in (True, False))
    sensitivity = positive[::-1].cumsum()[::-1] / positive.sum()
    specificity = 1 - negative[::-1].cumsum()[::-1] / negative.sum()
    j = sensitivity + specificity - 1
    k = len(values) - 1 - int(np.argmax(j[::-1] > j.max() - 1e-12))
    value = (values[k - 1] + values[k]) / 2 if k else values[0]
    return float(value), float(sensitivity[k]), float(specificity[k])


def cutoff(y, score, what, seed):
    """Returns the cut-off as a training record has it, with a bootstrap interval over patients."""
    value, sensitivity, specificity = youden(y, score)
    rng, found = np.random.default_rng([seed, 4]), []
    classes = [np.flatnonzero(y == c) for c in (True, False)]
    for _ in range(REPLICATES):
        sample = np.concatenate([rng.choice(c, len(c)) for c in classes])
        found.append(youden(y[sample], score[sample])[0])
    low, high = np.quantile(found, [0.025, 0.975])
    return {
        "value": value, "source": f"maximum Youden index, {what}, {len(y)} patients, {int(y.sum())} positive",
        "sensitivity": sensitivity, "specificity": specificity, "low": float(low), "high": float(high), "replicates": REPLICATES,
    }


def discrimination(y, score):
    """Returns the AUROC with DeLong's interval."""
    found = auroc(y, score)
    return {k: found[k] for k in ("value", "low", "high", "method")}
