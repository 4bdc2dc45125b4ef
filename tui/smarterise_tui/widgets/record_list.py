"""A list with a cursor under fixed headings, for some hundred records: the history's versions and changes.

It draws the lines on screen and nothing else; columns are chosen for the width, so that cells align.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.fleet.columns import Cell, fitted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual import events

_GAP = "  "
_CURSOR = "▸ "
_WHEEL = 3


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column.

    Attributes:
        heading: Its heading.
        width: Width in cells; the least one where it grows.
        drop: The greater, the sooner it goes where there is little room; 0 always stays.
        share: How much of the room that is left it takes, against the others that take some.
    """

    heading: str
    width: int
    drop: int = 0
    share: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the list: what it stands for, and a cell a column."""

    key: str
    cells: tuple[Cell, ...]


class RecordList(Widget, can_focus=True, inherit_bindings=False):
    """Records under headings, with a cursor; words in their place while there are none."""

    BINDINGS = bindings_of(Scope.LIST)
    DEFAULT_CSS = """
    RecordList { border: round $border; border-title-color: $foreground; padding: 0 1; height: 1fr; }
    RecordList:focus { border: round $accent; height: 2fr; }
    """

    @dataclass
    class Opened(Message):
        """The operator wants to know all about a record of `list`."""

        list: RecordList
        key: str

    def __init__(self, title: str, columns: Sequence[ListColumn], name: str) -> None:
        super().__init__(id=name)
        self._title = title
        self._columns = tuple(columns)
        self._records: tuple[Record, ...] = ()
        self._foot: tuple[Content, ...] = ()
        self._text: Content | None = None
        self._top = 0
        self.cursor = 0

    def on_mount(self) -> None:
        """Set the title as plain text."""
        self._retitle()

    # What others ask of the list

    @property
    def current(self) -> str | None:
        """Key of the record under the cursor; `None` when there is none."""
        return self._records[self.cursor].key if self._records and self._text is None else None

    def say(self, text: Content) -> None:
        """Show words in place of records."""
        self._text = text
        self._retitle()
        self.refresh()

    def show(self, records: Sequence[Record], foot: Sequence[Content] = ()) -> None:
        """Show records, the cursor on the one it was on; equal ones paint nothing.

        Args:
            records: From the top.
            foot: Lines that stay below them.
        """
        shown = tuple(records), tuple(foot)
        if self._text is None and shown == (self._records, self._foot):
            return
        here = self.current
        self._records, self._foot = shown
        self._text = None
        places = {record.key: place for place, record in enumerate(self._records)}
        self._put_cursor(places.get(here, self.cursor) if here is not None else self.cursor)
        self.refresh()

    # Keys and mouse

    def action_open(self) -> None:
        """Report all about the record under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def action_move(self, by: int) -> None:
        """Move the cursor by records."""
        self._put_cursor(self.cursor + by)
        self.refresh()

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.action_move(by * max(self._height - 1, 1))

    def action_to_first(self) -> None:
        """Move the cursor to the first record."""
        self.action_move(-len(self._records))

    def action_to_last(self) -> None:
        """Move the cursor to the last record."""
        self.action_move(len(self._records))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the record under the pointer; open it on a double click."""
        offset = event.get_content_offset(self)
        if offset is not None and 1 <= offset.y <= min(self._height, len(self._records) - self._top):
            self._put_cursor(self._top + offset.y - 1)
            self.refresh()
            if event.chain > 1:
                self.action_open()

    def on_mouse_scroll_down(self) -> None:
        """Go down."""
        self.action_move(_WHEEL)

    def on_mouse_scroll_up(self) -> None:
        """Go up."""
        self.action_move(-_WHEEL)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._put_cursor(self.cursor)

    # Drawing

    def render(self) -> Content:
        """Return the lines for the present size."""
        if self._text is not None:
            return self._text
        columns = _fitting(self._columns, self.size.width - len(_CURSOR))
        head = _line("  ", [(column.heading, "bold $quiet") for column, _ in columns.values()], columns)
        last = self._top + self._height
        lines = [
            self._record_line(number, columns) for number in range(self._top, min(last, len(self._records)))
        ]
        blanks = [Content("")] * (self._height - len(lines) if self._foot else 0)
        return Content("\n").join([head, *lines, *blanks, *self._foot])

    def _record_line(self, number: int, columns: _Fitted) -> Content:
        cells = self._records[number].cells
        on_cursor = number == self.cursor
        line = _line(_CURSOR if on_cursor else "  ", [cells[place] for place in columns], columns)
        return line.stylize("on $cursor-line") if on_cursor and self.has_focus else line

    @property
    def _height(self) -> int:
        """How many records fit."""
        return max(self.size.height - 1 - len(self._foot), 1)

    def _put_cursor(self, place: int) -> None:
        self.cursor = min(max(place, 0), max(len(self._records) - 1, 0))
        self._top = min(self._top, self.cursor, max(len(self._records) - self._height, 0))
        self._top = max(self._top, self.cursor - self._height + 1)
        self._retitle()

    def _retitle(self) -> None:
        count = len(self._records)
        where = f" {self.cursor + 1} of {count:,}" if count and self._text is None else ""
        self.border_title = Content(f"{self._title}{where}")


_Fitted = dict[int, tuple[ListColumn, int]]
"""Columns that fit and their widths, by their place."""


def _fitting(columns: Sequence[ListColumn], room: int) -> _Fitted:
    kept = dict(enumerate(columns))
    while _least(kept.values()) > room:
        worst = max(kept, key=lambda place: kept[place].drop)
        if kept[worst].drop == 0:
            break
        del kept[worst]
    left = max(room - _least(kept.values()), 0)
    shares = sum(column.share for column in kept.values())
    return {
        place: (column, column.width + (left * column.share // shares if shares else 0))
        for place, column in kept.items()
    }


def _least(columns: Collection[ListColumn]) -> int:
    widths = [column.width for column in columns]
    return sum(widths) + len(_GAP) * max(len(widths) - 1, 0)


def _line(start: str, cells: Sequence[Cell], columns: _Fitted) -> Content:
    widths = [width for _, width in columns.values()]
    pieces: list[str | tuple[str, str]] = [(start, "$accent")]
    for number, ((text, style), width) in enumerate(zip(cells, widths, strict=True)):
        pieces += [_GAP if number else "", (fitted(text, width), style)]
    return Content.assemble(*pieces)
