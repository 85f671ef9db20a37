"""The library for 64-bit Windows, under Wine."""

import os
import re
import shutil
import subprocess

import pytest
from everywhere import *  # noqa: F403: its tests are run here
from platforms import HERE, ROOT, SEED, TARGET, Platform, require, scored, study

WINDOWS = TARGET / "windows"
TREE = WINDOWS / "dlnms"
GCC, GXX, OBJDUMP = (f"x86_64-w64-mingw32-{tool}" for tool in ("gcc-posix", "g++-posix", "objdump"))
# What every Windows since 10 has.
SYSTEM = re.compile(r"(kernel32|ntdll|advapi32|ws2_32|userenv|bcrypt|bcryptprimitives|msvcrt|shell32|ole32|user32"
                    r"|api-ms-win-core-synch-l1-2-0)\.dll", re.I)


# Debian keeps these out of the path.
WINE, WINESERVER = (shutil.which(name, path=f"{os.environ['PATH']}:/usr/lib/wine") or name for name in ("wine64", "wineserver64"))


def wine_name(path):
    return "Z:" + str(path).replace("/", "\\")


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    require(WINE, WINESERVER, GCC, GXX)
    folder = tmp_path_factory.mktemp("windows")
    tree = folder / "dlnms"
    shutil.copytree(TREE, tree)
    subprocess.run([GCC, "-shared", "-O1", "-s", ROOT / "tests/platforms/bcryptprimitives.c", "-o", tree / "bin/bcryptprimitives.dll",
                    "-ladvapi32"], check=True)
    environment = {"WINEPREFIX": str(folder / "wine"), "WINEDEBUG": "-all", "WINEPATH": wine_name(tree / "bin"),
                   "WINEDLLOVERRIDES": "mscoree,mshtml=", "DLNMS_ONNXRUNTIME": ""}
    subprocess.run([WINE, "wineboot", "--init"], env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    yield Platform(tree, [WINE], environment, tree / "bin/onnxruntime.dll", ".exe", wine_name, {"c": GCC, "c++": GXX}, ("-static",))
    subprocess.run([WINESERVER, "--kill"], env={**os.environ, **environment})


def described(file):
    return subprocess.run([OBJDUMP, "-p", file], check=True, stdout=subprocess.PIPE, text=True).stdout


def test_the_dll_exports_the_abi_alone_and_needs_windows_alone():
    symbols = set((ROOT / "tests/abi/symbols.txt").read_text().split())
    text = described(TREE / "bin/dlnms.dll")
    exported = re.findall(r"^\s+\[ *\d+\] (?:\+base\[ *\d+\] +[0-9a-f]+ )?(\w+)$", text[text.index("[Ordinal/Name Pointer] Table"):], re.M)
    assert set(exported) == symbols
    for file in ("dlnms.dll", "dlnms.exe"):
        needed = re.findall(r"DLL Name: (\S+)", described(TREE / "bin" / file))
        assert needed and all(SYSTEM.fullmatch(name) for name in needed), needed
        assert str(ROOT).encode() not in (TREE / "bin" / file).read_bytes()


def test_scores_are_those_of_this_machine(foreign, tmp_path):
    for kernels in ("auto", "onnxruntime"):
        arguments = ("--bundle", TARGET / "bundle", "--kernels", kernels)
        here, there = scored(HERE, tmp_path, *arguments), scored(foreign, tmp_path, *arguments)
        assert there == here, kernels


def test_names_beyond_ascii_and_long_paths_are_read_and_written(foreign, tmp_path):
    folder = tmp_path / "Ünïcödé 患者" / "/".join(["long" * 12] * 6)
    folder.mkdir(parents=True)
    assert len(wine_name(folder)) > 260
    shutil.copytree(study()[1], folder / "ct")
    foreign.dlnms("planes", "--ct", folder / "ct", "--pet", study()[3], SEED, "--bundle", TARGET / "tiny-bundle", "--out", folder / "planes")
    assert len(list(folder.glob("planes*.npy"))) == 2


def test_what_is_no_file_is_refused_by_name(foreign, tmp_path):
    for name in ("NUL", "CON", r"\\.\pipe\dlnms"):
        status, _, errors = foreign.dlnms("planes", "--ct", name, "--pet", study()[3], SEED, "--bundle", TARGET / "tiny-bundle", "--out",
                                          tmp_path / "p", status=None)
        assert status == 1 and errors.strip(), (name, status, errors)


def test_a_library_for_another_machine_or_system_and_none_at_all_are_named(foreign, tmp_path):
    arm = tmp_path / "onnxruntime.dll"
    image = bytearray((TREE / "bin/onnxruntime.dll").read_bytes())
    header = int.from_bytes(image[0x3C:0x40], "little")
    image[header + 4:header + 6] = (0xAA64).to_bytes(2, "little")
    arm.write_bytes(image)
    info = ("info", "--bundle", TARGET / "tiny-bundle", "--onnxruntime")
    assert "it is for AArch64, and this process is for x86-64" in foreign.dlnms(*info, arm, status=3)[2]
    assert "is not an ONNX Runtime library: LoadLibraryExW failed: Bad EXE format" in foreign.dlnms(*info, TARGET / "onnxruntime/libonnxruntime.so", status=3)[2]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "onnxruntime.dll" in foreign.dlnms(*info, empty, status=3)[2]


def test_msvc_reads_the_header_and_links_the_import_library(tmp_path):
    zig = [os.environ["DLNMS_ZIG"], "-m", "ziglang"]
    source = tmp_path / "host.c"
    source.write_text('#include "dlnms.h"\nint start(void) { return dlnms_abi_version() != DLNMS_ABI_VERSION; }\n')
    for standard in ("c99", "c11", "c17"):
        subprocess.run([*zig, "cc", "-target", "x86_64-windows-msvc", "-fms-extensions", "-fms-compatibility", f"-std={standard}", "-Wall",
                        "-Wextra", "-Werror", f"-I{TREE / 'include'}", "-c", source, "-o", tmp_path / "host.obj"], check=True)
    program = tmp_path / "host.exe"
    subprocess.run([*zig, "lld-link", f"/out:{program}", "/entry:start", "/subsystem:console", "/nodefaultlib", tmp_path / "host.obj",
                    TREE / "lib/dlnms.lib"], check=True)
    text = described(program)
    assert "DLL Name: dlnms.dll" in text and "dlnms_abi_version" in text


def test_a_cmake_project_finds_the_dll_and_installs_a_program_that_runs(foreign, tmp_path):
    cmake = TARGET / "venv/bin/cmake"
    toolchain = tmp_path / "mingw.cmake"
    toolchain.write_text(f"set(CMAKE_SYSTEM_NAME Windows)\nset(CMAKE_SYSTEM_PROCESSOR x86_64)\nset(CMAKE_C_COMPILER {GCC})\nset(CMAKE_CXX_COMPILER {GXX})\n")
    subprocess.run([cmake, "-S", ROOT / "cpp-example", "-B", tmp_path / "build", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
                    f"-DCMAKE_PREFIX_PATH={foreign.tree}", "-DCMAKE_EXE_LINKER_FLAGS=-static", f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'host'}"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run([cmake, "--build", tmp_path / "build", "--target", "install"], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(foreign.tree / "bin/bcryptprimitives.dll", tmp_path / "host/bin")
    output = foreign.run(tmp_path / "host/bin/score.exe", "--bundle", TARGET / "tiny-bundle", "--center=-42.269,-14.623,-122.129", study()[1],
                         study()[3], WINEPATH="")[1]
    assert "research use only" in output.lower() and re.search(r"^head n1 ", output, re.M), output
