"""Parses comma-separated numbers with the JSON parser, several times faster than `float`."""

from __future__ import annotations

from array import array

import orjson


def quick_table(text: str) -> array[float]:
    """Parse comma-separated numbers; the result equals that of `number_text.table`.

    Raises:
        ValueError: If a value is not a number in JSON syntax, such as `.5` or `007`.
    """
    # The array would accept JSON's `true` and `false`; "u" and "s" occur in no number.
    if "u" in text or "s" in text:
        raise ValueError("a value is not a number")
    try:
        found = array("d", orjson.loads(f"[{text}]"))
    except (TypeError, OverflowError) as error:
        raise ValueError("a value is not a number") from error
    if not found:
        raise ValueError("the text is empty")
    return found
