"""Build hook of the wheel: what a checkout and a release build add to the Python sources.

The declarations of the C ABI are made from include/dlnms.h, so that header and binding cannot disagree. The library and the
program come from the folder that packaging/build.py wrote (`DLNMS_PRODUCT`, by default target/product), whose glibc decides the
wheel's tag.
"""

import json
import os
import pathlib
import re
import sys
import tempfile

import cffi
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
# Lines of the preprocessor that a header has beside its constants.
GUARD = re.compile(r"#(ifndef DLNMS_H|define DLNMS_H|include <std(def|int)\.h>)")
CONSTANT = re.compile(r"#define DLNMS_[A-Z0-9_]+ -?\d+")


def declarations(header):
    """Returns the declarations of the header for cffi: everything but the include guard and what C++ alone reads.

    Raises ValueError for a preprocessor line of another kind.
    """
    kept, inside_cpp = [], False
    for number, line in enumerate(header.splitlines(), 1):
        text = line.strip()
        if text.startswith("#ifdef __cplusplus"):
            inside_cpp = True
        elif text.startswith("#endif"):
            inside_cpp = False
        elif inside_cpp or GUARD.fullmatch(text):
            continue
        elif text.startswith("#") and not CONSTANT.fullmatch(text):
            raise ValueError(f"dlnms.h, line {number}: {text!r} is neither a constant nor the include guard")
        else:
            kept.append(line)
    return "\n".join(kept)


def write_module(header, to):
    """Writes the module `_ffi` for the declarations of a header: cffi's ABI mode, without a parser at run time."""
    builder = cffi.FFI()
    builder.cdef(declarations(header))
    builder.set_source("dlnms._ffi", None)
    builder.emit_python_code(str(to))


def tag(build):
    """Returns the wheel's tag: any Python 3, and the platform that the library was built for."""
    processor = build["target"].split("-")[0]
    if build["glibc"] is None:
        return f"py3-none-linux_{processor}"
    return f"py3-none-manylinux_{build['glibc'].replace('.', '_')}_{processor}"


def third_party_notices(product):
    """Returns the licences of what the library and the program hold."""
    sys.path.insert(0, str(ROOT / "packaging"))
    import components
    import notices

    return notices.text(components.collect(None, product), False)


class WheelHook(BuildHookInterface):
    """Adds the library, the program, the declarations and the licences."""

    def initialize(self, version, build_data):
        product = pathlib.Path(os.environ.get("DLNMS_PRODUCT") or ROOT / "target/product").resolve()
        try:
            build = json.loads((product / "build.json").read_text())
        except OSError:
            sys.exit(f"{product}: there is no release build: run `make product`, or set DLNMS_PRODUCT")
        self.made = tempfile.TemporaryDirectory()
        made = pathlib.Path(self.made.name)
        write_module((ROOT / "include/dlnms.h").read_text(), made / "_ffi.py")
        (made / "THIRD-PARTY-NOTICES.txt").write_text(third_party_notices(product))
        build_data["pure_python"] = False
        build_data["tag"] = tag(build)
        build_data["force_include"].update({
            str(product / f"libdlnms.so.{build['abi']}.{build['version']}"): f"dlnms/libdlnms.so.{build['abi']}",
            str(product / "dlnms"): "dlnms/bin/dlnms",
            str(made / "_ffi.py"): "dlnms/_ffi.py",
            str(made / "THIRD-PARTY-NOTICES.txt"): "dlnms/licences/THIRD-PARTY-NOTICES.txt",
            str(ROOT / "LICENSE-MIT"): "dlnms/licences/LICENSE-MIT",
            str(ROOT / "LICENSE-APACHE"): "dlnms/licences/LICENSE-APACHE",
        })

    def finalize(self, version, build_data, artifact_path):
        self.made.cleanup()
