"""How a command ends: the exit codes, and which error leads to which.

The same tables stand in docs/exit-codes.md; a test holds the two together.
"""

from __future__ import annotations

from enum import IntEnum

from smarterise_sdk import errors


class ExitCode(IntEnum):
    """What the caller of a command learns without reading its output."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    UNDETERMINED = 3
    CONFLICT = 4
    ACCESS = 5
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """What it means, in the words of the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.FINDINGS: "findings, refused or not applied",
    ExitCode.USAGE: "usage",
    ExitCode.UNDETERMINED: "could not determine, or only partly verified",
    ExitCode.CONFLICT: "conflict: someone else changed it",
    ExitCode.ACCESS: "credentials, permission or unreachable",
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
"""The nearest class of an error's ancestry decides."""


def exit_code_of(error: errors.SmarteriseError) -> ExitCode:
    """Return how a command that failed with `error` ends."""
    return next(BY_ERROR[ancestor] for ancestor in type(error).__mro__ if ancestor in BY_ERROR)
