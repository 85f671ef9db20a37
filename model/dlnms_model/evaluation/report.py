"""The report: one HTML page that needs nothing else, with tables and figures of an evaluation."""

from html import escape

import numpy as np

from .. import page as html
from ..page import between, method, number, p_value, rows
from . import figures, operating


def discrimination(result):
    lines = []
    for n, s in result["scores"].items():
        a = s["auroc"]
        boot = "&ndash;" if "bootstrap" not in a else f"{number(a['bootstrap']['low'])} to {number(a['bootstrap']['high'])}"
        lines.append([escape(n), between(a), boot, between(s["auprc"]), f"{s['ties']['tied_pairs']} of {s['ties']['pairs']}", escape(a.get("interval", ""))])
    s = next(iter(result["scores"].values()))
    table = rows(["Score", "AUROC (95 % DeLong)", "95 % bootstrap", "Average precision (95 % bootstrap)", "Tied pairs", ""], lines)
    return table + method(s["auroc"]["method"], s["auroc"].get("bootstrap", {}).get("method"), s["ties"]["handling"], s["auprc"]["method"], s["auprc"]["note"].rstrip("."))


def comparisons(result):
    if not result["comparisons"]:
        return ""
    lines = []
    for c in result["comparisons"]:
        nri, idi = (c["reclassification"][k] for k in ("nri", "idi"))
        lines.append([f"{escape(c['a'])} against {escape(c['b'])}", number(c.get("difference")), number(c["z"]), p_value(c["p"]), p_value(c["p_adjusted"]),
                      between(nri), p_value(nri.get("p")), between(idi), p_value(idi.get("p")), escape(c.get("test", ""))])
    c = result["comparisons"][0]
    nri, idi = ([x["reclassification"][k] for x in result["comparisons"]] for k in ("nri", "idi"))
    given = {k: [x["method"] for x in all_ if "method" in x] for k, all_ in (("nri", nri), ("idi", idi))}
    refused = [f"No NRI and IDI in some pairs: {x['refused']}" for x in nri if "refused" in x]
    return "<h2>Comparisons</h2>" + rows(["Pair", "Difference of AUROC", "z", "p", "p adjusted", "NRI", "p", "IDI", "p", ""], lines) + method(
        c["method"], c.get("adjustment") and "Adjusted p: " + c["adjustment"], *given["nri"], *given["idi"], *refused)


def at_cutoffs(result):
    names = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
    lines = []
    for n, s in result["scores"].items():
        for kind, at in (("given", s.get("at_cutoff")), ("Youden, optimistic", s["at_youden"])):
            if at:
                cells = [between({"value": at[k], **((at["intervals"] or {}).get(k) or {})}) for k in names]
                lines.append([escape(n), kind, f"{at['cutoff']:.4g}", *(str(at[k]) for k in ("tp", "fp", "tn", "fn")), *cells, escape(at.get("intervals_refused", ""))])
    head = ["Score", "Cut-off", "", "TP", "FP", "TN", "FN", "Sensitivity", "Specificity", "PPV", "NPV", "Accuracy", ""]
    return "<h2>At cut-offs</h2>" + rows(head, lines) + method("A score equal to the cut-off is positive", operating.EXACT, f"Youden: {operating.YOUDEN}")


def calibrations(result):
    lines, texts = [], []
    for n, s in result["scores"].items():
        c = s["calibration"]
        empty = {"value": None}
        lines.append([escape(n), between(c.get("slope", empty)), between(c.get("intercept", empty)), between(c.get("in_the_large", empty)),
                      number(c.get("brier", empty)["value"]), number(c.get("expected_over_observed")), p_value(c.get("hosmer_lemeshow", {}).get("p")), escape(c.get("refused", ""))])
        texts += [c.get("method"), c.get("brier", {}).get("method") and "Brier score: " + c["brier"]["method"], c.get("hosmer_lemeshow", {}).get("method")]
        texts.append(s["decision_curve"].get("method") and "Decision curves: " + s["decision_curve"]["method"])
    return "<h2>Calibration</h2>" + rows(["Score", "Slope", "Intercept", "In the large", "Brier", "Expected/observed", "Hosmer-Lemeshow p", ""], lines) + method(*texts)


def survivals(result):
    if "survival" not in result:
        return "", []
    lines, drawn = [], []
    for n, s in result["survival"]["scores"].items():
        log_rank = s["log_rank"].get("p")
        for kind in ("cox_group", "cox_score"):
            c = s[kind]
            hr = {"value": c.get("hazard_ratio"), "low": c.get("low"), "high": c.get("high")}
            lines.append([escape(n), escape(c.get("per", "")), f"{s['cutoff']:.4g}" if kind == "cox_group" else "", p_value(log_rank) if kind == "cox_group" else "",
                          between(hr), p_value(c.get("p")), p_value(c.get("proportional_hazards", {}).get("p")), escape(c.get("refused", ""))])
        words = "log-rank test refused" if log_rank is None else "log-rank p " + ("< 0.001" if log_rank < 0.001 else f"= {log_rank:.3f}")
        drawn.append(figures.survival(n, s["groups"], words) + risk_table(s["groups"]))
    v = result["survival"]
    some = next(iter(v["scores"].values()))
    texts = [*(x["rule"] for x in v["scores"].values()), *(g["kaplan_meier"]["method"] for g in some["groups"].values()), some["log_rank"].get("method"), some["cox_score"].get("method"),
             some["cox_score"].get("proportional_hazards", {}).get("method")]
    about = f"<p>{v['n']} patients, {v['events']} events; median follow-up {number(v['follow_up']['value'], 1)} ({escape(v['follow_up_method'])}).</p>"
    head = ["Score", "Hazard ratio of", "Cut-off", "Log-rank p", "Hazard ratio", "p", "Proportional hazards p", ""]
    return f"<h2>Survival</h2>{about}" + rows(head, lines) + adjusted(v) + method(*texts), drawn


def risk_table(groups):
    """Returns the numbers at risk that stand under a survival curve."""
    times = next(iter(groups.values()))["risk_table"]["times"]
    lines = [[escape(name), *(f"{n} ({e})" for n, e in zip(g["risk_table"]["at_risk"], g["risk_table"]["events"]))] for name, g in groups.items()]
    return rows(["At risk (events) at", *(f"{t:g}" for t in times)], lines)


def adjusted(survival):
    """Returns the Cox regressions of each score beside other columns."""
    lines = []
    for n, s in survival["scores"].items():
        a = s.get("cox_adjusted", {})
        if "refused" in a:
            lines.append([escape(n), "", "", "", "", escape(a["refused"])])
        for name, c in a.get("columns", {}).items():
            value = between({"value": c["hazard_ratio"], "low": c["low"], "high": c["high"]})
            what = "score, standard deviation" if name == "score" else escape(name)
            lines.append([escape(n) if name == "score" else "", what, value, p_value(c["p"]), p_value(c["proportional_hazards_p"]), ""])
    return "<h3>Beside other columns</h3>" + rows(["Score", "Hazard ratio of", "Hazard ratio", "p", "Proportional hazards p", ""], lines) if lines else ""


def subgroups(result):
    out = ""
    for column, s in result.get("subgroups", {}).items():
        lines = []
        for level, here in s["levels"].items():
            for n, one in here["scores"].items():
                at = one.get("at_cutoff", {})
                lines.append([escape(level), escape(n), str(here["n"]), str(here["positives"]), between(one["auroc"]), number(at.get("sensitivity")), number(at.get("specificity")),
                              p_value(s.get("between_levels", {}).get(n, {}).get("p")), escape(one["auroc"].get("interval", ""))])
        out += f"<h3>{escape(column)}</h3>" + rows(["Level", "Score", "n", "Positives", "AUROC", "Sensitivity", "Specificity", "p between levels", ""], lines)
    return f"<h2>Subgroups</h2>{out}" + method("p between levels: DeLong's variances of two groups of patients, t with Welch's degrees of freedom, not adjusted") if out else ""


def model_card(result):
    """Returns the statements of the model card; its numbers stand in the sections above."""
    if "model_card" not in result:
        return ""
    c = result["model_card"]
    lines = [[key.replace("_", " "), escape(str(c[key]))] for key in ("name", "version", "developer", "release_stage", "regulatory_approval", "summary")]
    for part in ("uses_and_directions", "warnings", "trust_ingredients"):
        lines += [[key.replace("_", " "), escape("; ".join(v) if isinstance(v, list) else str(v))] for key, v in c[part].items()]
    lines.append(["testing data", escape(c["key_metrics"]["testing_data"])])
    return '<h2>Model card</h2><div class="card">' + rows(["", ""], lines) + "</div>" + method("Headings " + c["layout"])


def page(result, positive, scores):
    """Returns the page as HTML text."""
    t = result["table"]
    curves = {n: operating.curves(positive, s) for n, s in scores.items()}
    falls = []
    for n, s in result["scores"].items():
        falls.append(figures.waterfall(n, scores[n], positive, s.get("at_cutoff", s["at_youden"])["cutoff"]))
    survival, drawn = survivals(result)
    first = [figures.receiver(curves, result["scores"]), figures.precision(curves, result["scores"], float(np.mean(positive))),
             figures.calibration(result["scores"]), figures.decision(result["scores"], result["treat_all"])]
    versions = ", ".join(f"{k} {v}" for k, v in result["software"].items())
    about = f"<p>{escape(t['file'])}: {t['n']} patients, {t['positives']} positive, {t['negatives']} negative. A higher score is taken as a higher risk.</p>"
    body = about + html.warnings(result["warnings"]) + "<h2>Discrimination</h2>" + discrimination(result) + html.grid(first) + comparisons(result)
    body += at_cutoffs(result) + html.grid(falls) + calibrations(result) + survival + html.grid(drawn) + subgroups(result) + model_card(result)
    body += f'<p class="method">Made with {escape(versions)}. Every number is in evaluation.json.</p>'
    return html.document(f"Evaluation of {t['outcome']}", f"Evaluation of {', '.join(scores)} against {t['outcome']}", body)
