"""The training record of a network, `training.json`: what an export takes from the training and states in the manifest.

    {"format": 1, "label": "n1", "modality": "pet-ct", "weights": "trained", "preprocessing": {...},
     "preprocessing_source": "...", "cutoff": {"value": 0.41, "source": "..."},
     "calibration": {"a": 0.8, "b": -0.2, "n": 1528, "prevalence": 0.12, "source": "...", "folded": false},
     "checkpoint_sha256": "..."}

`cutoff`, `calibration` and `checkpoint_sha256` may be null or missing; what else is there (curves, splits) is not read. The
cut-off is one of the calibrated score. `folded` says whether the checkpoint holds the calibration already.
"""

import dataclasses
import json
import math
import pathlib

NAME = "training.json"
FORMAT = 1


class RecordError(ValueError):
    """A record that cannot be used; the message names file and field."""


@dataclasses.dataclass(frozen=True)
class Record:
    path: str
    label: str
    modality: str
    weights: str
    preprocessing: dict
    preprocessing_source: str
    cutoff: dict  # or None
    calibration: dict  # or None


def beside(checkpoint):
    """The record in the folder of a checkpoint, or None."""
    path = pathlib.Path(checkpoint.path).parent / NAME
    return path if path.is_file() else None


def load(path, checkpoint):
    """Reads the record of a checkpoint and refuses one of another network."""
    refuse = lambda why: RecordError(f"{path}: {why}")
    try:
        data = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise refuse(f"is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise refuse(f"format is not {FORMAT}")
    for field, kind in (("label", str), ("modality", str), ("weights", str), ("preprocessing", dict), ("preprocessing_source", str)):
        if not isinstance(data.get(field), kind) or not data[field]:
            raise refuse(f"{field} is missing")
    for field, wanted in (("label", checkpoint.label), ("modality", checkpoint.kind)):
        if data[field] != wanted:
            raise refuse(f"{field} is {data[field]!r}, {checkpoint.path} is given as that of {wanted!r}")
    if data["weights"] not in ("trained", "phantom", "seeded"):
        raise refuse(f"weights is {data['weights']!r}, not trained, phantom or seeded")
    digest = data.get("checkpoint_sha256")
    if digest not in (None, checkpoint.sha256):
        raise refuse(f"checkpoint_sha256 is that of another file than {checkpoint.path}")
    cutoff, calibration = data.get("cutoff"), data.get("calibration")
    if cutoff is not None and not (_numbers(cutoff, "value") and 0 <= cutoff["value"] <= 1 and _sourced(cutoff)):
        raise refuse("cutoff needs a value from 0 to 1 and a source")
    if calibration is not None and not (
        _numbers(calibration, "a", "b", "n", "prevalence") and calibration["a"] > 0 and calibration["n"] > 0
        and 0 <= calibration["prevalence"] <= 1 and _sourced(calibration) and isinstance(calibration.get("folded"), bool)
    ):
        raise refuse("calibration needs a and n above 0, b, a prevalence from 0 to 1, a source, and folded: true or false")
    fields = {field.name: data.get(field.name) for field in dataclasses.fields(Record)}
    return Record(**{**fields, "path": str(path)})


def _numbers(value, *names):
    return isinstance(value, dict) and all(
        isinstance(value.get(n), (int, float)) and not isinstance(value[n], bool) and math.isfinite(value[n]) for n in names
    )


def _sourced(value):
    return isinstance(value.get("source"), str) and bool(value["source"].strip())
