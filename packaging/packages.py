#!/usr/bin/env python3
"""Makes the packages of a portable build: an archive for any Linux on x86-64, its debug information, and Debian packages.

    packages.py --built FOLDER --onnxruntime FOLDER --out FOLDER

Each file holds the tree that install.py writes. Equal builds give equal bytes: names are sorted, and every time is that of
the last commit (SOURCE_DATE_EPOCH).
"""
import argparse
import datetime
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import components
import install

DEBIAN = components.HERE / "debian"


def archive(folder, to, keep):
    """Packs a folder under its own name; `keep` says which of its paths."""
    def anonymous(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = components.source_date()
        return entry

    with lzma.open(to, "wb", preset=2) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if keep(path) and (path.is_symlink() or path.is_file()):
                tar.add(path, f"{folder.name}/{path.relative_to(folder)}", recursive=False, filter=anonymous)


def tree(built, onnxruntime, top, libdir, debug):
    install.collect(built, libdir, onnxruntime, debug).write(top)


def archives(built, onnxruntime, version, work, out):
    folder = work / f"dlnms-{version}-linux-x86_64"
    tree(built, onnxruntime, folder, "lib", True)
    is_debug = lambda path: ".debug" in path.parts
    archive(folder, out / f"{folder.name}.tar.xz", lambda path: not is_debug(path))
    archive(folder, out / f"{folder.name}-debug.tar.xz", is_debug)


def debian_changelog(version):
    when = datetime.datetime.fromtimestamp(components.source_date(), datetime.timezone.utc)
    maintainer = re.search(r"^Maintainer: (.*)$", (DEBIAN / "control").read_text(), re.M).group(1)
    return (f"dlnms ({version}) unstable; urgency=medium\n\n  * Release {version}.\n\n"
            f" -- {maintainer}  {when.strftime('%a, %d %b %Y %H:%M:%S +0000')}\n")


def debian(built, onnxruntime, version, work, out):
    source = work / f"dlnms-{version}"
    triplet = subprocess.run(["dpkg-architecture", "-qDEB_HOST_MULTIARCH"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    tree(built, onnxruntime, source / "tree/usr", f"lib/{triplet}", False)
    shutil.copytree(DEBIAN, source / "debian")
    (source / "debian/changelog").write_text(debian_changelog(version))
    licence = (components.ROOT / "LICENSE-MIT").read_text().strip().split("\n", 1)[1].strip()
    indented = "\n".join(f" {line}" if line.strip() else " ." for line in licence.splitlines())
    file = source / "debian/copyright"
    file.write_text(file.read_text().replace("@LICENSE_MIT@", indented))
    log = work / "dpkg.log"
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(components.source_date()))
    with open(log, "w") as to:
        made = subprocess.run(["dpkg-buildpackage", "--build=binary", "--no-sign"], cwd=source, env=environment,
                              stdout=to, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        sys.exit(f"packages: dpkg-buildpackage failed\n{log.read_text()}")
    for package in sorted(work.glob("*.deb")):
        shutil.copyfile(package, out / package.name)


def recipes(version, out):
    shutil.copytree(components.HERE / "conan", out / "conan")
    shutil.copytree(components.HERE / "vcpkg", out / "vcpkg")
    manifest = out / "vcpkg/dlnms/vcpkg.json"
    manifest.write_text(manifest.read_text().replace("@VERSION@", version))


def sums(out):
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(out)}\n"
             for file in sorted(out.rglob("*")) if file.is_file()]
    (out / "SHA256SUMS").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description="Make the packages of a portable build.")
    parser.add_argument("--built", type=pathlib.Path, required=True, help="folder that packaging/build.py --portable wrote")
    parser.add_argument("--onnxruntime", type=pathlib.Path, required=True, help="folder of libonnxruntime.so and its licence")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the packages; it is emptied")
    options = parser.parse_args()
    missing = [tool for tool in ("dpkg-buildpackage", "dh", "help2man") if not shutil.which(tool)]
    if missing:
        sys.exit(f"packages: {', '.join(missing)} missing; on Debian: apt-get install dpkg-dev debhelper help2man")
    version = install.built_version(options.built)
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        archives(options.built, options.onnxruntime, version, pathlib.Path(work), options.out)
        debian(options.built, options.onnxruntime, version, pathlib.Path(work), options.out)
    recipes(version, options.out)
    sums(options.out)


if __name__ == "__main__":
    main()
