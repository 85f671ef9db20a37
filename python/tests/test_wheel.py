"""Promises about the wheel: declarations from the header, the layout of every struct, and a set-up of two packages."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import venv

import pytest
from conftest import ROOT, TARGET

import dlnms
from dlnms._ffi import ffi

WHEEL = next((TARGET / "wheels").glob("dlnms-*.whl"))


@pytest.fixture(scope="module")
def build_wheel():
    """The build hook, as a module."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("build_wheel", ROOT / "python/build_wheel.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_declarations_are_those_of_the_header(build_wheel, tmp_path):
    build_wheel.write_module((ROOT / "include/dlnms.h").read_text(), tmp_path / "_ffi.py")
    assert (tmp_path / "_ffi.py").read_text() == pathlib.Path(sys.modules["dlnms._ffi"].__file__).read_text()
    with pytest.raises(ValueError, match="line 2: '#define DLNMS_API __declspec"):
        build_wheel.declarations("int x;\n#define DLNMS_API __declspec(dllexport)\n")


def test_structs_and_constants_are_those_of_the_library():
    described = json.loads((ROOT / "tests/abi/abi.json").read_text())
    assert described["abi_version"] == dlnms.abi_version()
    lib = sys.modules["dlnms._library"].lib
    for constant in described["constants"]:
        assert getattr(lib, constant["name"]) == constant["value"], constant
    assert len(described["structs"]) > 15
    for struct in described["structs"]:
        own = ffi.typeof(struct["name"])
        assert ffi.sizeof(own) == struct["size"], struct["name"]
        assert [(name, field.offset) for name, field in own.fields] == [(f["name"], f["offset"]) for f in struct["fields"]], struct["name"]
    for name in (ROOT / "tests/abi/symbols.txt").read_text().split():
        assert getattr(lib, name)


def test_two_packages_are_the_whole_set_up(phantom, tmp_path):
    # A fresh environment outside of the checkout; pip fetches what the wheel needs.
    folder, _ = phantom
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DLNMS", "PYTHON", "LD_"))}
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL, "onnxruntime"], check=True, env=clean, cwd=tmp_path)
    program = f"""
import dlnms
study = dlnms.Study([{str(folder / "ct")!r}, {str(folder / "pet")!r}])
scorer = dlnms.Scorer({str(TARGET / "tiny-bundle")!r})
result = scorer.score(study.case(center=(-82, -12, 46.5)))
print(result.n1, result.n2, result.json())
"""
    done = subprocess.run([python, "-c", program], check=True, env=clean, cwd=tmp_path, capture_output=True, text=True)
    n1, n2, content = done.stdout.split(" ", 2)
    scores = json.loads(content)["scores"]
    assert (round(float(n1), 6), round(float(n2), 6)) == (round(scores["n1"], 6), round(scores["n2"], 6)) and 0 < float(n1) < 1
    assert str(tmp_path / "venv") in json.loads(content)["runtime"]["onnxruntime"]["path"]
    command = [tmp_path / "venv/bin/dlnms", "score", "--bundle", TARGET / "tiny-bundle", "--center=-82,-12,46.5", "--json", "-", folder / "ct", folder / "pet"]
    assert json.loads(subprocess.run(command, check=True, env=clean, cwd=tmp_path, capture_output=True, text=True).stdout)["scores"] == scores
    subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "onnxruntime"], check=True, env=clean, cwd=tmp_path)
    done = subprocess.run([python, "-c", program], env=clean, cwd=tmp_path, capture_output=True, text=True)
    assert "pip install onnxruntime" in done.stderr and "DLNMS_E_RUNTIME_NOT_FOUND" in done.stderr


def test_onnx_runtime_in_python_may_be_loaded_beside_it():
    program = f"""
import onnxruntime, dlnms
dlnms.Scorer({str(TARGET / "tiny-bundle")!r}).prepare()
print(onnxruntime.get_available_providers()[-1])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "CPUExecutionProvider\n"
