"""Runtime of a function: environment variables, read on every call, and the logger protocol."""

from __future__ import annotations

import os
from typing import Protocol


class MissingSetting(RuntimeError):
    """A required environment variable is not set: a configuration fault."""

    def __init__(self, *names: str) -> None:
        alternatives = " or ".join(names)
        super().__init__(f"{alternatives} is not set. Fix: set it in the environment of the function")


def required(name: str) -> str:
    """Return an environment variable.

    Raises:
        MissingSetting: If it is not set, or empty.
    """
    value = os.environ.get(name)
    if not value:
        raise MissingSetting(name)
    return value


def optional(name: str, default: str) -> str:
    """Return an environment variable, or the default if it is not set or empty."""
    return os.environ.get(name) or default


class BadSetting(RuntimeError):
    """An environment variable has an invalid value: a configuration fault."""


def number(name: str, default: float) -> float:
    """Return an environment variable as a non-negative number, or the default if it is not set or empty.

    Raises:
        BadSetting: If it has another value.
    """
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BadSetting(
            f"{name} is not a number of at least 0. Fix: set it in the environment of the function"
        )
    return value


class Log(Protocol):
    """Structured logger: a short message, and fields in `extra`."""

    def info(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log information."""

    def warning(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log a problem that may need action."""

    def error(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log a problem that needs action."""
