"""The clinical model: columns enter by their univariable test, one regression is fitted, and a small JSON file holds it."""

import hashlib
import hmac
import json
import pathlib
import platform
from importlib import metadata

import numpy as np
from scipy import special, stats

from ..evaluation import discrimination
from ..page import NOTICE
from ..table import PATIENT, TableError
from ..terms import Term, parse
from . import regression

FORMAT = 1
ENTRY = 0.1
LIKELIHOOD = "likelihood ratio test of the network's score added to the clinical columns, chi-squared"
APPARENT = "AUROC on the very patients that the model was fitted to, hence optimistic: evaluate the model on others"


def univariable(values, positive):
    """Returns one regression for each term: odds ratio, interval and p, or why there is none."""
    out = {}
    for name, x in values.items():
        try:
            beta, covariance, _ = regression.logistic({name: x}, positive)
            out[name] = regression.coefficient(beta[1], covariance[1, 1])
        except regression.NoFit as why:
            out[name] = {"refused": f"refused: {why}"}
    return out


def multivariable(values, positive):
    """Returns one regression of all terms, with p adjusted over the terms."""
    beta, covariance, likelihood = regression.logistic(values, positive)
    terms = {n: regression.coefficient(beta[k], covariance[k, k]) for k, n in enumerate(values, start=1)}
    for t, p in zip(terms.values(), stats.false_discovery_control([t["p"] for t in terms.values()])):
        t["p_adjusted"] = float(p)
    return {"intercept": regression.coefficient(beta[0], covariance[0, 0]), "terms": terms, "covariance": covariance.tolist(), "log_likelihood": likelihood}


def fit(data, label, texts, fuse=None, entry=ENTRY):
    """Fits the clinical model of a label, or the model fused with the network's score in column `fuse`, and returns it as plain values."""
    positive = data.outcome(label)
    why = discrimination.too_few(positive)
    if why:
        raise TableError(f"{data.name}, column {label}: {why}: no p-value means anything, so no column can enter")
    terms = [parse(t, data) for t in texts]
    network = Term(f"logit({fuse})", fuse, "logit") if fuse else None
    used = [t.text for t in [*terms, *([network] if network else [])]]
    if len(set(used)) != len(used) or label in {t.column for t in terms} or fuse == label:
        raise TableError("a term is named twice, or the label is among the terms")
    values = {t.text: t.values(data) for t in terms}
    one = univariable(values, positive)
    entered = {n: values[n] for n in values if one[n].get("p", 1.0) < entry}
    separating = [n for n in values if "refused" in one[n]]
    if not entered and not network:
        raise TableError(f"{data.name}: no column has a univariable p below {entry:g}, so there is no model"
                         + (f" ({separating[0]}: {one[separating[0]]['refused']})" if separating else ""))
    try:
        clinical = multivariable(entered, positive) if entered else None
        if network:
            scored = network.values(data)
            one[network.text] = univariable({network.text: scored}, positive)[network.text]
            entered[network.text] = scored
        many = multivariable(entered, positive) if network else clinical
    except regression.NoFit as error:
        raise TableError(f"{data.name}: the columns that enter ({', '.join(entered)}) give no model: {error}") from None
    result = {"format": FORMAT, "notice": NOTICE, "kind": "fused" if network else "clinical", "label": label, "entry_p_below": entry,
              "univariable": one, "multivariable": many, "warnings": list(data.warnings), "method": regression.LOGISTIC,
              "adjustment": f"{discrimination.HOCHBERG}, over the terms of the multivariable model"}
    if network:
        result["network"] = {"column": fuse, **{k: v for k, v in data.sources.get(fuse, {}).items() if k != "file"}}
        base = clinical["log_likelihood"] if clinical else regression.logistic({}, positive)[2]
        chi2 = 2 * (many["log_likelihood"] - base)
        result["network_added"] = {"chi2": chi2, "df": 1, "p": float(stats.chi2.sf(chi2, 1)), "method": LIKELIHOOD}
    by_text = {t.text: t for t in [*terms, *([network] if network else [])]}
    result["terms"] = [{"term": n, "column": by_text[n].column, "kind": by_text[n].kind, "word": by_text[n].word, "words": by_text[n].words, "coefficient": many["terms"][n]["coefficient"],
                        "low": float(x.min()), "high": float(x.max())} for n, x in entered.items()]
    result["intercept"] = many["intercept"]["coefficient"]
    risk = predict(result, {t["term"]: entered[t["term"]] for t in result["terms"]})
    result["apparent"] = {"auroc": discrimination.auroc(positive, risk)["value"], "note": APPARENT}
    events = min(int(positive.sum()), int((~positive).sum())) / len(entered)
    if events < 10:
        result["warnings"].append(f"{events:.1f} patients of the smaller class for each term, fewer than ten: the coefficients are unsteady")
    result["training"] = {"n": len(positive), "positives": int(positive.sum()), "files": dict(data.sha256), **patients(data)}
    result["software"] = {"python": platform.python_version(), **{n: metadata.version(n) for n in ("numpy", "scipy", "statsmodels")}}
    return result


def patients(data):
    """Returns digests of the patients of a table, so that a model knows whom it was fitted to without naming them."""
    key = "".join(sorted(data.sha256.values()))
    if PATIENT not in data.columns:
        return {"key": key, "patients": None}
    return {"key": key, "patients": sorted(digest(key, p) for p in data.columns[PATIENT])}


def digest(key, patient):
    """Returns the digest of a patient."""
    return hmac.new(key.encode(), patient.strip().casefold().encode(), hashlib.sha256).hexdigest()[:32]


def predict(model, values):
    """Returns the probability of each patient. `values` maps the model's terms to numbers."""
    return special.expit(model["intercept"] + sum(t["coefficient"] * values[t["term"]] for t in model["terms"]))


def term(t):
    """Returns a term of a model file."""
    return Term(t["term"], t["column"], t["kind"], t["word"], tuple(t["words"]))


def read(path):
    """Reads a model file. Returns the model and the digest of the file."""
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
        model = json.loads(content)
        if model["format"] != FORMAT:
            raise TableError(f"{path.name}: a model of format {model['format']}; this program reads {FORMAT}")
        for t in model["terms"]:
            term(t)
            if not np.isfinite([t["coefficient"], t["low"], t["high"], model["intercept"]]).all() or t["kind"] not in ("number", "word", "log", "logit"):
                raise ValueError("a coefficient is not finite, or a term is of an unknown kind")
        if not model["terms"] or not isinstance(model["label"], str) or model["kind"] not in ("clinical", "fused"):
            raise ValueError("terms, label or kind")
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{path.name}: not a model of `clinical fit`: {getattr(error, 'strerror', None) or type(error).__name__}") from None
    return model, hashlib.sha256(content).hexdigest()


def score(model, data):
    """Returns the probability of each patient of a table, whether he was among those the model was fitted to, and warnings."""
    network = model.get("network", {})
    source = data.sources.get(network.get("column"), {})
    if network.get("sha256") and source.get("sha256") != network["sha256"]:
        what = f"come from another model ({source['model']})" if source else "do not say which bundle gave them"
        raise TableError(f"{source.get('file', data.name)}, column {network['column']}: the scores {what}; this model was fused with {network['model']}")
    values, warned = {}, []
    for t in model["terms"]:
        x = term(t).values(data)
        outside = int(((x < t["low"]) | (x > t["high"])).sum())
        if outside:
            warned.append(f"{t['term']}: {outside} of {len(x)} patients lie outside the range that the model was fitted to")
        values[t["term"]] = x
    known = model["training"]["patients"]
    seen = None if known is None or PATIENT not in data.columns else [digest(model["training"]["key"], p) in set(known) for p in data.columns[PATIENT]]
    return predict(model, values), seen, warned
