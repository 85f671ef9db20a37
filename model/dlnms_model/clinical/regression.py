"""Logistic regression with odds ratios, and why there is none."""

import warnings

import numpy as np
from scipy import stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.tools.sm_exceptions import PerfectSeparationError

LOGISTIC = "logistic regression, maximum likelihood; odds ratios with Wald intervals, 95 %, and Wald tests, two-sided; statsmodels Logit"
LARGEST_SE = 100.0  # of a coefficient of a column with standard deviation 1: beyond it the likelihood has no finite maximum


class NoFit(ValueError):
    """A regression that has no answer; the message says why."""


def logistic(columns, positive):
    """Fits a regression with an intercept. `columns` maps names to numbers.

    Returns the coefficients (intercept first), their covariance and the log likelihood. Columns are scaled for the fit and the answer is
    scaled back, so that no unit disturbs it.
    """
    names = list(columns)
    for name in names:
        if np.ptp(columns[name]) == 0:
            raise NoFit(f"{name} has the same value everywhere")
    x = np.stack([columns[n] for n in names], axis=1).astype(float) if names else np.empty((len(positive), 0))
    mean, sd = x.mean(axis=0), x.std(axis=0)
    z = np.column_stack([np.ones(len(x)), (x - mean) / sd]) if names else np.ones((len(x), 1))
    for k in range(2, z.shape[1] + 1):
        if np.linalg.matrix_rank(z[:, :k], tol=1e-8 * np.sqrt(len(z))) < k:
            raise NoFit(f"{names[k - 2]} follows from the columns before it")
    endless = NoFit("the likelihood has no finite maximum: a column, or several together, separate the classes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = Logit(positive.astype(float), z).fit(disp=0, method="newton", tol=1e-14, ridge_factor=0, maxiter=200)
        covariance = np.asarray(fit.cov_params())
    except (PerfectSeparationError, np.linalg.LinAlgError):
        raise endless from None
    if not np.isfinite(covariance).all() or (np.diag(covariance) <= 0).any() or np.sqrt(np.diag(covariance)).max() > LARGEST_SE:
        raise endless
    back = np.eye(z.shape[1])
    if names:
        back[0, 1:], back[1:, 1:] = -mean / sd, np.diag(1 / sd)
    return back @ np.asarray(fit.params), back @ covariance @ back.T, float(fit.llf)


def coefficient(value, variance):
    """Returns one coefficient with its odds ratio, interval and test."""
    se = float(np.sqrt(variance))
    low, high = np.exp(value + se * stats.norm.ppf([0.025, 0.975]))
    return {"coefficient": float(value), "se": se, "odds_ratio": float(np.exp(value)), "low": float(low), "high": float(high), "z": float(value / se),
            "p": float(2 * stats.norm.sf(abs(value / se)))}
