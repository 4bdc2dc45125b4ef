"""Line numbers of the values in a JSON text, found in one pass without recursion.

Used only to report the line of a problem; the values are parsed by the standard library.
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
    r'(?P<string>"[^"\\]*(?:\\.[^"\\]*)*")'
    r"|(?P<mark>[{}\[\],])"
    r"|(?P<number>-?\d[\d.eE+-]*)"
    r"|(?P<constant>-?Infinity|NaN)"
    r"|(?P<literal>true|false|null)",
    re.DOTALL,
)


class _Container:
    """An object or list during the pass: positions of its members, and the next expected key."""

    __slots__ = ("is_object", "key", "key_is_next", "members")

    def __init__(self, *, is_object: bool) -> None:
        self.is_object = is_object
        self.key_is_next = is_object
        self.key: PathPart = "" if is_object else 0
        self.members: dict[PathPart, tuple[int, _Container | None]] = {}


class Positions:
    """Lines of all values of a well-formed JSON text, and problems that `json.loads` accepts.

    Attributes:
        problems: Duplicate keys (DUPLICATE_KEY), and constants and numbers that are not valid JSON
            (NOT_JSON), in text order.
    """

    def __init__(self, text: str) -> None:
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self.problems: list[Problem] = []
        self._top = _Container(is_object=False)
        self._scan(text)

    def line_of(self, path: Sequence[PathPart]) -> int | None:
        """Return the 1-based line of a path, or `None` if it does not exist."""
        container: _Container | None = self._top
        offset = 0
        for part in (0, *path):
            if container is None or part not in container.members:
                return None
            offset, container = container.members[part]
        return self._line_at(offset)

    def _line_at(self, offset: int) -> int:
        return bisect_right(self._newlines, offset) + 1

    def _scan(self, text: str) -> None:
        current = self._top
        around: list[_Container] = []
        for token in _TOKEN.finditer(text):
            kind, spelling, offset = token.lastgroup, token.group(), token.start()
            if current.key_is_next and kind == "string":
                current.key = _key_of(spelling)
                current.key_is_next = False
                self._enter_key(current, around, offset)
            elif kind != "mark":
                if not current.is_object:
                    current.members[current.key] = (offset, None)
                if kind in {"number", "constant"}:
                    self._examine_number(spelling, offset)
            elif spelling in "{[":
                opened = _Container(is_object=spelling == "{")
                at = current.members[current.key][0] if current.is_object else offset
                current.members[current.key] = (at, opened)
                around.append(current)
                current = opened
            elif spelling == ",":
                current.key_is_next = current.is_object
                if isinstance(current.key, int):
                    current.key += 1
            else:
                current = around.pop()

    def _enter_key(self, container: _Container, around: Sequence[_Container], offset: int) -> None:
        key = container.key
        earlier = container.members.get(key)
        container.members[key] = (offset, None)
        if earlier is None:
            return
        path = [*(str(outer.key) for outer in around[1:]), str(key)]
        in_site = len(path) > 1 and path[0] == "sites"
        self.problems.append(
            Problem(
                "DUPLICATE_KEY",
                f'"{visible(str(key))}" occurs twice (first on line {self._line_at(earlier[0])})',
                "Keep one of the two.",
                line=self._line_at(offset),
                site=visible(path[1]) if in_site else None,
                field=visible(path[2]) if in_site and len(path) > 2 else None,
            )
        )

    def _examine_number(self, spelling: str, offset: int) -> None:
        if not spelling[-1].isdigit():
            message = f"{spelling} is not valid JSON"
        elif math.isinf(float(spelling)):
            message = "a number is too large"
        else:
            return
        self.problems.append(
            Problem("NOT_JSON", message, "Replace it by a valid number.", line=self._line_at(offset))
        )


def _key_of(spelling: str) -> str:
    return str(json.loads(spelling)) if "\\" in spelling else spelling[1:-1]
