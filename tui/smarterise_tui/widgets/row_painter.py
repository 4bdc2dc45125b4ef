"""Turns what a row of the fleet table says into a strip of the screen, and keeps strips it has made."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import FIFOCache
from textual.strip import Strip

from smarterise_tui.fleet.columns import GAP, MORE, Cell, Column, Layout

if TYPE_CHECKING:
    from smarterise_tui.fleet.sorting import Sort

GUTTER = 2
SCROLL_BAR = 1
"""The last column of a strip is blank: the scroll bar lies over it, once there is one."""
LINE, CURSOR_LINE = "line", "cursor"
StyleOf: TypeAlias = Callable[[str, str], Style]
"""Style of a cell by its name and by the line it is on: `LINE` or `CURSOR_LINE`."""


class LineState(NamedTuple):
    """All that the look of a line depends on: equal looks paint the same."""

    serial: Cell
    cells: tuple[Cell, ...]
    on_cursor: bool
    is_marked: bool
    offset: int
    width: int


class RowPainter:
    """Paints looks. The serial stays at the left; the other cells are shifted by the look's offset.

    Neighbours of one style become one segment: less to render, and fewer bytes to send to a terminal.
    """

    def __init__(self, style_of: StyleOf) -> None:
        self._style_of = style_of
        self._strips: FIFOCache[LineState, Strip] = FIFOCache(512)

    def forget(self) -> None:
        """Drop the kept strips: styles or widths are others now."""
        self._strips.clear()

    def paint(self, line_state: LineState) -> Strip:
        """Return the strip of a row."""
        strip = self._strips.get(line_state)
        if strip is None:
            strip = self._paint(line_state)
            self._strips[line_state] = strip
        return strip

    def paint_head(self, layout: Layout, sort: Sort, offset: int, width: int, *, has_more: bool) -> Strip:
        """Return the strip of the headings; `›` at its end when there are columns further right."""
        style = self._style_of("head", LINE)
        fixed = [Segment(" " * GUTTER, style), Segment(_headed(layout.serial, sort), style)]
        scrolling = [Segment(GAP + _headed(column, sort), style) for column in layout.columns]
        strip = _joined(fixed, scrolling, offset, width, style)
        edge = width - SCROLL_BAR - 1
        if has_more and edge > GUTTER:
            return Strip([*strip.crop(0, edge), Segment(MORE + " " * SCROLL_BAR, style)], width)
        return strip

    def paint_text(self, cell: Cell, width: int) -> Strip:
        """Return a line of words, shown where rows would be."""
        base = self._style_of("", LINE)
        text, style = cell
        segments = [Segment(" " * GUTTER, base), Segment(text, self._style_of(style, LINE))]
        return Strip(segments).adjust_cell_length(width, base)

    def _paint(self, line_state: LineState) -> Strip:
        line = CURSOR_LINE if line_state.on_cursor else LINE
        base = self._style_of("", line)
        text, style = line_state.serial
        fixed = [
            Segment("▸" if line_state.on_cursor else " ", self._style_of("accent", line)),
            Segment("*" if line_state.is_marked else " ", self._style_of("mark", line)),
            Segment(text, self._style_of(style, line)),
        ]
        scrolling = [
            Segment("".join([GAP + text for text, _ in cells]), self._style_of(style, line))
            for style, cells in groupby(line_state.cells, itemgetter(1))
        ]
        return _joined(fixed, scrolling, line_state.offset, line_state.width, base)


def _joined(fixed: list[Segment], scrolling: list[Segment], offset: int, width: int, base: Style) -> Strip:
    right = Strip(scrolling)
    room = width - SCROLL_BAR - sum(cell_len(segment.text) for segment in fixed)
    if offset or right.cell_length > room:
        right = right.crop(offset, offset + max(room, 0))
    blanks = room - right.cell_length + SCROLL_BAR
    filling = [Segment(" " * blanks, base)] if blanks > 0 else []
    strip = Strip([*fixed, *right, *filling], width if room >= 0 else None)
    return strip if room >= 0 else strip.crop(0, width)


def _headed(column: Column, sort: Sort) -> str:
    """Return a heading, with an arrow where the order comes from it."""
    head = column.head
    if column.key != sort.key:
        return head
    arrow = "▲" if sort.is_reversed else "▼"
    if column.is_number:
        return (head[1:] if head.startswith(" ") else head[:-1]) + arrow
    end = len(column.heading)
    return head[:end] + arrow + head[end + 1 :]
