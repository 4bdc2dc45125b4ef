"""The function's environment variables: read when needed, and named when they are missing."""

from __future__ import annotations

import os


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
