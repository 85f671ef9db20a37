"""The program `dlnms` of this package."""

from __future__ import annotations

import os
import sys

from ._library import FOLDER

PATH = str(FOLDER / "bin" / "dlnms")


def environment() -> dict:
    """Returns the environment for the program: it finds ONNX Runtime where this package does."""
    from .scorer import onnxruntime_path

    found = onnxruntime_path()
    return {**os.environ, **({"DLNMS_ONNXRUNTIME": found} if found else {})}


def main() -> None:
    """Becomes the program, with this process's arguments."""
    os.execve(PATH, [PATH, *sys.argv[1:]], environment())
