"""Evaluates every score column of a table and writes the result: the command `evaluate`."""

import math
import platform
from importlib import metadata

import numpy as np

from .. import table, terms
from ..output import as_json, csv_text, write_folder
from ..page import NOTICE
from . import calibration, card, decision, discrimination, operating, report, survival

MOST_LEVELS = 10  # of a subgroup column: more is no grouping of patients
LIBRARIES = ("numpy", "scipy", "scikit-learn", "statsmodels")


def cutoffs(texts, scores):
    """Parses COL=VALUE options. Refuses columns that are not scores, repeated columns and values that are no finite number."""
    out = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        if name not in scores:
            raise table.TableError(f"--cutoff {text}: {name!r} is not one of --scores {', '.join(scores)}")
        if name in out:
            raise table.TableError(f"--cutoff {text}: {name!r} has two cut-offs")
        if not table.NUMBER.fullmatch(value) or math.isinf(float(value)):
            raise table.TableError(f"--cutoff {text}: the value is not a finite number")
        out[name] = float(value)
    return out


def one_score(positive, score, cutoff, bootstrap, seed):
    """Returns everything about one score column."""
    auroc = discrimination.auroc(positive, score)
    if auroc["low"] is not None and bootstrap:
        auroc.update(discrimination.resample(positive, score, bootstrap, seed))
    out = {"auroc": auroc, "auprc": discrimination.precision(positive, score, bootstrap, seed), "ties": discrimination.ties(positive, score)}
    if cutoff is not None:
        out["at_cutoff"] = operating.at_cutoff(positive, score, cutoff)
    out["at_youden"] = operating.youden(positive, score)
    out["calibration"] = calibration.calibration(positive, score)
    out["decision_curve"] = decision.curve(positive, score)
    return out


def subgroup(data, column, positive, scores, cut):
    """Returns AUROC and performance at the cut-offs in each level of a column, and the comparison between two levels."""
    values = np.array(data.text(column))
    levels = sorted(set(values))
    if not 2 <= len(levels) <= MOST_LEVELS:
        raise table.TableError(f"{data.name}, column {column}: has {len(levels)} different values; a subgroup needs 2 to {MOST_LEVELS}")
    out = {"levels": {}}
    for level in levels:
        mine = values == level
        y = positive[mine]
        here = {"n": int(mine.sum()), "positives": int(y.sum()), "scores": {}}
        for name, score in scores.items():
            one = {"auroc": {"value": None, "low": None, "high": None, "interval": "refused: one class only"}}
            if y.any() and not y.all():
                one["auroc"] = discrimination.auroc(y, score[mine])
            if name in cut:
                one["at_cutoff"] = operating.at_cutoff(y, score[mine], cut[name])
            here["scores"][name] = one
        out["levels"][level] = here
    first = values == levels[0]
    if len(levels) == 2 and not any(discrimination.too_few(positive[g]) for g in (first, ~first)):
        out["between_levels"] = {n: discrimination.unpaired(positive, s, first) for n, s in scores.items()}
    return out


def follow_up(data, time, event, scores, cut, adjust):
    """Returns survival by every score, each also beside the terms `adjust` (name -> numbers)."""
    t, e = data.follow_up(time, event)
    return {"time": time, "event": event, "n": len(t), "events": int(e.sum()), "follow_up": survival.kaplan_meier(t, ~e)["median"],
            "follow_up_method": "reverse Kaplan-Meier median; Schemper and Smith 1996 (Control Clin Trials 17:343)",
            "scores": {n: {**survival.by_score(t, e, s, cut.get(n)), **({"cox_adjusted": survival.adjusted(t, e, s, adjust)} if adjust else {})} for n, s in scores.items()}}


def fitted_to(data, names):
    """Returns a warning for each score whose model was fitted to patients of this table."""
    out = []
    for name in names:
        column = table.IN_TRAINING + name
        seen = int(data.binary(column, "a mark").sum()) if column in data.columns and "" not in data.columns[column] else 0
        if seen:
            out.append(f"column {name}: its model was fitted to {seen} of these {len(data.rows)} patients, hence optimistic")
    return out


def evaluate(data, outcome, names, cut, bootstrap=10000, seed=0, time=None, event=None, subgroups=(), adjust=()):
    """Returns the whole evaluation as plain values. Refuses bad tables."""
    used = [*names, outcome, *subgroups, *(c for c in (time, event) if c)]
    if len(set(used)) != len(used):
        raise table.TableError("a column is named twice among --scores, --outcome, --time, --event and --subgroups")
    if bool(time) != bool(event):
        raise table.TableError("--time and --event belong together")
    if adjust and not time:
        raise table.TableError("--adjust: needs --time and --event")
    positive = data.outcome(outcome)
    scores = {n: data.score(n) for n in names}
    result = {
        "notice": NOTICE,
        "table": {"file": data.name, "outcome": outcome, "n": len(positive), "positives": int(positive.sum()), "negatives": int((~positive).sum())},
        "warnings": [*data.warnings, *fitted_to(data, names)],
    }
    if data.sources:
        result["table"]["models"] = {n: data.sources[n] for n in names if n in data.sources}
    if time:
        beside = [terms.parse(text, data) for text in adjust]
        result["survival"] = follow_up(data, time, event, scores, cut, {t.text: t.values(data) for t in beside})
    if subgroups:
        result["subgroups"] = {c: subgroup(data, c, positive, scores, cut) for c in subgroups}
    result["scores"] = {n: one_score(positive, s, cut.get(n), bootstrap, seed) for n, s in scores.items()}
    result["comparisons"] = discrimination.comparisons(positive, scores)
    for c in result["comparisons"]:
        c["reclassification"] = decision.improvement(positive, scores[c["a"]], scores[c["b"]])
    result["treat_all"] = {"thresholds": decision.THRESHOLDS, "net_benefit": decision.treat_all(positive)}
    result["software"] = {"python": platform.python_version(), **{n: metadata.version(n) for n in LIBRARIES}, "seed": seed, "bootstrap": bootstrap}
    for n, s in result["scores"].items():
        if s["auroc"]["value"] < 0.5:
            result["warnings"].append(f"column {n}: the AUROC is below one half; a higher score is taken as a higher risk, and nothing is turned round")
    return result, positive, scores


def tables(result, positive, scores):
    """Returns the CSV files by name."""
    rates = ("tp", "fp", "tn", "fn", "sensitivity", "specificity", "ppv", "npv", "accuracy")
    one, points = [], []
    for n, s in result["scores"].items():
        at = s.get("at_cutoff", {})
        one.append([n, *(s["auroc"][k] for k in ("value", "low", "high")), *(s["auprc"][k] for k in ("value", "low", "high")), at.get("cutoff"), *(at.get(k) for k in rates)])
        c = operating.curves(positive, scores[n])
        points += [[n, "roc", x, y] for x, y in zip(c["fpr"], c["tpr"])] + [[n, "precision_recall", x, y] for x, y in zip(c["recall"], c["precision"])]
        if "thresholds" in s["decision_curve"]:
            points += [[n, "decision", x, y] for x, y in zip(s["decision_curve"]["thresholds"], s["decision_curve"]["net_benefit"])]
    keys = ("a", "b", "difference", "low", "high", "z", "p", "p_adjusted")
    out = {
        "scores.csv": csv_text(["score", "auroc", "auroc_low", "auroc_high", "average_precision", "average_precision_low", "average_precision_high", "cutoff", *rates], one),
        "comparisons.csv": csv_text(keys, [[c.get(k) for k in keys] for c in result["comparisons"]]),
        "curves.csv": csv_text(["score", "curve", "x", "y"], points),
    }
    if "survival" in result:
        keys = ("time", "at_risk", "events", "survival", "se", "low", "high")
        rows = [[n, g, *row] for n, s in result["survival"]["scores"].items() for g, m in s["groups"].items() for row in zip(*(m["kaplan_meier"][k] for k in keys))]
        out["survival.csv"] = csv_text(["score", "group", *keys], rows)
    return out


def command(a, say):
    """Runs the command line `evaluate` with its parsed options `a`."""
    names = [n.strip() for n in a.scores.split(",")]
    if a.bootstrap < 0 or 0 < a.bootstrap < 100:
        raise table.TableError("--bootstrap: needs at least 100 replicates, or 0 for none")
    bundle = card.manifest(a.bundle) if a.bundle else None
    groups, adjust = ([n.strip() for n in text.split(",") if n.strip()] for text in (a.subgroups, a.adjust))
    data = table.join([table.read(f) for f in a.table], inner=a.drop_missing)
    for condition in a.where:
        data = data.where(condition)
    if a.drop_missing:
        data = data.without_missing([a.outcome, *names, *groups, *(c for c in (a.time, a.event) if c), *map(terms.column, adjust)])
    if bundle:
        data.warnings += card.refuse_other_bundle(a.bundle, bundle, data, names)
    result, positive, scores = evaluate(data, a.outcome, names, cutoffs(a.cutoff, names), a.bootstrap, a.seed, a.time, a.event, groups, adjust)
    files = {}
    if bundle:
        if bundle["weights"] != "trained":
            result["warnings"].append(f"the weights of the bundle are {bundle['weights']}, not trained: its scores mean nothing about any patient")
        result["model_card"] = card.card(result, bundle)
        files["model_card.json"] = as_json(result["model_card"])
    page = report.page(result, positive, scores)
    write_folder(a.out, {"evaluation.json": as_json(result), "report.html": page, **tables(result, positive, scores), **files}, "evaluation.json", "an evaluation")
    for warning in result["warnings"]:
        say(f"warning: {warning}")
    say(f"wrote {a.out}")
