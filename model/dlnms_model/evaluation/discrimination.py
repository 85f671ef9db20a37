"""Discrimination: AUROC with DeLong's and bootstrap intervals, paired comparisons, average precision.

A higher score means a higher risk; nothing is turned round. A pair of a positive and a negative with equal scores counts one half.
"""

import itertools
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

DELONG = "empirical AUROC, ties count one half; 95 % interval of DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837), cut at 0 and 1"
PERCENTILE = "percentile bootstrap over patients, stratified by outcome; Efron and Tibshirani 1993"
BCA = "bias-corrected and accelerated bootstrap over patients, stratified by outcome; Efron 1987 (JASA 82:171)"
PAIRED = "DeLong's test for two correlated AUROCs, two-sided; DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837)"
HOCHBERG = "Benjamini and Hochberg 1995 (JRSS B 57:289)"
PRECISION = "average precision (step function, no interpolation), scikit-learn average_precision_score"
PRECISION_NOTE = (
    "Not comparable with Table 3 of Zhong et al. 2023: five of its cells exceed the largest average precision that its AUROC and class "
    "sizes allow, so its AUPRC is not this quantity and cannot be reproduced."
)
FEWEST = 10  # of either class: below it no interval and no test is given


def too_few(positive):
    """Returns why intervals and tests are refused, or None. `positive` is the outcome as bool."""
    for name, count in (("positives", int(positive.sum())), ("negatives", int((~positive).sum()))):
        if count < FEWEST:
            return f"refused: {count} {name}, fewer than ten"
    return None


def components(positive, score):
    """Returns DeLong's structural components: one number per positive and one per negative, each set with the AUROC as its mean."""
    p, n = score[positive], score[~positive]
    rank = stats.rankdata(np.concatenate([p, n]))
    return (rank[: len(p)] - stats.rankdata(p)) / len(n), 1 - (rank[len(p):] - stats.rankdata(n)) / len(p)


def covariance(positive, scores):
    """Returns DeLong's covariance matrix of the AUROCs of several score columns on the same patients."""
    v10, v01 = zip(*(components(positive, s) for s in scores))
    return np.atleast_2d(np.cov(v10)) / positive.sum() + np.atleast_2d(np.cov(v01)) / (~positive).sum()


def auroc(positive, score):
    """Returns the AUROC with DeLong's standard error and 95 % interval."""
    value = float(metrics.roc_auc_score(positive, score))
    out = {"value": value, "low": None, "high": None, "method": DELONG}
    why = too_few(positive)
    if why is None:
        out["se"] = float(np.sqrt(covariance(positive, [score])[0, 0]))
        why = "refused: the variance is zero (the classes are separated completely, or all scores are equal)" if out["se"] == 0 else None
    if why:
        return {**out, "interval": why}
    low, high = value + stats.norm.ppf([0.025, 0.975]) * out["se"]
    return {**out, "low": float(max(low, 0)), "high": float(min(high, 1))}


def paired(positive, a, b):
    """Returns z, p and the 95 % interval of the difference of two AUROCs on the same patients (positive z: a is larger)."""
    c = covariance(positive, [a, b])
    difference = metrics.roc_auc_score(positive, a) - metrics.roc_auc_score(positive, b)
    variance = c[0, 0] + c[1, 1] - 2 * c[0, 1]
    if variance <= 1e-15:
        return {"difference": float(difference), "z": None, "p": None, "test": "refused: the difference has no variance"}
    low, high = difference + stats.norm.ppf([0.025, 0.975]) * np.sqrt(variance)
    z = difference / np.sqrt(variance)
    return {"difference": float(difference), "low": float(low), "high": float(high), "z": float(z), "p": float(2 * stats.norm.sf(abs(z)))}


def unpaired(positive, score, group):
    """Compares the AUROC between two disjoint groups of patients (`group` as bool): t with Welch's degrees of freedom."""
    parts = [(positive[g], score[g]) for g in (group, ~group)]
    values = [metrics.roc_auc_score(*p) for p in parts]
    variances = [covariance(p, [s])[0, 0] for p, s in parts]
    if not all(variances):
        return {"t": None, "df": None, "p": None, "auroc": [float(v) for v in values], "test": "refused: the AUROC of a group has no variance"}
    df = sum(variances) ** 2 / sum(v**2 / (len(p) - 1) for v, (p, _) in zip(variances, parts))
    t = (values[0] - values[1]) / np.sqrt(sum(variances))
    return {"t": float(t), "df": float(df), "p": float(2 * stats.t.sf(abs(t), df)), "auroc": [float(v) for v in values]}


def comparisons(positive, scores):
    """Returns every pair of score columns compared, with p adjusted over all pairs. `scores` maps names to columns."""
    out, why = [], too_few(positive)
    for a, b in itertools.combinations(scores, 2):
        test = {"z": None, "p": None, "test": why} if why else paired(positive, scores[a], scores[b])
        out.append({"a": a, "b": b, **test, "p_adjusted": None, "method": PAIRED})
    tested = [c for c in out if c["p"] is not None]
    adjusted = stats.false_discovery_control([c["p"] for c in tested]) if tested else []
    for c, p in zip(tested, adjusted):
        c.update(p_adjusted=float(p), adjustment=f"{HOCHBERG}, over {len(tested)} comparisons")
    return out


def partial_area(positive, score, lowest_specificity):
    """Returns the area under the ROC curve where specificity is at least `lowest_specificity`, not standardised."""
    fpr, tpr, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
    end = 1 - lowest_specificity
    inside = fpr < end
    return float(metrics.auc(np.append(fpr[inside], end), np.append(tpr[inside], np.interp(end, fpr, tpr))))


def by_level(positive, score, statistic, replicates, seed):
    """Returns percentile and BCa bootstrap intervals of a statistic of the score's order, from the same replicates.

    Scores become levels 0, 1, ... first, so that a replicate is a count per level and needs no sorting. `statistic` gets the counts of
    positives and negatives, replicates x levels.
    """
    levels = np.unique(score, return_inverse=True)[1]
    size = int(levels.max()) + 1

    def count(sample):
        flat = sample.reshape(-1, sample.shape[-1])
        return np.bincount((flat + size * np.arange(len(flat))[:, None]).ravel(), minlength=size * len(flat)).reshape(len(flat), size)

    def of_samples(p, n, axis=-1):
        return statistic(count(p), count(n)).reshape(np.broadcast_shapes(p.shape[:-1], n.shape[:-1]))

    options = dict(statistic=of_samples, vectorized=True, paired=False, axis=-1, batch=max(1, 4_000_000 // max(len(score), size)))
    data = (levels[positive], levels[~positive])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without any variance the BCa interval is undefined; it becomes None below
        first = stats.bootstrap(data, n_resamples=replicates, method="percentile", random_state=np.random.default_rng(seed), **options)
        second = stats.bootstrap(data, n_resamples=0, bootstrap_result=first, method="BCa", **options)
    note = f"; {replicates} replicates, seed {seed}"
    return {
        "bootstrap": {**interval(first), "method": PERCENTILE + note},
        "bootstrap_bca": {**interval(second), "method": BCA + note},
    }


def area(p, n):
    """Returns the AUROC of counts of positives and negatives, replicates x levels of the score from low to high."""
    below = np.cumsum(n, axis=1) - n / 2
    return (p * below).sum(axis=1) / (p.sum(axis=1) * n.sum(axis=1))


def average_precision(p, n):
    """Returns the average precision of counts of positives and negatives, replicates x levels of the score from low to high."""
    p, n = p[:, ::-1], n[:, ::-1]
    above = np.cumsum(p, axis=1)
    return (p * above / np.maximum(above + np.cumsum(n, axis=1), 1)).sum(axis=1) / p.sum(axis=1)


def resample(positive, score, replicates, seed):
    """Returns bootstrap intervals of the AUROC: percentile and BCa, from the same replicates."""
    return by_level(positive, score, area, replicates, seed)


def interval(result):
    """Returns low and high of a bootstrap result, None where it is undefined."""
    low, high = map(float, result.confidence_interval)
    return {"low": low if np.isfinite(low) else None, "high": high if np.isfinite(high) else None}


def precision(positive, score, replicates=0, seed=0):
    """Returns the area under the precision-recall curve with its bootstrap interval, and what a useless score would have."""
    value = float(metrics.average_precision_score(positive, score))
    out = {"value": value, "low": None, "high": None, "chance": float(positive.mean()), "method": PRECISION, "reproduces_paper": False, "note": PRECISION_NOTE}
    why = too_few(positive) or (None if replicates else "refused: no bootstrap")
    if why:
        return {**out, "interval": why}
    b = by_level(positive, score, average_precision, replicates, seed)
    if b["bootstrap"]["low"] == b["bootstrap"]["high"]:
        return {**out, "interval": "refused: every replicate has the same value"}
    return {**out, "low": b["bootstrap"]["low"], "high": b["bootstrap"]["high"], "interval": b["bootstrap"]["method"], "bootstrap_bca": b["bootstrap_bca"]}


def ties(positive, score):
    """Returns how many scores are tied and how ties were counted."""
    p, n = score[positive], np.sort(score[~positive])
    tied = int((np.searchsorted(n, p, "right") - np.searchsorted(n, p, "left")).sum())
    return {"distinct_scores": len(np.unique(score)), "tied_pairs": tied, "pairs": len(p) * len(n),
            "handling": "a tied pair of a positive and a negative counts one half in the AUROC"}
