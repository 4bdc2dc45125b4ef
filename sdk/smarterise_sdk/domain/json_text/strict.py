"""Strict JSON parser for files edited by hand; reports the line of every problem.

Parsing uses the standard library. Line numbers need a second pass over the text (`positions`), which is made
only on demand.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.json_text.positions import PathPart, Positions
from smarterise_sdk.domain.problems import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue

MAX_DEPTH: Final = 100
"""Maximum nesting depth; deeper values could not be written by a recursive encoder."""

_MIB = 1024 * 1024
_NOT_UTF8_REMEDY = "Save the file as UTF-8 without changing its content."
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_COMMENT = re.compile(r"//|/\*|#")
# The beginning of a token at the end of a truncated file: a literal, a number, an escape.
_CUT_TOKEN = re.compile(r"(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|[.eE][+-]?|u[0-9a-fA-F]{0,4})?\Z")
_SAFE_NUMBER_LENGTH = 300


class JsonDocument:
    """A parsed JSON text with the line numbers of its values.

    Attributes:
        value: The parsed value.
    """

    def __init__(self, value: JsonValue, text: str) -> None:
        self.value = value
        self._text = text
        self._positions: Positions | None = None

    def line_of(self, path: Sequence[PathPart]) -> int | None:
        """Return the 1-based line of a value (of its key, in an object), or `None` if it does not exist.

        Args:
            path: Keys and list indexes from the top, e.g. `("sites", "AN54101471", "tier")`.
        """
        if self._positions is None:
            self._positions = Positions(self._text)
        return self._positions.line_of(path)


def parse_json(source: bytes, subject: str, *, max_bytes: int) -> JsonDocument:
    """Parse a JSON text; also reject duplicate keys and invalid numbers, which `json.loads` accepts.

    Args:
        source: The text as stored; a UTF-8 byte order mark is accepted.
        subject: Name of the text in messages, e.g. `site-tiers.json`.
        max_bytes: Maximum size.

    Raises:
        InvalidInput: With code TOO_LARGE, EMPTY, NOT_UTF8, NOT_JSON or DUPLICATE_KEY; every duplicate
            key is reported with its line.
    """
    if len(source) > max_bytes:
        message = f"is {len(source) / _MIB:.1f} MiB; the maximum is {max_bytes / _MIB:.0f} MiB"
        raise _invalid(subject, "TOO_LARGE", message, "Check that this is the right file.")
    text = _decoded(source, subject)
    if not text.strip():
        raise _invalid(subject, "EMPTY", "is empty", "Restore the last valid version of the file.")
    hooks = _Hooks()
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=hooks.object_of,
            parse_constant=hooks.constant,
            parse_float=hooks.number,
            parse_int=hooks.integer,
        )
    except json.JSONDecodeError as error:
        raise InvalidInput(subject, [_syntax_problem(text, error)]) from error
    except RecursionError as error:
        raise _too_deep(subject) from error
    if hooks.found_problem:
        raise InvalidInput(subject, Positions(text).problems)
    if _is_deeper_than(value, MAX_DEPTH):
        raise _too_deep(subject)
    return JsonDocument(value, text)


class _Hooks:
    """Hooks for `json.loads` that detect duplicate keys and invalid numbers; lines are found later."""

    def __init__(self) -> None:
        self.found_problem = False

    def object_of(self, pairs: list[tuple[str, JsonValue]]) -> JsonObject:
        result = dict(pairs)
        if len(result) != len(pairs):
            self.found_problem = True
        return result

    def constant(self, _name: str) -> None:
        self.found_problem = True

    def number(self, text: str) -> float:
        value = float(text)
        self.found_problem |= math.isinf(value)
        return value

    def integer(self, text: str) -> int:
        # Out of the range of a double; int() also rejects more than 4,300 digits.
        if len(text) > _SAFE_NUMBER_LENGTH and math.isinf(float(text)):
            self.found_problem = True
            return 0
        return int(text)


def _decoded(source: bytes, subject: str) -> str:
    if source.startswith(_UTF16_MARKS):
        raise _invalid(subject, "NOT_UTF8", "is UTF-16, not UTF-8", _NOT_UTF8_REMEDY)
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"byte {error.object[error.start]:#04x} is not UTF-8"
        raise _invalid(subject, "NOT_UTF8", message, _NOT_UTF8_REMEDY, line) from error


def _syntax_problem(text: str, error: json.JSONDecodeError) -> Problem:
    end = len(text.rstrip())
    rest = text[error.pos : end]
    if _COMMENT.match(rest):
        return Problem("NOT_JSON", "comments are not JSON", "Delete the comment.", line=error.lineno)
    if _CUT_TOKEN.match(rest) or error.msg.startswith("Unterminated string"):
        return Problem(
            "NOT_JSON",
            "the file is truncated",
            "Upload the whole file, or restore the last valid version.",
            line=text.count("\n", 0, end) + 1,
        )
    if _is_trailing_comma(text, error):
        return Problem("NOT_JSON", "extra comma", "Delete the last comma.", line=error.lineno)
    if error.msg == "Extra data":
        message = f"text after the end of the JSON (column {error.colno})"
    else:
        message = f"not JSON: {error.msg[0].lower()}{error.msg[1:]} (column {error.colno})"
    return Problem("NOT_JSON", message, "Correct the line and upload again.", line=error.lineno)


def _is_trailing_comma(text: str, error: json.JSONDecodeError) -> bool:
    # Python 3.12 and earlier report the position of the bracket, 3.13 and later that of the comma.
    if error.msg.startswith("Illegal trailing comma"):
        return True
    return text[error.pos] in "}]" and text[: error.pos].rstrip().endswith(",")


def _is_deeper_than(value: JsonValue, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child for container in level for child in _children(container) if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _children(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep(subject: str) -> InvalidInput:
    message = f"is nested more than {MAX_DEPTH} levels deep"
    return _invalid(subject, "NOT_JSON", message, "Check that this is the right file.")


def _invalid(subject: str, code: str, message: str, remedy: str, line: int | None = None) -> InvalidInput:
    return InvalidInput(subject, [Problem(code, message, remedy, line=line)])
