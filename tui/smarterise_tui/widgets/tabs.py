"""The line of tabs: the screens there are, and which one this is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from textual import events


class Tab(StrEnum):
    """A screen one can go to; the value is its title."""

    FLEET = "Fleet"
    SITE = "Site"
    CHECKS = "Checks"
    HISTORY = "History"


_ACTIONS = {
    Tab.FLEET: "show_fleet",
    Tab.SITE: "show_site",
    Tab.CHECKS: "show_checks",
    Tab.HISTORY: "show_history",
}
_RULE = "─"


class Tabs(Widget):
    """`─ Fleet ─ Site ─ Checks ─ History ───`; a click goes there."""

    DEFAULT_CSS = "Tabs { height: 1; }"

    def __init__(self, active: Tab) -> None:
        super().__init__()
        self.active = active

    def render(self) -> Content:
        """Return the line."""
        parts: list[tuple[str, str]] = []
        for number, tab in enumerate(Tab, start=1):
            style = "bold $accent" if tab is self.active else "$quiet"
            parts += [(f"{_RULE} ", "$border"), (f"{number} {tab.value} ", style)]
        used = sum(len(text) for text, _ in parts)
        return Content.assemble(*parts, (_RULE * max(self.size.width - used, 0), "$border"))

    async def on_click(self, event: events.Click) -> None:
        """Go to the tab under the pointer."""
        start = 0
        for number, tab in enumerate(Tab, start=1):
            end = start + len(f"{_RULE} {number} {tab.value} ")
            if start <= event.x < end:
                await self.run_action(f"app.{_ACTIONS[tab]}")
            start = end
