r"""Protection against CSV injection: `=cmd|…` is written as `'=cmd|…`, and restored when read.

Text that starts with `=`, `+`, `-`, `@`, a tab or a carriage return and is not a number gets a leading
apostrophe; so does text that starts with apostrophes followed by one of these, so that reading is exact.
"""

from __future__ import annotations

import re

_RUNS = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)


def guarded(text: str) -> str:
    """Escape text so that spreadsheets do not evaluate it as a formula."""
    return f"'{text}" if _RUNS.match(text) and not _NUMBER.match(text) else text


def unguarded(cell: str) -> str:
    """Return the original text of a cell written by `guarded`."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell) else cell
