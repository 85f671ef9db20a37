"""Options of `phantom-cohort`."""

from ..failure import guarded

EPILOG = """DIR gets cohort.csv, the images, and truth.json with everything that is known: the hidden numbers, the log odds, the best AUROC that a reader of
both images, of CT or of PET can reach, odds ratios and hazard ratio. The columns x_best_n1_petct, x_best_n1_ct ... of cohort.csv are the
scores with the best AUROC: evaluate them beside your own. A score that is better than they are has seen the labels."""


def add(sub):
    """Adds the options of `phantom-cohort`."""
    p = sub.add_parser("phantom-cohort", help="makes a cohort with known truth, to try the road from cohort to bundle (needs the extra `cohort`)", epilog=EPILOG)
    p.add_argument("--n", type=int, required=True, metavar="N", help="patients to train with")
    p.add_argument("--external", type=int, default=0, metavar="N", help="further patients, of another site, to evaluate with (default 0)")
    p.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default 0)")
    p.add_argument("--dicom", type=int, default=0, metavar="N", help="write the first N patients as DICOM, the others as NIfTI (default 0)")
    p.add_argument("--workers", type=int, default=1, metavar="N", help="patients at a time (default 1)")
    p.add_argument("--out", required=True, metavar="DIR", help="folder of the cohort; an earlier one there is replaced")
    p.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return p


def run(a, say):
    """Runs `phantom-cohort`."""
    return guarded("phantom-cohort", "cohort", lambda: _make(a, say))


def _make(a, say):
    from . import cohort
    known = cohort.make(a.out, a.n, a.external, a.seed, a.dicom, a.workers, say)
    best = "; ".join(f"{label} both {v['pet-ct']:.3f}, CT {v['ct']:.3f}, PET {v['pet']:.3f}" for label, v in known["best_auroc"].items())
    say(f"{known['patients']} patients in {a.out}; best possible AUROC: {best}")
