"""The journal of a prepared folder: one line of JSON per study, only ever added to, so that a killed run goes on where it stopped."""

import fcntl
import json
import os
import pathlib
import secrets

from ..table import TableError

NAME = "journal.jsonl"


class Journal:
    """The open journal of a folder. One process at a time has it."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self._lock = open(folder / ".lock", "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise TableError(f"{folder.name}: another run is preparing this folder") from None
        self.key = key(folder)
        self.records, whole = read(folder / NAME)
        self._file = open(folder / NAME, "ab")
        self._file.truncate(whole)  # the line that a killed run did not finish

    def add(self, record):
        """Appends a record and makes sure that it is on the disk."""
        line = (json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n").encode()
        start = self._file.tell()
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(start)
            raise
        self.records[record["key"]] = record

    def close(self):
        for file in (self._file, self._lock):
            try:
                file.close()
            except OSError:
                pass


def read(path):
    """Returns the records of a journal by key, the latest of each, and how many bytes of whole lines it has."""
    records, whole = {}, 0
    content = path.read_bytes() if path.exists() else b""
    for line in content.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            record = json.loads(line)
            records[record["key"]] = record
        except (ValueError, KeyError, TypeError):
            raise TableError(f"{path.name}: is damaged after {whole} bytes: remove the folder and prepare again") from None
        whole += len(line)
    return records, whole


def key(folder):
    """Returns the key of the digests of this folder, which is made with the folder."""
    path = folder / ".key"
    if not path.exists():
        part = folder / ".key.part"
        part.write_bytes(secrets.token_bytes(32))
        os.replace(part, path)
    return path.read_bytes()
