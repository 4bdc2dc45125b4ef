"""Lenient parser for JSON damaged by hand edits; records every correction.

Only for repair; all other readers use `strict`. Unreadable values are omitted and reported with their
path, so that they can be restored from another version; values are never invented.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from smarterise_sdk.domain.json_text.strict import MAX_DEPTH
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue

Path: TypeAlias = "tuple[str, ...]"

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[\s\ufeff\u00a0]+)
  | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<string>"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*")
  | (?P<quoted>'[^'"\n]*'|[“”„][^“”„"\n]*[“”])
  | (?P<open_string>"[^\n]*)
  | (?P<mark>[{}\[\],:])
  | (?P<number>[-+]?(?:\d|\.\d)[\w.+-]*|[-+](?=\s*\Z))
  | (?P<word>-?[^\W\d][\w-]*)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z", re.ASCII)
_LOOSE_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_LITERALS: Final[dict[str, JsonValue]] = {"true": True, "false": False, "null": None}
_LOOSE_LITERALS: Final[dict[str, JsonValue]] = {"true": True, "false": False, "null": None, "none": None}
_NOT_NUMBERS: Final = frozenset({"nan", "-nan", "infinity", "-infinity", "inf", "-inf"})
_ESCAPE: Final = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4}|)')
_CLOSERS: Final = "}]"
_LONGEST_NUMBER: Final = 300
_SHOWN: Final = 60
_STRAY_COMMA: Final = '"," after the end deleted'


@dataclass(frozen=True, slots=True)
class Fix:
    """One correction: its line and description."""

    line: int | None
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line is not None else self.text


@dataclass(frozen=True, slots=True)
class Unread:
    """An unreadable value, by its path."""

    path: Path
    line: int


@dataclass(slots=True)
class LenientText:
    """Result of lenient parsing.

    Attributes:
        value: The parsed value.
        fixes: All corrections, in text order.
        lines: Lines of object members, by path.
        unread: Unreadable values.
        incomplete: Paths of the containers that are open at the end of the text, outermost first.
        is_unbalanced: Whether brackets were missing or extra.
    """

    value: JsonValue = None
    fixes: list[Fix] = field(default_factory=list)
    lines: dict[Path, int] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    incomplete: list[Path] = field(default_factory=list)
    is_unbalanced: bool = False


def read_leniently(text: str, subject: str) -> LenientText:
    """Parse a JSON text leniently.

    Args:
        text: The text.
        subject: Name of the text in messages.

    Raises:
        InvalidInput: With the first problem that cannot be corrected.
    """
    return _Reader(text, subject).read()


@dataclass(slots=True)
class _Frame:
    """An open container, and the token expected next."""

    container: JsonObject | list[JsonValue]
    path: Path
    awaits: str
    """`key`, `colon`, `value` or `comma`; in lists `value` or `comma`."""
    key: str = ""
    key_line: int = 0
    comma_line: int = 0
    """Line of a preceding comma that is not yet followed by a value; else 0."""


class _Reader:
    def __init__(self, text: str, subject: str) -> None:
        self._text = text
        self._end = len(text.rstrip())
        self._subject = subject
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._frames: list[_Frame] = []
        self._is_done = False
        self._result = LenientText()
        self._line = 1

    def read(self) -> LenientText:
        offset = 0
        while offset < len(self._text):
            token = _TOKEN.match(self._text, offset)
            self._line = bisect_left(self._newlines, offset) + 1
            if token is None:
                raise self._stuck(f'unexpected "{visible(self._text[offset])}"')
            kind, spelling, offset = str(token.lastgroup), token.group(), token.end()
            if kind == "open_string":
                spelling, offset = self._line_of_string(token.start())
                kind = "string" if spelling else "cut"
            if kind == "comment":
                self._fix("comment deleted")
            elif kind == "mark":
                self._mark(spelling)
            elif kind != "space":
                self._scalar(kind, spelling, at_end=offset >= self._end)
        return self._ended()

    # Tokens -------------------------------------------------------------------------------------------

    def _mark(self, mark: str) -> None:
        if self._is_done:
            if mark in "{[:":
                raise self._stuck("there is text after the end of the JSON")
            self._result.is_unbalanced |= mark in _CLOSERS
            self._fix(_STRAY_COMMA if mark == "," else f'"{mark}" after the end deleted')
        elif mark in "{[":
            self._open({} if mark == "{" else [])
        elif not self._frames:
            raise self._stuck(f'"{mark}" before the start of the JSON')
        elif mark in _CLOSERS:
            self._close(mark)
        elif mark == ":":
            self._colon()
        else:
            self._comma()

    def _scalar(self, kind: str, spelling: str, *, at_end: bool) -> None:
        if not self._frames:
            self._reopen(kind)
        frame = self._frames[-1]
        # A truncated text may end within a number or word, which is dropped then.
        if kind == "cut" or (at_end and kind in {"number", "word"} and spelling not in _LITERALS):
            return
        if frame.awaits == "comma":
            self._fix("missing comma added")
            self._comma()
        if frame.awaits == "key":
            self._key(frame, kind, spelling)
        else:
            self._put(frame, kind, spelling)

    def _reopen(self, kind: str) -> None:
        """Reopen the outermost object: a key after its end means that an extra bracket closed it."""
        value = self._result.value
        if not self._is_done or not isinstance(value, dict) or kind != "string":
            raise self._stuck("there is text outside the JSON")
        if self._result.fixes and self._result.fixes[-1].text == _STRAY_COMMA:
            self._result.fixes.pop()
        self._fix("extra bracket before it deleted")
        self._result.is_unbalanced, self._is_done = True, False
        self._frames.append(_Frame(value, (), "key"))

    def _key(self, frame: _Frame, kind: str, spelling: str) -> None:
        if kind in {"string", "quoted"}:
            frame.key = self._string(kind, spelling)
        else:
            frame.key = spelling
            self._fix(f'key "{visible(spelling)}" put in quotes')
        frame.key_line, frame.awaits = self._line, "colon"

    def _put(self, frame: _Frame, kind: str, spelling: str) -> None:
        self._expect_value(frame)
        if kind in {"string", "quoted"}:
            self._store(frame, self._string(kind, spelling))
            return
        is_readable, value = self._number(spelling) if kind == "number" else self._word(spelling)
        if is_readable:
            self._store(frame, value)
        else:
            self._leave_out(frame)

    def _open(self, container: JsonObject | list[JsonValue]) -> None:
        if not self._frames:
            self._result.value = container
            self._frames.append(_Frame(container, (), _first(container)))
            return
        frame = self._frames[-1]
        if frame.awaits == "comma":
            self._fix("missing comma added")
            self._comma()
        self._expect_value(frame)
        if len(self._frames) >= MAX_DEPTH:
            raise self._stuck(f"nested more than {MAX_DEPTH} levels deep")
        path = frame.path
        if isinstance(frame.container, dict):
            path = (*path, frame.key)
            earlier = frame.container.get(frame.key)
            if isinstance(earlier, dict) and isinstance(container, dict):
                # Duplicates within the two objects are reported at their own lines.
                self._fix_twice(frame, path, "merged")
                container = earlier
        self._store(frame, container)
        self._frames.append(_Frame(container, path, _first(container)))

    def _expect_value(self, frame: _Frame) -> None:
        if frame.awaits == "key":
            raise self._stuck("a value where a key is expected")
        if frame.awaits == "colon":
            self._fix(f'missing colon added after "{visible(frame.key)}"')

    def _close(self, mark: str) -> None:
        if not any(_ends(frame, mark) for frame in self._frames):
            self._result.is_unbalanced = True
            self._fix(f'"{mark}" without its opening deleted')
            return
        while not _ends(self._frames[-1], mark):
            self._result.is_unbalanced = True
            self._fix(f'"{"]" if mark == "}" else "}"}" added before "{mark}"')
            self._leave(self._frames.pop())
        self._leave(self._frames.pop())
        self._is_done = not self._frames

    def _leave(self, frame: _Frame) -> None:
        """Record a missing value or extra comma at the end of a container."""
        if frame.awaits in {"colon", "value"} and isinstance(frame.container, dict):
            self._leave_out(frame)
        elif frame.comma_line:
            self._fix("extra comma deleted", frame.comma_line)

    def _colon(self) -> None:
        frame = self._frames[-1]
        if frame.awaits == "colon":
            frame.awaits = "value"
        else:
            raise self._stuck('unexpected ":"')

    def _comma(self) -> None:
        frame = self._frames[-1]
        if frame.awaits in {"colon", "value"} and isinstance(frame.container, dict):
            self._leave_out(frame)
        elif frame.awaits != "comma":
            self._fix("extra comma deleted")
        frame.awaits = _first(frame.container)
        frame.comma_line = self._line

    # Values -------------------------------------------------------------------------------------------

    def _store(self, frame: _Frame, value: JsonValue) -> None:
        frame.awaits, frame.comma_line = "comma", 0
        container = frame.container
        if isinstance(container, list):
            container.append(value)
            return
        path, key = (*frame.path, frame.key), frame.key
        if key in container and container[key] is not value:
            value = self._one_of(container[key], value, frame, path)
        container[key] = value
        self._result.lines[path] = frame.key_line

    def _one_of(self, earlier: JsonValue, later: JsonValue, frame: _Frame, path: Path) -> JsonValue:
        if json.dumps(earlier, sort_keys=True) == json.dumps(later, sort_keys=True):
            self._fix_twice(frame, path, "one deleted")
            return later
        # An object is preferred to a scalar; otherwise the later value is used, as in other parsers.
        kept = earlier if isinstance(earlier, dict) else later
        shown = "the object" if isinstance(kept, dict) else visible(json.dumps(kept, ensure_ascii=False))
        self._fix_twice(frame, path, f"kept {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}")
        return kept

    def _fix_twice(self, frame: _Frame, path: Path, text: str) -> None:
        first = self._result.lines[path]
        self._fix(f'"{visible(frame.key)}" occurs twice (first on line {first}): {text}', frame.key_line)

    def _leave_out(self, frame: _Frame) -> None:
        """Record an unreadable value, and continue after it."""
        if isinstance(frame.container, dict):
            self._result.unread.append(Unread((*frame.path, frame.key), frame.key_line))
        else:
            self._result.unread.append(Unread(frame.path, self._line))
        frame.awaits, frame.comma_line = "comma", 0

    def _string(self, kind: str, spelling: str) -> str:
        inside = spelling[1:-1]
        if kind == "quoted":
            self._fix("quotes replaced by double quotes")
            spelling = json.dumps(inside, ensure_ascii=False)
        try:
            text = json.loads(spelling)
        except ValueError:
            repaired = _ESCAPE.sub(lambda escape: escape[0] if escape[1] else r"\\", spelling)
            text = json.loads(repaired, strict=False)
            self._fix("invalid character in a text escaped")
        return str(text)

    def _number(self, spelling: str) -> tuple[bool, int | float | None]:
        if not _LOOSE_NUMBER.match(spelling):
            return False, None
        value: int | float = float(spelling)
        if math.isinf(value):
            return False, None
        if not _NUMBER.match(spelling):
            self._fix(f"number {spelling} converted to JSON syntax")
        if not set(spelling) & set(".eE") and len(spelling) <= _LONGEST_NUMBER:
            value = int(spelling)
        return True, value

    def _word(self, spelling: str) -> tuple[bool, JsonValue]:
        if spelling in _LITERALS:
            return True, _LITERALS[spelling]
        folded = spelling.casefold()
        if folded in _LOOSE_LITERALS:
            value = _LOOSE_LITERALS[folded]
            self._fix(f"{spelling} written as {json.dumps(value)}")
            return True, value
        if folded in _NOT_NUMBERS:
            return False, None
        self._fix(f'text "{visible(spelling)}" put in quotes')
        return True, spelling

    def _line_of_string(self, start: int) -> tuple[str, int]:
        """Return a text with its missing closing quote added, if its end is clear from the line.

        Returns an empty text and the end offset if the file is truncated within it.
        """
        line_end = self._text.find("\n", start)
        if line_end < 0 or not self._text[line_end:].strip():
            return "", len(self._text)
        line = self._text[start + 1 : line_end].rstrip()
        content = line.removesuffix(",").rstrip()
        if re.search(r'["{}\[\]\\:]', content):
            raise self._stuck("a text has no closing quote")
        self._fix("missing closing quote added")
        return f'"{content}"', start + 1 + len(content)

    # End ----------------------------------------------------------------------------------------------

    def _ended(self) -> LenientText:
        result = self._result
        if not self._frames and not self._is_done:
            raise self._stuck("the text contains no JSON")
        if self._frames:
            self._line = self._text.count("\n", 0, self._end) + 1
            result.incomplete = list(dict.fromkeys(frame.path for frame in self._frames))
            result.is_unbalanced = True
            self._fix("the text is truncated: open brackets closed")
        return result

    def _fix(self, text: str, line: int | None = None) -> None:
        self._result.fixes.append(Fix(line or self._line, text))

    def _stuck(self, message: str) -> InvalidInput:
        remedy = "Correct the line by hand, or restore the last valid version."
        return InvalidInput(self._subject, [Problem("NOT_JSON", message, remedy, line=self._line)])


def _ends(frame: _Frame, mark: str) -> bool:
    return isinstance(frame.container, dict) == (mark == "}")


def _first(container: JsonObject | list[JsonValue]) -> str:
    return "key" if isinstance(container, dict) else "value"
