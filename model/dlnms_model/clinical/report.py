"""The page of a clinical model: Table 2 with its odds ratios drawn."""

from html import escape

import numpy as np

from .. import page as html
from ..page import method, p_value, rows

WIDTH, ROW, LEFT = 620, 26, 170


def ratio(x):
    """Returns an odds ratio with its interval as text."""
    return "" if not x or "odds_ratio" not in x else f"{x['odds_ratio']:.3f} ({x['low']:.3f} to {x['high']:.3f})"


def csv_rows(model):
    """Returns Table 2 as the rows of a CSV file, with its header."""
    keys = ("odds_ratio", "low", "high", "p")
    out = []
    for name, one in model["univariable"].items():
        many = model["multivariable"]["terms"].get(name, {})
        out.append([name, *(one.get(k) for k in keys), *(many.get(k) for k in keys), many.get("p_adjusted"), one.get("refused")])
    return ["term", *(f"univariable_{k}" for k in keys), *(f"multivariable_{k}" for k in keys), "multivariable_p_adjusted", "note"], out


def forest(terms):
    """Draws odds ratios with their intervals on a logarithmic axis."""
    low, high = (f(np.log([v for t in terms.values() for v in (t["low"], t["high"], 1.0)])) for f in (min, max))
    low, high = low - 0.1, high + 0.1
    at = lambda v: LEFT + (np.clip(np.log(v), low, high) - low) / (high - low) * (WIDTH - LEFT - 20)
    height = ROW * len(terms) + 34
    body = [f'<line x1="{at(1):.1f}" x2="{at(1):.1f}" y1="4" y2="{height - 26}" stroke="var(--grid)" stroke-dasharray="4 3"/>']
    for k, (name, t) in enumerate(terms.items()):
        y = ROW * k + 18
        body.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text><line x1="{at(t["low"]):.1f}" x2="{at(t["high"]):.1f}" y1="{y}" y2="{y}" '
                    f'stroke="var(--series0)" stroke-width="2"/><circle cx="{at(t["odds_ratio"]):.1f}" cy="{y}" r="4.5" fill="var(--series0)"/>')
    marks = [v for v in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= np.log(v) <= high]
    body += [f'<text x="{at(v):.1f}" y="{height - 8}" text-anchor="middle">{v:g}</text>' for v in marks]
    return f'<svg role="img" aria-label="Odds ratios of the model" viewBox="0 0 {WIDTH} {height}" style="max-width:{WIDTH}px" xmlns="http://www.w3.org/2000/svg">{"".join(body)}</svg>'


def page(model):
    """Returns the page as HTML text."""
    lines = []
    for name, one in model["univariable"].items():
        many = model["multivariable"]["terms"].get(name)
        lines.append([escape(name), ratio(one), p_value(one.get("p")), ratio(many), p_value(many["p"]) if many else "", p_value(many["p_adjusted"]) if many else "", escape(one.get("refused", ""))])
    t = model["training"]
    about = f"<p>{t['n']} patients, {t['positives']} with {escape(model['label'])} = 1. Clinical columns enter the multivariable model where the univariable p is below {model['entry_p_below']:g}.</p>"
    added = ""
    if "network_added" in model:
        a, n = model["network_added"], model["network"]
        bundle = f", of {escape(n['model'])}" if n.get("model") else ""
        added = f"<p>The network's score ({escape(n['column'])}{bundle}) enters whatever its p. What it adds: chi-squared {a['chi2']:.2f}, p {p_value(a['p'])}.</p>"
    table = rows(["", "Univariable odds ratio (95 %)", "p", "Multivariable odds ratio (95 %)", "p", "p adjusted", ""], lines)
    body = about + html.warnings(model["warnings"]) + f"<h2>Table 2</h2>{table}{added}" + forest(model["multivariable"]["terms"])
    body += f"<p>Apparent AUROC {model['apparent']['auroc']:.3f}.</p>" + method(model["apparent"]["note"], model["method"], "Adjusted p: " + model["adjustment"])
    return html.document(f"{model['kind'].title()} model of {model['label']}", f"{model['kind'].title()} model of {model['label']}", body)
