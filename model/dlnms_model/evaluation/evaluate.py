"""Evaluates every score column of a table and writes the result: the command `evaluate`."""

import json
import math
import pathlib
import platform
import shutil
import tempfile
from importlib import metadata

import numpy as np

from . import discrimination, operating, table

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment of any patient."
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
    out = {"auroc": auroc, "auprc": discrimination.precision(positive, score), "ties": discrimination.ties(positive, score)}
    if cutoff is not None:
        out["at_cutoff"] = operating.at_cutoff(positive, score, cutoff)
    out["at_youden"] = operating.youden(positive, score)
    return out


def evaluate(data, outcome, names, cut, bootstrap=10000, seed=0):
    """Returns the whole evaluation as plain values and the columns that the figures need. Refuses bad tables."""
    if len(set(names)) != len(names) or outcome in names:
        raise table.TableError("--scores: a column is named twice, or is the outcome itself")
    positive = data.outcome(outcome)
    scores = {n: data.score(n) for n in names}
    result = {
        "notice": NOTICE,
        "table": {"file": data.name, "outcome": outcome, "n": len(positive), "positives": int(positive.sum()), "negatives": int((~positive).sum())},
        "warnings": list(data.warnings),
        "scores": {n: one_score(positive, s, cut.get(n), bootstrap, seed) for n, s in scores.items()},
        "comparisons": discrimination.comparisons(positive, scores),
        "software": {"python": platform.python_version(), **{n: metadata.version(n) for n in LIBRARIES}, "seed": seed, "bootstrap": bootstrap},
    }
    for n, s in result["scores"].items():
        if s["auroc"]["value"] < 0.5:
            result["warnings"].append(f"column {n}: the AUROC is below one half; a higher score is taken as a higher risk, and nothing is turned round")
    return result


def write(out, files):
    """Writes the folder `out` as a whole: a folder beside it is filled and then renamed. Refuses a folder with other contents."""
    out = pathlib.Path(out).absolute()
    if out.exists() and not (out.is_dir() and ((out / "evaluation.json").is_file() or not any(out.iterdir()))):
        raise table.TableError(f"{out.name}: exists and is not the folder of an evaluation, so it is not replaced")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        new = beside / "new"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text, encoding="utf-8")
        if out.exists():
            out.rename(beside / "old")
        try:
            new.rename(out)
        except OSError:
            if (beside / "old").exists():
                (beside / "old").rename(out)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def as_json(value):
    """Returns strict JSON. A number that is not finite raises, because every undefined value has to be None by now."""
    return json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False, default=lambda x: x.tolist()) + "\n"


def command(a, say):
    """Runs the command line `evaluate` with its parsed options `a`."""
    names = [n.strip() for n in a.scores.split(",")]
    if a.bootstrap < 0 or 0 < a.bootstrap < 100:
        raise table.TableError("--bootstrap: needs at least 100 replicates, or 0 for none")
    data = table.join([table.read(f) for f in a.table])
    result = evaluate(data, a.outcome, names, cutoffs(a.cutoff, names), a.bootstrap, a.seed)
    write(a.out, {"evaluation.json": as_json(result)})
    for warning in result["warnings"]:
        say(f"warning: {warning}")
    say(f"wrote {a.out}")
