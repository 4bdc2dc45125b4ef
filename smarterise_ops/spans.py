"""Spans of time as one types them: `90s`, `30m`, `6h`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

_SPAN = re.compile(r"([0-9]+)([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST_DIGITS = 12


def span(longest: str) -> Callable[[str], timedelta]:
    """Return what reads a span of more than nothing.

    Args:
        longest: The longest that is taken, e.g. `455d`.
    """
    most = _timedelta(longest)

    def parse(text: str) -> timedelta:
        found = _timedelta(text)
        if not timedelta(0) < found <= most:
            raise typer.BadParameter(f"{text!r} is no span such as 90s, 30m, 6h or 2d, of at most {longest}")
        return found

    return parse


def _timedelta(text: str) -> timedelta:
    match = _SPAN.match(text)
    # More digits than this are more than any limit, and more than a timedelta holds.
    seconds = int(match[1][:_MOST_DIGITS]) * _SECONDS[match[2]] if match else 0
    return timedelta(seconds=min(seconds, 10**9))
