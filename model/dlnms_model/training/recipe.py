"""Recipes: every number of a training. A recipe enters the training record, and a training that goes on must have the same."""

import dataclasses

from ..table import TableError


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained. Each number can be given by --set NAME=VALUE."""

    name: str = "sound"
    epochs: int = 40
    batch: int = 32
    optimiser: str = "adamw"  # or sgd
    rate: float = 1e-3  # learning rate; 2e-4 is used with --init
    weight_decay: float = 0.05  # not on biases and normalisation
    warm_up: float = 0.1  # share of the steps over which the rate rises; then it falls as a cosine
    positives: float = 0.4  # share of a batch; 0 for batches as the cohort is
    smoothing: float = 0.05  # of the labels
    focal: float = 0.0  # gamma of a focal loss; 0 for cross-entropy
    ratio: float = 1.0  # weight of a positive in the focal loss
    auxiliary: float = 0.2  # weight of the loss of the heads that see PET or CT alone
    average: float = 0.99  # decay of the running average of the weights, which is what is saved; 0 for none
    rotation: float = 20.0  # degrees, at most
    shift: float = 3.0  # mm along each axis, at most
    zoom_low: float = 0.9
    zoom_high: float = 1.2
    flips: bool = False  # mirror images: off, because anatomy is not symmetric
    pet_gain: float = 0.1  # SUV times 1 +- this
    ct_shift: float = 20.0  # HU, at most
    noise: float = 0.02  # in units of the normalised planes
    folds: int = 5
    stopping: float = 0.15  # share of a fold's training patients by which its best epoch is chosen
    precision: str = "fp32"  # or bf16
    # Of the authors' recipe alone.
    oversample: int = 1  # how often a positive stands in an epoch
    step_epochs: int = 0  # the rate falls tenfold each time; 0 for the cosine
    mixup: float = 0.0  # alpha of mixup on the planes
    bugs: str = ""  # of the authors' scripts, joined by +: focal, clipping, resume

    def check(self):
        """Refuses numbers that make no training."""
        rules = (
            ("epochs", self.epochs >= 1), ("batch", self.batch >= 2), ("optimiser", self.optimiser in ("adamw", "sgd")), ("rate", self.rate > 0),
            ("weight_decay", self.weight_decay >= 0), ("warm_up", 0 <= self.warm_up < 1), ("positives", 0 <= self.positives < 1),
            ("smoothing", 0 <= self.smoothing < 1), ("focal", self.focal >= 0), ("ratio", self.ratio > 0), ("auxiliary", self.auxiliary >= 0), ("average", 0 <= self.average < 1),
            ("rotation", 0 <= self.rotation <= 180), ("shift", self.shift >= 0), ("zoom_low", 0.5 <= self.zoom_low <= self.zoom_high),
            ("zoom_high", self.zoom_high <= 2), ("pet_gain", 0 <= self.pet_gain < 1), ("ct_shift", self.ct_shift >= 0), ("noise", self.noise >= 0),
            ("folds", self.folds >= 2), ("stopping", 0 < self.stopping < 0.5), ("precision", self.precision in ("fp32", "bf16")),
            ("oversample", self.oversample >= 1), ("step_epochs", self.step_epochs >= 0), ("mixup", self.mixup >= 0),
            ("bugs", set(filter(None, self.bugs.split("+"))) <= set(BUGS)),
        )
        for name, good in rules:
            if not good:
                raise TableError(f"--set {name}={getattr(self, name)}: is not possible")
        if self.positives and (self.oversample > 1 or self.focal):
            raise TableError("--set positives: not beside oversample or focal, which change the share of positives a second time")
        return self


BUGS = {
    "focal": "the focal loss overwrites its class weights by those of the batch, so that ratio is lost after some steps",
    "clipping": "gradients are clipped before they are computed, so never",
    "resume": "a run that goes on forgets its best epoch",
}
# What the authors' scripts do, at their defaults (commit dee3695).
AUTHORS = dict(
    name="authors", epochs=220, batch=64, optimiser="sgd", rate=0.01, weight_decay=1e-4, warm_up=0.0, positives=0.0, smoothing=0.0, focal=2.0,
    auxiliary=0.1, average=0.0, step_epochs=30, bugs="focal+clipping+resume", folds=5,
)
OVERSAMPLE = {"n1": 10, "n2": 12}


def make(name, label, changes, pretrained):
    """Returns a recipe by name with the changes of --set, which are texts."""
    values = dict(AUTHORS, oversample=OVERSAMPLE[label]) if name == "authors" else {"rate": 2e-4} if pretrained else {}
    kinds = {f.name: f.type for f in dataclasses.fields(Recipe) if f.name != "name"}
    for change in changes:
        key, sign, text = change.partition("=")
        if key not in kinds or not sign:
            raise TableError(f"--set {change}: write NAME=VALUE; names are {', '.join(kinds)}")
        try:
            values[key] = {"true": True, "false": False}[text.lower()] if kinds[key] is bool else kinds[key](text)
        except (ValueError, KeyError):
            raise TableError(f"--set {change}: is not {kinds[key].__name__}") from None
    return Recipe(**values).check()
