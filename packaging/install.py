#!/usr/bin/env python3
"""Installs what packaging/build.py has built: one tree for `make install`, `make dist` and every package.

    install.py --built FOLDER --prefix FOLDER [--destdir FOLDER] [--libdir NAME] [--onnxruntime FOLDER] [--no-debug]

Every path inside is relative to the file that holds it, so that the tree may be moved as a whole.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys

import components
import notices
import sbom

HERE, ROOT = components.HERE, components.ROOT


def fill(template, values):
    text = (HERE / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


class Tree:
    """Files and links of an installation, collected first and then written below one folder."""

    def __init__(self):
        self.entries = []

    def text(self, path, text, mode=0o644):
        self.entries.append((path, lambda to: to.write_text(text), mode))

    def file(self, path, source, mode=0o644):
        with open(source, "rb"):  # what is missing is found before anything is written
            pass
        self.entries.append((path, lambda to: shutil.copyfile(source, to), mode))

    def link(self, path, target):
        self.entries.append((path, lambda to: to.symlink_to(target), None))

    def write(self, top):
        top.mkdir(parents=True, exist_ok=True)
        for path, write, mode in self.entries:
            to = top / path
            to.parent.mkdir(parents=True, exist_ok=True)
            # A library that a process has mapped is replaced, not written over.
            to.unlink(missing_ok=True)
            write(to)
            if mode is not None:
                to.chmod(mode)


def built_version(built):
    return json.loads((built / "build.json").read_text())["version"]


def values_of(build, libdir):
    """Returns what the templates of both systems name."""
    version, abi, target = build["version"], build["abi"], build["target"]
    major, minor = version.split(".")[:2]
    processor = target.split("-")[0]
    return {
        "VERSION": version,
        "ABI": abi,
        "SHARED_FILE": f"libdlnms.so.{abi}.{version}",
        "SYSTEM": "Windows" if "windows" in target else "Linux",
        "PROCESSOR": processor,
        "PROCESSOR_PATTERN": {"x86_64": "x86_64|AMD64|amd64", "aarch64": "aarch64|arm64|ARM64"}[processor],
        "COMPATIBLE_PATTERN": rf"{major}\\.{minor}\\." if major == "0" else rf"{major}\\.",
        "SYSTEM_LIBRARIES": " ".join(build["system_libraries"]),
        "SYSTEM_LIBRARIES_CMAKE": ";".join(build["system_libraries"]),
        "PREFIX_FROM_PC": os.path.relpath(".", f"{libdir}/pkgconfig"),
        "PREFIX_FROM_CMAKE": os.path.relpath(".", f"{libdir}/cmake/dlnms"),
        "MODEL_FROM_BIN": "../share/dlnms/model",
    }


def collect_unix(tree, built, libdir, onnxruntime, debug, values):
    """Adds the libraries, the program and what finds them, as Unix has them."""
    shared = values["SHARED_FILE"]
    tree.file(f"{libdir}/{shared}", built / shared, 0o755)
    tree.link(f"{libdir}/libdlnms.so.{values['ABI']}", shared)
    tree.link(f"{libdir}/libdlnms.so", f"libdlnms.so.{values['ABI']}")
    tree.file(f"{libdir}/libdlnms.a", built / "libdlnms.a")
    tree.file("bin/dlnms", built / "dlnms", 0o755)
    tree.text("bin/dlnms-bundle", fill("dlnms-bundle.in", values), 0o755)
    if debug:
        tree.file(f"{libdir}/.debug/{shared}.debug", built / f"{shared}.debug")
        tree.file("bin/.debug/dlnms.debug", built / "dlnms.debug")
    for name in ("dlnms", "dlnms-static"):
        tree.text(f"{libdir}/pkgconfig/{name}.pc", fill(f"{name}.pc.in", values))
    tree.text(f"{libdir}/cmake/dlnms/dlnms-config.cmake", fill("cmake/dlnms-config.cmake.in", values))
    if onnxruntime:
        source = (onnxruntime / "libonnxruntime.so").resolve(strict=True)
        tree.file(f"{libdir}/{source.name}", source, 0o755)
        tree.link(f"{libdir}/libonnxruntime.so", source.name)


def collect_windows(tree, built, libdir, onnxruntime, debug, values):
    """Adds the libraries, the program and what finds them, as Windows has them: what is loaded lies beside the program."""
    for name in ("dlnms.dll", "dlnms.exe"):
        tree.file(f"bin/{name}", built / name, 0o755)
        if debug:
            tree.file(f"bin/.debug/{name}.debug", built / f"{name}.debug")
    for name in ("dlnms.lib", "libdlnms.dll.a", "dlnms.def"):
        tree.file(f"{libdir}/{name}", built / name)
    tree.text(f"{libdir}/cmake/dlnms/dlnms-config.cmake", fill("cmake/dlnms-config-windows.cmake.in", values))
    if onnxruntime:
        tree.file("bin/onnxruntime.dll", onnxruntime / "onnxruntime.dll", 0o755)


def collect(built, libdir, onnxruntime, debug):
    tree = Tree()
    build = json.loads((built / "build.json").read_text())
    values = values_of(build, libdir)
    for header in sorted((ROOT / "include").glob("dlnms*.h*")):
        tree.file(f"include/{header.name}", header)
    collect_system = collect_windows if "windows" in build["target"] else collect_unix
    collect_system(tree, built, libdir, onnxruntime, debug, values)
    name = "dlnms-config-version.cmake"
    tree.text(f"{libdir}/cmake/dlnms/{name}", fill(f"cmake/{name}.in", values))

    tree.file("share/dlnms/abi.json", ROOT / "tests/abi/abi.json")
    model = ROOT / "model"
    for source in sorted((model / "dlnms_model").rglob("*.py")):
        tree.file(f"share/dlnms/model/{source.relative_to(model)}", source)

    documents = "share/doc/dlnms"
    for name in ("LICENSE-MIT", "LICENSE-APACHE", "README.md", "CHANGELOG.md"):
        tree.file(f"{documents}/{name}", ROOT / name)
    listed = components.collect(onnxruntime, built)
    tree.text(f"{documents}/THIRD-PARTY-NOTICES.txt", notices.text(listed, onnxruntime is not None))
    tree.text(f"{documents}/dlnms.cdx.json", sbom.text(sbom.cyclonedx(listed)))
    tree.text(f"{documents}/dlnms.spdx.json", sbom.text(sbom.spdx(listed)))
    tree.file(f"{documents}/SOUP.md", ROOT / "docs/SOUP.md")
    return tree


def main():
    parser = argparse.ArgumentParser(description="Install the library, the program and what builds on them.")
    parser.add_argument("--built", type=pathlib.Path, required=True, help="folder that packaging/build.py wrote")
    parser.add_argument("--prefix", type=pathlib.Path, required=True, help="for example /usr/local")
    parser.add_argument("--destdir", default="", help="put before the prefix")
    parser.add_argument("--libdir", default="lib", help="for example lib/x86_64-linux-gnu; relative to the prefix")
    parser.add_argument("--onnxruntime", type=pathlib.Path, help="folder of libonnxruntime.so, to be copied beside the library")
    parser.add_argument("--no-debug", action="store_true", help="leave out the debug information")
    options = parser.parse_args()
    prefix = pathlib.Path(os.path.abspath(options.prefix))
    top = pathlib.Path(f"{os.path.abspath(options.destdir)}{prefix}") if options.destdir else prefix
    try:
        tree = collect(options.built.resolve(), options.libdir.strip("/"), options.onnxruntime, not options.no_debug)
    except OSError as error:
        sys.exit(f"install: {error.filename}: {error.strerror}; build it first (make product). Nothing was installed.")
    try:
        tree.write(top)
    except OSError as error:
        sys.exit(f"install: {error.filename}: {error.strerror}; {top} is not complete.")


if __name__ == "__main__":
    main()
