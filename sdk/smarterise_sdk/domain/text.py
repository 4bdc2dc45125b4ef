"""Text formatting: escape untrusted text for display; format ages and UTC times."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLAIN = re.compile(r"[\x20-\x7e]*\Z")

MAX_REASON: Final = 1000
"""Longest reason of a change or an unlock, characters."""


def visible(text: str, *, keep: str = "") -> str:
    r"""Return `text` with control, format and bidirectional characters shown as `\xNN`/`\uNNNN`.

    Args:
        text: Untrusted text.
        keep: Characters that are not escaped, e.g. a newline in multi-line text.
    """
    if _PLAIN.match(text):
        return text
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in _UNSAFE_CATEGORIES
        else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def age_text(age: timedelta) -> str:
    """Return an age in its largest unit: `42s`, `7m`, `3h`, `2d`; negative for the future: `-42s`."""
    seconds = age.total_seconds()
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{sign}{int(seconds // size)}{unit}"
    return f"{sign}{int(seconds)}s"


def utc_text(timestamp: datetime) -> str:
    """Return a UTC datetime as `2026-03-01T12:05:02Z`."""
    return timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")
