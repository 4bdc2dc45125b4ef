"""Parse the numbers of meters: single values, and whole columns with C-speed functions."""

from __future__ import annotations

import math
import re
import sys
from array import array
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ReadTable: TypeAlias = "Callable[[str], array[float]]"
"""Parses comma-separated numbers; raises `ValueError` on anything else."""

LARGEST_VALUE: Final = 1e12
"""Larger than any register of a meter."""

_SAMPLE: Final = 64
_TOP_BYTE: Final = 7 if sys.byteorder == "little" else 0
_BYTES_OF_A_NUMBER: Final = 8
# Top bytes of doubles with magnitude below 2 ** 33: nearly all measured values; none is infinite or NaN.
_SMALL: Final = bytes(byte for byte in range(256) if byte & 0x7F <= 0x41)

_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*\Z")


def number(value: object) -> float | None:
    """Return a value as a finite number; `None` for other text, placeholders such as `----`, and NaN."""
    if isinstance(value, str):
        if "_" in value:  # float() accepts 1_000, which is not a number in a log file
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    # The comparison is false for infinity and NaN.
    return found if -LARGEST_VALUE <= found <= LARGEST_VALUE else None


def floats(cells: Sequence[str]) -> list[float]:
    """Return a column of texts as parsed by `float`.

    Raises:
        ValueError: If a cell is not a number.
    """
    # Many columns contain few distinct texts: parse each text once.
    sample = cells[:_SAMPLE]
    if 2 * len(set(sample)) >= len(sample):
        return list(map(float, cells))
    distinct = set(cells)
    by_text = dict(zip(distinct, map(float, distinct), strict=True))
    return list(map(by_text.__getitem__, cells))


def table(text: str) -> array[float]:
    """Return the numbers of a comma-separated text as parsed by `float`.

    Raises:
        ValueError: If an item is not a number.
    """
    if "_" in text:
        raise ValueError("underscores are not allowed in numbers")
    return array("d", map(float, text.split(",")))


def are_plausible(found: array[float]) -> bool:
    """Return whether `number` accepts every number of a table."""
    if not found.tobytes()[_TOP_BYTE::_BYTES_OF_A_NUMBER].translate(None, _SMALL):
        return True
    return all(-LARGEST_VALUE <= value <= LARGEST_VALUE for value in found)


def plain_numbers(text: str, count: int, read: ReadTable = table) -> array[float] | None:
    """Parse comma-separated plausible numbers; `None` if the text contains anything else.

    Args:
        text: The numbers.
        count: Expected count; a number with a decimal comma would count as two.
        read: The parser.
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
    """Return a column as numbers, with the result of `number` for each cell.

    Args:
        cells: The texts of the column.
        decimal_comma: Whether `230,4` is a number.
        underscores: Whether a text may contain an underscore; False skips a check.
    """
    if underscores and any("_" in cell for cell in cells):
        return _each_number(cells, decimal_comma=decimal_comma)
    try:
        found = floats(cells)
        # The Euclidean norm is at least the largest magnitude, and NaN if one value is NaN.
        if math.hypot(*found) <= LARGEST_VALUE:
            return list(found)
    except ValueError:
        pass
    return _each_number(cells, decimal_comma=decimal_comma)


def has_decimal_comma(cell: str) -> bool:
    """Return whether a text is a number with a decimal comma, such as `230,4`."""
    return _DECIMAL_COMMA.match(cell) is not None


def _each_number(cells: Sequence[str], *, decimal_comma: bool) -> list[float | None]:
    by_text = {
        cell: number(cell.replace(",", ".") if decimal_comma and has_decimal_comma(cell) else cell)
        for cell in set(cells)
    }
    return [by_text[cell] for cell in cells]
