#!/usr/bin/env python3
"""Fetches ONNX Runtime and its licence from the wheel for a platform.

    fetch_onnxruntime.py --version 1.32.0 --platform win_amd64 --out FOLDER
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

CODE = "onnxruntime/capi/"


def main():
    parser = argparse.ArgumentParser(description="Fetch ONNX Runtime for a platform.")
    parser.add_argument("--version", required=True)
    parser.add_argument("--platform", required=True, action="append", help="as pip names it, for example win_amd64; may be repeated")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        # The wheel for one fixed Python: only its shared library is used.
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp",
                        *(f"--platform={name}" for name in options.platform), "-d", work,
                        f"onnxruntime=={options.version}"], check=True)
        wheel = zipfile.ZipFile(next(pathlib.Path(work).glob("*.whl")))
        library = next(name for name in wheel.namelist()
                       if name == f"{CODE}onnxruntime.dll" or name.startswith(f"{CODE}libonnxruntime.so"))
        for name in ("onnxruntime/LICENSE", library, "onnxruntime/ThirdPartyNotices.txt"):
            (options.out / pathlib.Path(name).name).write_bytes(wheel.read(name))
    if library.endswith(".dll"):
        return
    (options.out / "libonnxruntime.so").symlink_to(pathlib.Path(library).name)


if __name__ == "__main__":
    main()
