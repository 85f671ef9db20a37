"""Cohorts of made patients that several test modules use, and the program that prepares them."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = next((str(p) for p in (os.environ.get("DLNMS_PROGRAM"), ROOT / "target/dist/bin/dlnms", ROOT / "target/release/dlnms") if p and os.access(p, os.X_OK)), None)


def _main(*arguments):
    from dlnms_model import __main__

    return __main__.main([str(a) for a in arguments])


@pytest.fixture(scope="session")
def program():
    """The program `dlnms`."""
    return PROGRAM


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A bundle of a few kilobytes, whose preprocessing is that of a real one."""
    out = tmp_path_factory.mktemp("bundles")
    subprocess.run([sys.executable, ROOT / "tests/tiny_bundle.py", out / "tiny", out / "fragile"], check=True, capture_output=True,
                   env={**os.environ, "PYTHONPATH": str(ROOT / "model")})
    return out / "tiny"


@pytest.fixture(scope="session")
def cohort(tmp_path_factory, tiny):
    """A phantom cohort of 48 + 8 patients, prepared."""
    out = tmp_path_factory.mktemp("cohort") / "cohort"
    assert _main("phantom-cohort", "--n", 48, "--external", 8, "--seed", 82, "--dicom", 2, "--out", out, "--quiet") == 0
    assert _main("cohort", "prepare", out / "cohort.csv", "--bundle", tiny, "--dlnms", PROGRAM, "--out", out / "prepared", "--quiet") == 0
    return out / "cohort.csv"


@pytest.fixture(scope="session")
def cubes(tmp_path_factory, tiny):
    """Its 48 training patients, prepared with cubes."""
    out = tmp_path_factory.mktemp("cubes") / "cohort"
    assert _main("phantom-cohort", "--n", 48, "--seed", 82, "--out", out, "--quiet") == 0
    assert _main("cohort", "prepare", out / "cohort.csv", "--bundle", tiny, "--dlnms", PROGRAM, "--cube", 152, "--out", out / "prepared", "--quiet") == 0
    return out / "cohort.csv"
