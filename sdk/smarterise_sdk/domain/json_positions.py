"""Where things stand in a JSON text: one pass with a tokenizer, no recursion.

Used only to tell a person the line of a problem; the values themselves come from the standard library.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, TypeAlias

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

PathPart: TypeAlias = "str | int"

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d[\d.eE+-]*)"
    r"|(?P<constant>-?Infinity|NaN)"
    r"|(?P<mark>[{}\[\],:])"
    r"|(?P<literal>true|false|null)",
    re.DOTALL,
)


class Positions:
    """The lines of every value of a well-formed JSON text, and what `json.loads` would let pass.

    Attributes:
        problems: Duplicate keys (DUPLICATE_KEY), and constants and numbers that JSON cannot carry
            (NOT_JSON), in the order of the text.
    """

    def __init__(self, text: str) -> None:
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._offsets: dict[tuple[PathPart, ...], int] = {}
        self.problems: list[Problem] = []
        self._scan(text)

    def line_of(self, path: Sequence[PathPart]) -> int | None:
        """Return the 1-based line of a path, or `None` if the text has no such value."""
        offset = self._offsets.get(tuple(path))
        return None if offset is None else self._line_at(offset)

    def _line_at(self, offset: int) -> int:
        return bisect_right(self._newlines, offset) + 1

    def _scan(self, text: str) -> None:
        path: list[PathPart] = []
        keys_seen: list[dict[str, int] | None] = []  # one a container; a list has no keys
        key_is_next = False
        for token in _TOKEN.finditer(text):
            kind, spelling, offset = token.lastgroup, token.group(), token.start()
            if kind == "string" and key_is_next:
                key = json.loads(spelling, strict=False)
                path[-1] = key
                self._enter_key(tuple(path), keys_seen[-1], offset)
                key_is_next = False
            elif kind != "mark":
                self._offsets.setdefault(tuple(path), offset)
                self._examine_scalar(kind, spelling, offset)
            elif spelling in "{[":
                self._offsets.setdefault(tuple(path), offset)
                key_is_next = spelling == "{"
                keys_seen.append({} if key_is_next else None)
                path.append("" if key_is_next else 0)
            elif spelling in "}]":
                keys_seen.pop()
                path.pop()
                key_is_next = False
            elif spelling == ",":
                key_is_next = keys_seen[-1] is not None
                last = path[-1]
                if isinstance(last, int):
                    path[-1] = last + 1

    def _enter_key(self, path: tuple[PathPart, ...], seen: dict[str, int] | None, offset: int) -> None:
        key = str(path[-1])
        self._offsets.setdefault(path, offset)
        if seen is None or seen.setdefault(key, offset) == offset:
            return
        in_site = len(path) > 1 and path[0] == "sites"
        self.problems.append(
            Problem(
                "DUPLICATE_KEY",
                f'"{visible(key)}" occurs twice (first on line {self._line_at(seen[key])})',
                "Keep one of the two.",
                line=self._line_at(offset),
                site=visible(str(path[1])) if in_site else None,
                field=visible(str(path[2])) if in_site and len(path) > 2 else None,
            )
        )

    def _examine_scalar(self, kind: str | None, spelling: str, offset: int) -> None:
        if kind == "constant":
            message = f"{spelling} is not JSON"
        elif kind == "number" and math.isinf(float(spelling)):
            message = "a number is larger than any reader can keep"
        else:
            return
        self.problems.append(Problem("NOT_JSON", message, "Put a number there.", line=self._line_at(offset)))
