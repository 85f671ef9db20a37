"""Reads the table of scores and outcomes, and refuses by row and column what cannot be evaluated."""

import csv
import math
import pathlib
import re
from dataclasses import dataclass, field
from typing import Dict, List

import numpy as np

MISSING = {"", "na", "n/a", "nan", "null", "none", ".", "not collected"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
PATIENT = "patient"


class TableError(ValueError):
    """A table that cannot be evaluated. The message names file, row and column, never a patient or a value."""


@dataclass
class Table:
    """Columns of text of equal length, with the row of the file each came from (the header is row 1)."""

    name: str
    columns: Dict[str, List[str]]
    rows: List[int]
    warnings: List[str] = field(default_factory=list)

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

    def refuse(self, bad, column, why):
        """Refuses the rows at the positions `bad`, if there are any."""
        if bad:
            more = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
            raise TableError(f"{self.name}, row {self.rows[bad[0]]}, column {column}: {why}{more}")


def read(path):
    """Reads one CSV file (UTF-8, comma, header in row 1). Refuses rows of another length and repeated columns."""
    path = pathlib.Path(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as f:
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
    if PATIENT in table.columns:
        refuse_repeated_patients(table)
    else:
        table.warnings.append(f"{path.name} has no column {PATIENT!r}: whether a patient is counted twice was not checked")
    return table


def refuse_repeated_patients(table):
    """Refuses a patient who has two rows, and says in which columns the two rows contradict each other."""
    first = {}
    for i, patient in enumerate(table.text(PATIENT)):
        if patient in first:
            j = first[patient]
            differ = [c for c, v in table.columns.items() if c != PATIENT and v[i].strip() != v[j].strip()]
            also = f", and the rows contradict each other in {', '.join(differ)}" if differ else ""
            raise TableError(f"{table.name}, row {table.rows[i]}, column {PATIENT}: the same patient as in row {table.rows[j]}{also}")
        first[patient] = i


def join(tables):
    """Joins tables by patient, in the order of the first. Refuses patients that one table lacks and contradicting cells."""
    joined = tables[0]
    for other in tables[1:]:
        for t in (joined, other):
            if PATIENT not in t.columns:
                raise TableError(f"{t.name}: tables are joined by the column {PATIENT!r}, which is not there")
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
    return joined
