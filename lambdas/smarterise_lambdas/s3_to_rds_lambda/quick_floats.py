"""Columns of numbers at several times the speed of `float`: read as JSON, where they are that too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from smarterise_sdk.domain.numerals import floats

if TYPE_CHECKING:
    from collections.abc import Sequence

# Nothing that could be a text, a list or a word to JSON.
_PLAIN = re.compile(r"[0-9.,eE+ -]*")


def quick_floats(cells: Sequence[str]) -> list[float]:
    """Return a column exactly as `floats` does.

    Raises:
        ValueError: If any cell is no number.
    """
    text = ",".join(cells)
    if _PLAIN.fullmatch(text):
        try:
            found: list[float] = orjson.loads(f"[{text}]")
        except orjson.JSONDecodeError:
            return floats(cells)  # it takes `.5` and `007` too
        # A comma in a cell makes one more, and nothing makes one less.
        if len(found) == len(cells):
            return found
    return floats(cells)
