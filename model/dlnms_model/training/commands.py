"""Options of `train`. PyTorch is loaded only when it runs."""

import argparse

from ..failure import fail, guarded

EPILOG = """DIR gets model.pth, a checkpoint in the authors' layout, and training.json, from which `export` takes preprocessing, cut-off and calibration.

The sound recipe: patients are divided into folds, stratified by both labels and site; in each fold the best epoch is chosen by patients who
neither train nor are scored; each patient is scored by the network that has not seen it. From these scores come calibration and cut-off. The
final network is trained on everyone, for the median of the best epochs. Its calibration is part of its last layer.

The authors' recipe: what the scripts of Zhong et al. 2023 do, with their bugs (--set bugs=... for a part; --set bugs= for none):
  focal     the class weights of the loss are overwritten, so that ratio is lost after some steps
  clipping  gradients are clipped before they are computed, so never
  resume    a run that goes on forgets its best epoch
Their branch `libauc` is dead code and not restated.

A training that was killed goes on when the same command is given again, and gives the same bytes. exit codes: 0 done; 1 refused, the
message names file, row and column; 2 wrong usage; 130 interrupted."""


def add(sub):
    """Adds the options of `train`."""
    p = sub.add_parser("train", help="trains a network on a prepared cohort (needs the extra `train`)", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cohort", required=True, metavar="COHORT.csv", help="cohort file")
    p.add_argument("--prepared", metavar="DIR", help="folder of `cohort prepare` (default: `prepared` beside the cohort file)")
    p.add_argument("--label", required=True, choices=("n1", "n2"), help="what the network is to find")
    p.add_argument("--modality", choices=("pet-ct", "pet", "ct"), default="pet-ct", help="what it sees (default pet-ct: both, with heads for each alone)")
    p.add_argument("--recipe", choices=("sound", "authors"), default="sound", help="how it is trained (default sound); the authors' needs cubes")
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="changes a number of the recipe, e.g. epochs=60; `--set help` lists them")
    p.add_argument("--where", action="append", default=[], metavar="COL=VALUE", help="train with these rows only, e.g. split=training; needed if there are several splits")
    p.add_argument("--drop-missing", action="store_true", help="leave out, and count, patients without the label")
    p.add_argument("--normalisation", choices=("bundle", "cohort"), default="bundle",
                   help="mean and standard deviation: those of the bundle with which the planes were prepared, or measured on the patients of the training (default bundle)")
    p.add_argument("--init", metavar="FILE.pth", help="ResNet-18 in torchvision's layout (ImageNet) to begin with; without it the weights are drawn")
    p.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    p.add_argument("--workers", type=int, default=1, metavar="N", help="folds at a time (default 1)")
    p.add_argument("--threads", type=int, default=1, metavar="N", help="threads of each; part of the arithmetic: another number, other last digits (default 1)")
    p.add_argument("--ray", metavar="ADDRESS", help="run the folds on a Ray cluster, `local` for one on this machine (needs the extra `ray`)")
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default cpu")
    p.add_argument("--save-minutes", type=float, default=5.0, metavar="M", help="how often the state is saved (default 5)")
    p.add_argument("--shuffle-labels", action="store_true", help="a control: train the folds on shuffled labels; the AUROC must be near 0.5; no network is written")
    p.add_argument("--out", required=True, metavar="DIR", help="folder of the training")
    p.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return p


def run(a, say):
    """Runs `train`."""
    if a.set == ["help"]:
        return _numbers()
    try:
        return guarded("train", "train", lambda: _train(a, say))
    except KeyboardInterrupt:
        return fail("interrupted; the same command goes on", 130)


def _numbers():
    import dataclasses

    from . import recipe
    authors = recipe.make("authors", "n2", [], None)
    for f in dataclasses.fields(recipe.Recipe):
        if f.name != "name":
            print(f"{f.name:<14} {f.default!s:<8} authors {getattr(authors, f.name)}")
    return 0


def _train(a, say):
    from . import train
    train.command(a, say)
