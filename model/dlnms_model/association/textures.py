"""Reads the texture features that `dlnms texture --json` wrote, one file per patient."""

import json
import pathlib
from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np

from ..table import TableError

MODALITIES = ("pet", "ct")


@dataclass
class Textures:
    """Features of some patients. `values` has a row for each patient and a column for each (modality, name); NaN where undefined."""

    folder: str
    patients: List[str]
    features: List[Tuple[str, str]]
    values: np.ndarray
    request: Dict[str, float]


def one_file(path):
    """Returns settings and features of one file: {(modality, name): value}."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        lesions = found["lesions"]
        if len(lesions) != 1:
            raise TableError(f"{path.name}: {len(lesions)} lesions; write the texture of the one that was scored")
        lesion = lesions[0]
        values = {(m, f["name"]): f["value"] for m in MODALITIES for f in lesion[m]["features"]}
        request = {k: float(v) for k, v in lesion["request"].items()}
        numbers = {k: np.nan if v is None else float(v) for k, v in values.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{path.name}: not a file of `dlnms texture --json`") from None
    if not all(np.isfinite(v) or values[k] is None for k, v in numbers.items()):
        raise TableError(f"{path.name}: a feature is not finite")
    return request, numbers


def read(folder, patients=None):
    """Reads PATIENT.json of each patient, of all files if none are named. Refuses missing files, other settings and other features."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise TableError(f"{folder.name}: is not a folder")
    if patients is None:
        patients = sorted(p.stem for p in folder.glob("*.json"))
        if not patients:
            raise TableError(f"{folder.name}: holds no file PATIENT.json")
    for row, patient in enumerate(patients):
        if pathlib.PurePath(patient).name != patient or not (folder / f"{patient}.json").is_file():
            raise TableError(f"{folder.name}: holds no file PATIENT.json of the patient at place {row + 1} of the scores")
    rows, first = [], None
    for patient in patients:
        path = folder / f"{patient}.json"
        request, values = one_file(path)
        if first is None:
            first = (path.name, request, list(values))
        if request != first[1]:
            raise TableError(f"{path.name}: measured with other settings than {first[0]}: {request} against {first[1]}")
        if list(values) != first[2]:
            raise TableError(f"{path.name}: holds other features than {first[0]}")
        rows.append(list(values.values()))
    return Textures(folder.name, list(patients), first[2], np.array(rows), first[1])
