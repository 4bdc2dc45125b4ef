"""One line of plain text in parts, which drops its least needed parts when the terminal is narrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line.

    Attributes:
        text: Plain text; never read as markup.
        style: Textual style, e.g. `$status-fail bold`.
        drop: The greater, the sooner it goes when there is no room; 0 always stays.
    """

    text: str
    style: str = ""
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """Parts from the left, parts at the right, and the blanks between two parts."""

    left: tuple[Part, ...] = ()
    right: tuple[Part, ...] = ()
    gap: str = "  "

    @property
    def length(self) -> int:
        """How many cells the whole line takes."""
        left, right = _length(self.left, self.gap), _length(self.right, self.gap)
        return left + right + bool(right)

    def fit(self, width: int) -> Content:
        """Return the line for a width in cells; what cannot be dropped is cut at the end."""
        left, right = _that_fit(self, width)
        start, end = _joined(left, self.gap), _joined(right, self.gap)
        if not right:
            return start.truncate(width, ellipsis=True)
        start = start.truncate(max(width - end.cell_length - 1, 0), ellipsis=True)
        blanks = width - start.cell_length - end.cell_length
        return Content.assemble(start, " " * max(blanks, 1), end).truncate(width)


def _that_fit(line: Line, width: int) -> tuple[list[Part], list[Part]]:
    left, right = list(line.left), list(line.right)
    while _length(left, line.gap) + _length(right, line.gap) + bool(right) > width:
        worst = max((*left, *right), key=lambda part: part.drop, default=None)
        if worst is None or worst.drop == 0:
            break
        (right if worst in right else left).remove(worst)
    return left, right


def _length(parts: Sequence[Part], gap: str) -> int:
    return sum(cell_len(part.text) for part in parts) + max(len(parts) - 1, 0) * len(gap)


def _joined(parts: Sequence[Part], gap: str) -> Content:
    return Content(gap).join(Content.styled(part.text, part.style) for part in parts)


class TextLine(Widget):
    """A widget one line high that shows a `Line`; setting an equal line paints nothing."""

    DEFAULT_CSS = "TextLine { height: 1; }"
    line: reactive[Line] = reactive(Line)

    def render(self) -> Content:
        """Return the line for the present width."""
        return self.line.fit(self.size.width)
