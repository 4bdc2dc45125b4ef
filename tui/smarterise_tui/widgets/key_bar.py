"""The last line of every screen: the keys that matter here, from the table of actions."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from smarterise_tui.actions import Scope, bar_of


class KeyBar(Widget):
    """Keys and what they do, the most needed ones when there is little room."""

    DEFAULT_CSS = "KeyBar { height: 1; }"

    def __init__(self, *scopes: Scope) -> None:
        super().__init__()
        self.scopes = scopes
        self._without = ""

    def show(self, *scopes: Scope, without: str = "") -> None:
        """Show the keys of other scopes, `without` the one action that has no meaning now."""
        if (scopes, without) != (self.scopes, self._without):
            self.scopes, self._without = scopes, without
            self.refresh()

    def render(self) -> Content:
        """Return as many keys as fit; none is cut in two."""
        pieces: list[Content] = []
        room = self.size.width
        for keys, label, _ in bar_of(*self.scopes, without=self._without):
            piece = Content.assemble((keys, "bold $accent"), " ", (label, "$quiet"))
            needed = piece.cell_length + (2 if pieces else 0)
            if needed > room:
                break
            pieces.append(piece)
            room -= needed
        return Content("  ").join(pieces)
