"""Leak checks of a prepared cohort: the same patient or image in two rows, near-duplicates, and labels that the scanner alone tells."""

from collections import defaultdict

import numpy as np
from scipy import stats

from ..evaluation import discrimination
from ..table import TableError
from .file import clean

SMALL = 14  # edge of the planes that near-duplicates are looked for in
NEAR = 0.995  # correlation above which two studies are listed
FOLDS = 10
SAME = {
    "patient": "the same patient, by the DICOM header",
    "study": "the same DICOM study",
    "series": "the same DICOM series",
    "instances": "the same DICOM instances",
    "content": "the same volume files",
    "planes": "the same planes",
}
ALONE = (
    "AUROC of what should know nothing of the label. A column of words gives each patient the share of positives among patients of the same "
    "value in the nine other tenths of the cohort; a number ranks by itself, in either direction. The interval is DeLong's"
)


def same(records):
    """Returns every group of rows that share a patient, a study, a series, instances or planes."""
    rows = {kind: defaultdict(set) for kind in SAME}
    for r in records:
        identity = r.get("identity", {})
        for modality in ("ct", "pet"):
            for kind in ("patient", "study", "series", "instances"):
                digest = identity.get(modality, {}).get(kind)
                if digest:
                    rows[kind][digest].add(r["row"])
        for digest in identity.get("content", {}).values():
            rows["content"][digest].add(r["row"])
        for modality in ("ct", "pet"):
            if r.get(f"sha256_{modality}"):
                rows["planes"][modality + r[f"sha256_{modality}"]].add(r["row"])
    found = {(kind, tuple(sorted(r))) for kind, groups in rows.items() for r in groups.values() if len(r) > 1}
    return [{"kind": kind, "what": SAME[kind], "rows": list(r)} for kind, r in sorted(found, key=lambda f: (list(SAME).index(f[0]), f[1]))]


def small(planes):
    """Returns planes (modalities x channels x rows x columns) as one vector of block means with mean 0 and length 1 in each modality."""
    parts = []
    for modality in planes.astype(np.float64):
        for axis in (1, 2):
            blocks = np.array_split(np.arange(modality.shape[axis]), min(SMALL, modality.shape[axis]))
            modality = np.stack([modality.take(b, axis=axis).mean(axis=axis) for b in blocks], axis=axis)
        v = modality.ravel() - modality.mean()
        parts.append(v / max(np.linalg.norm(v), 1e-30))
    return parts


def near(prepared):
    """Returns pairs of rows whose PET or CT planes are nearly the same, with the correlation."""
    kept = [(r["row"], small(planes)) for i, r in enumerate(prepared.records) for planes in [prepared.planes(i)] if planes is not None]
    out = []
    for m, modality in enumerate(("pet", "ct")):
        if len(kept) < 2:
            break
        x = np.stack([parts[m] for _, parts in kept]).astype(np.float32)
        for start in range(0, len(x), 512):
            c = x[start:start + 512] @ x.T
            for i, j in zip(*np.nonzero(c > NEAR)):
                if start + i < j:
                    out.append({"modality": modality, "rows": [kept[start + i][0], kept[j][0]], "correlation": float(min(c[i, j], 1))})
    return out


def splits(cohort, found):
    """Adds to each group of rows the splits that they lie in."""
    place = {row: i for i, row in enumerate(cohort.table.rows)}
    for f in found:
        names = sorted({cohort.cell("split", place[row]) for row in f["rows"]} - {""})
        if names:
            f["splits"] = names
    return found


def facts(prepared):
    """Returns what should know nothing of the label, by name: words or numbers, None where unknown."""
    records, cohort = prepared.records, prepared.cohort
    of = lambda modality, name: [r.get("identity", {}).get(modality, {}).get(name) for r in records]
    days = [np.datetime64(d).astype(int) if d else None for d in of("pet", "date")]
    return {
        "site": [cohort.cell("site", i) or None for i in range(len(records))],
        "PET scanner": of("pet", "scanner"), "CT scanner": of("ct", "scanner"),
        "PET pixel": of("pet", "pixel_mm"), "CT pixel": of("ct", "pixel_mm"), "PET slice": of("pet", "slice_mm"), "CT slice": of("ct", "slice_mm"),
        "date": [None if d is None else float(d) for d in days],
        "PET files": of("pet", "files"), "CT files": of("ct", "files"),
    }


def as_score(values, y):
    """Returns a fact as a score: numbers as they are, words by the share of positives among others of the same word."""
    if not isinstance(values[0], str):
        return np.array(values, float)
    words = np.array(values)
    fold = np.empty(len(y), int)
    for label in (0, 1):  # stratified, in the order of the rows
        fold[y == label] = np.arange((y == label).sum()) % FOLDS
    score = np.empty(len(y))
    for f in range(FOLDS):
        rest = fold != f
        prior = y[rest].mean()
        for word in set(words):
            mine = rest & (words == word)
            score[~rest & (words == word)] = (y[mine].sum() + prior) / (mine.sum() + 1)
    return score


def alone(values, y):
    """Returns the AUROC of one fact against the label, or why there is none."""
    known = np.array([v is not None for v in values])
    v, y = [x for x in values if x is not None], y[known]
    if len(set(v)) < 2:
        return {"n": len(v), "refused": "refused: the same everywhere" if v else "refused: not known"}
    why = discrimination.too_few(y)
    if why:
        return {"n": len(v), "refused": why}
    score = as_score(v, y)
    if score.min() == score.max():
        return {"n": len(v), "refused": "refused: the same everywhere"}
    a = discrimination.auroc(y, score)
    out = {"n": len(v), "values": len(set(v)), "auroc": a["value"], "low": a["low"], "high": a["high"]}
    words = isinstance(v[0], str)
    out["tells"] = a["low"] is not None and (a["low"] > 0.5 or (not words and a["high"] < 0.5))
    if a["low"] is not None:
        z = stats.norm.isf(0.025)
        out["p"] = float(2 * stats.norm.sf(abs(a["value"] - 0.5) / max((a["high"] - a["low"]) / (2 * z), 1e-12)))
    return out


def labels_of(cohort, label):
    """Returns the rows with a known label and the labels, or None if one class is missing."""
    cells = [clean(c) for c in cohort.table.columns[label]]
    kept = [i for i, c in enumerate(cells) if c]
    y = np.array([cells[i] == "1" for i in kept], bool)
    return (kept, y) if len(y) and y.any() and not y.all() else None


def check(prepared, labels):
    """Returns all leak checks of a prepared cohort against each of `labels`."""
    cohort = prepared.cohort
    result = {"same": splits(cohort, same(prepared.records)), "near": splits(cohort, near(prepared)), "near_above": NEAR, "alone": {}, "alone_method": ALONE}
    known = facts(prepared)
    for label in labels:
        found = labels_of(cohort, label)
        if found:
            kept, y = found
            result["alone"][label] = {name: alone([values[i] for i in kept], y) for name, values in known.items()}
    return result


def refuse(prepared):
    """Refuses a cohort in which one patient or image stands in two rows: whatever is trained on it would be tested on what it has seen."""
    found = same(prepared.records)
    if found:
        rows = " and ".join(map(str, found[0]["rows"]))
        raise TableError(f"{prepared.cohort.path.name}, rows {rows}: {found[0]['what']}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""))
