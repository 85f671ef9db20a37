"""The commands `seeded` and `export`: weights from a seed or from checkpoints become a bundle."""

import contextlib
import dataclasses
import json

from . import bundle, calibration, checkpoint, layout, network, record, seeded, sign
from .failure import fail

SEEDED_CARD = (
    "Seeded weights: pseudo-random numbers from seed {seed}, in the DLNMS architecture. NOT trained on anything. The "
    "scores exercise the software and mean nothing about any patient."
)
EXPORT_CARD = (
    "Exported from checkpoints in the layout of Zhong et al. 2023 (Nat Commun 14:7513). How well they perform is for "
    "their owner to show; the paper's figures hold for the authors' own weights only."
)
AUTHORS = "the authors' scripts (zhongthoracic/DLNMS)"
# So that the demonstration shows risk groups; they belong to the authors' weights.
SEEDED_CUTOFFS = {"n1": 0.362, "n2": 0.356}
SEEDED_CUTOFFS_SOURCE = "Zhong et al. 2023, for their weights; without meaning for these"


# Kind of a network -> the end of its option's name.
OPTIONS = {"pet-ct": "", "pet": "-pet", "ct": "-ct"}


class OptionError(ValueError):
    """An option that is missing or contradicts another."""


def add_seeded(sub):
    """Adds the options of `seeded`."""
    p = sub.add_parser("seeded", help="pseudo-random weights from a seed, for integration and benchmarks")
    p.add_argument("--seed", type=int, default=42, help="any integer; enters the bundle's name (default 42)")
    return _add_output(p)


def add_export(sub):
    """Adds the options of `export`."""
    p = sub.add_parser("export", help="one's own checkpoints in the authors' layout (.pth needs torch; .npz; .safetensors)")
    for label in network.LABELS:
        for kind, option in OPTIONS.items():
            p.add_argument(f"--{label}{option}", metavar="CK", help=f"checkpoint of the {label.upper()} network, {kind}")
    p.add_argument("--record", action="append", default=[], metavar="FILE.json",
                   help="training record of a network, in the order of the checkpoints; those beside the checkpoints (training.json) are found")
    p.add_argument("--preprocessing", metavar="FILE.json",
                   help="the preprocessing that the networks were trained with, as in a manifest; `authors` for what the authors' scripts do")
    p.add_argument("--preprocessing-source", metavar="TEXT", help="where it comes from; enters the manifest (default: the file's name)")
    p.add_argument("--cutoffs", type=cutoffs, metavar="N1,N2", help="cut-offs of the risk groups, for example 0.41,0.38")
    p.add_argument("--cutoffs-source", metavar="TEXT", help="where the cut-offs come from; enters the manifest; needed with --cutoffs")
    p.add_argument("--no-cutoffs", action="store_true", help="no risk groups: nobody knows cut-offs for these weights")
    p.add_argument("--id", default="dlnms-export", help="model id in the manifest (default dlnms-export)")
    p.add_argument("--version", default="1.0.0", help="model version in the manifest (default 1.0.0)")
    p.add_argument("--weights", choices=("trained", "phantom", "seeded"),
                   help="what the weights are, if no record says it; anything but trained is flagged in every result")
    return _add_output(p)


def _add_output(p):
    p.add_argument("--out", required=True, metavar="DIR", help="folder of the bundle, made if missing")
    p.add_argument("--no-fp16", action="store_true", help="leave out the half-precision model that GPUs prefer (98 MB)")
    p.add_argument("--sign-key", metavar="FILE", help="sign the bundle with this secret key of minisign")
    sign.add_password(p)
    return p


def cutoffs(text):
    """Two numbers from 0 to 1."""
    n1, n2 = (float(part) for part in text.split(","))
    if not (0 <= n1 <= 1 and 0 <= n2 <= 1):
        raise ValueError(text)
    return {"n1": n1, "n2": n2}


def run_seeded(a, say):
    found = {(label, "pet-ct"): seeded.weights(f"{a.seed}:{label}") for label in network.LABELS}
    description = bundle.Description(
        id=f"dlnms-seeded-{a.seed}", version="1.0.0", weights="seeded", card=SEEDED_CARD.format(seed=a.seed),
        preprocessing=bundle.AUTHORS_PREPROCESSING, preprocessing_source=AUTHORS,
        cutoffs=SEEDED_CUTOFFS, cutoffs_source=SEEDED_CUTOFFS_SOURCE,
    )
    return _write(a, network.arrange(found), description, say)


def run_export(a, say):
    try:
        checkpoints = _checkpoints(a)
        records = _records(a, checkpoints)
        networks = network.arrange({(c.label, c.kind): c.state for c in _calibrated(checkpoints, records)})
        description = _description(a, networks, records)
    except (ValueError, OSError) as error:  # of options, checkpoints, records and their combination
        return fail(error)
    return _write(a, networks, description, say)


def _checkpoints(a):
    given = [(label, kind, getattr(a, f"{label}{option}".replace("-", "_"))) for label in network.LABELS for kind, option in OPTIONS.items()]
    return [checkpoint.load(path, label, kind) for label, kind, path in given if path]


def _records(a, checkpoints):
    """{(label, kind): record} of the checkpoints that have one."""
    if a.record and len(a.record) != len(checkpoints):
        raise OptionError(f"--record is given {len(a.record)} times for {len(checkpoints)} checkpoints")
    paths = a.record or [record.beside(c) for c in checkpoints]
    return {(c.label, c.kind): record.load(path, c) for c, path in zip(checkpoints, paths) if path}


def _calibrated(checkpoints, records):
    """The checkpoints, with the calibrations that their records say they lack."""
    for c in checkpoints:
        found = records.get((c.label, c.kind))
        if found and found.calibration and not found.calibration["folded"]:
            head = layout.KINDS[c.kind].heads[""][0]
            state = calibration.fold(c.state, head, found.calibration["a"], found.calibration["b"])
            c = dataclasses.replace(c, state=state)
        yield c


def _agreed(name, found):
    """The one value of `found`, {where it was found: value}; None if there is none."""
    (first, value), *others = found.items() if found else [(None, None)]
    for other, theirs in others:
        if theirs != value:
            raise OptionError(f"{name} of {first} and of {other} differ")
    return value


def _description(a, networks, records):
    """What options and records say, where they do not contradict each other. Nothing is filled in."""
    preprocessing = {r.path: r.preprocessing for r in records.values()}
    sources = [r.preprocessing_source for r in records.values()]
    if a.preprocessing == "authors":
        preprocessing["--preprocessing"] = bundle.AUTHORS_PREPROCESSING
        sources.append(AUTHORS)
    elif a.preprocessing:
        try:
            with open(a.preprocessing, encoding="utf-8") as file:
                preprocessing["--preprocessing"] = json.load(file)
        except ValueError as error:
            raise OptionError(f"{a.preprocessing}: is not JSON: {error}") from error
        sources.append(a.preprocessing_source or a.preprocessing)
    if not preprocessing:
        raise OptionError("--preprocessing is missing: neither it nor a training record says what the networks were trained with")
    weights = {r.path: r.weights for r in records.values()}
    if a.weights:
        weights["--weights"] = a.weights
    if not weights:
        raise OptionError("--weights is missing: neither it nor a training record says what the weights are")
    of_scores = {n.label: records.get((n.label, n.kind)) for n in networks if n.head == n.label}
    cuts, cuts_source = _cutoffs(a, of_scores)
    calibrations = {label: r.calibration for label, r in of_scores.items() if r and r.calibration}
    return bundle.Description(
        id=a.id, version=a.version, weights=_agreed("weights", weights), card=EXPORT_CARD,
        preprocessing=_agreed("preprocessing", preprocessing), preprocessing_source=_joined(sources),
        cutoffs=cuts, cutoffs_source=cuts_source,
        calibration={label: _platt(calibrations.get(label)) for label in network.LABELS} if calibrations else None,
        calibration_source=_joined([c["source"] for c in calibrations.values()]),
    )


def _cutoffs(a, records):
    """Cut-offs and their source, from the options or from the records of the networks that give n1 and n2."""
    recorded = {label: r.cutoff for label, r in records.items() if r and r.cutoff}
    if a.no_cutoffs:
        if a.cutoffs or recorded:
            raise OptionError("--no-cutoffs is given beside cut-offs")
        return None, None
    if a.cutoffs:
        if not a.cutoffs_source:
            raise OptionError("--cutoffs needs --cutoffs-source: the data and the rule that they come from")
        for label, cutoff in recorded.items():
            if cutoff["value"] != a.cutoffs[label]:
                raise OptionError(f"--cutoffs and {records[label].path} differ for {label}")
        return a.cutoffs, a.cutoffs_source
    missing = [label for label in network.LABELS if label not in recorded]
    if missing:
        raise OptionError(f"--cutoffs is missing: neither it nor a training record has a cut-off for {missing[0]}; --no-cutoffs for a bundle without risk groups")
    return {label: recorded[label]["value"] for label in network.LABELS}, _joined([c["source"] for c in recorded.values()])


def _platt(found):
    return found and {"a": found["a"], "b": found["b"], "n": int(found["n"]), "prevalence": found["prevalence"]}


def _joined(sources):
    """Different sources in one line; None if there are none."""
    return "; ".join(dict.fromkeys(sources)) or None


def _write(a, networks, description, say):
    key = sign.opened_key(a.sign_key, a.password_file) if a.sign_key else contextlib.nullcontext()
    try:
        # The key first: what is wrong with it is known before the work.
        with key as secret:
            bundle.write(a.out, networks, description, not a.no_fp16, say)
            if secret:
                sign.write(a.out, secret)
    except (OSError, sign.SigningError) as error:
        return fail(error)
    return 0
