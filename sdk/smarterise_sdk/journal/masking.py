"""Mask secrets in displayed, journalled and reported data. In doubt, a value is masked."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.json_text.types import JsonValue

MASK = "********"

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?\Z|secret|token|credential|private.?key|api.?key|access.?key|authori[sz]ation",
    re.IGNORECASE,
)
_IN_TEXT = (
    # scheme://user:password@host
    (re.compile(r"(\w+://[^\s/:@]+:)[^\s/@]+(@)"), rf"\1{MASK}\2"),
    # password=…, "SecretAccessKey": "…", --token …
    (
        re.compile(
            r"((?:pass(?:word|wd|phrase)?|secret\w*|\w*token|api.?key|private.?key)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    # A bare AWS secret key: forty base64 characters with both cases and a digit.
    (
        re.compile(
            r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*\d)"
            r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
        ),
        MASK,
    ),
)

_SHORTEST_KEY = 40


def masked_text(text: str) -> str:
    """Return text with likely secrets replaced by a mask."""
    # Fast path: most texts of bulk changes are short and contain no separator, so no pattern can match.
    # The patterns of named secrets are slow for long texts.
    if ":" in text or "=" in text:
        patterns: Sequence[tuple[re.Pattern[str], str]] = _IN_TEXT
    elif len(text) >= _SHORTEST_KEY:
        patterns = _IN_TEXT[-1:]
    else:
        return text
    for pattern, replacement in patterns:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=1024)
def _is_secret_name(key: str) -> bool:
    return _SECRET_NAME.search(key) is not None


def masked(value: JsonValue) -> JsonValue:
    """Return a JSON value with secrets masked: values of secret-like keys, and secrets within texts."""
    if isinstance(value, dict):
        return {
            key: MASK if _is_secret_name(key) and inner not in (None, "") else masked(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return masked_text(value) if isinstance(value, str) else value
