"""A function's runtime: environment variables, read when needed, and the logger that its code is given."""

from __future__ import annotations

import os
from typing import Protocol


class MissingSetting(RuntimeError):
    """A variable that the function cannot do without is not set: a fault of its configuration."""

    def __init__(self, *names: str) -> None:
        wanted = " or ".join(names)
        super().__init__(f"{wanted} is not set: set it in the environment of the function")


def required(name: str) -> str:
    """Return a variable.

    Raises:
        MissingSetting: If it is not set, or empty.
    """
    value = os.environ.get(name)
    if not value:
        raise MissingSetting(name)
    return value


def optional(name: str, default: str) -> str:
    """Return a variable, or the default when it is not set or empty."""
    return os.environ.get(name) or default


class BadSetting(RuntimeError):
    """A variable is set to something that it cannot be: a fault of the function's configuration."""


def number(name: str, default: float) -> float:
    """Return a variable that is a number and not negative, or the default when it is not set or empty.

    Raises:
        BadSetting: If it is set to something else.
    """
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BadSetting(f"{name} is no number, or less than zero: correct it in the function's environment")
    return value


class Log(Protocol):
    """Lines for people and machines; `extra` holds what a machine looks for."""

    def info(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log something worth knowing."""

    def warning(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log something that may need a person."""

    def error(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log something that needs a person."""
