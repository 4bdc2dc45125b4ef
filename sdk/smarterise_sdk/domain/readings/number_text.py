"""What counts as a number a meter measured: one value, or a whole column of them at the speed of C."""

from __future__ import annotations

import math
import re
import sys
from array import array
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ReadTable: TypeAlias = "Callable[[str], array[float]]"
"""Reads numbers with commas between them; raises `ValueError` where anything else is."""

LARGEST_VALUE: Final = 1e12
"""Beyond any register of a meter."""

_SAMPLE: Final = 64
_TOP_BYTE: Final = 7 if sys.byteorder == "little" else 0
_BYTES_OF_A_NUMBER: Final = 8
# The top bytes of numbers below 2 ** 33, of either sign: of nearly all that meters say, and none is endless.
_SMALL: Final = bytes(byte for byte in range(256) if byte & 0x7F <= 0x41)

_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*\Z")


def number(value: object) -> float | None:
    """Return a value as a finite number; `None` for text, fillers such as `----`, NaN and the like."""
    if isinstance(value, str):
        if "_" in value:  # float() takes 1_000 for a thousand; a meter means nothing of the kind
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    # Neither an infinity nor what is no number lies between.
    return found if -LARGEST_VALUE <= found <= LARGEST_VALUE else None


def floats(cells: Sequence[str]) -> list[float]:
    """Return a column as Python's `float` reads it.

    Raises:
        ValueError: If any cell is no number to it.
    """
    # A meter repeats itself: many columns hold few texts many times over.
    sample = cells[:_SAMPLE]
    if 2 * len(set(sample)) >= len(sample):
        return list(map(float, cells))
    distinct = set(cells)
    by_text = dict(zip(distinct, map(float, distinct), strict=True))
    return list(map(by_text.__getitem__, cells))


def table(text: str) -> array[float]:
    """Return the numbers of a text with commas between them, as Python's `float` reads them.

    Raises:
        ValueError: If anything between two commas is no number to it.
    """
    if "_" in text:
        raise ValueError("1_000 is a number to Python alone")
    return array("d", map(float, text.split(",")))


def are_plausible(found: array[float]) -> bool:
    """Return whether all numbers of a table are such as `number` takes."""
    if not found.tobytes()[_TOP_BYTE::_BYTES_OF_A_NUMBER].translate(None, _SMALL):
        return True
    return all(-LARGEST_VALUE <= value <= LARGEST_VALUE for value in found)


def plain_numbers(text: str, count: int, read: ReadTable = table) -> array[float] | None:
    """Return plausible numbers, with commas between them; `None` if anything else is there.

    Args:
        text: The numbers.
        count: How many there are to be: one that has a decimal comma would be two.
        read: What reads them.
    """
    try:
        found = read(text)
    except ValueError:
        return None
    return found if len(found) == count and are_plausible(found) else None


def numbers(
    cells: Sequence[str],
    *,
    decimal_comma: bool = False,
    underscores: bool = True,
) -> list[float | None]:
    """Return a column as numbers: of each cell exactly what `number` says.

    Args:
        cells: The column's texts.
        decimal_comma: Whether `230,4` is a number.
        underscores: Whether there may be one in any text; to know that there is none saves time.
    """
    if underscores and any("_" in cell for cell in cells):
        return _slowly(cells, decimal_comma=decimal_comma)
    try:
        found = floats(cells)
        # The root of the sum of squares is no less than the largest, and no number if one is none.
        if math.hypot(*found) <= LARGEST_VALUE:
            return list(found)
    except ValueError:
        pass
    return _slowly(cells, decimal_comma=decimal_comma)


def has_decimal_comma(cell: str) -> bool:
    """Return whether a text is a number with a decimal comma, such as `230,4`."""
    return _DECIMAL_COMMA.match(cell) is not None


def _slowly(cells: Sequence[str], *, decimal_comma: bool) -> list[float | None]:
    by_text = {
        cell: number(cell.replace(",", ".") if decimal_comma and has_decimal_comma(cell) else cell)
        for cell in set(cells)
    }
    return [by_text[cell] for cell in cells]
