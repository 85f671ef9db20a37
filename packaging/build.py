#!/usr/bin/env python3
"""Builds what an installation holds: the shared library, the static archive, the program, and their debug information.

    build.py --out FOLDER --target-dir FOLDER [--portable | --target aarch64-unknown-linux-gnu]

Both libraries are linked from one relocatable object in which every symbol but the exported ones is local, so that they
hold the same code. The compiler for Rust gives a shared library a version script of its own and linkers take one alone;
therefore the shared library is linked here, with the symbol version of the ABI.

--portable builds against glibc 2.28 with Zig's C and C++ compiler. The C++ runtime of CharLS is part of the libraries then,
and they need no package but the C library. --target builds for another processor with the cross compiler of Debian.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYMBOLS = ROOT / "tests/abi/symbols.txt"
GLIBC = "2.28"
# Beside the default ones.
FEATURES = "memory-reserve"
# Part of the portable libraries, where the C++ runtime lies inside.
CPP_RUNTIME = {"-lstdc++", "-lgcc_s", "-lc++", "-lc++abi", "-lunwind"}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def output(*command):
    return run(*command, stdout=subprocess.PIPE, text=True).stdout.strip()


def versions():
    """Returns the crate's version and the ABI's."""
    crate = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    abi = re.search(r"^pub const ABI_VERSION: u32 = (\d+);", (ROOT / "src/lib.rs").read_text(), re.M).group(1)
    return crate, abi


def prefix_maps(target_folder):
    """Returns (folder, name) pairs: the name stands in the built files for the folder of this machine."""
    cargo = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo")
    registries = sorted((cargo / "registry" / "src").glob("*"))
    sysroot = pathlib.Path(output("rustc", "--print", "sysroot"))
    commit = re.search(r"^commit-hash: (.*)$", output("rustc", "-vV"), re.M).group(1)
    maps = [(ROOT, "/dlnms"), (target_folder, "/dlnms/target"), (cargo, "/cargo")]
    maps += [(registry, "/cargo/registry") for registry in registries]
    return maps + [(sysroot / "lib/rustlib/src/rust", f"/rustc/{commit}")]


def host():
    return re.search(r"^host: (.*)$", output("rustc", "-vV"), re.M).group(1)


class Toolchain:
    """What compiles and links for one target."""

    def __init__(self, target, portable=False):
        self.target, self.portable, self.cross = target, portable, target != host()
        processor = target.split("-")[0]
        # Debian's cross compilers and binutils: aarch64-linux-gnu-gcc, x86_64-w64-mingw32-ld.
        self.prefix = "" if not self.cross else "x86_64-w64-mingw32-" if "windows" in target else f"{processor}-linux-gnu-"
        # Of mingw-w64's two models of threads, the one that C++ knows.
        self.suffix = "-posix" if "windows" in target else ""

    def tool(self, name):
        return f"{self.prefix}{name}"

    def compiler(self, name="gcc"):
        if self.portable:
            return zig("cc", "-target", f"x86_64-linux-gnu.{GLIBC}")
        return [f"{self.prefix}{name}{self.suffix}"] if self.cross else [os.environ.get("CC", "cc")]

    def check(self):
        """Ends the program with the name of what is missing."""
        if not self.cross:
            return
        missing = [tool for tool in (*self.compiler(), *self.compiler("g++"), self.tool("ld")) if not shutil.which(tool)]
        if missing:
            package = "g++-mingw-w64-x86-64-posix" if "windows" in self.target else f"g++-{self.prefix.rstrip('-')}"
            sys.exit(f"build.py: {', '.join(missing)} missing; on Debian: apt-get install {package}")
        libraries = pathlib.Path(output("rustc", "--print", "target-libdir", "--target", self.target))
        if not libraries.is_dir():
            sys.exit(f"build.py: Rust's libraries for {self.target} are missing: rustup target add {self.target}")

    def cargo(self):
        if self.portable:
            return ["cargo-zigbuild", "zigbuild", "--target", f"{self.target}.{GLIBC}"]
        return ["cargo", "build", *(["--target", self.target] if self.cross else [])]

    def folder(self, target_folder):
        return target_folder / self.target / "release" if self.portable or self.cross else target_folder / "release"

    def environment(self):
        """Returns the variables by which cargo, cc and CMake find the compilers."""
        if self.portable:
            return {"PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        if not self.cross:
            return {}
        name = self.target.replace("-", "_")
        return {f"CARGO_TARGET_{name.upper()}_LINKER": self.compiler()[0], f"CC_{name}": self.compiler()[0],
                f"CXX_{name}": self.compiler("g++")[0], f"AR_{name}": self.tool("ar")}


def compile_crate(toolchain, target_folder, flags=()):
    """Compiles the library and the program. Returns their folder and the system libraries of a static link."""
    maps = prefix_maps(target_folder)
    environment = dict(os.environ, CARGO_INCREMENTAL="0", SOURCE_DATE_EPOCH=os.environ.get("SOURCE_DATE_EPOCH", "0"))
    environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(
        [f"--remap-path-prefix={folder}={name}" for folder, name in maps] + ["--print=native-static-libs", *flags]
    )
    c_flags = " ".join(f"-ffile-prefix-map={folder}={name}" for folder, name in maps)
    for variable in ("CFLAGS", "CXXFLAGS"):
        environment[variable] = f"{os.environ.get(variable, '')} {c_flags}".strip()
    environment.update(toolchain.environment())
    command, folder = toolchain.cargo(), toolchain.folder(target_folder)
    command += ["--release", "--locked", "--lib", "--bins", "--features", FEATURES]
    command += ["--target-dir", str(target_folder), "--message-format=json"]
    cargo = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    libraries = None
    for line in cargo.stdout:
        message = json.loads(line).get("message") or {}
        name, found, value = message.get("message", "").partition("native-static-libs: ")
        if found:
            # Each once, the last time it is named: a linker takes from a library what was missing before it.
            libraries = list(dict.fromkeys(reversed(value.split())))[::-1]
        elif message.get("level") in ("error", "warning"):
            sys.stderr.write(message["rendered"])
    if cargo.wait() != 0:
        sys.exit(f"build.py: {shlex.join(command)} failed")
    if libraries is None:
        sys.exit("build.py: the compiler named no system libraries for the static archive")
    return folder, libraries


def zig(*arguments):
    return [sys.executable, "-m", "ziglang", *arguments]


def zig_runtime(folder):
    """Returns the static C++ runtime that Zig links: libc++abi, libc++ and libunwind."""
    source = folder / "empty.cpp"
    source.write_text("int main() { throw 1; }\n")
    linking = run(*zig("c++", "-target", f"x86_64-linux-gnu.{GLIBC}", "-O2", "-v", source, "-o", folder / "empty"),
                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    command = next(line for line in linking.splitlines() if line.startswith("ld.lld "))
    wanted = ("libc++abi.a", "libc++.a", "libunwind.a")
    found = [part for part in shlex.split(command) if part.endswith(wanted)]
    if len(found) != len(wanted):
        sys.exit(f"build.py: Zig's C++ runtime was not found in {command}")
    return found


def isolate(toolchain, archive, runtime, symbols, to):
    """Writes one relocatable object of an archive in which every symbol but the exported ones is local.

    Two Rust archives bring the same standard library, and C++ templates of CharLS would otherwise be shared with the
    host's. LLVM's bitcode sections are left out.
    """
    run(toolchain.tool("ld"), "-r", "--force-group-allocation", "--whole-archive", archive, "--no-whole-archive", *runtime, "-o", to)
    run(toolchain.tool("objcopy"), f"--keep-global-symbols={symbols}", "-R", ".llvmbc", "-R", ".llvmcmd", to)


def link_shared(toolchain, object_file, version_script, abi, libraries, to):
    flags = ["-shared", f"-Wl,-soname,libdlnms.so.{abi}", f"-Wl,--version-script={version_script}"]
    # ONNX Runtime's pool threads and the host's log callback outlive any dlclose.
    flags += ["-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,--gc-sections", "-Wl,--build-id=sha1"]
    run(*toolchain.compiler(), *flags, "-o", to, object_file, "-Wl,--as-needed", *libraries)


def split_debug(toolchain, file, debug):
    """Moves debug information into a file of its own, which debuggers find by its name and build-id."""
    objcopy = toolchain.tool("objcopy")
    run(objcopy, "--only-keep-debug", file, debug)
    run(toolchain.tool("strip"), "--strip-unneeded", file)
    run(objcopy, f"--add-gnu-debuglink={debug.name}", file, cwd=debug.parent)


def linked_runtimes(portable):
    """Returns the versions of what the toolchain links in. Zig's version stands for the C++ runtime that it ships."""
    used = {"rust": re.search(r"^release: (.*)$", output("rustc", "-vV"), re.M).group(1)}
    if portable:
        used["libcxx"] = f"zig-{output(*zig('version'))}"
    return used


def fresh(out, build, sources):
    """Returns whether the built files are those of these sources."""
    stamp = out / "build.json"
    return stamp.exists() and json.loads(stamp.read_text()) == build and all(
        source.stat().st_mtime < stamp.stat().st_mtime for source in sources)


def link(toolchain, folder, build, out):
    """Writes both libraries, the program, their debug information, and last of all build.json."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    exported = SYMBOLS.read_text().split()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        symbols, script, whole = work / "symbols", work / "version-script", work / "dlnms.o"
        symbols.write_text("".join(f"{name}\n" for name in exported))
        names = "".join(f"    {name};\n" for name in exported)
        script.write_text(f"DLNMS_{build['abi']} {{\n  global:\n{names}  local: *;\n}};\n")
        isolate(toolchain, folder / "libdlnms.a", zig_runtime(work) if toolchain.portable else [], symbols, whole)

        shared = out / f"libdlnms.so.{build['abi']}.{build['version']}"
        link_shared(toolchain, whole, script, build["abi"], build["system_libraries"], shared)
        split_debug(toolchain, shared, out / f"{shared.name}.debug")
        program = pathlib.Path(shutil.copy(folder / "dlnms", out / "dlnms"))
        split_debug(toolchain, program, out / "dlnms.debug")

        run(toolchain.tool("objcopy"), "--strip-debug", whole)
        if toolchain.portable:
            package = pathlib.Path(importlib.util.find_spec("ziglang").origin).parent
            shutil.copyfile(package / "lib/libcxx/LICENSE.TXT", out / "LICENSE-libcxx.txt")
        run(toolchain.tool("ar"), "Dcrs", out / "libdlnms.a", whole)
    (out / "build.json").write_text(json.dumps(build, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Build the libraries and the program for an installation.")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the built files")
    parser.add_argument("--target-dir", type=pathlib.Path, required=True, help="cargo's folder of this build")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--portable", action="store_true", help=f"glibc {GLIBC} and no C++ runtime of the system")
    kind.add_argument("--target", help="Rust's name of another machine, for example aarch64-unknown-linux-gnu")
    options = parser.parse_args()
    out, target_folder = options.out.resolve(), options.target_dir.resolve()
    toolchain = Toolchain(options.target or host(), options.portable)
    toolchain.check()
    crate, abi = versions()
    folder, libraries = compile_crate(toolchain, target_folder)
    if options.portable:
        libraries = [library for library in libraries if library not in CPP_RUNTIME]
    build = {"version": crate, "abi": int(abi), "target": toolchain.target, "glibc": GLIBC if options.portable else None,
             "system_libraries": libraries, "toolchain": linked_runtimes(options.portable)}
    if not fresh(out, build, [folder / "libdlnms.a", folder / "dlnms", SYMBOLS, pathlib.Path(__file__)]):
        link(toolchain, folder, build, out)


if __name__ == "__main__":
    main()
