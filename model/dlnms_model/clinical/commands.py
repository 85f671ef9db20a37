"""Options of `clinical` and its commands. The libraries are loaded only when one runs."""

import argparse

from ..failure import guarded
from ..table import IN_TRAINING, MODEL, MODEL_SHA256, PATIENT, REGRESSION, TableError

ORDER = """the usual order, for label n1:
  clinical fit --table cohort.csv --where split=training --label n1 --terms age,sex,type,side,central,size,suvmax --out clinical-n1/
  clinical score --model clinical-n1/model.json --table cohort.csv --out clinical-n1.csv
  clinical fit --table cohort.csv --table scores.csv --where split=training --label n1 --terms ... --fuse score_n1 --out fused-n1/
  clinical score --model fused-n1/model.json --table cohort.csv --table scores.csv --out fused-n1.csv
  evaluate --table cohort.csv --table scores.csv --table clinical-n1.csv --table fused-n1.csv --where split=external \\
      --outcome n1 --scores score_n1,clinical_n1,fused_n1 --out evaluation/"""
TERMS = """a TERM is one of
  COL          a column of numbers; of the words of sex, smoking, type and side, male, ever, solid and left are 1
  COL=WORD     1 where the column holds this word, 0 elsewhere
  log(COL)     the natural logarithm of a column of positive numbers"""


def add(sub):
    """Adds the options of `clinical`."""
    raw = argparse.RawDescriptionHelpFormatter
    c = sub.add_parser("clinical", help="the clinical model, alone or fused with the network's score (needs the extra `evaluate`)", epilog=ORDER, formatter_class=raw,
                       description="Logistic regression of clinical columns, as in Table 2 of Zhong et al. 2023.")
    commands = c.add_subparsers(dest="action", required=True, metavar="fit|score")
    f = commands.add_parser("fit", help="fits a model: univariable tests, then one regression of the columns that enter", epilog=TERMS, formatter_class=raw)
    f.add_argument("--label", required=True, metavar="COL", help="column of labels, 0 or 1")
    f.add_argument("--terms", default="", metavar="TERM,TERM...", help="candidates")
    f.add_argument("--fuse", metavar="COL", help="column of the network's score, whose logit enters whatever its p")
    f.add_argument("--entry", type=float, default=0.1, metavar="P", help="a term enters where its univariable p is below P (default 0.1)")
    f.add_argument("--out", required=True, metavar="DIR", help="folder of model.json, table2.csv and report.html; an earlier model there is replaced")
    s = commands.add_parser("score", help="scores patients by a model, into a CSV file for `evaluate`")
    s.add_argument("--model", required=True, metavar="FILE.json", help="model.json of `clinical fit`")
    s.add_argument("--out", required=True, metavar="FILE.csv", help="score file: patient, KIND_LABEL, in_training_of_KIND_LABEL (1: the model was fitted to him), model and its digest")
    for q in (f, s):
        q.add_argument("--table", required=True, action="append", metavar="FILE.csv", help="cohort file or any table; given several times, joined by the column `patient`")
        q.add_argument("--where", action="append", default=[], metavar="COL=VALUE", help="use only these rows, e.g. split=training")
        q.add_argument("--drop-missing", action="store_true", help="leave out, and count, patients without a value in a column that is used")
        q.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return c


def run(a, say):
    """Runs a command of `clinical`."""
    return guarded("clinical", "evaluate", lambda: {"fit": _fit, "score": _score}[a.action](a, say))


def _table(a, columns):
    """Returns the joined table with the rows that are asked for."""
    from .. import table
    data = table.join([table.read(f) for f in a.table], inner=a.drop_missing)
    for condition in a.where:
        data = data.where(condition)
    return data.without_missing(columns) if a.drop_missing else data


def _fit(a, say):
    from ..output import as_json, csv_text, write_folder
    from .. import terms
    from . import model, report
    texts = [t for t in (t.strip() for t in a.terms.split(",")) if t]
    if not texts and not a.fuse:
        raise TableError("--terms: at least one term is needed")
    if not 0 < a.entry <= 1:
        raise TableError("--entry: must lie between 0 and 1")
    data = _table(a, [a.label, *map(terms.column, texts), *([a.fuse] if a.fuse else [])])
    fitted = model.fit(data, a.label, texts, a.fuse, a.entry)
    write_folder(a.out, {"model.json": as_json(fitted), "table2.csv": csv_text(*report.csv_rows(fitted)), "report.html": report.page(fitted)}, "model.json", "a clinical model")
    for warning in fitted["warnings"]:
        say(f"warning: {warning}")
    say(f"wrote {a.out}: {', '.join(t['term'] for t in fitted['terms'])}")
    return 0


def _score(a, say):
    from ..output import csv_text, write_file
    from . import model
    fitted, digest = model.read(a.model)
    data = _table(a, [t["column"] for t in fitted["terms"]])
    if PATIENT not in data.columns:
        raise TableError(f"{data.name}: scores are joined by the column {PATIENT!r}, which is not there")
    risk, seen, warned = model.score(fitted, data)
    name = f"{fitted['kind']}_{fitted['label']}"
    header = [PATIENT, name, IN_TRAINING + name, MODEL, MODEL_SHA256]
    rows = [[p.strip(), repr(float(r)), "" if seen is None else int(seen[i]), REGRESSION + name, digest] for i, (p, r) in enumerate(zip(data.columns[PATIENT], risk))]
    write_file(a.out, csv_text(header, rows).encode())
    for warning in [*data.warnings, *warned]:
        say(f"warning: {warning}")
    say(f"wrote {a.out}: {len(rows)} patients" + (f", {sum(seen)} of whom the model was fitted to" if seen else ""))
    return 0
