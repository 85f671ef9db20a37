"""Exceptions of calls that fail."""

from __future__ import annotations


class Error(Exception):
    """A call that the library refused or could not finish.

    `status` is the status code of the C ABI, `name` its name, for example "DLNMS_E_SUV", and `message` names the field, file or
    value at fault. A message holds nothing a patient could be known by.
    """

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(status, name, message)
        self.status = status
        self.name = name
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.name}, status {self.status})"


class CancelledError(Error):
    """A call that was cancelled by its progress function (DLNMS_E_CANCELLED)."""
