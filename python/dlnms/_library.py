"""The loaded library: statuses become exceptions, texts become str, and long calls can be interrupted."""

from __future__ import annotations

import pathlib
import threading
from typing import Any, Callable, Dict, Optional, TypeVar

from ._ffi import ffi
from .errors import CancelledError, Error

T = TypeVar("T")
FOLDER = pathlib.Path(__file__).resolve().parent


def _load() -> Any:
    """Loads the library of this package and compares its ABI version with that of the declarations."""
    library = next(FOLDER.glob("libdlnms.so.*"), None)
    if library is None:
        raise ImportError(f"libdlnms.so is not in {FOLDER}: install the wheel that `make wheel` leaves in target/wheels")
    loaded = ffi.dlopen(str(library))
    if loaded.dlnms_abi_version() != loaded.DLNMS_ABI_VERSION:
        raise ImportError(f"{library} has ABI version {loaded.dlnms_abi_version()}, the declarations are those of {loaded.DLNMS_ABI_VERSION}")
    return loaded


lib = _load()


def constants(prefix: str) -> Dict[int, str]:
    """Returns the constants of the C ABI with a prefix: value -> name in the style of the command line, "tensorrt-rtx"."""
    names = (name for name in dir(lib) if name.startswith(prefix))
    return {getattr(lib, name): name[len(prefix):].lower().replace("_", "-") for name in names}


STATUS_NAMES = {0: "DLNMS_OK", **{getattr(lib, name): name for name in dir(lib) if name.startswith("DLNMS_E_")}}


def value_of(prefix: str, name: str, field: str) -> int:
    """Returns the value of a constant by its name in the style of the command line.

    Raises ValueError, which lists the names, for an unknown one.
    """
    known = {text: value for value, text in constants(prefix).items()}
    if name not in known:
        raise ValueError(f"{field}: {name!r} is none of {', '.join(sorted(known))}")
    return known[name]


def text(pointer: Any) -> Optional[str]:
    """Returns a string of the library, or None for NULL."""
    return None if pointer == ffi.NULL else ffi.string(pointer).decode("utf-8", "replace")


def exception(error: Any, status: int) -> Error:
    """Returns the exception for a status and the error object of the call, which is freed."""
    message = text(lib.dlnms_error_message(error)) if error != ffi.NULL else text(lib.dlnms_status_string(status))
    lib.dlnms_error_free(error)
    kind = CancelledError if status == lib.DLNMS_E_CANCELLED else Error
    return kind(status, STATUS_NAMES.get(status, f"status {status}"), message or "")


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Calls a function of the C ABI whose last parameter is `err`.

    Raises `Error` if it fails.
    """
    error = ffi.new("dlnms_error **")
    status = function(*arguments, error)
    if status != 0:
        raise exception(error[0], status)


def make(kind: str, function: Callable[..., int], *arguments: Any) -> Any:
    """Calls a function whose last parameters are `out` and `err`, and returns what it made, freed with the Python object."""
    out = ffi.new(f"dlnms_{kind} **")
    call(function, *arguments, out)
    return ffi.gc(out[0], getattr(lib, f"dlnms_{kind}_free"))


def struct(kind: str) -> Any:
    """Returns a struct of the C ABI with its defaults."""
    made = ffi.new(f"dlnms_{kind} *")
    getattr(lib, f"dlnms_{kind}_init")(made, ffi.sizeof(made[0]))
    return made


def filled_text(function: Callable[..., int], handle: Any) -> str:
    """Returns the text of a function that fills a buffer of the caller's."""
    needed = ffi.new("size_t *")
    try:
        call(function, handle, ffi.NULL, 0, needed)
    except Error as error:
        if error.status != lib.DLNMS_E_BUFFER_TOO_SMALL:
            raise
    buffer = ffi.new("char[]", needed[0])
    call(function, handle, buffer, needed[0], needed)
    return ffi.string(buffer).decode("utf-8")


def interruptible(work: Callable[[Any], T]) -> T:
    """Returns what `work(cancel)` returns, where `cancel` is a cancel token of the C ABI.

    In the main thread the work is done by another thread while this one waits for signals: an exception of a signal handler,
    KeyboardInterrupt above all, triggers the token, and goes on when the work has ended. In other threads, which get no signals,
    the work is done at once.
    """
    cancel = make("cancel", lib.dlnms_cancel_new)
    if threading.current_thread() is not threading.main_thread():
        return work(cancel)
    done = threading.Event()
    outcome: list = []  # what was returned and what was raised

    def run() -> None:
        try:
            outcome.extend((work(cancel), None))
        except BaseException as error:  # handed on to the waiting thread
            outcome.extend((None, error))
        finally:
            done.set()

    thread = threading.Thread(target=run, name="dlnms")
    try:
        thread.start()
        done.wait()
    except BaseException:
        lib.dlnms_cancel_trigger(cancel)
        while thread.is_alive() and not done.is_set():
            try:
                done.wait()
            except BaseException:  # one more interrupt: what the library borrows must outlive the call
                continue
        outcome.clear()
        raise
    returned, raised = outcome
    outcome.clear()
    try:
        if raised is not None:
            raise raised
        return returned
    finally:
        del returned, raised  # no circle of exception, traceback and frame


def version() -> str:
    """Returns the version of the library, for example "0.1.0"."""
    return text(lib.dlnms_version()) or ""


def abi_version() -> int:
    """Returns the version of the C ABI."""
    return lib.dlnms_abi_version()


def live_objects() -> int:
    """Returns the number of objects that this process holds from the library. It is meant for leak checks in tests."""
    return lib.dlnms_live_objects()
