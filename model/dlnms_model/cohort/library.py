"""Calls of the library. Everything here goes through its program `dlnms`; a Python binding can take this module's place.

A study that the library refuses raises `Refused`. Anything that would befall every study - no program, a bundle that cannot be used, a
full disk - raises `LibraryError`.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import Dict, List, Optional

import numpy as np

from ..table import TableError
from . import tumour

FINDING = re.compile(r"([a-z][a-z0-9_]*): (.*)")
REFUSED, USAGE, BUNDLE, DEFECT = 1, 2, 3, 70  # exit codes of the program


class Refused(ValueError):
    """The library refused a study; the message is the library's and names no patient."""


class LibraryError(TableError):
    """The library cannot be used at all."""


@dataclass(frozen=True)
class Bundle:
    """What is known of a bundle from its manifest."""

    folder: str
    id: str
    version: str
    manifest_sha256: str
    preprocessing: Dict
    preprocessing_sha256: str


@dataclass(frozen=True)
class Planes:
    """The two input tensors of the network, cubes in SUVbw and HU where they were asked for, and what the library said."""

    pet: np.ndarray
    ct: np.ndarray
    pet_cube: Optional[np.ndarray]
    ct_cube: Optional[np.ndarray]
    findings: List[Dict[str, str]]
    warnings: List[str]


def bundle(folder):
    """Reads the manifest of a bundle."""
    path = pathlib.Path(folder).absolute() / "manifest.json"
    try:
        content = path.read_bytes()
        read = json.loads(content)
        preprocessing = read["preprocessing"]
        numbers = [preprocessing["samples"], *(preprocessing[m][k] for m in ("pet", "ct") for k in ("mean", "std"))]
        if not all(isinstance(x, (int, float)) for x in numbers):
            raise ValueError("a number of the preprocessing is none")
        canonical = json.dumps(preprocessing, sort_keys=True, separators=(",", ":")).encode()
        return Bundle(str(path.parent), read["id"], read["version"], hashlib.sha256(content).hexdigest(), preprocessing, hashlib.sha256(canonical).hexdigest())
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise LibraryError(f"--bundle: manifest.json cannot be used: {why}") from None


class Library:
    """The program `dlnms`."""

    def __init__(self, program=None):
        named = program or os.environ.get("DLNMS_PROGRAM") or "dlnms"
        self.program = shutil.which(named)
        if not self.program:
            raise LibraryError(f"the program {named!r} is not there: build it with `make dist`, and name it by --dlnms or DLNMS_PROGRAM")
        self.program = os.path.abspath(self.program)
        self.version = self._call(["--version"])[0].strip()

    def _call(self, arguments, timeout=None):
        """Runs the program and returns its standard output and standard error."""
        try:
            done = subprocess.run([self.program, *arguments], capture_output=True, text=True, errors="replace", timeout=timeout, stdin=subprocess.DEVNULL,
                                  env={**os.environ, "NO_COLOR": "1"}, check=False)
        except subprocess.TimeoutExpired:
            raise Refused(f"took longer than {timeout:g} s") from None
        except OSError as error:
            raise LibraryError(f"the program dlnms cannot be run: {error.strerror}") from None
        if done.returncode == 0:
            return done.stdout, done.stderr
        message = next((line[7:] for line in done.stderr.splitlines() if line.startswith("error: ")), "")
        if done.returncode == REFUSED and not message.startswith("cannot write"):
            raise Refused(message or "refused without a message")
        if done.returncode == DEFECT:
            raise Refused(f"a defect in dlnms: {message}")
        if done.returncode < 0 and -done.returncode != signal.SIGXFSZ:
            raise Refused(f"dlnms was ended by signal {-done.returncode} (out of memory?)")
        raise LibraryError(f"dlnms: {message or done.stderr.strip()[-300:] or f'exit code {done.returncode}'}")

    def planes(self, case, folder, bundle, quality, cube, scratch, timeout):
        """Returns the planes of a case, and cubes of `cube` samples a side unless that is 0.

        `folder` is what its files are relative to; `scratch` is an empty folder for the program's files.
        """
        prefix = pathlib.Path(scratch) / "planes"
        _, spoken = self._call(["planes", "--bundle", bundle.folder, "--quality", quality, "--out", str(prefix), *(["--cube", str(cube)] if cube else []), *study(case),
                                *tumour.options(case.tumour, folder)], timeout)
        pet, ct = (np.load(f"{prefix}_{m}.npy", allow_pickle=False) for m in ("pet", "ct"))
        cubes = [np.load(f"{prefix}_{m}_cube.npy", allow_pickle=False) if cube else None for m in ("pet", "ct")]
        findings, warnings = [], []
        for line in spoken.splitlines():
            if line.startswith("warning: "):
                finding = FINDING.fullmatch(line[9:])
                if finding:
                    findings.append({"code": finding[1], "message": finding[2]})
                else:
                    warnings.append(line[9:])
        return Planes(pet, ct, *cubes, findings, warnings)

    def inspect(self, paths, timeout):
        """Returns the series, ROIs and findings of a study as the program's JSON."""
        return json.loads(self._call(["inspect", "--json", *map(str, paths)], timeout)[0])

    def score(self, case, folder, bundle, quality, timeout):
        """Returns the result of a case as the program's JSON."""
        return json.loads(self._call(["score", "--bundle", bundle.folder, "--quality", quality, "--json", "-", *study(case), *tumour.options(case.tumour, folder)], timeout)[0])


def study(case):
    """Returns the options that name the images of a case."""
    out = []
    for modality, path in case.paths:
        out += [f"--{modality}", str(path)] if modality else [str(path)]
    for name, uid in (("--ct-series", case.ct_series), ("--pet-series", case.pet_series)):
        out += [name, uid] if uid else []
    return out
