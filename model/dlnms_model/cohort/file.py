"""Reads a cohort file: a CSV with one row per patient, checked by name and row."""

import datetime
import hashlib
import pathlib
from dataclasses import dataclass
from typing import List, Tuple

from .. import table
from ..table import MISSING, TableError
from . import columns, tumour


@dataclass(frozen=True)
class Case:
    """One row: where its images and its tumour are."""

    row: int
    patient: str
    paths: Tuple[Tuple[str, pathlib.Path], ...]  # (modality or "", path)
    tumour: str
    ct_series: str
    pet_series: str

    def key(self):
        """Returns a digest of what the planes are made from, as far as the cohort file says it."""
        parts = [self.patient, *(f"{m}:{p}" for m, p in self.paths), self.tumour, self.ct_series, self.pet_series]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Cohort:
    """A cohort file that was read and found in order."""

    path: pathlib.Path
    sha256: str
    table: table.Table
    cases: List[Case]

    @property
    def folder(self):
        return self.path.parent

    def cell(self, column, position):
        """Returns a cell, empty where there is no such column or no value."""
        return clean(self.table.columns[column][position]) if column in self.table.columns else ""

    def label(self, name, drop_missing=False):
        """Returns the cohort's table and the labels `n1` or `n2`. Refuses missing ones unless they are dropped, and one class."""
        data = self.table.without_missing([name]) if drop_missing else self.table
        return data, data.outcome(name)


def clean(cell):
    """Returns a cell without spaces around it, empty where it says that there is no value."""
    cell = cell.strip()
    return "" if cell.lower() in MISSING else cell


def read(path):
    """Reads a cohort file. Refuses missing and unknown columns, and cells that are not what their column holds, by row and column."""
    path = pathlib.Path(path).absolute()
    data = table.read(path)
    lacking = [c for c in columns.REQUIRED if c not in data.columns]
    if lacking:
        raise TableError(f"{path.name}: there is no column {lacking[0]!r}; a cohort needs {', '.join(columns.REQUIRED)}")
    why = columns.unknown(data.columns)
    if why:
        raise TableError(f"{path.name}, row 1: {why}")
    for name, cells in data.columns.items():
        check = tumour.why_not if name == "tumour" else columns.COLUMNS[name][0] if name in columns.COLUMNS else columns.anything
        for i, cell in enumerate(map(clean, cells)):
            why = check(cell) if cell else None
            if why:
                raise TableError(f"{path.name}, row {data.rows[i]}, column {name}: {why}")
    data.text("patient")
    check_pairs(data)
    check_dates(data)
    cases = [case(data, i, path.parent) for i in range(len(data.rows))]
    check_shared_studies(data, cases)
    return Cohort(path, data.sha256[path.name], data, cases)


def case(data, i, folder):
    """Returns row `i` as a case."""
    get = lambda name: clean(data.columns[name][i]) if name in data.columns else ""
    paths = []
    for part in filter(None, (p.strip() for p in get("study").split(";"))):
        modality = next((m for m in ("ct", "pet") if part.startswith(m + ":")), "")
        paths.append((modality, folder / part[len(modality) + 1 if modality else 0:].strip()))
    marked = [m for m, _ in paths if m]
    if marked and (sorted(marked) != ["ct", "pet"] or len(paths) != 2):
        raise TableError(f"{data.name}, row {data.rows[i]}, column study: ct: and pet: are given both, once, and with nothing else")
    return Case(data.rows[i], data.columns["patient"][i].strip(), tuple(paths), get("tumour"), get("ct_series"), get("pet_series"))


def check_pairs(data):
    """Refuses a follow-up time without its event, and the other way round."""
    for pair in columns.TOGETHER:
        given = [c for c in pair if c in data.columns]
        if len(given) == 1:
            other = pair[1 - pair.index(given[0])]
            raise TableError(f"{data.name}: column {given[0]!r} needs column {other!r}")
        for i in range(len(data.rows)) if given else ():
            a, b = (clean(data.columns[c][i]) for c in pair)
            if bool(a) != bool(b):
                raise TableError(f"{data.name}, row {data.rows[i]}, column {pair[0] if b else pair[1]}: no value, but {pair[1] if b else pair[0]} has one")
    if all(c in data.columns for pair in columns.TOGETHER for c in pair):
        for i in range(len(data.rows)):
            os_days, os_event, rfs_days, rfs_event = (clean(data.columns[c][i]) for pair in columns.TOGETHER for c in pair)
            if os_days and rfs_days and float(rfs_days) > float(os_days):
                raise TableError(f"{data.name}, row {data.rows[i]}, column rfs_days: longer than os_days")
            if os_event == "1" and rfs_event == "0":
                raise TableError(f"{data.name}, row {data.rows[i]}, column rfs_event: 0, but os_event is 1 (a death ends recurrence-free survival)")


def check_dates(data):
    """Refuses a surgery before the images, and dates in the future."""
    for i in range(len(data.rows)):
        found = {c: clean(data.columns[c][i]) for c in ("ct_date", "pet_date", "surgery_date") if c in data.columns}
        for c, cell in found.items():
            if cell and cell > datetime.date.today().isoformat():
                raise TableError(f"{data.name}, row {data.rows[i]}, column {c}: lies in the future")
            if c != "surgery_date" and cell and found.get("surgery_date") and found["surgery_date"] < cell:
                raise TableError(f"{data.name}, row {data.rows[i]}, column surgery_date: before {c}, so the images do not show the tumour")


def check_shared_studies(data, cases):
    """Refuses two patients with the same images."""
    first = {}
    for c in cases:
        if c.paths and c.paths in first:
            raise TableError(f"{data.name}, row {c.row}, column study: the same images as in row {first[c.paths]}, for another patient")
        first[c.paths] = c.row


def summary(cohort):
    """Returns what the cohort holds, as lines for a person."""
    n = len(cohort.cases)
    lines = [f"{n} patients"]
    for label in columns.LABELS:
        cells = [clean(c) for c in cohort.table.columns[label]]
        lines.append(f"{label}: {cells.count('1')} positive, {cells.count('0')} negative, {cells.count('')} not known")
    for name, what in (("study", "without images"), ("tumour", "without a tumour")):
        gone = [clean(c) for c in cohort.table.columns[name]].count("")
        if gone:
            lines.append(f"{gone} {what}: `prepare` refuses these")
    optional = [c for c in cohort.table.columns if c not in columns.REQUIRED]
    lines.append(f"further columns: {', '.join(optional) or 'none'}")
    return lines
