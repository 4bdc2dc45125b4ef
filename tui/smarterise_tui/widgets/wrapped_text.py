"""Text in lines of which each that is too long goes on below the place where its words began."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.geometry import Size

_HEAD = re.compile(r"\s*\S+\s{2,}|\s+")
"""A name and the blanks that set it off, or blanks alone: what the words of a line stand behind."""


class HangingText(Static):
    """Shows lines, wrapped; `update` sets them. Never reads markup."""

    DEFAULT_CSS = "HangingText { height: auto; width: 100%; }"

    def __init__(self, lines: Content, name: str) -> None:
        super().__init__(lines, id=name, markup=False)

    def render(self) -> Content:
        """Return the lines for the present width."""
        return Content("\n").join(wrapped(self._lines, self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Return how many lines it takes at a width."""
        return sum(1 for _ in wrapped(self._lines, width))

    @property
    def _lines(self) -> Content:
        content = self.content
        return content if isinstance(content, Content) else Content(str(content))


def wrapped(lines: Content, width: int) -> Iterator[Content]:
    """Yield lines no longer than a width in cells; a width of 0 leaves them as they are."""
    for line in lines.split("\n", allow_blank=True):
        stripped = line.rstrip()
        if width <= 0 or stripped.cell_length <= width:
            yield stripped
            continue
        match = _HEAD.match(stripped.plain)
        head, words = stripped.divide([match.end() if match is not None else 0])
        if head.cell_length > width // 2:
            head, words = Content(""), stripped
        first, *rest = words.wrap(width - head.cell_length)
        yield Content.assemble(head, first)
        yield from (Content.assemble(" " * head.cell_length, more) for more in rest)
