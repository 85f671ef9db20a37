"""Progress of long calls: bars by tqdm, or a function of the caller's."""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

import tqdm as _tqdm
import tqdm.auto  # noqa: F401  (makes `_tqdm.auto` there)

from ._library import constants, ffi, struct

PHASES = constants("DLNMS_PHASE_")
#: True shows a bar on standard error. A function gets the phase ("load", "decode" ...) and the fraction of it that is done; it may
#: return False to cancel.
Progress = Union[None, bool, Callable[[str, float], Optional[bool]]]


class _Bar:
    """One tqdm bar that is renamed from phase to phase."""

    def __init__(self) -> None:
        self.phase = ""
        self.bar = _tqdm.auto.tqdm(total=100, unit="%", leave=False)

    def __call__(self, phase: str, fraction: float) -> None:
        if phase != self.phase:
            self.phase = phase
            self.bar.set_description(phase)
        self.bar.update(round(100 * fraction) - self.bar.n)

    def close(self) -> None:
        self.bar.close()


class Reporter:
    """The dlnms_progress of a call. Used as a context; an exception of the function cancels the call and is raised at its end."""

    def __init__(self, progress: Progress) -> None:
        self._bar = _Bar() if progress is True else None
        self._function = self._bar or (progress if callable(progress) else None)
        self._raised: Optional[BaseException] = None
        self._self = ffi.new_handle(self)

    @property
    def raw(self) -> Any:
        """The struct for the call, NULL without a function."""
        if self._function is None:
            return ffi.NULL
        raw = struct("progress")
        raw.callback = _callback
        raw.user_data = self._self
        return raw

    def tell(self, phase: int, fraction: float) -> int:
        """Calls the function; returns not 0 to cancel."""
        try:
            return int(self._function(PHASES.get(phase, str(phase)), fraction) is False)
        except BaseException as error:  # must not reach the library
            self._raised = error
            return 1

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._bar:
            self._bar.close()
        if self._raised is not None:
            raised, self._raised = self._raised, None
            raise raised


@ffi.callback("int32_t(uint32_t, float, void *)", error=1)
def _callback(phase: int, fraction: float, user_data: Any) -> int:
    return ffi.from_handle(user_data).tell(phase, fraction)


