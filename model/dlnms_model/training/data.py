"""What a training reads: the arrays and labels of a prepared cohort, found in order before anything is trained."""

import dataclasses
import hashlib
import json
import pathlib

import numpy as np

from ..cohort import file, leaks, prepared
from ..cohort.columns import OWN
from ..table import TableError

PHANTOM = f"{OWN}phantom"  # column that marks made patients


@dataclasses.dataclass(frozen=True)
class Data:
    """The patients of a training, in the order of the cohort file."""

    prepared: prepared.Prepared
    rows: list  # of the cohort file
    y: np.ndarray
    columns: list  # words to stratify by, one list per column
    weights: str  # trained, or phantom where a patient is made
    left_out: dict  # reason -> number of patients
    near: list  # pairs of rows whose images are nearly the same
    digest: str
    preprocessing: dict
    preprocessing_source: str

    @property
    def cube(self):
        return self.prepared.summary["cube"]

    def planes(self):
        """Returns all planes, patients x (PET, CT) x 3 x rows x columns, normalised by `preprocessing`."""
        planes = np.stack([self.prepared.planes(self.position[r]) for r in self.rows])
        if self.preprocessing is self.prepared.summary["preprocessing"]:
            return planes
        as_written, mine = Normalisation(self.prepared.summary["preprocessing"]), Normalisation(self.preprocessing)
        return mine.forward(as_written.back(planes)).astype(np.float32)

    def cubes(self):
        """Returns the files of the cubes, mapped, after each was found as `prepare` wrote it."""
        out = []
        for r in self.rows:
            self.prepared.cubes(self.position[r])
            out.append(np.load(self.prepared.folder / self.prepared.records[self.position[r]]["cubes"], mmap_mode="r", allow_pickle=False))
        return out

    @property
    def position(self):
        return {row: i for i, row in enumerate(self.prepared.cohort.table.rows)}


class Normalisation:
    """From SUVbw and HU to what the network sees, and back."""

    def __init__(self, preprocessing):
        column = lambda key: np.array([preprocessing[m][key] for m in ("pet", "ct")], np.float32).reshape(2, 1, 1, 1)
        self.mean, self.std, self.outside = column("mean"), column("std"), column("outside")

    def forward(self, planes):
        return (planes - self.mean) / self.std

    def back(self, planes):
        return planes * self.std + self.mean


def read(path, folder, label, where=(), drop_missing=False, own_normalisation=False):
    """Reads what a training of `label` needs. Refuses a cohort that changed since it was prepared, labels that are missing by row, one
    class, and one patient or image in two rows."""
    path = pathlib.Path(path)
    cohort = file.read(path)
    made = prepared.read(folder or path.absolute().parent / "prepared", cohort)
    leaks.refuse(made)
    table, left_out = cohort.table, {}
    for condition in where:
        table = table.where(condition)
    names = sorted({file.clean(c) for c in table.columns.get("split", [])} - {""})
    if len(names) > 1:
        raise TableError(f"{path.name}, column split: holds {', '.join(names)}: choose the patients to train with, for example --where split={names[0]}")
    kept = table.without_missing([label]) if drop_missing else table
    if len(kept.rows) < len(table.rows):
        left_out[f"no value in {label}"] = len(table.rows) - len(kept.rows)
    position = {row: i for i, row in enumerate(cohort.table.rows)}
    good = [i for i, row in enumerate(kept.rows) if made.records[position[row]]["status"] == "prepared"]
    if len(good) < len(kept.rows):
        left_out["refused by the library, see the journal of `prepare`"] = len(kept.rows) - len(good)
    kept = kept.positions(good)
    if not kept.rows:
        raise TableError(f"{path.name}: no patient is left to train with")
    y = kept.outcome(label)
    words = lambda name: [file.clean(c) for c in kept.columns.get(name, [""] * len(kept.rows))]
    other = "n2" if label == "n1" else "n1"
    phantom = [c == "1" for c in words(PHANTOM)]
    near = [n for n in leaks.near(made) if set(n["rows"]) <= set(kept.rows)]
    b = made.summary["bundle"]
    found = Data(made, kept.rows, y, [words(label), words(other), words("site")], "phantom" if any(phantom) else "trained", left_out, near,
                 _digest(made, kept.rows, y, position), made.summary["preprocessing"], f"bundle {b['id']} {b['version']}, with which the planes were prepared")
    return measured(found) if own_normalisation else found


def measured(data):
    """Returns data whose preprocessing has the mean and standard deviation of its own planes. Every patient counts, as labels do not enter."""
    planes = Normalisation(data.preprocessing).back(data.planes())
    own = {**data.preprocessing}
    for m, name in enumerate(("pet", "ct")):
        own[name] = {**own[name], "mean": float(planes[:, m].mean(dtype=np.float64)), "std": float(planes[:, m].std(dtype=np.float64))}
    source = f"{data.preprocessing_source}; mean and standard deviation of the planes of {len(data.rows)} patients who were trained with"
    digest = hashlib.sha256(json.dumps([data.digest, own], sort_keys=True).encode()).hexdigest()
    return dataclasses.replace(data, preprocessing=own, preprocessing_source=source, digest=digest)


def _digest(made, rows, y, position):
    """Returns a digest of everything that the patients' data say to a training."""
    records = [made.records[position[r]] for r in rows]
    parts = [made.summary["preprocessing_sha256"], str(made.summary["cube"]), *(f"{r['sha256']} {r.get('cubes_sha256')} {int(v)}" for r, v in zip(records, y))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def patient_digest(folder, patient):
    """Returns a name for a patient that only the owner of the prepared folder can find again."""
    return hashlib.sha256((folder / ".key").read_bytes() + patient.strip().casefold().encode()).hexdigest()[:24]
