"""The library for another platform, and for this machine to compare it with: how programs are built and run."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

import numpy
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
SHARED = pathlib.Path(os.environ.get("DLNMS_SHARED", ROOT.parent / "shared"))
ACRIN = SHARED / "data/petct/a_paired/acrin042"
GOLDEN = SHARED / "golden"
SEED = "--seed=-42.3,-14.6,-122.1"
RESEARCH_USE_ONLY = "Research use only"
# A run of the whole network takes minutes in an emulated processor.
LONGEST_S = 1800

# What differs between two machines by its nature: durations, the processor, where ONNX Runtime lies and what was looked for.
VOLATILE = {"timings_ms", "instruction_set", "placement", "path", "skipped_providers"}


@dataclasses.dataclass
class Platform:
    """An installed tree for a platform, and how its programs are built and started here."""

    tree: pathlib.Path
    # Put before a program.
    runner: list
    environment: dict
    onnxruntime: pathlib.Path
    suffix: str = ""
    # How the platform names a file of this machine.
    name: callable = str
    compilers: dict = dataclasses.field(default_factory=dict)
    link_flags: tuple = ()

    def dlnms(self, *arguments, **options):
        return self.run(self.tree / f"bin/dlnms{self.suffix}", *arguments, **options)

    def run(self, program, *arguments, status=0, **environment):
        """Runs a program of the platform; returns its standard output and standard error."""
        named = [self.name(a) if isinstance(a, pathlib.Path) else str(a) for a in arguments]
        done = subprocess.run([*self.runner, str(program), *named], env={**os.environ, **self.environment, **environment},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LONGEST_S)
        output, errors = (text.decode(errors="replace").replace("\r\n", "\n") for text in (done.stdout, done.stderr))
        assert status is None or done.returncode == status, (done.returncode, output, errors)
        return done.returncode, output, errors

    def build(self, source, out):
        """Builds a host of the platform against the installed tree."""
        is_c = source.suffix == ".c"
        program = out / f"{source.stem}{self.suffix}"
        command = [self.compilers["c" if is_c else "c++"], "-std=c99" if is_c else "-std=c++17", "-O1", "-Wall", "-Wextra",
                   "-Wpedantic", "-Werror", f"-I{self.tree / 'include'}", f"-I{ROOT / 'tests/hosts'}", str(source), "-o",
                   str(program), f"-L{self.tree / 'lib'}", "-ldlnms", *self.link_flags]
        subprocess.run(command, check=True)
        return program


HERE = Platform(TARGET / "dist", [], {}, TARGET / "onnxruntime", compilers={"c": "gcc", "c++": "g++"},
                link_flags=(f"-Wl,-rpath,{TARGET / 'dist/lib'}",))


def comparable(value):
    """Returns a result without what differs between two runs."""
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items() if key not in VOLATILE}
    return [comparable(inner) for inner in value] if isinstance(value, list) else value


def study():
    if not ACRIN.is_dir():
        pytest.fail(f"no images at {ACRIN}")
    return "--ct", ACRIN / "ct", "--pet", ACRIN / "pet_ac"


def scored(platform, out, *arguments):
    """Returns the result of `dlnms score` on the lung cancer study, without what differs between two runs."""
    file = out / "result.json"
    platform.dlnms("score", *study(), SEED, *arguments, "--json", file)
    return comparable(json.loads(file.read_text()))


def planes(platform, out):
    """Returns the tensors of `dlnms planes` on the lung cancer study by name."""
    platform.dlnms("planes", *study(), SEED, "--bundle", TARGET / "tiny-bundle", "--out", out / "planes")
    return {path.name: numpy.load(path) for path in sorted(out.glob("planes*.npy"))}


def damaged(work):
    """Returns folders of slices of the study's CT, each damaged in another way, by what was done."""
    slices = sorted((ACRIN / "ct").iterdir())[:12]
    made = {}

    def folder(name, change):
        to = work / name
        to.mkdir()
        for number, file in enumerate(slices):
            data = file.read_bytes()
            (to / file.name).write_bytes(change(data) if number == 5 else data)
        made[name] = to

    folder("cut", lambda data: data[: len(data) // 2])
    folder("empty", lambda data: b"")
    folder("zeros", lambda data: bytes(len(data)))
    folder("no_pixels", lambda data: data[:2000])
    folder("flipped", lambda data: data[:700] + bytes(b ^ 0xFF for b in data[700:900]) + data[900:])
    return made


def cut_mask(work):
    """Returns a compressed mask that ends early."""
    HERE.dlnms("phantom", "--out", work / "phantom")
    whole = (work / "phantom/tumour_mask.nii.gz").read_bytes()
    file = work / "cut.nii.gz"
    file.write_bytes(whole[: len(whole) // 2])
    return file


def require(*tools):
    """Ends the run with what is missing."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.exit(f"missing: {', '.join(missing)}; see docs/PLATFORMS.md", returncode=1)
