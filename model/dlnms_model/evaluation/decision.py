"""What a score would change: decision curves, net reclassification improvement, integrated discrimination improvement."""

import numpy as np
from scipy import stats

from . import calibration, discrimination

CURVE = "net benefit TP/n - FP/n * t/(1-t), positive if score >= t; Vickers and Elkin 2006 (Med Decis Making 26:565)"
NRI = "continuous (category-free) net reclassification improvement of the first (a) over the second (b), two-sided z; Pencina et al. 2011 (Stat Med 30:11)"
IDI = "integrated discrimination improvement of the first (a) over the second (b), two-sided z; Pencina et al. 2008 (Stat Med 27:157)"
THRESHOLDS = np.round(np.arange(0.01, 1, 0.01), 2)


def net_benefit(positive, score, thresholds=THRESHOLDS):
    """Returns the net benefit at each threshold."""
    n, odds = len(score), thresholds / (1 - thresholds)
    p, q = np.sort(score[positive]), np.sort(score[~positive])
    return (len(p) - np.searchsorted(p, thresholds)) / n - (len(q) - np.searchsorted(q, thresholds)) / n * odds


def curve(positive, score):
    """Returns the decision curve of a score column, or why there is none."""
    why = calibration.why_not(score)
    return {"refused": why} if why else {"thresholds": THRESHOLDS, "net_benefit": net_benefit(positive, score), "method": CURVE}


def treat_all(positive, thresholds=THRESHOLDS):
    """Returns the net benefit of treating everybody at each threshold."""
    return positive.mean() - (1 - positive.mean()) * thresholds / (1 - thresholds)


def improvement(positive, a, b):
    """Returns NRI and IDI of score `a` over score `b`, or why there are none."""
    why = calibration.why_no_risk(a) or calibration.why_no_risk(b) or discrimination.too_few(positive)
    if why:
        return {"nri": {"refused": why}, "idi": {"refused": why}}
    up, event, d = np.sign(a - b), positive, a - b
    parts = [up[event].mean(), -up[~event].mean()]
    variance = sum(((up[g] != 0).mean() - up[g].mean() ** 2) / g.sum() for g in (event, ~event))
    spread = sum(d[g].var(ddof=1) / g.sum() for g in (event, ~event))
    return {
        "nri": {**z_test(sum(parts), variance), "events": float(parts[0]), "non_events": float(parts[1]), "method": NRI},
        "idi": {**z_test(d[event].mean() - d[~event].mean(), spread), "method": IDI},
    }


def z_test(value, variance):
    """Returns a value with its standard error, 95 % interval, z and two-sided p."""
    if variance <= 1e-20:
        return {"value": float(value), "se": None, "low": None, "high": None, "z": None, "p": None, "test": "refused: no variance"}
    se = float(np.sqrt(variance))
    low, high = value + se * stats.norm.ppf([0.025, 0.975])
    return {"value": float(value), "se": se, "low": float(low), "high": float(high), "z": float(value / se), "p": float(2 * stats.norm.sf(abs(value / se)))}
