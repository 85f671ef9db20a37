#!/usr/bin/env python3
"""Builds what an installation on 64-bit Windows holds, with mingw-w64: dlnms.dll, the import libraries and dlnms.exe.

    build_windows.py --out FOLDER --target-dir FOLDER

The C and C++ runtimes of mingw-w64 lie inside; nothing but what Windows has is needed. dlnms.lib, for MSVC, is made by
Zig's dlltool (LLVM's), which writes what Microsoft's own tool writes; libdlnms.dll.a is for mingw-w64.
"""
import argparse
import json
import pathlib
import shutil

import build

TARGET = "x86_64-pc-windows-gnu"
# What the compiler would otherwise look for as libraries beside the program.
RUNTIMES = ("libstdc++.a", "libwinpthread.a")


# Licences of what mingw-w64 links in, as Debian ships them.
LICENCES = {"LICENSE-gcc.txt": "gcc-mingw-w64-base", "LICENSE-mingw-w64.txt": "mingw-w64-x86-64-dev"}


def linked_runtimes(toolchain):
    """Returns the versions of what the toolchain links in."""
    package = build.output("dpkg-query", "-W", "-f=${Version}", "mingw-w64-x86-64-dev")
    return {**build.linked_runtimes(False), "gcc": build.output(*toolchain.compiler(), "-dumpfullversion"),
            "mingw-w64": package.split("-")[0]}


def exported():
    return build.SYMBOLS.read_text().split()


def static_runtimes(toolchain, folder):
    """Copies the archives of the runtimes into a folder that holds no libraries; returns the flags to link with them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RUNTIMES:
        shutil.copyfile(build.output(*toolchain.compiler("g++"), f"-print-file-name={name}"), folder / name)
    return "-Clink-arg=-static", f"-Lnative={folder}"


def link_dll(toolchain, archive, definitions, libraries, to):
    """Links the DLL: the one that cargo makes also exports what a crate inside exports."""
    build.run(*toolchain.compiler("g++"), "-shared", "-static", "-Wl,--gc-sections", "-Wl,--dynamicbase,--nxcompat,--high-entropy-va",
              "-o", to, definitions, *(f"-Wl,--undefined={name}" for name in exported()), archive, *libraries)


def definitions(to):
    to.write_text("LIBRARY dlnms.dll\nEXPORTS\n" + "".join(f"    {name}\n" for name in exported()))


def main():
    parser = argparse.ArgumentParser(description="Build the library and the program for 64-bit Windows.")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the built files; it is emptied")
    parser.add_argument("--target-dir", type=pathlib.Path, required=True, help="cargo's folder of this build")
    options = parser.parse_args()
    out, target_folder = options.out.resolve(), options.target_dir.resolve()
    toolchain = build.Toolchain(TARGET)
    toolchain.check()
    crate, abi = build.versions()
    flags = static_runtimes(toolchain, target_folder / "runtimes")
    folder, libraries = build.compile_crate(toolchain, target_folder, flags)
    described = {"version": crate, "abi": int(abi), "target": TARGET, "glibc": None, "system_libraries": libraries,
                 "toolchain": linked_runtimes(toolchain)}
    sources = [folder / "libdlnms.a", folder / "dlnms.exe", build.SYMBOLS, pathlib.Path(__file__)]
    if build.fresh(out, described, sources):
        return
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    definitions(out / "dlnms.def")
    link_dll(toolchain, folder / "libdlnms.a", out / "dlnms.def", libraries, out / "dlnms.dll")
    shutil.copy(folder / "dlnms.exe", out / "dlnms.exe")
    for name in ("dlnms.dll", "dlnms.exe"):
        build.split_debug(toolchain, out / name, out / f"{name}.debug")
    build.run(toolchain.tool("dlltool"), "-d", out / "dlnms.def", "-l", out / "libdlnms.dll.a")
    build.run(*build.zig("dlltool"), "-m", "i386:x86-64", "-d", out / "dlnms.def", "-l", out / "dlnms.lib")
    for name, package in LICENCES.items():
        shutil.copyfile(f"/usr/share/doc/{package}/copyright", out / name)
    (out / "build.json").write_text(json.dumps(described, indent=2) + "\n")


if __name__ == "__main__":
    main()
