"""The command `train`: folds, out-of-fold scores, calibration, cut-off, the final network, its checkpoint and its record."""

import argparse
import dataclasses
import fcntl
import hashlib
import json
import pathlib
import platform
import statistics
import time

import numpy as np
import torch

from ..calibration import fold as fold_in
from ..layout import KINDS
from ..output import as_json, refuse_other_folder, write_file
from ..record import FORMAT, NAME
from ..table import TableError
from . import calibrate, data as reading, fit, jobs, recipe as recipes, split

PLAN, MODEL, CONTROL = "plan.json", "model.pth", "control.json"
VERSION = 1  # of the arithmetic here: an unfinished training of another is not gone on with


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line says beside the data and the recipe."""

    out: pathlib.Path
    label: str
    kind: str
    seed: int
    workers: int
    threads: int
    device: str
    save_minutes: float
    pretrained: str
    ray: str
    shuffle: bool
    quiet: bool


def command(a, say):
    """Runs `train`."""
    options = Options(
        out=pathlib.Path(a.out).absolute(), label=a.label, kind=a.modality, seed=a.seed, workers=a.workers, threads=a.threads, device=_device(a.device),
        save_minutes=a.save_minutes, pretrained=a.init, ray=a.ray, shuffle=a.shuffle_labels, quiet=a.quiet,
    )
    if a.workers < 1 or a.threads < 1 or not a.save_minutes >= 0 or a.seed < 0:
        raise TableError("--workers and --threads: must be at least 1; --save-minutes and --seed: at least 0")
    recipe = recipes.make(a.recipe, a.label, a.set, a.init)
    data = reading.read(a.cohort, a.prepared, a.label, a.where, a.drop_missing, a.normalisation == "cohort")
    split.refuse_few(pathlib.Path(a.cohort).name, a.label, data.y, recipe.folds)
    say(f"{len(data.y)} patients, {int(data.y.sum())} positive" + "".join(f"; left out: {n} ({why})" for why, n in data.left_out.items()))
    if data.near:
        rows = "; ".join(f"rows {n['rows'][0]} and {n['rows'][1]}" for n in data.near[:5])
        say(f"warning: {len(data.near)} pairs of patients whose images are nearly the same ({rows}): look whether they are one patient")
    Command(options, recipe, data, say).run()


def _device(name):
    if name == "cuda" and not torch.cuda.is_available():
        raise TableError("--device cuda: PyTorch finds no GPU")
    return name


class Command:
    """One training with its folds."""

    def __init__(self, options, recipe, data, say):
        self.o, self.recipe, self.say, self.started = options, recipe, say, time.time()
        if options.shuffle:
            data = dataclasses.replace(data, y=np.random.default_rng([options.seed, 5]).permutation(data.y))
        self.data, self.y = data, data.y
        self.plan = {
            "version": VERSION, "data": data.digest, "recipe": dataclasses.asdict(recipe), "seed": options.seed, "label": options.label, "modality": options.kind,
            "device": options.device, "threads": options.threads, "init": _file_digest(options.pretrained), "shuffled": options.shuffle, "torch": torch.__version__,
        }

    def run(self):
        out = self.o.out
        refuse_other_folder(out, PLAN, "a training")
        self._same_plan(out)
        with open(out / PLAN, "rb") as plan:
            try:
                fcntl.flock(plan, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise TableError(f"{out.name}: another run is training in this folder") from None
            self._train(out)

    def _train(self, out):
        if (out / (CONTROL if self.o.shuffle else NAME)).exists():
            self.say(f"{out.name} is finished already; remove it to train again")
            return
        if self.recipe.name == "authors":
            self._authors()
        else:
            self._sound()
        for path in sorted((out / "jobs").glob("*/*.pt")):
            path.unlink()

    def _same_plan(self, out):
        """Refuses to go on with a training of other data, another recipe or seed, and says what differs."""
        path = out / PLAN
        if path.exists():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                raise TableError(f"{out.name}: {PLAN} is damaged; remove the folder") from None
            differ = [k for k in self.plan if found.get(k) != self.plan[k]]
            if differ:
                raise TableError(f"{out.name}: holds a training with another {differ[0]}; remove the folder, or choose another --out")
        else:
            write_file(path, as_json(self.plan).encode())

    def job(self, name, fold, epochs, choose, share):
        digest = hashlib.sha256(as_json([self.plan, name, *(part.tolist() for part in dataclasses.astuple(fold)), epochs, choose]).encode()).hexdigest()
        return fit.Job(
            name=name, kind=self.o.kind, recipe=self.recipe, seed=self.o.seed, split=fold, epochs=epochs, choose=choose, digest=digest,
            folder=self.o.out / "jobs" / name.replace(" ", "-"), threads=self.o.threads, device=self.o.device, save_minutes=self.o.save_minutes,
            pretrained=self.o.pretrained, share=share,
        )

    def _run(self, listed):
        return jobs.run(listed, self.data, self.o.workers, self.o.ray, self.o.quiet, self.say, self.started)

    # ------------------------------------------------------------ the sound recipe

    def _sound(self):
        r, y, o = self.recipe, self.y, self.o
        folds = split.k_fold(y, self.data.columns, r.folds, r.stopping, o.seed)
        self._apart(folds)
        own = (1 - 1 / r.folds) * (1 - r.stopping)
        whole = r.folds * own + (0 if o.shuffle else 1)
        parallel = min(o.workers, r.folds)
        listed = [self.job(f"fold {k + 1} of {r.folds}", f, r.epochs, True, (k // parallel * parallel * own / whole, parallel * own / whole)) for k, f in enumerate(folds)]
        results = self._run(listed)
        raw = {suffix: self._out_of_fold(folds, results, suffix) for suffix in KINDS[o.kind].heads}
        found = calibrate.discrimination(y, raw[""])
        self.say(f"out of fold: AUROC {found['value']:.3f} ({_number(found['low'])} to {_number(found['high'])})")
        if o.shuffle:
            control = {"what": "labels were shuffled: the AUROC must be near 0.5", "label": o.label, "n": len(y), "out_of_fold_auroc": found}
            write_file(o.out / CONTROL, as_json(control).encode())
            return
        epochs = int(statistics.median_high([result["best_epoch"] for result in results]))
        everyone = np.arange(len(y))
        final = self.job("final", split.Fold(everyone, everyone[:0], everyone[:0]), epochs, False, (1 - epochs / r.epochs / whole, epochs / r.epochs / whole))
        result = self._run([final])[0]
        warnings, platt = [], {suffix: calibrate.platt(y, logit) for suffix, logit in raw.items()}
        for suffix, ab in platt.items():
            if ab is None:
                warnings.append(f"the out-of-fold scores of the head {o.label}{suffix} do not rise with the risk, so it is not calibrated; nothing was learnt")
        score = calibrate.sigmoid(raw[""] if platt[""] is None else platt[""][0] * raw[""] + platt[""][1])
        calibration = platt[""] and {
            "a": platt[""][0], "b": platt[""][1], "n": len(y), "prevalence": float(y.mean()), "source": f"Platt, out-of-fold scores of {r.folds} folds", "folded": True,
            "auxiliary": {f"{o.label}{s}": ab for s, ab in platt.items() if s},
        }
        cutoff = calibrate.cutoff(y, score, f"calibrated out-of-fold scores of {r.folds} folds", o.seed)
        state = self._state(final, result["prior"])
        for suffix, (prefix, _) in KINDS[o.kind].heads.items():
            if platt[suffix]:
                state = fold_in(state, prefix, *platt[suffix])
        curves = {j.name: x["curve"] for j, x in zip([*listed, final], [*results, result])}
        self._write(state, cutoff, calibration, warnings, epochs, curves, found, score, folds)

    def _apart(self, folds):
        """Refuses folds that share a patient: a defect here, never the user's."""
        for k, f in enumerate(folds):
            groups = [set(part.tolist()) for part in (f.train, f.stopping, f.test)]
            if sum(map(len, groups)) != len(set().union(*groups)) or len(set().union(*groups)) != len(self.y):
                raise AssertionError(f"fold {k + 1}: a patient stands in two parts, or in none")

    def _out_of_fold(self, folds, results, suffix):
        logit = np.full(len(self.y), np.nan)
        for f, result in zip(folds, results):
            logit[f.test] = result["logits"][suffix]
        return logit

    # ------------------------------------------------------------ the authors' recipe

    def _authors(self):
        if self.o.shuffle:
            raise TableError("--shuffle-labels: goes with the sound recipe, whose out-of-fold scores it needs")
        fold = split.authors(self.y, self.recipe.folds, self.o.seed)
        job = self.job("final", fold, self.recipe.epochs, True, (0.0, 1.0))
        result = self._run([job])[0]
        train, validation = self.y[fold.train], self.y[fold.test]
        trained = calibrate.sigmoid(np.array(result["train_logits"][""]) - result["prior"])
        cutoff = calibrate.cutoff(train, trained, "scores of the patients that it was trained with, as in the paper (too high for others)", self.o.seed)
        score = np.full(len(self.y), np.nan)
        score[fold.test] = calibrate.sigmoid(np.array(result["logits"][""]) - result["prior"])
        found = calibrate.discrimination(validation, score[fold.test])
        warnings = [f"the AUROC of the validation patients is the largest of {self.recipe.epochs} looks at them, so it is too high"]
        curves = {job.name: result["curve"]}
        self._write(self._state(job, 0.0), cutoff, None, warnings, result["best_epoch"], curves, found, score, [fold])

    # ------------------------------------------------------------ what is left behind

    def _state(self, job, prior):
        """Returns the weights of a job as numpy arrays, with the prior put back: it is `prior` added to every logit."""
        state = torch.load(job.folder / fit.WEIGHTS, weights_only=True)
        state = {k: v.numpy() for k, v in state.items()}
        for prefix, _ in KINDS[self.o.kind].heads.values():
            state = fold_in(state, prefix, 1.0, prior)
        return state

    def _write(self, state, cutoff, calibration, warnings, epochs, curves, found, score, folds):
        o = self.o
        arguments = argparse.Namespace(mx=o.kind, label=o.label.upper(), epochs=epochs, seed=o.seed, recipe=self.recipe.name)
        tensors = {k: torch.from_numpy(np.array(v)) for k, v in state.items()}
        content = fit.serialised({"model": tensors, "epoch": epochs, "args": arguments, "auc": found["value"], "eval_auc": found["value"]})
        write_file(o.out / MODEL, content)
        cohort, made = self.data.prepared.cohort, self.data.prepared
        names = [reading.patient_digest(made.folder, cohort.table.columns["patient"][self.data.position[r]]) for r in self.data.rows]
        fold_of = {int(i): k + 1 for k, f in enumerate(folds) for i in f.test}
        record = {
            "format": FORMAT, "label": o.label, "modality": o.kind, "weights": self.data.weights, "preprocessing": self.data.preprocessing,
            "preprocessing_source": self.data.preprocessing_source,
            "cutoff": cutoff, "calibration": calibration, "checkpoint_sha256": hashlib.sha256(content).hexdigest(), "warnings": warnings,
            "recipe": dataclasses.asdict(self.recipe), "seed": o.seed, "epochs": epochs, "init": self.plan["init"], "device": o.device, "threads": o.threads,
            "versions": {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version(), "library": made.summary["library"]},
            "data": {"digest": self.data.digest, "cohort_sha256": cohort.sha256, "n": len(self.y), "positive": int(self.y.sum()), "left_out": self.data.left_out,
                     "near_duplicates": len(self.data.near), "cube": self.data.cube},
            "auroc": {"of": "out-of-fold scores" if self.recipe.name != "authors" else "validation patients", **found},
            "curves": curves,
            "patients": [{"patient": n, "fold": fold_of.get(i), "label": int(v), "score": None if np.isnan(s) else float(s)} for i, (n, v, s) in enumerate(zip(names, self.y, score))],
        }
        write_file(o.out / NAME, as_json(record).encode())
        for warning in warnings:
            self.say(f"warning: {warning}")
        self.say(f"wrote {o.out / MODEL} and {NAME}: cut-off {cutoff['value']:.3f} ({cutoff['low']:.3f} to {cutoff['high']:.3f})")


def _file_digest(path):
    try:
        return path and hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise TableError(f"--init: cannot be read: {error.strerror}") from None


def _number(value):
    return "-" if value is None else f"{value:.3f}"
