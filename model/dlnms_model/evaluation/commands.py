"""Options of the command `evaluate`. Its libraries are loaded only when it runs."""

from ..failure import guarded


def add(sub):
    """Adds the options of `evaluate`."""
    v = sub.add_parser("evaluate", help="scores against an outcome: JSON, CSV and a page with figures (needs the extra `evaluate`)")
    v.add_argument("--table", required=True, action="append", metavar="FILE.csv",
                   help="one row per patient; given several times, the files are joined by the column `patient`")
    v.add_argument("--outcome", required=True, metavar="COL", help="column of labels, 0 or 1")
    v.add_argument("--scores", required=True, metavar="COL,COL...", help="columns to evaluate, higher meaning a higher risk")
    v.add_argument("--cutoff", action="append", default=[], metavar="COL=VALUE", help="a score at or above it is positive")
    v.add_argument("--time", metavar="COL", help="column of follow-up times, for survival; needs --event")
    v.add_argument("--event", metavar="COL", help="column of events, 1, or 0 for censored")
    v.add_argument("--subgroups", default="", metavar="COL,COL...", help="columns of few values, in each of which the scores are evaluated")
    v.add_argument("--adjust", default="", metavar="TERM,TERM...", help="columns beside each score in a Cox regression: numbers, COL=WORD, log(COL)")
    v.add_argument("--where", action="append", default=[], metavar="COL=VALUE", help="use only these rows, e.g. split=external")
    v.add_argument("--drop-missing", action="store_true", help="leave out, and count, patients without a value in a column that is used, or without a row in a table")
    v.add_argument("--bundle", metavar="DIR", help="bundle that gave the scores: adds a model card; scores that another bundle gave are refused")
    v.add_argument("--bootstrap", type=int, default=10000, metavar="N", help="replicates (default 10000; 0 for none)")
    v.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    v.add_argument("--out", required=True, metavar="DIR", help="folder of the result; an earlier evaluation there is replaced")
    return v


def run(a, say):
    """Runs `evaluate`, whose libraries are loaded only now."""
    return guarded("evaluate", "evaluate", lambda: _evaluate(a, say))


def _evaluate(a, say):
    from . import evaluate
    evaluate.command(a, say)
