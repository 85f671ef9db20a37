"""Draws the figures of an evaluation."""

import numpy as np

from ..plot import BOTTOM, GRID, HEIGHT, HIGH, INK, LEFT, LOW, MUTED, PALE, Plot, colour


def receiver(curves, scores):
    """Draws the ROC curves."""
    p = Plot("Receiver operating characteristic", "1 - specificity", "Sensitivity", (0, 1), (0, 1))
    p.line((0, 1), (0, 1), GRID, "4 3")
    for i, (name, c) in enumerate(curves.items()):
        p.line(c["fpr"], c["tpr"], colour(i), key=f"{name} {scores[name]['auroc']['value']:.3f}")
        at = scores[name].get("at_cutoff")
        if at:
            p.point(1 - at["specificity"], at["sensitivity"], colour(i))
    return p.svg()


def precision(curves, scores, prevalence):
    """Draws the precision-recall curves as the steps that average precision sums."""
    p = Plot("Precision and recall", "Recall (sensitivity)", "Precision (PPV)", (0, 1), (0, 1))
    p.line((0, 1), (prevalence, prevalence), GRID, "4 3")
    for i, (name, c) in enumerate(curves.items()):
        recall, value = c["recall"][::-1], c["precision"][::-1][1:]  # the first point, precision 1 at recall 0, holds no patient
        p.line(np.repeat(recall, 2)[1:-1], np.repeat(value, 2), colour(i), key=f"{name} {scores[name]['auprc']['value']:.3f}")
    return p.svg("top")


def calibration(scores):
    """Draws mean score against observed rate, or nothing if no score is a probability."""
    groups = {n: s["calibration"]["groups"] for n, s in scores.items() if "groups" in s["calibration"]}
    if not groups:
        return ""
    p = Plot("Calibration (tenths of the patients)", "Mean score", "Observed rate", (0, 1), (0, 1))
    p.line((0, 1), (0, 1), GRID, "4 3")
    for i, (name, s) in enumerate(scores.items()):
        if name in groups:
            p.line([g["mean_score"] for g in groups[name]], [g["observed"] for g in groups[name]], colour(i), key=name)
            for g in groups[name]:
                p.point(g["mean_score"], g["observed"], colour(i), g["low"], g["high"])
    return p.svg()


def decision(scores, everybody):
    """Draws the decision curves, or nothing if no score is a probability."""
    curves = {n: s["decision_curve"] for n, s in scores.items() if "net_benefit" in s["decision_curve"]}
    if not curves:
        return ""
    def visible(xs, ys):
        inside = [i for i, y in enumerate(ys) if y >= -0.25 * top]
        return [xs[i] for i in inside], [ys[i] for i in inside]

    top = max(max(max(c["net_benefit"]) for c in curves.values()), max(everybody["net_benefit"]), 0.01) * 1.1
    p = Plot("Decision curves", "Threshold probability", "Net benefit", (0, 1), (-0.25 * top, top))
    p.line((0, 1), (0, 0), MUTED, key="nobody")
    p.line(*visible(everybody["thresholds"], everybody["net_benefit"]), MUTED, "5 3", "everybody")
    for i, name in enumerate(scores):
        if name in curves:
            p.line(*visible(curves[name]["thresholds"], curves[name]["net_benefit"]), colour(i), key=name)
    return p.svg("top")


def waterfall(name, score, positive, cutoff):
    """Draws every patient's score minus the cut-off, in order, coloured by outcome."""
    order = np.argsort(score, kind="stable")
    values = score[order] - cutoff
    span = max(np.ptp(values), 1e-12)
    p = Plot(f"Waterfall of {name}", "Patients in order of score", f"Score - {cutoff:.4g}", (0, len(values)), (min(values.min(), 0) - 0.03 * span, max(values.max(), 0) + 0.03 * span))
    p.bars(0, values, np.where(positive[order], HIGH, PALE))
    p.line((0, len(values)), (0, 0), INK)
    p.keys += [("outcome 1", HIGH, ""), ("outcome 0", PALE, "")]
    return p.svg()


def survival(name, groups, words):
    """Draws the Kaplan-Meier curves of one score's groups with their intervals."""
    longest = max(g["kaplan_meier"]["last_follow_up"] for g in groups.values())
    p = Plot(f"Survival by {name}", "Time", "Survival", (0, longest * 1.02 or 1), (0, 1))
    for key, c in (("high", HIGH), ("low", LOW)):
        if key in groups:
            k = groups[key]["kaplan_meier"]
            times = [0, *k["time"], k["last_follow_up"]]
            for edge in ("low", "high"):
                values = [1, *(s if v is None else v for v, s in zip(k[edge], k["survival"]))]
                p.step(times, [*values, values[-1]], c, dash="2 3")
            values = [1, *k["survival"]]
            p.step(times, [*values, values[-1]], c, f"{key} ({groups[key]['events']}/{groups[key]['n']} events)")
    p.text(LEFT + 8, HEIGHT - BOTTOM - 10, words, "start")
    return p.svg("top")
