"""The part of a logger that the logic uses: whoever calls it brings one."""

from __future__ import annotations

from typing import Protocol


class Log(Protocol):
    """Lines for people and machines; `extra` holds what a machine looks for."""

    def info(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log something worth knowing."""

    def warning(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log something that may need a person."""

    def error(self, msg: object, *, extra: dict[str, object]) -> None:
        """Log something that needs a person."""
