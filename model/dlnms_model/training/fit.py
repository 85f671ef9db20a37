"""One training from the first step to the last: of a fold, or of the final network. It can be killed at any time and goes on.

The state of a training lies in one file, which is replaced as a whole. It belongs to the digest of everything that the training depends on;
a state of something else is refused.
"""

import dataclasses
import io
import json
import pathlib
import time

import numpy as np
import torch

from ..evaluation.discrimination import area
from ..output import as_json, csv_text, write_file
from ..table import TableError
from . import nets, steps
from .views import Views

STATE, WEIGHTS, RESULT, LOG = "state.pt", "weights.pt", "result.json", "log.csv"


@dataclasses.dataclass(frozen=True)
class Job:
    """What one training is."""

    name: str
    kind: str  # pet-ct, pet or ct
    recipe: object
    seed: int
    split: object  # split.Fold
    epochs: int  # after which it ends, and over which the learning rate rises and falls
    choose: bool  # keep the best epoch by the stopping patients, else the last
    digest: str
    folder: pathlib.Path
    threads: int
    device: str
    save_minutes: float
    pretrained: str
    share: tuple  # of the whole work that is done before this job, of this job itself


def serialised(value):
    """Returns a value as torch saves it. A disk that is full is met when the bytes are written, all at once."""
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


def auroc(y, score):
    """Returns the AUROC, or None where one class is missing."""
    levels = np.unique(score, return_inverse=True)[1]
    counts = [np.bincount(levels[y == c], minlength=levels.max() + 1)[None] for c in (True, False)]
    return float(area(*counts)[0]) if counts[0].sum() and counts[1].sum() else None


def log_loss(y, logit):
    return float(np.logaddexp(0, np.where(y, -logit, logit)).mean())


class Training:
    """The state of a job while it runs."""

    def __init__(self, job, data):
        self.job, self.y = job, data.y
        torch.manual_seed(job.seed)
        self.device = torch.device(job.device)
        self.views = Views(data, job.recipe, job.seed)
        self.net = nets.initialise(nets.Net(job.kind), job.seed, job.pretrained).to(self.device)
        self.optimiser = steps.optimiser(self.net, job.recipe)
        self.loss = steps.Loss(job.recipe)
        self.average = steps.Average(self.net, job.recipe.average)
        self.scorer = nets.Net(job.kind).to(self.device, memory_format=torch.channels_last)
        self.epoch = self.step = self.seen = 0
        self.losses, self.history, self.best = [], [], None
        positive = self.y[job.split.train].mean()
        seen = steps.share(job.split.train, self.y, job.recipe)
        # What to add to a logit, because a training sees more positives than there are.
        self.prior = float(np.log(positive / (1 - positive)) - np.log(seen / (1 - seen)))

    # ------------------------------------------------------------ restart

    def save(self):
        state = {
            "digest": self.job.digest, "net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "average": (self.average.state, self.average.steps),
            "class_weights": self.loss.class_weights, "epoch": self.epoch, "step": self.step, "seen": self.seen, "losses": self.losses, "history": self.history,
            "best": self.best, "random": torch.get_rng_state(), "random_gpu": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
        }
        write_file(self.job.folder / STATE, serialised(state))

    def load(self):
        path = self.job.folder / STATE
        if not path.exists():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # of pickle, zip or the disk
            raise TableError(f"{self.job.name}: {STATE} cannot be read ({str(error).splitlines()[0]}); remove the folder of the training") from None
        if state["digest"] != self.job.digest:
            raise TableError(f"{self.job.name}: {STATE} belongs to other data, another recipe or another seed; remove the folder of the training")
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.state, self.average.steps = {k: v.to(self.device) for k, v in state["average"][0].items()}, state["average"][1]
        self.loss.class_weights = state["class_weights"]
        self.epoch, self.step, self.seen, self.losses, self.history, self.best = (state[k] for k in ("epoch", "step", "seen", "losses", "history", "best"))
        if "resume" in self.job.recipe.bugs.split("+"):
            self.best = None
        torch.set_rng_state(state["random"])
        if state["random_gpu"]:
            torch.cuda.set_rng_state_all(state["random_gpu"])

    # ------------------------------------------------------------ one epoch

    def train_step(self, patients, count):
        recipe = self.job.recipe
        x = torch.from_numpy(np.stack([self.views.changed(i, self.epoch) for i in patients])).to(self.device)
        labels = torch.from_numpy(self.y[patients].astype(np.int64)).to(self.device)
        x, order, part = steps.mixed(x, recipe, np.random.default_rng([self.job.seed, 2, self.epoch, self.step]))
        for group in self.optimiser.param_groups:
            group["lr"] = float(steps.rate(recipe, self.epoch, (self.epoch * count + self.step) / (self.job.epochs * count)))
        self.net.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            outputs = self.net(x)
        loss = self.loss(outputs, labels)
        if order is not None:
            loss = part * loss + (1 - part) * self.loss(outputs, labels[order])
        if not torch.isfinite(loss):
            raise TableError(f"{self.job.name}, epoch {self.epoch + 1}, step {self.step + 1}: the loss is not finite; use a lower rate (--set rate={recipe.rate / 10:g})")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.name == "authors" and "clipping" not in recipe.bugs.split("+"):
            torch.nn.utils.clip_grad_value_(self.net.parameters(), 35)
        self.optimiser.step()
        self.average.update(self.net)
        self.losses.append(float(loss.detach()))
        self.seen += int(self.y[patients].sum())

    def plain(self, patients):
        """Returns a function that gives the planes of patients as a scanner does, in batches."""
        def parts(size):
            for i in range(0, len(patients), size):
                yield torch.from_numpy(np.stack([self.views.plain(j) for j in patients[i:i + size]])).to(self.device)
        return parts

    def logits(self, state, patients):
        """Returns the logit of each head for patients."""
        self.scorer.load_state_dict(state)
        return logits(self.scorer, self.plain(patients))

    def end_epoch(self):
        job = self.job
        row = {"epoch": self.epoch + 1, "loss": float(np.mean(self.losses)), "positives_seen": self.seen, "rate": self.optimiser.param_groups[0]["lr"]}
        if job.choose:
            y, logit = self.y[job.split.stopping], self.logits(self.average.state, job.split.stopping)[""]
            row.update(stopping_loss=log_loss(y, logit + self.prior), stopping_auroc=auroc(y, logit))
            value = row["stopping_auroc"] if job.recipe.name == "authors" else -row["stopping_loss"]
            if self.best is None or value > self.best["value"]:
                self.best = {"value": value, "epoch": self.epoch + 1, "state": {k: v.cpu().clone() for k, v in self.average.state.items()}}
        self.history.append(row)
        self.losses, self.step, self.epoch = [], 0, self.epoch + 1
        header = list(self.history[0])
        write_file(job.folder / LOG, csv_text(header, [[r.get(h) for h in header] for r in self.history]).encode())
        return row

    def finish(self):
        """Returns the weights that are kept."""
        state = self.best["state"] if self.job.choose else self.average.state
        if self.job.recipe.average:
            self.scorer.load_state_dict(state)
            steps.settle(self.scorer, self.plain(self.job.split.train))
            state = {k: v.detach().clone() for k, v in self.scorer.state_dict().items()}
        return state


def logits(net, parts, size=64):
    """Returns {suffix of a head: logits} of planes that come in parts."""
    net.eval()
    with torch.no_grad():
        outputs = [{k: (v[:, 1] - v[:, 0]).double().cpu().numpy() for k, v in net(x).items()} for x in parts(size)]
    return {k: np.concatenate([o[k] for o in outputs]) for k in outputs[0]}


def settings(job):
    """Makes the arithmetic the same at every run with as many threads."""
    torch.set_num_threads(job.threads)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def done(job):
    """Returns the result of a job that has ended, or None."""
    try:
        found = json.loads((job.folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = (job.folder / WEIGHTS).exists() or not keeps_weights(job)
    return found if found.get("digest") == job.digest and whole else None


def keeps_weights(job):
    """Returns whether the network of a job is the one that is kept; a fold leaves scores alone."""
    return not job.choose or job.recipe.name == "authors"


def run(job, data, say, started):
    """Trains, and returns the result, which is also in the job's folder. `started` is the time when the whole plan began."""
    found = done(job)
    if found:
        return found
    settings(job)
    job.folder.mkdir(parents=True, exist_ok=True)
    t = Training(job, data)
    t.load()
    begun, first, saved = time.monotonic(), t.epoch, time.monotonic()
    while t.epoch < job.epochs:
        order = steps.batches(job.split.train, t.y, job.recipe, np.random.default_rng([job.seed, 3, t.epoch]))
        while t.step < len(order):
            t.train_step(order[t.step], len(order))
            t.step += 1
            if time.monotonic() - saved > 60 * job.save_minutes and t.step < len(order):
                t.save()
                saved = time.monotonic()
        row = t.end_epoch()
        if time.monotonic() - saved > 60 * job.save_minutes:
            t.save()
            saved = time.monotonic()
        say(progress(job, row, t, begun, first))
    state = t.finish()
    test = t.logits(state, job.split.test) if len(job.split.test) else {}
    result = {
        "digest": job.digest, "name": job.name, "best_epoch": t.best["epoch"] if job.choose else job.epochs, "curve": t.history, "prior": t.prior,
        "logits": {suffix: (v + t.prior).tolist() for suffix, v in test.items()},
    }
    if keeps_weights(job):
        write_file(job.folder / WEIGHTS, serialised({k: v.cpu() for k, v in state.items()}))
        result["train_logits"] = {s: (v + t.prior).tolist() for s, v in t.logits(state, job.split.train).items()}
    write_file(job.folder / RESULT, as_json(result).encode())
    (job.folder / STATE).unlink(missing_ok=True)
    return result


def progress(job, row, t, begun, first):
    """Returns a line for a person: how far, how good, how long."""
    from ..cohort.prepare import duration
    per_epoch = (time.monotonic() - begun) / (t.epoch - first)
    before, own = job.share
    left = per_epoch * (job.epochs - t.epoch)
    rest = per_epoch * job.epochs / own * max(1 - before - own, 0)
    inner = f", stopping patients: loss {row['stopping_loss']:.3f}, AUROC {row['stopping_auroc']:.3f}" if "stopping_loss" in row else ""
    return f"{job.name}, epoch {t.epoch} of {job.epochs}: loss {row['loss']:.3f}{inner}; about {duration(left)} left, {duration(left + rest)} for everything"
