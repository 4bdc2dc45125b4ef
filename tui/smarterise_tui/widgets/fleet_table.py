"""The fleet as a virtual table: only lines on screen are drawn, and only those that differ are repainted.

Textual's own table renders every cell of ten thousand rows on the event loop; this one asks the view
for the rows it needs (see benchmarks/fleet_table.py for the figures).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from smarterise_sdk.domain.status import Status
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.fleet.columns import GAP, PLAIN, Cell, Column, Layout, lay_out
from smarterise_tui.fleet.sorting import SORT_KEYS
from smarterise_tui.theme import status_class
from smarterise_tui.widgets.row_painter import CURSOR_LINE, GUTTER, SCROLL_BAR, LineState, RowPainter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.style import Style
    from textual import events
    from textual.strip import Strip
    from textual.timer import Timer

    from smarterise_tui.fleet.view import FleetView

HEAD_LINES = 1
_REPORT_AFTER_SECONDS = 0.3

_Line: TypeAlias = LineState | tuple[Cell, int]
_EMPTY: Cell = ("", "")


class FleetTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of a `FleetView` under a fixed head, the serial fixed at the left."""

    BINDINGS = bindings_of(Scope.TABLE)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "cell--dim",
        "cell--title",
        "cell--accent",
        "cell--spark",
        "cell--cursor",
        "cell--mark",
        "cell--head",
        *(f"cell--{status_class(status)}" for status in Status),
    }

    @dataclass
    class Opened(Message):
        """The operator wants to see a site."""

        serial: str

    @dataclass
    class SortRequested(Message):
        """The operator clicked on a heading."""

        key: str

    class MarksChanged(Message):
        """The marks have changed."""

    class RowsShown(Message):
        """The visible rows have changed, and have been stable for a short time."""

    def __init__(self, view: FleetView, now: datetime) -> None:
        super().__init__()
        self.view = view
        self.cursor = 0
        self._cursor_serial: str | None = None
        self._was_moved = False
        self._anchor: int | None = None
        self._now = now
        self._layout: Layout = lay_out(80, ())
        self._placeholder: tuple[Cell, ...] = ()
        self._painted: list[_Line | None] = []
        self._line_states: dict[int, _Line] = {}
        self._painter = RowPainter(self._style)
        self._styles: dict[tuple[str, str], Style] = {}
        self._report_timer: Timer | None = None

    # What others ask of the table

    @property
    def cursor_serial(self) -> str | None:
        """Serial of the site under the cursor; `None` when no row is shown."""
        return self._cursor_serial

    @property
    def visible_columns(self) -> tuple[Column, ...]:
        """The columns on screen; all of them once the operator has scrolled sideways."""
        return self._layout.columns if self.scroll_offset.x else self._layout.columns[: self._layout.shown]

    @property
    def visible_serials(self) -> list[str]:
        """Serials of the rows on screen, from the top."""
        first = self.scroll_offset.y
        return [row.serial for row in self.view.rows[first : first + self._body_height]]

    def say_instead(self, lines: Sequence[Cell]) -> None:
        """Show these lines when there is no row."""
        if tuple(lines) != self._placeholder:
            self._placeholder = tuple(lines)
            if not self.view.rows:
                self._repaint_all()

    def update_view(self, now: datetime) -> None:
        """Follow the view: keep the cursor on its site, repaint the lines whose content differs."""
        self._now = now
        self._keep_cursor()
        self._repaint_changed()

    def start_over(self, now: datetime) -> None:
        """Follow another order: everything is repainted, the cursor goes to the top."""
        self._now = now
        self._was_moved = False
        self.cursor = 0
        self._anchor = None
        self._keep_cursor()
        self.scroll_to(y=0, animate=False)
        self._repaint_all()

    def update_columns(self) -> None:
        """Choose columns for the present width and sites; if they are others, everything is repainted."""
        layout = lay_out(self.size.width - GUTTER - SCROLL_BAR, self.view.model.rows)
        if layout != self._layout:
            self._layout = layout
            self._painter.forget()
            self._repaint_all()
        self._resize_virtually()

    # Keys

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self._move_to(self.cursor + by * max(self._body_height - 1, 1))

    def action_to_first(self) -> None:
        """Move the cursor to the first row."""
        self._move_to(0)

    def action_to_last(self) -> None:
        """Move the cursor to the last row."""
        self._move_to(len(self.view.rows) - 1)

    def action_sideways(self, by: int) -> None:
        """Scroll by a column, to the next edge of one."""
        edges = [0]
        for column in self._layout.columns:
            edges.append(edges[-1] + len(GAP) + column.width)
        here = self.scroll_offset.x
        target = min((e for e in edges if e > here), default=here) if by > 0 else _edge_before(edges, here)
        self.scroll_to(x=min(target, self._most_sideways), animate=False)

    def action_mark(self) -> None:
        """Mark or unmark the site under the cursor and go down."""
        if self._cursor_serial is None:
            return
        self.view.toggle_mark(self._cursor_serial)
        self._anchor = self.cursor
        self._move_to(self.cursor + 1)
        self._marks_changed()

    def action_mark_and_move(self, by: int) -> None:
        """Mark the site under the cursor and the one it moves to."""
        if self._cursor_serial is None:
            return
        first = self.cursor
        self._move_to(self.cursor + by)
        self.view.mark_range(first, self.cursor)
        self._anchor = self.cursor
        self._marks_changed()

    def action_mark_range(self) -> None:
        """Mark from the row last marked to the cursor."""
        if self._cursor_serial is None:
            return
        anchor = self.cursor if self._anchor is None else self._anchor
        self.view.mark_range(min(anchor, len(self.view.rows) - 1), self.cursor)
        self._anchor = self.cursor
        self._marks_changed()

    def action_mark_all(self) -> None:
        """Mark every row the filter shows."""
        self.view.mark_all_shown()
        self._marks_changed()

    def action_unmark_all(self) -> None:
        """Take all marks away."""
        self.view.marks.clear()
        self._anchor = None
        self._marks_changed()

    def action_open(self) -> None:
        """Open the site under the cursor."""
        if self._cursor_serial is not None:
            self.post_message(self.Opened(self._cursor_serial))

    # Mouse and size

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row under the pointer, open on a double click, sort on a heading."""
        if event.y < HEAD_LINES:
            column = self._column_at(event.x)
            if column is not None and column.key in SORT_KEYS:
                self.post_message(self.SortRequested(column.key))
            return
        index = event.y - HEAD_LINES + self.scroll_offset.y
        if index < len(self.view.rows):
            self._move_to(index)
            if event.chain > 1:
                self.action_open()

    def on_resize(self) -> None:
        """Choose columns for the new width."""
        self.update_columns()
        self._report_rows_soon()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint after scrolling; the rows that came into view are asked for once it rests."""
        self._line_states.clear()
        super().watch_scroll_y(old_value, new_value)
        self._report_rows_soon()

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Repaint after scrolling sideways; the columns that came into view are asked for."""
        self._line_states.clear()
        super().watch_scroll_x(old_value, new_value)
        self._report_rows_soon()

    def notify_style_update(self) -> None:
        """Forget styles and strips of another theme."""
        super().notify_style_update()
        self._styles.clear()
        self._painter.forget()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Return one line of the viewport."""
        if y < HEAD_LINES:
            has_more = self.scroll_offset.x < self._most_sideways
            return self._painter.paint_head(
                self._layout, self.view.sort, self.scroll_offset.x, self.size.width, has_more=has_more
            )
        line_state = self._line_states.pop(y, None) or self._line_state(y)
        while len(self._painted) <= y:
            self._painted.append(None)
        self._painted[y] = line_state
        return (
            self._painter.paint(line_state)
            if isinstance(line_state, LineState)
            else self._painter.paint_text(*line_state)
        )

    def _line_state(self, y: int) -> _Line:
        """Return all a line's look depends on; equal ones look the same."""
        index = y - HEAD_LINES + self.scroll_offset.y
        rows = self.view.rows
        if index >= len(rows):
            text = self._placeholder[index] if not rows and index < len(self._placeholder) else _EMPTY
            return text, self.size.width
        row = rows[index]
        layout, now = self._layout, self._now
        return LineState(
            layout.serial.cell(row, now),
            tuple(column.cell(row, now) for column in layout.columns),
            index == self.cursor,
            row.serial in self.view.marks,
            self.scroll_offset.x,
            self.size.width,
        )

    def _style(self, name: str, line: str) -> Style:
        style = self._styles.get((name, line))
        if style is None:
            style = self.rich_style
            if name and name != PLAIN:
                component = f"cell--{name.replace(' ', '-')}"
                style += self.get_component_rich_style(component, partial=True)
            if line == CURSOR_LINE:
                style += self.get_component_rich_style("cell--cursor", partial=True)
            self._styles[name, line] = style
        return style

    # Keeping up

    @property
    def _most_sideways(self) -> int:
        """How far the columns can be scrolled."""
        room = self.size.width - GUTTER - self._layout.serial.width - SCROLL_BAR
        return max(self._layout.scrolling_width - room, 0)

    @property
    def _body_height(self) -> int:
        return max(self.size.height - HEAD_LINES, 0)

    def _keep_cursor(self) -> None:
        """Keep the cursor on its site; one that was never moved stays at the top, on the worst."""
        rows = self.view.rows
        stays = self._was_moved and self._cursor_serial is not None
        place = self.view.place_of(self._cursor_serial) if stays and self._cursor_serial else None
        self.cursor = min(self.cursor, max(len(rows) - 1, 0)) if place is None else place
        self._cursor_serial = rows[self.cursor].serial if rows else None
        self._resize_virtually()

    def _resize_virtually(self) -> None:
        width = GUTTER + self._layout.serial.width + self._layout.scrolling_width + SCROLL_BAR
        size = Size(width, HEAD_LINES + len(self.view.rows))
        if size != self.virtual_size:
            self.virtual_size = size

    def _repaint_changed(self) -> None:
        width, height = self.size
        changed = []
        for y in range(HEAD_LINES, height):
            line_state = self._line_state(y)
            if y >= len(self._painted) or self._painted[y] != line_state:
                self._line_states[y] = (
                    line_state  # good until it is painted: whatever else changes comes by here
                )
                changed.append(Region(0, y, width, 1))
        if changed:
            self.refresh(*changed)

    def _repaint_all(self) -> None:
        self._line_states.clear()
        self.refresh()

    def _move_to(self, index: int) -> None:
        rows = self.view.rows
        if not rows:
            return
        self._was_moved = True
        self.cursor = min(max(index, 0), len(rows) - 1)
        self._cursor_serial = rows[self.cursor].serial
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self._body_height:
            self.scroll_to(y=self.cursor - self._body_height + 1, animate=False)
        self._repaint_changed()

    def _marks_changed(self) -> None:
        self._repaint_changed()
        self.post_message(self.MarksChanged())

    def _column_at(self, x: int) -> Column | None:
        x -= GUTTER
        if x < self._layout.serial.width:
            return self._layout.serial
        x -= self._layout.serial.width - self.scroll_offset.x
        for column in self._layout.columns:
            if x <= column.width:
                return column
            x -= len(GAP) + column.width
        return None

    def _report_rows_soon(self) -> None:
        if self._report_timer is not None:
            self._report_timer.stop()
        self._report_timer = self.set_timer(
            _REPORT_AFTER_SECONDS, lambda: self.post_message(self.RowsShown())
        )


def _edge_before(edges: list[int], here: int) -> int:
    return max((edge for edge in edges if edge < here), default=0)
