"""Exit codes, and the exit code of each error class; docs/exit-codes.md has the same tables."""

from __future__ import annotations

from enum import IntEnum

from smarterise_sdk import errors


class ExitCode(IntEnum):
    """Exit codes of commands."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    UNDETERMINED = 3
    CONFLICT = 4
    ACCESS = 5
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """The description of the code, as in the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.FINDINGS: "findings, rejected or not applied",
    ExitCode.USAGE: "usage error",
    ExitCode.UNDETERMINED: "undetermined, or only partly verified",
    ExitCode.CONFLICT: "conflict",
    ExitCode.ACCESS: "access denied or endpoint unreachable",
    ExitCode.INTERRUPTED: "interrupted",
}

BY_ERROR: dict[type[errors.SmarteriseError], ExitCode] = {
    errors.UsageError: ExitCode.USAGE,
    errors.InvalidConfiguration: ExitCode.USAGE,
    errors.InvalidDocument: ExitCode.FINDINGS,
    errors.NotFound: ExitCode.FINDINGS,
    errors.WriteRefused: ExitCode.FINDINGS,
    errors.LocalStackError: ExitCode.FINDINGS,
    errors.Conflict: ExitCode.CONFLICT,
    errors.AccessError: ExitCode.ACCESS,
    errors.Throttled: ExitCode.UNDETERMINED,
    errors.RemoteFault: ExitCode.UNDETERMINED,
    errors.SmarteriseError: ExitCode.UNDETERMINED,
}
"""The exit code of an error is that of its nearest base class."""


def exit_code_of(error: errors.SmarteriseError) -> ExitCode:
    """Return the exit code of a command that failed with `error`."""
    return next(BY_ERROR[ancestor] for ancestor in type(error).__mro__ if ancestor in BY_ERROR)
