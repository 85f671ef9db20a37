"""Calibration of scores that are probabilities: slope, intercept, Brier score, Hosmer-Lemeshow, groups for the curve."""

import numpy as np
import statsmodels.api as sm
from scipy import special, stats

from . import discrimination
from .operating import WILSON, proportion

METHOD = (
    "logistic regression of the outcome on logit(score): slope and intercept; calibration in the large: intercept with the slope fixed at 1; "
    "Wald intervals, 95 %; Cox 1958 (Biometrika 45:562), Van Calster et al. 2019 (BMC Medicine 17:230)"
)
BRIER = "mean squared difference of score and outcome; Brier 1950 (Monthly Weather Review 78:1)"
LEMESHOW = "ten groups between deciles of the score, 8 degrees of freedom; Hosmer and Lemeshow 1980 (Comm Stat A 9:1043)"


def why_not(score):
    """Returns why a score column is no probability, or None."""
    if score.min() < 0 or score.max() > 1:
        return "refused: not a probability (values outside 0 to 1)"
    return None


def why_no_risk(score):
    """Returns why a score column is no graded probability, as calibration, NRI and IDI need, or None."""
    if len(np.unique(score)) == 2:
        return "refused: a reading of two values, not a graded probability"
    return why_not(score)


def coefficient(fit, k, refused):
    """Returns one coefficient of a fit with its Wald interval."""
    low, high = (None, None) if refused else map(float, fit.conf_int()[k])
    return {"value": float(fit.params[k]), "low": low, "high": high}


def calibration(positive, score):
    """Returns the calibration of one score column, or why there is none."""
    why = why_no_risk(score)
    if why:
        return {"refused": why}
    y = positive.astype(float)
    out = {
        "brier": {"value": float(np.mean((score - y) ** 2)), "method": BRIER},
        "expected_over_observed": float(score.sum() / y.sum()),
        "hosmer_lemeshow": hosmer_lemeshow(y, score),
        "groups": groups(y, score),
        "method": METHOD,
    }
    if score.min() <= 0 or score.max() >= 1:
        return {**out, "refused": "slope and intercept refused: a score of exactly 0 or 1 has no logit"}
    if score[positive].min() >= score[~positive].max() or score[positive].max() <= score[~positive].min():
        return {**out, "refused": "slope and intercept refused: the classes are separated completely"}
    refused, x = discrimination.too_few(positive), special.logit(score)
    options = dict(tol=1e-14, tol_criterion="params", maxiter=200)
    both = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial()).fit(**options)
    large = sm.GLM(y, np.ones((len(y), 1)), family=sm.families.Binomial(), offset=x).fit(**options)
    out.update(slope=coefficient(both, 1, refused), intercept=coefficient(both, 0, refused), in_the_large=coefficient(large, 0, refused))
    return {**out, "intervals_refused": refused} if refused else out


def split(score, count=10):
    """Returns the group of each score between its quantiles (right end included), fewer groups where quantiles coincide."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, count + 1)))
    return np.clip(np.searchsorted(edges, score, "left") - 1, 0, len(edges) - 2), len(edges) - 1


def groups(y, score):
    """Returns, per group of the score, the number of patients, the mean score and the observed rate with Wilson's interval."""
    which, count = split(score)
    out = []
    for g in range(count):
        mine = which == g
        if mine.any():
            p = proportion(int(y[mine].sum()), int(mine.sum()), "wilson")
            out.append({"n": int(mine.sum()), "mean_score": float(score[mine].mean()), "observed": p["value"], "low": p["low"], "high": p["high"], "method": WILSON})
    return out


def hosmer_lemeshow(y, score):
    """Returns the Hosmer-Lemeshow test, or why there is none."""
    which, count = split(score)
    n = np.bincount(which, minlength=count)
    expected, observed = (np.bincount(which, weights=w, minlength=count) for w in (score, y))
    variance = expected * (1 - expected / np.maximum(n, 1))
    if count < 10 or (n == 0).any() or (variance <= 0).any():
        return {"chi2": None, "p": None, "refused": "refused: tied scores leave fewer than ten groups, or a group expects no event", "method": LEMESHOW}
    chi2 = float(np.sum((observed - expected) ** 2 / variance))
    return {"chi2": chi2, "df": 8, "p": float(stats.chi2.sf(chi2, 8)), "method": LEMESHOW}
