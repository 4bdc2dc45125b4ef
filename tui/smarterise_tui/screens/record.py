"""Dialogs of one version of the site file and of one change of the journal.

Differences are fetched, or read from disk, when the dialog opens.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from smarterise_sdk.domain.sites.history import VersionKind
from smarterise_sdk.domain.status import Status
from smarterise_tui.messages import DiffFailed, DiffRead
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.text.history import change_text, difference_lines, version_text
from smarterise_tui.text.plan import error_text
from smarterise_tui.workers import ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.journal import JournalEntry
    from smarterise_sdk.services.sites.history import HistoryRow, SiteHistory
    from smarterise_tui.state import ConsoleState


class VersionScreen(TextScreen):
    """Details of a version, compared with the previous valid one."""

    def __init__(self, state: ConsoleState, version: HistoryRow, history: SiteHistory) -> None:
        self._version = version
        self._now = state.now
        self._before = _usable_before(version, history)
        self._is_oldest = version.kind == VersionKind.FIRST and history.is_complete
        super().__init__(state, f"Version {version.version_id}".strip(), self._text([]))

    def on_mount(self) -> None:
        """Fetch the differences."""
        stack = self.state.stack
        if stack is None or not self._version.is_usable:
            return
        if self._before is None:
            text = "this is the oldest version" if self._is_oldest else "m loads older versions"
            self.show(self._text([Content.styled(f"∅ nothing to compare with: {text}", "$status-no-data")]))
            return
        text = f"{Status.LOADING.glyph} comparing with {self._before}"
        self.show(self._text([Content.styled(text, "$status-loading")]))
        work = partial(stack.sites.diff, self._before, self._version.version_id)
        ask(self, "diff", work, DiffRead, DiffFailed)

    def on_diff_read(self, message: DiffRead) -> None:
        """Show the differences."""
        lines = difference_lines(message.changes) or [Content("● no site changed")]
        self.show(self._text(lines))

    def on_diff_failed(self, message: DiffFailed) -> None:
        """Show the error."""
        self.show(self._text([error_text(message.error)]))

    def _text(self, lines: Sequence[Content]) -> Content:
        return version_text(self._version, lines, self._now)


class ChangeScreen(TextScreen):
    """Details of a change of the journal."""

    def __init__(self, state: ConsoleState, change: JournalEntry) -> None:
        self._change = change
        self._now = state.now
        super().__init__(state, f"Change {change.plan_id}", self._text([]))

    def on_mount(self) -> None:
        """Read the differences in a worker: they may be large."""
        change = self._change
        ask(self, "diff", lambda: DiffRead(change.changes, change.stack_changes), _itself, DiffFailed)

    def on_diff_read(self, message: DiffRead) -> None:
        """Show the differences."""
        self.show(self._text(difference_lines(message.changes, message.stack_changes)))

    def on_diff_failed(self, message: DiffFailed) -> None:
        """Show the error."""
        self.show(self._text([error_text(message.error)]))

    def _text(self, lines: Sequence[Content]) -> Content:
        return change_text(self._change, lines, self._now)


def _itself(message: DiffRead) -> DiffRead:
    return message


def _usable_before(version: HistoryRow, history: SiteHistory) -> str | None:
    """Return the id of the valid version before one, or `None`."""
    entries = list(history.entries)
    older = entries[entries.index(version) + 1 :]
    return next((one.version_id for one in older if one.is_usable), None)
