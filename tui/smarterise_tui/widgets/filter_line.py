"""The line one types a filter into, below the fleet."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message
from textual.widgets import Input

from smarterise_tui.actions import Scope, bindings_of


class FilterLine(Input):
    """Applies the filter while it is typed; esc restores the one before."""

    BINDINGS = bindings_of(Scope.FILTER)

    @dataclass
    class Left(Message):
        """The operator is done; `text` is the filter to keep."""

        text: str

    def __init__(self) -> None:
        super().__init__(placeholder="tier=CRITICAL u2>1.5 lekki", compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._before = ""

    def open(self, text: str) -> None:
        """Start with the present filter."""
        self._before = text
        self.value = text
        self.cursor_position = len(text)
        self.focus()

    def action_close(self) -> None:
        """Close, filter as before."""
        self._close(self._before)

    def action_to_table(self) -> None:
        """Close, filter as typed."""
        self._close(self.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close, filter as typed."""
        event.stop()
        self._close(self.value)

    def _close(self, text: str) -> None:
        self.post_message(self.Left(text))
