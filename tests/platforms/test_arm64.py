"""The library for Linux on 64-bit Arm, under QEMU's user mode."""

import re
import subprocess

import pytest
from everywhere import *  # noqa: F403: its tests are run here
from platforms import HERE, TARGET, Platform, require, scored

TREE = TARGET / "arm64/dlnms"
SYSROOT = "/usr/aarch64-linux-gnu"
GCC, GXX, READELF = (f"aarch64-linux-gnu-{tool}" for tool in ("gcc", "g++", "readelf"))


# ONNX Runtime looks here for the processor, and QEMU's user mode would show that of this machine, on which it crashes.
CPUINFO = """processor\t: {}
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1

"""


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    require("qemu-aarch64-static", GCC, GXX)
    root = tmp_path_factory.mktemp("arm64")
    (root / "lib").symlink_to(f"{SYSROOT}/lib")
    (root / "proc").mkdir()
    (root / "proc/cpuinfo").write_text("".join(CPUINFO.format(n) for n in range(2)))
    runner = ["qemu-aarch64-static", "-L", root]
    return Platform(TREE, runner, {"DLNMS_ONNXRUNTIME": ""}, TREE / "lib/libonnxruntime.so", compilers={"c": GCC, "c++": GXX},
                    link_flags=(f"-Wl,-rpath,{TREE / 'lib'}",))


def test_the_library_exports_the_abi_alone():
    text = subprocess.run([READELF, "--dyn-syms", "--wide", TREE / "lib/libdlnms.so"], check=True, stdout=subprocess.PIPE, text=True).stdout
    exported = set(re.findall(r" (?:FUNC|OBJECT) +GLOBAL +DEFAULT +\d+ (\w+)@@DLNMS_\d+$", text, re.M))
    assert exported == set((TREE.parents[2] / "tests/abi/symbols.txt").read_text().split())


# ONNX Runtime has other kernels for this processor, and ours are the portable ones: sums are rounded in another order.
@pytest.mark.parametrize("kernels", ["onnxruntime", "dlnms:scalar"])
def test_scores_agree_with_this_machine(foreign, tmp_path, kernels):
    here = scored(HERE, tmp_path, "--bundle", TARGET / "bundle", "--kernels", "onnxruntime")
    there = scored(foreign, tmp_path, "--bundle", TARGET / "bundle", "--kernels", kernels)
    for head, value in here["heads"].items():
        assert there["heads"][head] == pytest.approx(value, abs=1e-5), head
    for exact in ("pet_metrics", "center_lps_mm", "ct_diameters", "qc", "suv", "risk", "suv_references", "notice"):
        assert there[exact] == here[exact], exact


def test_a_library_for_this_machine_is_named(foreign):
    info = ("info", "--bundle", TARGET / "tiny-bundle", "--onnxruntime", TARGET / "onnxruntime/libonnxruntime.so")
    assert "it is for x86-64" in foreign.dlnms(*info, status=3)[2]
