"""The line above the fleet: how many sites are how, of which tier, and what the operator asked to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import visible
from smarterise_tui.fleet.sorting import WORST
from smarterise_tui.theme import status_class
from smarterise_tui.widgets.text_line import Line, Part, TextLine

if TYPE_CHECKING:
    from smarterise_tui.state import ConsoleState

_TEXT = {
    Status.NO_DATA: " no data",
    Status.DENIED: " denied",
    Status.LOADING: " loading",
    Status.UNKNOWN: " unknown",
}
"""Statuses whose glyph is not known by heart carry their word."""
_LONGEST_FILTER = 30


class Summary(TextLine):
    """Counts by status and tier, filter, sort, marks; or what is wrong with the filter being typed."""

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self._state = state
        self._complaint = ""

    def complain(self, text: str) -> None:
        """Say what is wrong with the filter; empty when nothing is."""
        self._complaint = text
        self.update_view()

    def update_view(self) -> None:
        """Show the state as it is now."""
        if self._complaint:
            self.line = Line((Part(f"✖ {self._complaint}", "$status-fail"),))
            return
        self.line = Line(tuple(_counts(self._state)), tuple(_requested(self._state)))


def _counts(state: ConsoleState) -> list[Part]:
    model = state.model
    parts = [Part(f"Sites {len(model.rows):,}", "bold")]
    counts = model.count_by_status
    there = [status for status, count in counts.items() if count]
    for status in sorted(there, key=lambda status: (status is not Status.OK, status.rank)):
        text = f"{status.glyph} {counts[status]:,}{_TEXT.get(status, '')}"
        parts.append(Part(text, f"$status-{status_class(status)}", drop=2 + status.rank))
    if model.rows:
        texts = [f"{tier.value} {model.count_by_tier[tier]:,}" for tier in Tier]
        texts += [f"disabled {model.disabled:,}"] if model.disabled else []
        parts.append(Part(" / ".join(texts), "$quiet", drop=11))
    return parts


def _requested(state: ConsoleState) -> list[Part]:
    view = state.view
    parts = []
    if view.sort.key != WORST or view.sort.is_reversed:
        arrow = "▲" if view.sort.is_reversed else "▼"
        parts.append(Part(f"sort: {view.sort.key} {arrow}", "$quiet", drop=10))
    if view.filter.tests:
        text = visible(view.filter.text)
        shown = f"{text[:_LONGEST_FILTER]}…" if len(text) > _LONGEST_FILTER else text
        parts.append(Part(f"filter: {shown} ({len(view.rows):,})", "$accent"))
    if view.marks:
        hidden = f" ({view.hidden_marks:,} hidden)" if view.hidden_marks else ""
        parts.append(Part(f"marks {len(view.marks):,}{hidden}", "bold $accent"))
    return parts
