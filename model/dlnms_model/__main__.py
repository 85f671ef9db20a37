"""Command line: `python -m dlnms_model seeded|export|evaluate ... --out DIR`."""

import argparse
import sys

from . import export

def add_evaluate(sub):
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
    v.add_argument("--bundle", metavar="DIR", help="bundle that gave the scores: adds a model card")
    v.add_argument("--bootstrap", type=int, default=10000, metavar="N", help="replicates (default 10000; 0 for none)")
    v.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    v.add_argument("--out", required=True, metavar="DIR", help="folder of the result; an earlier evaluation there is replaced")
    return v


def run_evaluate(a, say):
    """Runs `evaluate`, whose libraries are loaded only now."""
    try:
        from .evaluation import evaluate, table
    except ImportError as error:
        print(f"dlnms_model: error: evaluate needs {error.name}: pip install 'dlnms_model[evaluate]'", file=sys.stderr)
        return 1
    try:
        evaluate.command(a, say)
    except (table.TableError, OSError) as error:
        print(f"dlnms_model: error: {error}", file=sys.stderr)
        return 1
    return 0


def main(argv=None):
    p = argparse.ArgumentParser(
        prog="python -m dlnms_model",
        description="Builds DLNMS model bundles. Research use only; no trained weights are published.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  python -m dlnms_model seeded --seed 42 --out bundle/\n"
        "  python -m dlnms_model export --n1 n1.pth --n2 n2.pth --preprocessing authors --cutoffs 0.41,0.38 \\\n"
        "      --cutoffs-source 'maximum Youden index, 1528 training cases' --out bundle/ --id my-dlnms --version 1.0.0\n"
        "  python -m dlnms_model evaluate --table scores.csv --outcome n2 --scores dlnms,pet --cutoff dlnms=0.356 --out evaluation/",
    )
    sub = p.add_subparsers(dest="command", required=True)
    s, e = export.add_seeded(sub), export.add_export(sub)
    v = add_evaluate(sub)
    for q in (s, e, v):
        q.add_argument("--quiet", action="store_true", help="no progress on standard error")
    a = p.parse_args(argv)
    say = (lambda text: None) if a.quiet else (lambda text: print(f"dlnms_model: {text}", file=sys.stderr, flush=True))
    run = {"seeded": export.run_seeded, "export": export.run_export, "evaluate": run_evaluate}
    return run[a.command](a, say)


if __name__ == "__main__":
    sys.exit(main())
