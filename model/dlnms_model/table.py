"""Reads the table of scores and outcomes, and refuses by row and column what cannot be evaluated."""

import csv
import dataclasses
import hashlib
import io
import math
import pathlib
import re
from dataclasses import dataclass, field
from typing import Dict, List

import numpy as np

MISSING = {"", "na", "n/a", "nan", "null", "none", ".", "not collected"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
PATIENT = "patient"
MODEL, MODEL_SHA256 = "model", "model_sha256"  # of a score file: which bundle or clinical model gave its scores
REGRESSION = "regression: "  # begins the name of a clinical model, so that nobody takes it for a bundle
IN_TRAINING = "in_training_of_"  # begins the column that marks the patients to whom a score's model was fitted


class TableError(ValueError):
    """A table that cannot be evaluated. The message names file, row and column, never a patient or a value."""


@dataclass
class Table:
    """Columns of text of equal length, with the row of the file each came from (the header is row 1)."""

    name: str
    columns: Dict[str, List[str]]
    rows: List[int]
    warnings: List[str] = field(default_factory=list)
    sources: Dict[str, Dict[str, str]] = field(default_factory=dict)  # score column -> file, model and digest that gave it
    sha256: Dict[str, str] = field(default_factory=dict)  # file name -> digest of its bytes

    def text(self, column):
        """Returns a column as text. Refuses a column that is not there, or a cell without a value."""
        if column not in self.columns:
            raise TableError(f"{self.name}: there is no column {column!r}; the columns are {', '.join(self.columns)}")
        values = [v.strip() for v in self.columns[column]]
        self.refuse([i for i, v in enumerate(values) if v.lower() in MISSING], column, "no value")
        return values

    def numbers(self, column):
        """Returns a column as float64. Refuses missing, non-numeric and infinite cells."""
        values = self.text(column)
        self.refuse([i for i, v in enumerate(values) if not NUMBER.fullmatch(v) or math.isinf(float(v))], column, "not a finite number")
        return np.array([float(v) for v in values])

    def binary(self, column, what):
        """Returns a column of 0 and 1 as bool. `what` names it in refusals ("a label", "an event")."""
        values = self.text(column)
        self.refuse([i for i, v in enumerate(values) if not NUMBER.fullmatch(v) or float(v) not in (0.0, 1.0)], column, f"{what} must be 0 or 1")
        return np.array([float(v) == 1 for v in values])

    def outcome(self, column):
        """Returns the labels. Refuses a table in which one of the two classes is missing."""
        y = self.binary(column, "a label")
        if y.all() or not y.any():
            raise TableError(f"{self.name}, column {column}: all {len(y)} rows are {int(y[0])}: both classes are needed")
        return y

    def score(self, column):
        """Returns a score column. Refuses one that is constant."""
        s = self.numbers(column)
        if s.min() == s.max():
            raise TableError(f"{self.name}, column {column}: every row holds the same value, which ranks no patient")
        return s

    def follow_up(self, time, event):
        """Returns follow-up times and events. Refuses negative times and a table without an event."""
        t, e = self.numbers(time), self.binary(event, "an event")
        self.refuse([i for i in range(len(t)) if t[i] < 0], time, "a follow-up time is negative")
        if not e.any():
            raise TableError(f"{self.name}, column {event}: no row has an event, so survival cannot be evaluated")
        return t, e

    def positions(self, kept):
        """Returns the table with the rows at the positions `kept`."""
        columns = {name: [values[i] for i in kept] for name, values in self.columns.items()}
        return dataclasses.replace(self, columns=columns, rows=[self.rows[i] for i in kept], warnings=list(self.warnings))

    def where(self, condition):
        """Returns the rows that fulfil `COLUMN=VALUE`. Refuses a condition that no row fulfils."""
        column, sign, value = condition.partition("=")
        if not sign:
            raise TableError(f"--where {condition}: write COLUMN=VALUE")
        values = self.text(column.strip())
        kept = [i for i, v in enumerate(values) if v == value.strip()]
        if not kept:
            raise TableError(f"--where {condition}: no row fulfils it; the values are {', '.join(sorted(set(values))[:10])}")
        return self.positions(kept)

    def without_missing(self, columns):
        """Returns the rows that have a value in all `columns`, with a warning that counts the others."""
        for column in columns:
            if column not in self.columns:
                self.text(column)  # refuses
        gaps = {c: {i for i, v in enumerate(self.columns[c]) if v.strip().lower() in MISSING} for c in columns}
        gone = set().union(*gaps.values())
        kept = [i for i in range(len(self.rows)) if i not in gone]
        if not kept:
            raise TableError(f"{self.name}: no row has a value in all of {', '.join(columns)}")
        table = self.positions(kept)
        if gone:
            each = ", ".join(f"{c} {len(g)}" for c, g in gaps.items() if g)
            table.warnings.append(f"{len(gone)} of {len(self.rows)} patients were left out because a value is missing ({each})")
        return table

    def refuse(self, bad, column, why):
        """Refuses the rows at the positions `bad`, if there are any."""
        if bad:
            more = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
            raise TableError(f"{self.name}, row {self.rows[bad[0]]}, column {column}: {why}{more}")


def read(path):
    """Reads one CSV file (UTF-8, comma, header in row 1). Refuses rows of another length and repeated columns."""
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
        f = io.StringIO(content.decode("utf-8-sig"), newline="")
        records = [(i, r) for i, r in enumerate(csv.reader(f, strict=True), start=1) if any(c.strip() for c in r)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path.name}: cannot be read as a CSV file: {getattr(error, 'strerror', None) or error}") from None
    if len(records) < 2:
        raise TableError(f"{path.name}: needs a header and at least one row")
    header = [h.strip() for h in records[0][1]]
    twice = sorted({h for h in header if header.count(h) > 1})
    if twice or "" in header:
        raise TableError(f"{path.name}, row {records[0][0]}: " + (f"column {twice[0]!r} is there twice" if twice and twice[0] else "a column has no name"))
    for row, cells in records[1:]:
        if len(cells) != len(header):
            raise TableError(f"{path.name}, row {row}: {len(cells)} cells, but the header has {len(header)} columns")
    table = Table(path.name, {h: [r[k] for _, r in records[1:]] for k, h in enumerate(header)}, [i for i, _ in records[1:]])
    table.sha256[path.name] = hashlib.sha256(content).hexdigest()
    take_source(table)
    if PATIENT in table.columns:
        refuse_repeated_patients(table)
    else:
        table.warnings.append(f"{path.name} has no column {PATIENT!r}: whether a patient is counted twice was not checked")
    return table


def take_source(table):
    """Moves the columns that say which model gave the scores from the columns to `sources`. Refuses a file of two models."""
    if MODEL_SHA256 not in table.columns:
        return
    digests, names = table.text(MODEL_SHA256), table.text(MODEL) if MODEL in table.columns else [""] * len(table.rows)
    table.refuse([i for i, d in enumerate(digests) if not re.fullmatch("[0-9a-f]{64}", d)], MODEL_SHA256, "not a SHA-256 in hexadecimal digits")
    for column, values in ((MODEL_SHA256, digests), (MODEL, names)):
        table.refuse([i for i, v in enumerate(values) if v != values[0]], column, f"another model than in row {table.rows[0]}")
    for column in (MODEL_SHA256, MODEL):
        table.columns.pop(column, None)
    table.sources = {c: {"file": table.name, "model": names[0], "sha256": digests[0]} for c in table.columns if c != PATIENT}


def refuse_repeated_patients(table):
    """Refuses a patient who has two rows, and says in which columns the two rows contradict each other."""
    first = {}
    for i, patient in enumerate(table.text(PATIENT)):
        patient = patient.casefold()
        if patient in first:
            j = first[patient]
            differ = [c for c, v in table.columns.items() if c != PATIENT and v[i].strip() != v[j].strip()]
            also = f", and the rows contradict each other in {', '.join(differ)}" if differ else ""
            raise TableError(f"{table.name}, row {table.rows[i]}, column {PATIENT}: the same patient as in row {table.rows[j]}{also}")
        first[patient] = i


def common_patients(a, b):
    """Returns both tables with the patients that both hold, with a warning that counts the others."""
    here, there = ([p.strip() for p in t.columns[PATIENT]] for t in (a, b))
    both = set(here) & set(there)
    if not both:
        raise TableError(f"{a.name} and {b.name} have no patient in common")
    out = []
    for table, patients, other in ((a, here, b), (b, there, a)):
        kept = table.positions([i for i, p in enumerate(patients) if p in both])
        if len(kept.rows) < len(patients):
            kept.warnings.append(f"{len(patients) - len(kept.rows)} of {len(patients)} patients of {table.name} were left out because they have no row in {other.name}")
        out.append(kept)
    return out


def join(tables, inner=False):
    """Joins tables by patient, in the order of the first. Refuses contradicting cells, and patients that one table lacks unless `inner`."""
    joined = tables[0]
    for other in tables[1:]:
        for t in (joined, other):
            if PATIENT not in t.columns:
                raise TableError(f"{t.name}: tables are joined by the column {PATIENT!r}, which is not there")
        if inner:
            joined, other = common_patients(joined, other)
        here, there = ([p.strip() for p in t.columns[PATIENT]] for t in (joined, other))
        place = {p: i for i, p in enumerate(there)}
        joined.refuse([i for i, p in enumerate(here) if p not in place], PATIENT, f"the patient has no row in {other.name}")
        other.refuse([i for i, p in enumerate(there) if p not in set(here)], PATIENT, f"the patient has no row in {joined.name}")
        for column, values in other.columns.items():
            values = [values[place[p]] for p in here]
            if column in joined.columns:
                differ = [i for i, v in enumerate(values) if v.strip() != joined.columns[column][i].strip()]
                joined.refuse(differ, column, f"contradicts {other.name}")
            joined.columns[column] = values
        joined.warnings += other.warnings
        joined.sha256.update(other.sha256)
        joined.sources.update(other.sources)
    return joined
