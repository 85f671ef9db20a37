"""Table 1: what kind of patients a cohort holds, by group, with the tests of Zhong et al. 2023."""

import numpy as np
from scipy import stats

from ..table import NUMBER, TableError
from .columns import CATEGORICAL, CONTINUOUS
from .file import clean

CHI2 = "Pearson's chi-squared test without Yates' correction"
FISHER = "Fisher's exact test, where an expected count is below five and there are two levels"
SMALL = "Pearson's chi-squared test although an expected count is below five, where there are more than two levels: read it with care"
STUDENT = "Student's t-test of the means, equal variances"
WHITNEY = "Mann-Whitney U test of the ranks, normal approximation with continuity correction"
MOST_LEVELS = 12  # of a column of words: more is a list, not a category
OLD = 65  # years; the paper divides age there
FEWEST = 2  # patients of a group, for a test of a number


def groups(cohort, by):
    """Returns the groups that are compared: name -> positions. All patients are one group if there is no such column."""
    if by not in cohort.table.columns:
        if by != "split":
            cohort.table.text(by)  # refuses
        return {"all": np.arange(len(cohort.cases))}
    cells = [clean(c) for c in cohort.table.columns[by]]
    cohort.table.refuse([i for i, c in enumerate(cells) if not c], by, "no value, but Table 1 is divided by it")
    names = list(dict.fromkeys(cells))
    if len(names) > MOST_LEVELS:
        raise TableError(f"{cohort.path.name}, column {by}: has {len(names)} different values; Table 1 has at most {MOST_LEVELS} columns")
    return {n: np.array([i for i, c in enumerate(cells) if c == n]) for n in names}


def count_test(counts):
    """Returns the test of a table of counts, groups x levels; levels that no patient has are left out."""
    counts = np.array(counts)
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2 or (counts.sum(axis=1) == 0).any():
        return None
    result = stats.chi2_contingency(counts, correction=False)
    if result.expected_freq.min() < 5:
        return {"p": float(stats.fisher_exact(counts).pvalue), "test": "fisher"} if counts.shape == (2, 2) else {"p": float(result.pvalue), "test": "chi2_small"}
    return {"p": float(result.pvalue), "test": "chi2"}


def number_tests(a, b):
    """Returns the tests of the means and of the ranks of two groups of numbers."""
    if min(len(a), len(b)) < FEWEST or np.ptp(np.concatenate([a, b])) == 0:
        return None, None
    with np.errstate(all="ignore"):
        mean, rank = float(stats.ttest_ind(a, b).pvalue), float(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)
    return *({"p": p, "test": t} if np.isfinite(p) else None for p, t in ((mean, "student"), (rank, "whitney"))),


def categorical(name, cells, parts):
    """Returns the rows of a column of words: one for each level, with counts and shares of the patients that have a value."""
    levels = sorted({c for c in cells if c})
    if not levels or len(levels) > MOST_LEVELS:
        return None
    counts = {g: [sum(cells[i] == v for i in where) for v in levels] for g, where in parts.items()}
    first = next(iter(parts))
    tests = {g: count_test([counts[first], counts[g]]) for g in list(parts)[1:]}
    rows = []
    for k, level in enumerate(levels):
        cell = {}
        for g in parts:
            known = sum(counts[g])
            cell[g] = {"n": counts[g][k], "of": known, "percent": 100 * counts[g][k] / known if known else None}
        rows.append({"level": level, "kind": "count", "groups": cell})
    return {"name": name, "missing": {g: len(w) - sum(counts[g]) for g, w in parts.items()}, "rows": rows, "tests": tests}


def continuous(name, cells, parts):
    """Returns the rows of a column of numbers: mean with standard deviation, and median with quartiles."""
    numbers = {g: np.array([float(cells[i]) for i in where if cells[i]]) for g, where in parts.items()}
    if not any(len(v) for v in numbers.values()):
        return None
    means, medians = {}, {}
    for g, v in numbers.items():
        means[g] = {"mean": float(v.mean()), "sd": float(v.std(ddof=1)) if len(v) > 1 else None} if len(v) else None
        medians[g] = dict(zip(("median", "low", "high"), map(float, np.quantile(v, [0.5, 0.25, 0.75])))) if len(v) else None
    first = next(iter(parts))
    pairs = {g: number_tests(numbers[first], numbers[g]) for g in list(parts)[1:]}
    return {"name": name, "missing": {g: len(w) - len(numbers[g]) for g, w in parts.items()}, "rows": [
        {"level": "mean and SD", "kind": "mean", "groups": means, "tests": {g: t[0] for g, t in pairs.items()}},
        {"level": "median and quartiles", "kind": "median", "groups": medians, "tests": {g: t[1] for g, t in pairs.items()}},
    ], "tests": {}}


def table(cohort, by="split"):
    """Returns Table 1 of a cohort, divided by a column. Every group is compared with the first."""
    parts = groups(cohort, by)
    variables = []
    for name in cohort.table.columns:
        cells = [clean(c) for c in cohort.table.columns[name]]
        if name == by or not any(cells):
            continue
        if name == "age":
            cut = [("" if not c else f">{OLD}" if float(c) > OLD else f"<={OLD}") for c in cells]
            variables.append(categorical(f"age, {OLD} years", cut, parts))
        if name in CONTINUOUS or (name.startswith("x_") and all(NUMBER.fullmatch(c) for c in cells if c) and len(set(cells)) > MOST_LEVELS):
            variables.append(continuous(name, cells, parts))
        elif name in CATEGORICAL or name == "site" or name.startswith("x_"):
            variables.append(categorical(name, cells, parts))
    return {"by": by, "groups": {g: len(w) for g, w in parts.items()}, "variables": [v for v in variables if v],
            "methods": {"chi2": CHI2, "fisher": FISHER, "chi2_small": SMALL, "student": STUDENT, "whitney": WHITNEY}}


def csv_rows(result):
    """Returns Table 1 as the rows of a CSV file, with its header."""
    names = list(result["groups"])
    header = ["variable", "level", *names, *(f"p {names[0]} against {g}" for g in names[1:]), *(f"test {names[0]} against {g}" for g in names[1:])]
    out = [["patients", "", *result["groups"].values(), *[""] * (2 * (len(names) - 1))]]
    for v in result["variables"]:
        for k, row in enumerate(v["rows"]):
            tests = row.get("tests", v["tests"] if k == 0 else {})
            out.append([v["name"], row["level"], *(text(row["kind"], row["groups"][g]) for g in names),
                        *((tests.get(g) or {}).get("p") for g in names[1:]), *((tests.get(g) or {}).get("test") for g in names[1:])])
        if any(v["missing"].values()):
            out.append([v["name"], "not known", *(v["missing"][g] for g in names), *[None] * (2 * (len(names) - 1))])
    return header, out


def text(kind, cell):
    """Returns a cell of Table 1 as text."""
    if cell is None:
        return ""
    if kind == "count":
        return f"{cell['n']}" if cell["percent"] is None else f"{cell['n']} ({cell['percent']:.2f})"
    if kind == "mean":
        return f"{cell['mean']:.2f}" if cell["sd"] is None else f"{cell['mean']:.2f} ± {cell['sd']:.2f}"
    return f"{cell['median']:.2f} ({cell['low']:.2f} to {cell['high']:.2f})"
