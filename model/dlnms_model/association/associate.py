"""Correlates texture features with scores, as in Fig. 2 of Zhong et al. 2023 (Nat Commun 14:7513).

The paper does not say how it correlated. Here it is Spearman's rank correlation of each feature with each score, adjusted over all
features, modalities and scores.
"""

import platform
import sys
from importlib import metadata

import numpy as np
from scipy import stats

from .. import page, table
from ..output import as_json, csv_text, write_folder
from ..plot import HIGH, LOW
from . import textures

FEWEST = 10  # patients; with fewer no correlation is computed
LARGEST = 10  # features shown for each modality and score
METHOD = "Spearman's rank correlation, two-sided p by the t distribution (SciPy); adjusted by Benjamini and Hochberg over all features, modalities and scores"
INTERVAL = "percentile bootstrap over patients; the intervals do not allow for the choice of the largest correlations"
ICC = "intraclass correlation of two outlines: two-way random effects, absolute agreement, single measurement (ICC(A,1), McGraw and Wong 1996)"


def correlate(scores, found):
    """Returns one record for each score and feature; `scores` maps names to arrays in the order of the patients."""
    records = []
    for name, score in scores.items():
        for column, (modality, feature) in enumerate(found.features):
            defined = np.isfinite(found.values[:, column])
            x, y = found.values[defined, column], score[defined]
            record = {"score": name, "modality": modality, "feature": feature, "n": int(defined.sum()), "rho": None, "p": None, "p_adjusted": None}
            if len(x) < FEWEST:
                record["refused"] = f"defined in {len(x)} patients; at least {FEWEST} are needed"
            elif np.ptp(x) == 0 or np.ptp(y) == 0:
                record["refused"] = "the same value in every patient"
            else:
                rho, p = stats.spearmanr(x, y)
                record |= {"rho": float(rho), "p": float(p)}
            records.append(record)
    tested = [r for r in records if r["p"] is not None]
    if tested:
        for record, p in zip(tested, stats.false_discovery_control([r["p"] for r in tested], method="bh")):
            record["p_adjusted"] = float(p)
    return records


def bootstrap(x, y, replicates, seed):
    """Returns the 95 % percentile interval of Spearman's correlation; replicates in which it is undefined are left out."""
    random, values = np.random.default_rng(seed), []
    for _ in range(replicates):
        chosen = random.integers(0, len(x), len(x))
        a, b = stats.rankdata(x[chosen]), stats.rankdata(y[chosen])
        if np.ptp(a) > 0 and np.ptp(b) > 0:
            values.append(np.corrcoef(a, b)[0, 1])
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def agreement(first, second):
    """Returns ICC(A,1) of two measurements of the same patients, or None if neither patients nor outlines differ."""
    x = np.column_stack([first, second])
    n, k = x.shape
    grand, rows, columns = x.mean(), x.mean(1), x.mean(0)
    between = k * ((rows - grand) ** 2).sum() / (n - 1)
    raters = n * ((columns - grand) ** 2).sum() / (k - 1)
    error = ((x - rows[:, None] - columns[None, :] + grand) ** 2).sum() / ((n - 1) * (k - 1))
    below = between + (k - 1) * error + k * (raters - error) / n
    return float((between - error) / below) if below > 0 else None


def agreements(found, other):
    """Returns {(modality, feature): ICC} over the patients that both outlines have."""
    if other.request != found.request or other.features != found.features:
        raise table.TableError(f"{other.folder}: measured with other settings than {found.folder}")
    place = {p: i for i, p in enumerate(found.patients)}
    both = [(place[p], i) for i, p in enumerate(other.patients) if p in place]
    if len(both) < FEWEST:
        raise table.TableError(f"{other.folder} and {found.folder} have {len(both)} patients in common; at least {FEWEST} are needed")
    out = {}
    for column, feature in enumerate(found.features):
        pairs = np.array([(found.values[a, column], other.values[b, column]) for a, b in both])
        pairs = pairs[np.isfinite(pairs).all(1)]
        out[feature] = agreement(*pairs.T) if len(pairs) >= FEWEST else None
    return out


def largest(records, score, modality):
    """Returns the records of one score and modality with the largest correlations, the largest first."""
    here = [r for r in records if r["score"] == score and r["modality"] == modality and r["rho"] is not None and not r.get("left_out")]
    return sorted(here, key=lambda r: (-abs(r["rho"]), r["feature"]))[:LARGEST]


def associate(scores, found, icc, minimum_icc, replicates, seed, say):
    """Returns the whole result: every record, and the ten largest of each score and modality with their intervals."""
    records = correlate(scores, found)
    for r in records:
        if icc is not None:
            r["icc"] = icc[(r["modality"], r["feature"])]
            if minimum_icc is not None and (r["icc"] is None or r["icc"] < minimum_icc):
                r["left_out"] = f"the intraclass correlation is below {minimum_icc:g}"
    shown = []
    column = {f: i for i, f in enumerate(found.features)}
    for name, score in scores.items():
        for modality in textures.MODALITIES:
            top = largest(records, name, modality)
            say(f"intervals of the {len(top)} largest correlations of {name} with {modality.upper()}")
            for r in top if replicates else []:
                x = found.values[:, column[(modality, r["feature"])]]
                defined = np.isfinite(x)
                r["low"], r["high"] = bootstrap(x[defined], score[defined], replicates, seed)
            shown.append({"score": name, "modality": modality, "features": top})
    return {
        "notice": page.NOTICE,
        "patients": len(found.patients),
        "texture_settings": found.request,
        "method": METHOD,
        "interval": INTERVAL if replicates else None,
        "icc": ICC if icc is not None else None,
        "largest": shown,
        "all": records,
        "software": {"python": platform.python_version(), "scipy": metadata.version("scipy"), "numpy": metadata.version("numpy"), "seed": seed, "bootstrap": replicates},
    }


def bars(group):
    """Draws the correlations of one score and modality as horizontal bars with their intervals."""
    top, left, width, height = group["features"], 210, 250, 22
    place = lambda rho: left + width * (rho + 1) / 2
    title = f"{group['score']} and {group['modality'].upper()}"
    out = [f'<text x="8" y="18" font-weight="600">{page.escape(title)}</text>', f'<line x1="{place(0)}" x2="{place(0)}" y1="28" y2="{30 + height * len(top)}" stroke="var(--grid)"/>']
    for i, r in enumerate(top):
        y = 32 + height * i
        a, b = sorted((place(0), place(r["rho"])))
        out.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{page.escape(r["feature"])}</text>')
        out.append(f'<rect x="{a:.1f}" y="{y}" width="{max(b - a, 0.5):.1f}" height="15" fill="{HIGH if r["rho"] > 0 else LOW}"/>')
        if "low" in r:
            out.append(f'<line x1="{place(r["low"]):.1f}" x2="{place(r["high"]):.1f}" y1="{y + 7.5}" y2="{y + 7.5}" stroke="var(--ink)"/>')
    bottom = 30 + height * len(top)
    for tick in (-1, -0.5, 0, 0.5, 1):
        out.append(f'<text x="{place(tick)}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    out.append(f'<text x="{place(0)}" y="{bottom + 34}" text-anchor="middle">Spearman\'s correlation</text>')
    return f'<svg role="img" aria-label="{page.escape(title, quote=True)}" viewBox="0 0 480 {bottom + 42}" xmlns="http://www.w3.org/2000/svg">{"".join(out)}</svg>'


def report(result, warnings):
    """Returns the page as HTML text."""
    drawn = [bars(group) for group in result["largest"] if group["features"]]
    lines = []
    for group in result["largest"]:
        for r in group["features"]:
            rho = {"value": r["rho"], "low": r.get("low"), "high": r.get("high")}
            lines.append([page.escape(group["score"]), group["modality"].upper(), page.escape(r["feature"]), str(r["n"]), page.between(rho), page.p_value(r["p"]), page.p_value(r["p_adjusted"]), page.number(r.get("icc"))])
    untested = sum("refused" in r for r in result["all"])
    s = result["texture_settings"]
    about = (f"<p>{result['patients']} patients. PET and CT sampled every {s['spacing_mm']:g} mm; gray levels of {s['pet_bin_suv']:g} SUV and {s['ct_bin_hu']:g} HU. "
             f"{len(result['all']) - untested} of {len(result['all'])} correlations were computed.</p>")
    head = ["Score", "Modality", "Feature", "n", "rho (95 %)", "p", "p adjusted", "ICC"]
    versions = ", ".join(f"{k} {v}" for k, v in result["software"].items())
    body = (page.warnings(warnings) + about + page.grid(drawn) + "<h2>The largest correlations</h2>" + page.rows(head, lines)
            + page.method(result["method"], result["interval"], result["icc"], "Features and their names are those of the Image Biomarker Standardisation Initiative",
                          f"Made with {versions}; every number is in association.json"))
    return page.document("Texture and scores", "Texture features that go with the scores", body)


def command(a, say):
    """Runs the command line `associate` with its parsed options `a`."""
    if a.bootstrap < 0 or 0 < a.bootstrap < 100:
        raise table.TableError("--bootstrap: needs at least 100 replicates, or 0 for none")
    if a.minimum_icc is not None and not (a.second_textures and 0 <= a.minimum_icc <= 1):
        raise table.TableError("--minimum-icc: a number from 0 to 1, and --second-textures is needed")
    data = table.read(a.scores)
    scores = {n.strip(): data.score(n.strip()) for n in a.columns.split(",")}
    found = textures.read(a.textures, data.text(table.PATIENT))
    if len(found.patients) < FEWEST:
        raise table.TableError(f"{data.name}: {len(found.patients)} patients; at least {FEWEST} are needed")
    icc = agreements(found, textures.read(a.second_textures)) if a.second_textures else None
    result = associate(scores, found, icc, a.minimum_icc, a.bootstrap, a.seed, say)
    keys = ("score", "modality", "feature", "n", "rho", "low", "high", "p", "p_adjusted", "icc", "refused", "left_out")
    files = {"association.json": as_json(result), "association.csv": csv_text(keys, [[r.get(k) for k in keys] for r in result["all"]]), "report.html": report(result, data.warnings)}
    write_folder(a.out, files, "association.json", "an association")
    for warning in data.warnings:
        print(f"dlnms_model: warning: {warning}", file=sys.stderr)
    say(f"wrote {a.out}")
