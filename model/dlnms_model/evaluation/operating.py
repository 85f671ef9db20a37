"""Performance at a cut-off, with exact intervals. A score equal to the cut-off is positive, as in the library."""

import numpy as np
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from . import discrimination

EXACT = "exact interval; Clopper and Pearson 1934 (Biometrika 26:404), 95 %"
WILSON = "Wilson 1927 (JASA 22:209), without continuity correction, 95 %"
METHODS = {"clopper_pearson": "beta", "wilson": "wilson"}
YOUDEN = (
    "largest Youden index on this very table (midpoint between neighbouring scores; the lowest of equally good ones); chosen and evaluated "
    "on the same patients, hence optimistic: not for reporting performance; Youden 1950 (Cancer 3:32)"
)


def proportion(k, n, method="clopper_pearson"):
    """Returns k/n with its 95 % interval (`clopper_pearson` or `wilson`)."""
    low, high = proportion_confint(k, n, alpha=0.05, method=METHODS[method])
    return {"value": k / n, "low": float(low), "high": float(high)}


def rates(tp, fp, tn, fn):
    """Returns every rate of a confusion matrix as (numerator, denominator)."""
    return {
        "sensitivity": (tp, tp + fn), "specificity": (tn, tn + fp), "ppv": (tp, tp + fp), "npv": (tn, tn + fn),
        "accuracy": (tp + tn, tp + fp + tn + fn),
    }


def matrix(tp, fp, tn, fn, why=None):
    """Returns counts, rates and their intervals. A rate with denominator 0 is None. `why` refuses the intervals."""
    out = {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    parts = rates(tp, fp, tn, fn)
    out.update({name: k / n if n else None for name, (k, n) in parts.items()})
    out["youden"] = out["sensitivity"] + out["specificity"] - 1 if tp + fn and tn + fp else None
    if why:
        return {**out, "intervals": None, "intervals_refused": why}
    out["intervals"] = {name: {**{k2: v for k2, v in proportion(k, n).items() if k2 != "value"}, "method": EXACT} for name, (k, n) in parts.items() if n}
    return out


def at_cutoff(positive, score, cutoff):
    """Returns performance with scores at or above `cutoff` called positive."""
    high = score >= cutoff
    counts = [int((high & positive).sum()), int((high & ~positive).sum()), int((~high & ~positive).sum()), int((~high & positive).sum())]
    return {"cutoff": float(cutoff), "rule": "positive if score >= cutoff", **matrix(*counts, discrimination.too_few(positive))}


def youden(positive, score):
    """Returns performance at the cut-off with the largest Youden index of this table."""
    levels = np.unique(score)
    middles = (levels[1:] + levels[:-1]) / 2
    middles = np.where(middles > levels[:-1], middles, levels[1:])  # neighbours in the last bit have no number between them
    p, n = np.sort(score[positive]), np.sort(score[~positive])
    index = np.searchsorted(n, middles) * len(p) - np.searchsorted(p, middles) * len(n)  # exact: ties are ties
    return {**at_cutoff(positive, score, middles[int(np.argmax(index))]), "method": YOUDEN}


def curves(positive, score):
    """Returns the points of the ROC and of the precision-recall curve."""
    fpr, tpr, cut = metrics.roc_curve(positive, score, drop_intermediate=False)
    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    return {"fpr": fpr, "tpr": tpr, "cutoff": cut, "precision": precision, "recall": recall}
