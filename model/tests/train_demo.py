"""The whole road on made patients: cohort, planes, networks of N1 and N2, bundle, evaluation, scores in a C++ host. Asserts what must hold.

    python train_demo.py --dlnms PROGRAM --bundle BUNDLE --out DIR [--host PROGRAM]

BUNDLE is any bundle: its preprocessing is used. --host is cpp-example's `score`. DIR gets bundle/, evaluation/ (N1) and evaluation-n2/.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import torch

from dlnms_model import checkpoint
from dlnms_model.cohort import file, prepared
from dlnms_model.training import calibrate, fit, nets

LABELS = ("n1", "n2")
# Few epochs: smaller batches make more steps of them, and the made tumours are turned in every direction already.
NUMBERS = ("folds=2", "batch=16", "flips=true", "rotation=0", "zoom_low=1", "zoom_high=1", "auxiliary=0.5")
HERE = pathlib.Path(__file__).resolve().parents[1]


class Demo:
    """The steps, each a command as a person would give it."""

    def __init__(self, a):
        self.a, self.out, self.began = a, pathlib.Path(a.out).absolute(), time.monotonic()
        self.cohort = self.out / "cohort"

    def say(self, text):
        print(f"== {time.monotonic() - self.began:4.0f} s  {text}", flush=True)

    def start(self, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(HERE), "DLNMS_PROGRAM": self.a.dlnms}
        return subprocess.Popen([sys.executable, "-m", "dlnms_model", *map(str, arguments)], env=environment)

    def run(self, *arguments):
        self.wait(self.start(*arguments))

    @staticmethod
    def wait(*processes):
        codes = [p.wait() for p in processes]
        if any(codes):
            raise SystemExit(f"a step failed with exit code {max(codes)}")

    def make_cohort(self):
        a = self.a
        self.say(f"{a.n} made patients to train with, {a.external} to evaluate with")
        self.run("phantom-cohort", "--n", a.n, "--external", a.external, "--seed", a.seed, "--dicom", a.dicom, "--workers", a.workers, "--out", self.cohort)
        self.say("planes, through the library")
        self.run("cohort", "prepare", self.cohort / "cohort.csv", "--bundle", a.bundle, "--workers", a.workers, "--out", self.cohort / "prepared")
        self.run("cohort", "show", self.cohort / "cohort.csv", "--prepared", self.cohort / "prepared", "--out", self.out / "page")

    def train(self):
        a = self.a
        base = ["train", "--cohort", self.cohort / "cohort.csv", "--where", "split=training", "--seed", a.seed]
        numbers = [x for s in (f"epochs={a.epochs}", *NUMBERS) for x in ("--set", s)]
        self.say("networks of N1 and N2, side by side, each on one core")
        started = [self.start(*base, *numbers, "--label", label, "--out", self.out / "networks" / label) for label in LABELS]
        self.wait(*started)
        if a.control_epochs:
            self.say("a control: shuffled labels")
            numbers[1] = f"epochs={a.control_epochs}"
            self.run(*base, *numbers, "--label", "n1", "--workers", 2, "--shuffle-labels", "--out", self.out / "networks/control")

    def export(self):
        self.say("bundle")
        options = [x for label in LABELS for x in (f"--{label}", self.out / "networks" / label / "model.pth")]
        self.run("export", *options, "--id", "dlnms-phantom", "--out", self.out / "bundle")

    def score(self):
        """Scores the external patients; the cohort file of these alone lies beside the other."""
        self.say("scores, through the library")
        with open(self.cohort / "cohort.csv", newline="") as f:
            header, *rows = csv.reader(f)
        split = header.index("split")
        with open(self.cohort / "external.csv", "w", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows([header, *(r for r in rows if r[split] == "external")])
        self.run("cohort", "score", self.cohort / "external.csv", "--bundle", self.out / "bundle", "--workers", self.a.workers, "--out", self.out / "scores.csv")

    def evaluate(self):
        self.say("evaluation")
        for label in LABELS:
            manifest = json.loads((self.out / "bundle/manifest.json").read_text())
            scores = [f"score_{label}", f"score_{label}_pet", f"score_{label}_ct", f"x_best_{label}_petct", f"x_best_{label}_pet", f"x_best_{label}_ct"]
            self.run("evaluate", "--table", self.cohort / "external.csv", "--table", self.out / "scores.csv", "--bundle", self.out / "bundle", "--outcome", label,
                     "--scores", ",".join(scores), "--cutoff", f"score_{label}={manifest['cutoffs'][label]}", "--time", "os_days", "--event", "os_event",
                     "--bootstrap", 2000, "--out", self.evaluation(label))

    def evaluation(self, label):
        return self.out / ("evaluation" if label == "n1" else f"evaluation-{label}")

    # ------------------------------------------------------------ what must hold

    def scores_are_pytorchs(self):
        """Scores of the library against the checkpoints in PyTorch, on the same planes."""
        cohort = file.read(self.cohort / "cohort.csv")
        found = prepared.read(self.cohort / "prepared", cohort)
        rows = {r["patient"]: r for r in csv.DictReader(open(self.out / "scores.csv"))}
        external = [i for i, c in enumerate(cohort.cases) if c.patient in rows]
        largest = 0.0
        for label in LABELS:
            wanted = torch_scores(self.out / "networks" / label / "model.pth", label, np.stack([found.planes(i) for i in external]))
            for suffix, values in wanted.items():
                given = np.array([float(rows[cohort.cases[i].patient][f"score_{label}{suffix}"]) for i in external])
                largest = max(largest, np.abs(given - values).max())
        self.check(largest < 1e-5, f"library and PyTorch differ by {largest:.1e} at most, {len(external)} patients, six heads")

    def scores_of_the_host(self):
        """The patients that are DICOM, in a C++ program, against PyTorch."""
        if not self.a.host:
            return
        cohort = file.read(self.cohort / "cohort.csv")
        found = prepared.read(self.cohort / "prepared", cohort)
        cases = range(self.a.dicom)
        wanted = {label: torch_scores(self.out / "networks" / label / "model.pth", label, np.stack([found.planes(i) for i in cases]))[""] for label in LABELS}
        largest = 0.0
        for i in cases:
            case = cohort.cases[i]
            result = self.out / "host.json"
            subprocess.run([self.a.host, "--bundle", self.out / "bundle", f"--center={case.tumour.partition(':')[2]}", "--json", result, *(p for _, p in case.paths)],
                           check=True, stdout=subprocess.DEVNULL)
            given = json.loads(result.read_text())
            largest = max(largest, *(abs(given["heads"][label] - wanted[label][i]) for label in LABELS))
            assert given["model"]["weights"] == "phantom", given["model"]
        self.check(largest < 1e-5, f"C++ host and PyTorch differ by {largest:.1e} at most, {len(cases)} DICOM studies")

    def learnt(self):
        """TRAINING.md, 5: wide enough for any seed."""
        for label in LABELS:
            e = json.loads((self.evaluation(label) / "evaluation.json").read_text())
            value = {name: s["auroc"]["value"] for name, s in e["scores"].items()}
            fused, pet, ct = (value[f"score_{label}{s}"] for s in ("", "_pet", "_ct"))
            best = {m: value[f"x_best_{label}_{m}"] for m in ("petct", "pet", "ct")}
            self.say(f"{label}: fused {fused:.3f} (best possible {best['petct']:.3f}), PET {pet:.3f} ({best['pet']:.3f}), CT {ct:.3f} ({best['ct']:.3f})")
            p = {c["b"]: c["p"] for c in e["comparisons"] if c["a"] == f"score_{label}"}
            self.check(fused >= 0.80, f"{label}: the fused score has an AUROC of 0.80 at least")
            for modality, other in (("pet", pet), ("ct", ct)):
                self.check(fused > other and p[f"score_{label}_{modality}"] < 0.01, f"{label}: the fused score is better than {modality.upper()} alone, p {p[f'score_{label}_{modality}']:.1e}")
            self.check(pet >= best["pet"] - 0.06 and ct >= best["ct"] - 0.12, f"{label}: PET and CT alone are near what is possible")
            self.check(fused <= best["petct"] + 0.03 and pet <= best["pet"] + 0.03 and ct <= best["ct"] + 0.03, f"{label}: no score is better than what is possible")
        control = json.loads((self.out / "networks/control/control.json").read_text())["out_of_fold_auroc"]["value"]
        self.check(abs(control - 0.5) <= 0.08, f"shuffled labels: AUROC {control:.3f}")

    def flagged(self):
        manifest = json.loads((self.out / "bundle/manifest.json").read_text())
        self.check(manifest["weights"] == "phantom", "the bundle says that its weights are of a phantom")
        self.check(all("Youden" in manifest["sources"]["cutoffs"] for _ in LABELS) and set(manifest["cutoffs"]) == set(LABELS), "its cut-offs say where they come from")
        self.check((self.evaluation("n1") / "report.html").stat().st_size > 10000, "the evaluation is a page")

    def check(self, good, what):
        print(f"   {'ok    ' if good else 'FAILED'} {what}", flush=True)
        if not good:
            raise SystemExit(1)


def torch_scores(path, label, planes, kind="pet-ct"):
    """Scores of a checkpoint in PyTorch, which knows nothing of the exporter."""
    net = nets.Net(kind)
    state = checkpoint.load(path, label, kind).state
    net.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    return {suffix: calibrate.sigmoid(v) for suffix, v in fit.logits(net, lambda size: torch.from_numpy(planes).split(size)).items()}


def options(argv=None):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--dlnms", required=True, help="the program `dlnms`")
    p.add_argument("--bundle", required=True, help="any bundle; its preprocessing is used")
    p.add_argument("--host", help="cpp-example's `score`")
    p.add_argument("--out", required=True)
    p.add_argument("--n", type=int, default=600)
    p.add_argument("--external", type=int, default=400)
    p.add_argument("--dicom", type=int, default=6)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument("--control-epochs", type=int, default=2)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--small", action="store_true", help="too small to learn anything: the road alone")
    return p.parse_args(argv)


def main(argv=None):
    a = options(argv)
    demo = Demo(a)
    shutil.rmtree(demo.out, ignore_errors=True)
    demo.make_cohort()
    demo.train()
    demo.export()
    demo.score()
    demo.evaluate()
    demo.scores_are_pytorchs()
    demo.scores_of_the_host()
    demo.flagged()
    if not a.small:
        demo.learnt()
        shutil.rmtree(demo.cohort / "images")  # a gigabyte and a half
    demo.say(f"done: {demo.out}/evaluation/report.html, {demo.out}/bundle")


if __name__ == "__main__":
    main()
