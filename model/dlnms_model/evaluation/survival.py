"""Survival by score: Kaplan-Meier, log-rank, Cox regression and the test of its proportional hazards."""

import warnings

import numpy as np
from scipy import stats
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

MEIER = "Kaplan and Meier 1958 (JASA 53:457); Greenwood variance, 95 % interval on the log scale (as R survfit)"
LOGRANK = "log-rank test; Mantel 1966 (Cancer Chemother Rep 50:163)"
COX = "Cox 1972 (JRSS B 34:187), ties by Efron 1977 (JASA 72:557); Wald interval and test"
HAZARDS = "score test of a coefficient that changes with 1 - Kaplan-Meier; Grambsch and Therneau 1994 (Biometrika 81:515), as cox.zph of R survival 3"
FEWEST = 10  # events: below it no interval and no test is given


def kaplan_meier(time, event):
    """Returns the steps of a Kaplan-Meier curve: time, patients at risk, events, survival and its interval; median with its interval."""
    last = float(time.max())
    if not event.any():
        return {"last_follow_up": last, "time": [], "at_risk": [], "events": [], "survival": [], "se": [], "low": [], "high": [],
                "median": {"value": None, "low": None, "high": None}, "method": MEIER}
    k = SurvfuncRight(time, event.astype(float))
    survival = np.where(k.n_risk == k.n_events, 0.0, np.asarray(k.surv_prob))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.sqrt(np.cumsum(k.n_events / (k.n_risk * (k.n_risk - k.n_events))))
        low, high = (survival * np.exp(q * relative) for q in stats.norm.ppf([0.025, 0.975]))
    gone = survival <= 0
    low, high = np.where(gone, np.nan, low), np.where(gone, np.nan, np.minimum(high, 1))
    se = np.where(gone, np.nan, survival * np.where(gone, 0, relative))
    return {
        "last_follow_up": last, "time": k.surv_times, "at_risk": np.asarray(k.n_risk, int), "events": np.asarray(k.n_events, int), "survival": survival,
        **{name: [None if np.isnan(x) else float(x) for x in v] for name, v in (("se", se), ("low", low), ("high", high))},
        "median": {"value": half(k.surv_times, survival), "low": half(k.surv_times, low), "high": half(k.surv_times, high)},
        "method": MEIER,
    }


def half(times, curve):
    """Returns when a curve falls to one half: the middle of the flat piece if it is exactly one half, None if it never falls so far."""
    curve = np.where(np.isnan(curve), -1, curve)
    below = np.flatnonzero(curve < 0.5 + 1e-12)
    if not len(below):
        return None
    i = below[0]
    if abs(curve[i] - 0.5) < 1e-12 and (curve < 0.5 - 1e-12).any():
        return float((times[i] + times[np.flatnonzero(curve < 0.5 - 1e-12)[0]]) / 2)
    return float(times[i])


def log_rank(time, event, group, **options):
    """Returns the log-rank test between groups (`strata` and weights as in statsmodels survdiff)."""
    try:
        chi2, p = survdiff(time, event.astype(float), group, **options)
    except np.linalg.LinAlgError:
        return {"refused": "refused: at no event are patients of both groups at risk, so there is no variance"}
    return {"chi2": float(chi2), "df": len(np.unique(group)) - 1, "p": float(p), "method": LOGRANK}


def cox(time, event, x, ties="efron"):
    """Fits a Cox regression of the columns of `x`. Returns the coefficients, their covariance and the log likelihood."""
    fit = PHReg(time, x, status=event.astype(float), ties=ties).fit(method="newton", disp=0, tol=1e-13, ridge_factor=0, maxiter=200)
    return np.asarray(fit.params), np.asarray(fit.cov_params()), float(fit.llf)


def proportional_hazards(time, event, x, beta):
    """Returns chi2 and p of the test of proportional hazards, one per column of `x` and one for all together.

    `beta` is the maximum of the partial likelihood with Efron's ties. For every event time the mean and the covariance of `x` over
    the patients at risk give the score and the information of the added terms x * g(t), g = 1 - Kaplan-Meier just before t.
    """
    order = np.argsort(time, kind="stable")
    time, event, x = time[order], event[order], (x - x.mean(axis=0))[order]
    k = SurvfuncRight(time, event.astype(float))
    before = dict(zip(k.surv_times, 1 - np.concatenate([[1.0], k.surv_prob[:-1]])))
    weight = np.exp(x @ beta)
    p = x.shape[1]
    score, information = np.zeros(p), np.zeros((3, p, p))
    times = np.unique(time[event])
    mean_g = np.mean([before[t] for t in time[event]])
    for t in times:
        risk, dead = time >= t, (time == t) & event
        g, d = before[t] - mean_g, int(dead.sum())
        (s0, s1, s2), (d0, d1, d2) = (moments(weight[m], x[m]) for m in (risk, dead))
        residual = x[dead].sum(axis=0)
        for share in np.arange(d) / d:
            total, mean = s0 - share * d0, (s1 - share * d1) / (s0 - share * d0)
            residual = residual - mean
            v = (s2 - share * d2) / total - np.outer(mean, mean)
            information += np.array([1, g, g * g])[:, None, None] * v
        score += g * residual
    plain, crossed, squared = information
    left = np.linalg.solve(plain, crossed)
    remaining = np.array([squared[j, j] - crossed[j] @ left[:, j] for j in range(p)])
    if (remaining <= 1e-9 * np.abs(np.diag(squared))).any():
        return {"refused": "refused: too few event times for the test"}
    one = score**2 / remaining
    together = float(score @ np.linalg.solve(squared - crossed @ left, score))
    return {"chi2": one.tolist(), "p": stats.chi2.sf(one, 1).tolist(),
            "together": {"chi2": together, "df": p, "p": float(stats.chi2.sf(together, p))}, "method": HAZARDS}


def moments(weight, x):
    """Returns the weighted sums of 1, x and x x' over patients."""
    return weight.sum(), weight @ x, (x * weight[:, None]).T @ x


def hazard_ratio(time, event, column, unit):
    """Returns the hazard ratio of one column with its interval and the test of proportional hazards, or why there is none."""
    if event.sum() < FEWEST:
        return {"refused": f"refused: {int(event.sum())} events, fewer than ten"}
    order = np.argsort(column[event])
    if column[event][order[0]] == column[event][order[-1]]:
        return {"refused": "refused: every event has the same value, so the hazard ratio has no finite estimate"}
    x = column[:, None].astype(float)
    beta, covariance, why = regress(time, event, x)
    if why:
        return {"refused": why}
    se = float(np.sqrt(covariance[0, 0]))
    low, high = np.exp(beta[0] + se * stats.norm.ppf([0.025, 0.975]))
    z, test = float(beta[0] / se), proportional_hazards(time, event, x, beta)
    return {"hazard_ratio": float(np.exp(beta[0])), "low": float(low), "high": float(high), "per": unit, "coefficient": float(beta[0]), "se": se,
            "z": z, "p": float(2 * stats.norm.sf(abs(z))), "method": COX,
            "proportional_hazards": test if "refused" in test else {"chi2": test["chi2"][0], "p": test["p"][0], "method": HAZARDS}}


def regress(time, event, x):
    """Returns coefficients and covariance of a Cox regression of columns with mean 0 and standard deviation 1, or why there is none."""
    endless = "refused: the likelihood has no finite maximum"
    try:
        with warnings.catch_warnings(), np.errstate(under="ignore"):
            warnings.simplefilter("error")
            beta, covariance, _ = cox(time, event, x)
    except (np.linalg.LinAlgError, ArithmeticError, Warning):
        return None, None, endless
    variance = np.diag(covariance)
    if not (np.isfinite(beta).all() and (np.abs(beta) < 30).all() and (variance > 0).all() and (np.sqrt(variance) < 50 * np.maximum(1, np.abs(beta))).all()):
        return None, None, endless
    return beta, covariance, None


def adjusted(time, event, score, beside):
    """Returns a Cox regression of a score (per standard deviation) beside other columns (`beside`: name -> numbers), or why there is none."""
    scaled = score / np.abs(score).max()
    columns = {"score": (scaled - scaled.mean()) / scaled.std(ddof=1), **beside}
    if event.sum() < FEWEST * len(columns):
        return {"refused": f"refused: {int(event.sum())} events, fewer than ten for each of {len(columns)} columns"}
    flat = [n for n, c in columns.items() if np.ptp(c) == 0]
    if flat:
        return {"refused": f"refused: {flat[0]} has the same value everywhere"}
    x = np.stack(list(columns.values()), axis=1).astype(float)
    sd = x.std(axis=0)
    z = (x - x.mean(axis=0)) / sd
    if np.linalg.matrix_rank(z, tol=1e-8 * np.sqrt(len(z))) < z.shape[1]:
        return {"refused": "refused: a column follows from the others"}
    beta, covariance, why = regress(time, event, z)
    if why:
        return {"refused": why}
    test = proportional_hazards(time, event, z, beta)
    beta, se = beta / sd, np.sqrt(np.diag(covariance)) / sd
    low, high = (np.exp(beta + se * q) for q in stats.norm.ppf([0.025, 0.975]))
    out = {}
    for k, name in enumerate(columns):
        out[name] = {"hazard_ratio": float(np.exp(beta[k])), "low": float(low[k]), "high": float(high[k]), "coefficient": float(beta[k]), "se": float(se[k]),
                     "z": float(beta[k] / se[k]), "p": float(2 * stats.norm.sf(abs(beta[k] / se[k]))),
                     "proportional_hazards_p": None if "refused" in test else test["p"][k]}
    return {"columns": out, "score_per": "standard deviation of the score", "method": COX, "proportional_hazards": test}


def at_risk(time, event, times):
    """Returns for each of `times` how many patients are still followed (just before it) and how many events came before it."""
    return {"times": [float(t) for t in times], "at_risk": [int((time >= t).sum()) for t in times], "events": [int((event & (time < t)).sum()) for t in times]}


def round_times(last):
    """Returns five to eight round times from 0 to the last follow-up, for a table of the patients at risk."""
    if last <= 0:
        return [0.0]
    step = 10.0 ** np.floor(np.log10(last / 5))
    step *= next(f for f in (1, 2, 2.5, 5, 10) if last / (step * f) <= 8)
    return [float(f"{t:.6g}") for t in np.arange(0, last + step * 1e-9, step)]


def by_score(time, event, score, cutoff):
    """Returns survival of the patients above and below a cut-off (the median where none is given), and by the score itself."""
    rule = "high: score >= cutoff" if cutoff is not None else "high: score >= median of this table, where no cut-off is given"
    cutoff = float(np.median(score)) if cutoff is None else cutoff
    high, times = score >= cutoff, round_times(float(time.max()))
    out = {"cutoff": cutoff, "rule": rule, "groups": {}}
    for name, mine in (("high", high), ("low", ~high)):
        if mine.any():
            out["groups"][name] = {"n": int(mine.sum()), "events": int(event[mine].sum()), "kaplan_meier": kaplan_meier(time[mine], event[mine]),
                                   "risk_table": at_risk(time[mine], event[mine], times)}
    if high.all() or not high.any():
        out["log_rank"] = out["cox_group"] = {"refused": "refused: all patients are on one side of the cut-off"}
    else:
        few = event.sum() < FEWEST
        out["log_rank"] = {"refused": f"refused: {int(event.sum())} events, fewer than ten"} if few else log_rank(time, event, high)
        out["cox_group"] = hazard_ratio(time, event, high, "high against low")
    scaled = score / np.abs(score).max()  # so that no square is too large or too small for a double
    out["cox_score"] = hazard_ratio(time, event, (scaled - scaled.mean()) / scaled.std(ddof=1), "standard deviation of the score")
    return out
