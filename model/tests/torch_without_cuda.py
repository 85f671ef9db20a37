"""Installs the PyTorch wheel of PyPI into an environment without NVIDIA's libraries, for tests on machines without a GPU.

    python torch_without_cuda.py ENVIRONMENT/bin/python

The wheel asks for 5 GB of NVIDIA's libraries, which the loader looks for even where nothing but the CPU is used. Here it gets the CUDA
runtime, which counts the GPUs (none), and for the others libraries of the same names whose functions return an error. Whoever has a GPU, or wants an
installation that PyTorch's makers support, does not use this: `pip install './model[train]'`.

Needs a C compiler and readelf.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

PACKAGES = ["torch==2.15.0", "nvidia-cuda-runtime==13.2.86"]
# What the wheel needs of Python.
PURE = ["filelock", "typing-extensions", "setuptools", "sympy", "networkx", "jinja2", "fsspec"]
NVIDIA = re.compile(r"lib(cu|nccl|nv)")


def read(library, *options):
    return subprocess.run(["readelf", *options, library], check=True, capture_output=True, text=True).stdout


def missing(libraries):
    """Returns {name of an NVIDIA library: {symbol version, or "": names that PyTorch's libraries take from it}}."""
    found, defined, wanted = {}, set(), set()
    for library in libraries:
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", read(library, "-dW")):
            if NVIDIA.match(name):
                found.setdefault(name, {})
        owner, file = {}, None  # version -> library
        for line in read(library, "-VW").splitlines():
            file = (re.search(r"File: (\S+)", line) or [None, file])[1]
            version = re.search(r"Name: (\S+)", line)
            if version:
                owner[version[1]] = file
        for line in read(library, "--dyn-syms", "-W").splitlines():
            part = line.split()
            if len(part) < 8 or not part[0].endswith(":"):
                continue
            name, _, version = part[7].partition("@")
            if part[6] != "UND":
                defined.add(name)
            elif owner.get(version.lstrip("@")) in found:
                found[owner[version]].setdefault(version, set()).add(name)
            elif not version and re.match("cu|nccl|nv", name):
                wanted.add(name)
    # Names without a version are found in whatever library has them.
    found[min(found)].setdefault("", set()).update(wanted - defined)
    return found


def stand_in(path, names):
    """Writes a library whose functions do nothing and return an error."""
    with tempfile.TemporaryDirectory() as folder:
        source, script = pathlib.Path(folder, "empty.c"), pathlib.Path(folder, "versions")
        source.write_text("".join(f"int {name}(void) {{ return 1; }}\n" for version in names.values() for name in sorted(version)))
        script.write_text("".join(f"{version} {{ global: {' '.join(f'{n};' for n in sorted(of))} }};\n" for version, of in sorted(names.items()) if version))
        options = [f"-Wl,--version-script={script}"] if script.stat().st_size else []
        subprocess.run(["cc", "-w", "-fno-builtin", "-shared", "-nostdlib", f"-Wl,-soname,{path.name}", *options, "-o", path, source], check=True)


def main(python):
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, *PURE], check=True)
    subprocess.run([*pip, "--no-deps", *PACKAGES], check=True)
    where = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True).stdout.strip()
    site = pathlib.Path(where)
    library = site / "torch" / "lib"
    real = next((site / "nvidia").rglob("libcudart.so.13"))
    for name, names in missing(sorted(library.glob("*.so"))).items():
        if name == real.name:
            link = library / name
            link.unlink(missing_ok=True)
            link.symlink_to(real)
        elif name != "libcuda.so.1":  # the driver's, opened only when it is asked for
            stand_in(library / name, names)
    subprocess.run([python, "-c", "import torch; assert not torch.cuda.is_available(); print('torch', torch.__version__)"], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
