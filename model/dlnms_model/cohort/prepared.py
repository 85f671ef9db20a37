"""Reads a prepared folder, and refuses one that is not finished or belongs to another state of the cohort file."""

import hashlib
import io
import json
import pathlib
from dataclasses import dataclass
from typing import Dict, List

import numpy as np

from ..table import TableError
from .file import Cohort
from .prepare import FORMAT, SUMMARY


@dataclass(frozen=True)
class Prepared:
    """A finished folder: one record per case of the cohort, in its order."""

    folder: pathlib.Path
    cohort: Cohort
    summary: Dict
    records: List[Dict]

    def planes(self, i):
        """Returns the planes of case `i`, (PET, CT) x channels x rows x columns, or None if it was refused. Refuses an altered file."""
        return self._array(i, "planes", "sha256")

    def cubes(self, i):
        """Returns the cubes of case `i` in half precision, (PET in SUVbw, CT in HU) x superior x posterior x left; else as `planes`."""
        if not self.summary["cube"]:
            raise TableError(f"{self.folder.name}: was prepared without cubes; run `cohort prepare --cube N`")
        return self._array(i, "cubes", "cubes_sha256")

    def _array(self, i, kind, digest):
        record = self.records[i]
        if record["status"] != "prepared":
            return None
        try:
            content = (self.folder / record[kind]).read_bytes()
        except OSError as error:
            raise TableError(f"{self.folder.name}: the {kind} of row {record['row']} cannot be read: {error.strerror}; run `cohort prepare` again") from None
        if hashlib.sha256(content).hexdigest() != record[digest]:
            raise TableError(f"{self.folder.name}: the {kind} of row {record['row']} are not as they were written; run `cohort prepare` again")
        return np.load(io.BytesIO(content), allow_pickle=False)


def read(folder, cohort):
    """Reads a prepared folder of this cohort file."""
    folder = pathlib.Path(folder).absolute()
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{folder.name}: is not prepared, or its last run did not finish; run `cohort prepare` (again)") from None
    except (OSError, ValueError) as error:
        raise TableError(f"{folder.name}: {SUMMARY} cannot be read: {error}") from None
    if summary.get("format") != FORMAT:
        raise TableError(f"{folder.name}: {SUMMARY} has another format; run `cohort prepare` again")
    if summary["cohort"]["sha256"] != cohort.sha256:
        raise TableError(f"{folder.name}: {cohort.path.name} has changed since it was prepared; run `cohort prepare` again, which does only what has changed")
    return Prepared(folder, cohort, summary, summary["studies"])
