"""What counts as a number a meter measured: one value, or a whole column of them at the speed of C."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_VALUE: Final = 1e12
"""Beyond any register of a meter."""

_SAMPLE: Final = 64

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
    return found if math.isfinite(found) and abs(found) <= LARGEST_VALUE else None


def numbers(
    cells: Sequence[str], *, decimal_comma: bool = False, underscores: bool = True
) -> list[float | None]:
    """Return a column as numbers: of each cell exactly what `number` says.

    Args:
        cells: The column's texts.
        decimal_comma: Whether `230,4` is a number.
        underscores: Whether there may be one in any text; to know that there is none saves time.
    """
    if underscores and any("_" in cell for cell in cells):
        return _slowly(cells, decimal_comma=decimal_comma)
    # A meter repeats itself: many columns hold few texts many times over.
    sample = cells[:_SAMPLE]
    distinct = set(cells) if 2 * len(set(sample)) < len(sample) else None
    try:
        found = list(map(float, cells if distinct is None else distinct))
    except ValueError:
        return _slowly(cells, decimal_comma=decimal_comma)
    # The root of the sum of squares is no less than the largest, and no number if one is none.
    if not math.hypot(*found) <= LARGEST_VALUE:
        return _slowly(cells, decimal_comma=decimal_comma)
    if distinct is None:
        return list(found)
    by_text = dict(zip(distinct, found, strict=True))
    return list(map(by_text.__getitem__, cells))


def has_decimal_comma(cell: str) -> bool:
    """Return whether a text is a number with a decimal comma, such as `230,4`."""
    return _DECIMAL_COMMA.match(cell) is not None


def _slowly(cells: Sequence[str], *, decimal_comma: bool) -> list[float | None]:
    by_text = {
        cell: number(cell.replace(",", ".") if decimal_comma and has_decimal_comma(cell) else cell)
        for cell in set(cells)
    }
    return [by_text[cell] for cell in cells]
