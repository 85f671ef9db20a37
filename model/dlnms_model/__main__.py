"""Command line: `python -m dlnms_model seeded|export|reference|sign|keygen|cohort|clinical|evaluate|associate|gene-sets ...`."""

import argparse
import sys

from . import export, reference_statistics, sign
from .association import commands as association
from .clinical import commands as clinical
from .cohort import commands as cohort
from .evaluation import commands as evaluation
from .phantom import commands as phantom
from .training import commands as training


def main(argv=None):
    p = argparse.ArgumentParser(
        prog="python -m dlnms_model",
        description="Builds DLNMS model bundles, prepares cohorts and evaluates scores. Research use only; no trained weights are published.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  python -m dlnms_model seeded --seed 42 --out bundle/\n"
        "  python -m dlnms_model export --n1 n1.pth --n2 n2.pth --preprocessing authors --cutoffs 0.41,0.38 \\\n"
        "      --cutoffs-source 'maximum Youden index, 1528 training cases' --out bundle/ --id my-dlnms --version 1.0.0\n"
        "  python -m dlnms_model reference --bundle bundle/ --planes prepared/*_pet.npy --source '1528 training cases'\n"
        "  python -m dlnms_model sign bundle/ --key release.key\n"
        "  python -m dlnms_model cohort prepare cohort.csv --bundle bundle/ --out prepared/\n"
        "  python -m dlnms_model cohort score cohort.csv --bundle bundle/ --out scores.csv\n"
        "  python -m dlnms_model clinical fit --table cohort.csv --label n2 --terms age,sex,type,size --out clinical-n2/\n"
        "  python -m dlnms_model evaluate --table scores.csv --outcome n2 --scores dlnms,pet --cutoff dlnms=0.356 --out evaluation/",
    )
    sub = p.add_subparsers(dest="command", required=True)
    s, e, r = export.add_seeded(sub), export.add_export(sub), reference_statistics.add(sub)
    sign_parsers = sign.add(sub)
    cohort.add(sub)
    phantom.add(sub)
    training.add(sub)
    clinical.add(sub)
    association.add(sub)
    v = evaluation.add(sub)
    for q in (s, e, r, v, *sign_parsers):
        q.add_argument("--quiet", action="store_true", help="no progress on standard error")
    a = p.parse_args(argv)
    say = (lambda text: None) if a.quiet else (lambda text: print(f"dlnms_model: {text}", file=sys.stderr, flush=True))
    run = {"seeded": export.run_seeded, "export": export.run_export, "reference": reference_statistics.run, "sign": sign.run, "keygen": sign.run, "cohort": cohort.run, "phantom-cohort": phantom.run, "train": training.run, "clinical": clinical.run, "evaluate": evaluation.run,
           "associate": association.run, "gene-sets": association.run}
    return run[a.command](a, say)


if __name__ == "__main__":
    sys.exit(main())
