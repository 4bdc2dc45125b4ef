"""JSON text that people edit by hand: parsed strictly, with the line of whatever is wrong.

Parsing runs at the speed of the standard library. Positions cost a second pass over the text, which
`positions` makes only when somebody asks where something is.
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
"""Deepest nesting taken: more is a mistake, and could not be written back by a recursive encoder."""

_MIB = 1024 * 1024
_NOT_UTF8_REMEDY = "Save the file as UTF-8 without changing its content."
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_COMMENT = re.compile(r"//|/\*|#")
# What can be left of a token when a file is cut within it: a literal, a number, an escape.
_CUT_TOKEN = re.compile(r"(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|[.eE][+-]?|u[0-9a-fA-F]{0,4})?\Z")
_SAFE_NUMBER_LENGTH = 300


class JsonDocument:
    """A parsed JSON text that can say on which line a value stands.

    Attributes:
        value: The parsed value.
    """

    def __init__(self, value: JsonValue, text: str) -> None:
        self.value = value
        self._text = text
        self._positions: Positions | None = None

    def line_of(self, path: Sequence[PathPart]) -> int | None:
        """Return the 1-based line of a value (of its key, inside an object), or `None` if it is not there.

        Args:
            path: Keys and list indexes from the top, e.g. `("sites", "AN54101471", "tier")`.
        """
        if self._positions is None:
            self._positions = Positions(self._text)
        return self._positions.line_of(path)


def parse_json(source: bytes, subject: str, *, max_bytes: int) -> JsonDocument:
    """Parse a JSON text, refusing what the standard library lets pass.

    Args:
        source: The text as stored; a UTF-8 byte order mark is tolerated.
        subject: What it is, for messages, e.g. `site-tiers.json`.
        max_bytes: Largest size taken.

    Raises:
        InvalidInput: With code TOO_LARGE, EMPTY, NOT_UTF8, NOT_JSON or DUPLICATE_KEY; every duplicate
            key is told, each with its line.
    """
    if len(source) > max_bytes:
        message = f"is {len(source) / _MIB:.1f} MiB; at most {max_bytes / _MIB:.0f} MiB is taken"
        raise _refusal(subject, "TOO_LARGE", message, "Check that this is the right file.")
    text = _decoded(source, subject)
    if not text.strip():
        raise _refusal(subject, "EMPTY", "is empty", "Restore the last good version of the file.")
    strictness = _Strictness()
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=strictness.object_of,
            parse_constant=strictness.constant,
            parse_float=strictness.number,
            parse_int=strictness.integer,
        )
    except json.JSONDecodeError as error:
        raise InvalidInput(subject, [_syntax_problem(text, error)]) from error
    except RecursionError as error:
        raise _too_deep(subject) from error
    if strictness.offended:
        raise InvalidInput(subject, Positions(text).problems)
    if _is_deeper_than(value, MAX_DEPTH):
        raise _too_deep(subject)
    return JsonDocument(value, text)


class _Strictness:
    """Hooks for `json.loads` that notice what JSON forbids or cannot carry. Places are found later."""

    def __init__(self) -> None:
        self.offended = False

    def object_of(self, pairs: list[tuple[str, JsonValue]]) -> JsonObject:
        result = dict(pairs)
        if len(result) != len(pairs):
            self.offended = True
        return result

    def constant(self, _name: str) -> None:
        self.offended = True

    def number(self, text: str) -> float:
        value = float(text)
        self.offended |= math.isinf(value)
        return value

    def integer(self, text: str) -> int:
        # Beyond the range of a double no other reader gets it right, and Python refuses 4,300 digits.
        if len(text) > _SAFE_NUMBER_LENGTH and math.isinf(float(text)):
            self.offended = True
            return 0
        return int(text)


def _decoded(source: bytes, subject: str) -> str:
    if source.startswith(_UTF16_MARKS):
        raise _refusal(subject, "NOT_UTF8", "is UTF-16, not UTF-8", _NOT_UTF8_REMEDY)
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"byte {error.object[error.start]:#04x} is not UTF-8"
        raise _refusal(subject, "NOT_UTF8", message, _NOT_UTF8_REMEDY, line) from error


def _syntax_problem(text: str, error: json.JSONDecodeError) -> Problem:
    end = len(text.rstrip())
    rest = text[error.pos : end]
    if _COMMENT.match(rest):
        return Problem("NOT_JSON", "comments are not JSON", "Delete the comment.", line=error.lineno)
    if _CUT_TOKEN.match(rest) or error.msg.startswith("Unterminated string"):
        return Problem(
            "NOT_JSON",
            "the text ends before the JSON does: the file was cut",
            "Upload the whole file, or restore the last good version.",
            line=text.count("\n", 0, end) + 1,
        )
    if _is_trailing_comma(text, error):
        return Problem("NOT_JSON", "a comma too many", "Delete the last comma.", line=error.lineno)
    if error.msg == "Extra data":
        message = f"there is text after the end of the JSON (column {error.colno})"
    else:
        message = f"not JSON: {error.msg[0].lower()}{error.msg[1:]} (column {error.colno})"
    return Problem("NOT_JSON", message, "Correct the line and upload again.", line=error.lineno)


def _is_trailing_comma(text: str, error: json.JSONDecodeError) -> bool:
    # Up to Python 3.12 the error points at the bracket, from 3.13 on at the comma.
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
    return _refusal(subject, "NOT_JSON", message, "Check that this is the right file.")


def _refusal(subject: str, code: str, message: str, remedy: str, line: int | None = None) -> InvalidInput:
    return InvalidInput(subject, [Problem(code, message, remedy, line=line)])
