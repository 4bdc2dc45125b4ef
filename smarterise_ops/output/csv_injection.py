r"""Text in CSV cells that a spreadsheet would run: `=cmd|…` is written as `'=cmd|…`, and read back as it was.

What begins with `=`, `+`, `-`, `@`, a tab or a carriage return, and is no number, gets an apostrophe before
it; so does what begins with apostrophes and then one of these, so that reading takes away one and no more.
"""

from __future__ import annotations

import re

_RUNS = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)


def guarded(text: str) -> str:
    """Return text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _RUNS.match(text) and not _NUMBER.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text that `guarded` made a cell of."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell) else cell
