"""Writes results: folders and files that appear whole or not at all, CSV and strict JSON."""

import csv
import io
import json
import os
import pathlib
import shutil
import tempfile

from .table import TableError


def csv_text(header, rows):
    """Returns a CSV file. An undefined value is an empty cell."""
    f = io.StringIO()
    w = csv.writer(f, lineterminator="\n")
    w.writerow(header)
    w.writerows([["" if c is None else c for c in row] for row in rows])
    return f.getvalue()


def as_json(value):
    """Returns strict JSON. A number that is not finite raises, because every undefined value has to be None by now."""
    return json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False, default=lambda x: x.tolist()) + "\n"


def refuse_other_folder(out, mark, what):
    """Refuses a folder that exists, is not empty and does not hold the file `mark` of an earlier result. `what` names such a result."""
    out = pathlib.Path(out).absolute()
    if out.exists() and not (out.is_dir() and ((out / mark).is_file() or not any(out.iterdir()))):
        raise TableError(f"{out.name}: exists and is not the folder of {what}, so it is not replaced")


def write_folder(out, files, mark, what):
    """Writes the folder `out` as a whole: a folder beside it is filled and then renamed. Refuses a folder with other contents."""
    refuse_other_folder(out, mark, what)
    out = pathlib.Path(out).absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        new = beside / "new"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text, encoding="utf-8")
        if out.exists():
            out.rename(beside / "old")
        try:
            new.rename(out)
        except OSError:
            if (beside / "old").exists():
                (beside / "old").rename(out)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_file(path, content):
    """Writes one file of bytes through a file beside it and a rename."""
    path = pathlib.Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # a killed run's worker may still be at the same file
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
