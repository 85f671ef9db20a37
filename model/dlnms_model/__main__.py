"""Command line: `python -m dlnms_model seeded|export|evaluate ... --out DIR`."""

import argparse
import sys

from . import bundle, layout, seeded

SEEDED_CARD = (
    "Seeded weights: pseudo-random numbers from seed {seed}, in the DLNMS architecture. NOT trained on anything. The "
    "scores exercise the software and mean nothing about any patient."
)
EXPORT_CARD = (
    "Exported from checkpoints in the layout of Zhong et al. 2023 (Nat Commun 14:7513). How well they perform is for "
    "their owner to show; the paper's figures hold for the authors' own weights only."
)


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
        "  python -m dlnms_model export --n1 n1.pth --n2 n2.pth --out bundle/ --id my-dlnms --version 1.0.0\n"
        "  python -m dlnms_model evaluate --table scores.csv --outcome n2 --scores dlnms,pet --cutoff dlnms=0.356 --out evaluation/",
    )
    sub = p.add_subparsers(dest="command", required=True)
    s = sub.add_parser("seeded", help="pseudo-random weights from a seed, for integration and benchmarks")
    s.add_argument("--seed", type=int, default=42, help="any integer; enters the bundle's name (default 42)")
    e = sub.add_parser("export", help="one's own checkpoints in the authors' layout (.pth needs torch, or .npz)")
    e.add_argument("--n1", required=True, metavar="CK", help="checkpoint of the N1 network")
    e.add_argument("--n2", required=True, metavar="CK", help="checkpoint of the N2 network")
    e.add_argument("--id", default="dlnms-export", help="model id in the manifest (default dlnms-export)")
    e.add_argument("--version", default="1.0.0", help="model version in the manifest (default 1.0.0)")
    e.add_argument("--weights", choices=("trained", "phantom", "seeded"), default="trained",
                   help="what the weights are; anything but trained is flagged in every result (default trained)")
    v = add_evaluate(sub)
    for q in (s, e):
        q.add_argument("--out", required=True, metavar="DIR", help="folder of the bundle, made if missing")
        q.add_argument("--no-fp16", action="store_true", help="leave out the half-precision model that GPUs prefer (94 MB)")
    for q in (s, e, v):
        q.add_argument("--quiet", action="store_true", help="no progress on standard error")
    a = p.parse_args(argv)
    say = (lambda text: None) if a.quiet else (lambda text: print(f"dlnms_model: {text}", file=sys.stderr, flush=True))
    if a.command == "evaluate":
        return run_evaluate(a, say)
    try:
        if a.command == "seeded":
            nets = {n: seeded.weights(f"{a.seed}:{n}") for n in ("n1", "n2")}
            bundle.write(a.out, nets, f"dlnms-seeded-{a.seed}", "1.0.0", "seeded", SEEDED_CARD.format(seed=a.seed), not a.no_fp16, say)
        else:
            nets = {n: layout.load(getattr(a, n)) for n in ("n1", "n2")}
            bundle.write(a.out, nets, a.id, a.version, a.weights, EXPORT_CARD, not a.no_fp16, say)
    except (layout.CheckpointError, OSError) as error:
        print(f"dlnms_model: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
