"""The history screen: versions of the site file and the journal of this machine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Container
from textual.content import Content

from smarterise_sdk.domain.sites.history import HISTORY_AT_MOST
from smarterise_sdk.domain.status import Status
from smarterise_tui import change_requests, cli_command, messages
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.screens.base import ConsoleScreen
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.screens.record import ChangeScreen, VersionScreen
from smarterise_tui.text.history import (
    CHANGE_COLUMNS,
    UNCERTAIN,
    VERSION_COLUMNS,
    change_foot,
    change_of,
    change_records,
    version_foot,
    version_records,
)
from smarterise_tui.text.plan import error_text, receipt_text
from smarterise_tui.widgets.record_list import RecordList
from smarterise_tui.widgets.tabs import Tab
from smarterise_tui.workers import ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from smarterise_sdk.journal import JournalEntry, JournalReading
    from smarterise_sdk.services.sites.history import HistoryRow, SiteHistory
    from smarterise_tui.state import ConsoleState

_FIRST_VERSIONS = 20
_MORE_VERSIONS = 60
"""The function reads each version completely, so few are loaded at first."""
_LOADING = "$status-loading"


class HistoryScreen(ConsoleScreen):
    """Versions above, the journal below."""

    TAB = Tab.HISTORY
    SCOPES = (Scope.APP, Scope.HISTORY, Scope.LIST)
    BINDINGS = bindings_of(Scope.HISTORY)
    AUTO_FOCUS = "#versions"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self.versions = RecordList("Versions of the site file", VERSION_COLUMNS, "versions")
        self.journal = RecordList("Changes from this machine", CHANGE_COLUMNS, "journal")
        self._history: SiteHistory | None = None
        self._reading: JournalReading | None = None
        self._limit = _FIRST_VERSIONS
        self._writes_seen = state.writes

    def body(self) -> Iterable[Widget]:
        """Return the two lists."""
        yield Container(self.versions, self.journal, id="history")

    def cli_command(self) -> str:
        """Return the command that lists the same."""
        if self.journal.has_focus:
            return cli_command.list_journal(self.state.settings)
        return cli_command.show_history(self.state.settings)

    def on_mount(self) -> None:
        """Read both."""
        self.refresh_records()

    def on_screen_resume(self) -> None:
        """Read both again if a change was attempted since."""
        if self._writes_seen != self.state.writes:
            self.refresh_records()

    # Reading

    def refresh_records(self) -> None:
        """Read versions and journal, again if they were read before."""
        self._writes_seen = self.state.writes
        self._ask_versions()
        self._ask_changes()

    def _ask_versions(self) -> None:
        stack = self.state.stack
        if stack is None:
            return
        if self._history is None:
            text = f"{Status.LOADING.glyph} loading the versions of the site file"
            self.versions.say(Content.styled(text, _LOADING))
        ask(
            self,
            "versions",
            partial(stack.sites.history, limit=self._limit),
            messages.VersionsRead,
            messages.VersionsFailed,
        )

    def _ask_changes(self) -> None:
        stack = self.state.stack
        if stack is None:
            return
        if self._reading is None:
            self.journal.say(Content.styled(f"{Status.LOADING.glyph} reading the journal", _LOADING))
        ask(self, "changes", stack.changes.list, messages.ChangesListed, messages.ChangesFailed)

    def on_versions_read(self, message: messages.VersionsRead) -> None:
        """List the versions."""
        self._history = message.history
        self._show_versions()

    def on_versions_failed(self, message: messages.VersionsFailed) -> None:
        """Show the error."""
        self._history = None
        self.versions.say(error_text(message.error))

    def on_changes_listed(self, message: messages.ChangesListed) -> None:
        """List the changes."""
        self._reading = message.reading
        self._show_changes()

    def on_changes_failed(self, message: messages.ChangesFailed) -> None:
        """Show the error."""
        self._reading = None
        self.journal.say(error_text(message.error))

    def update_view(self) -> None:
        """Update the ages."""
        self._show_versions()
        self._show_changes()

    def _show_versions(self) -> None:
        history = self._history
        if history is None:
            return
        if history.entries:
            self.versions.show(version_records(history, self.state.now), version_foot(history))
        else:
            nothing = f"{Status.NO_DATA.glyph} no versions yet: the first change creates one"
            self.versions.say(Content.styled(nothing, "$status-no-data"))

    def _show_changes(self) -> None:
        reading = self._reading
        if reading is None:
            return
        foot = change_foot(reading, cli_command.list_journal(self.state.settings))
        if reading.entries:
            self.journal.show(change_records(reading, self.state.now), foot)
        else:
            place = self.state.settings.environment.name
            nothing = f"{Status.NO_DATA.glyph} no changes in {place} from this machine"
            text = [Content.styled(nothing, "$status-no-data"), *foot]
            self.journal.say(Content("\n").join(text))

    # Keys

    def action_back(self) -> None:
        """Go back to the fleet."""
        self.app.pop_screen()

    def action_other_list(self) -> None:
        """Go to the other list."""
        self.set_focus(self.versions if self.journal.has_focus else self.journal)

    def action_more(self) -> None:
        """Load older versions."""
        if self._history is None:
            return
        if self._history.is_complete or self._limit == HISTORY_AT_MOST:
            self._say("All versions are listed" if self._history.is_complete else _FARTHEST)
            return
        self._limit = min(self._limit + _MORE_VERSIONS, HISTORY_AT_MOST)
        self._say(f"Loading {self._limit} versions")
        self._ask_versions()

    def on_record_list_opened(self, message: RecordList.Opened) -> None:
        """Show a version or a change."""
        version, change = self._version, self._change
        if message.list is self.versions and version is not None and self._history is not None:
            self.app.push_screen(VersionScreen(self.state, version, self._history))
        elif message.list is self.journal and change is not None:
            self.app.push_screen(ChangeScreen(self.state, change))

    def action_roll_back(self) -> None:
        """Plan a rollback to the selected version."""
        version = self._version
        if self.journal.has_focus:
            self._say("b rolls back to a version: press tab first; u undoes a change of the journal")
        elif version is None:
            self._say("No version selected")
        elif not version.version_id:
            self._say("Bucket without versioning: rollback is not possible")
        elif not version.is_usable:
            self._say(f"This version is {version.kind}: rollback is not possible")
        else:
            self.app.push_screen(PlanScreen(self.state, change_requests.roll_back(version.version_id)))

    def action_undo(self) -> None:
        """Plan an undo of the selected change."""
        change = self._change
        if not self.journal.has_focus:
            self._say("u undoes a change of the journal: press tab first; b rolls back to a version")
        elif change is None:
            self._say("No change selected")
        else:
            self.app.push_screen(PlanScreen(self.state, change_requests.undo(change.plan_id)))

    def action_resolve(self) -> None:
        """Resolve the selected change."""
        stack, change = self.state.stack, self._change
        if stack is None or change is None or not self.journal.has_focus:
            self._say("s resolves a change of the journal: press tab first")
        elif change.outcome not in UNCERTAIN:
            self._say(f"{change.plan_id} is {change.outcome}: nothing to resolve")
        else:
            self._say(f"Resolving {change.plan_id}")
            work = partial(stack.changes.resolve, change.plan_id)
            ask(self, "resolve", work, messages.ChangeResolved, messages.ResolveFailed)

    def on_change_resolved(self, message: messages.ChangeResolved) -> None:
        """Show the receipt; the message bubbles to the app, which checks for further unresolved changes."""
        title = f"Change {message.receipt.plan.plan_id}"
        self.app.push_screen(TextScreen(self.state, title, receipt_text(message.receipt)))
        self._ask_changes()

    def on_resolve_failed(self, message: messages.ResolveFailed) -> None:
        """Show the error."""
        self.app.push_screen(TextScreen(self.state, "Not resolved", error_text(message.error)))

    @property
    def _version(self) -> HistoryRow | None:
        """The version under the cursor."""
        entries = self._history.entries if self._history is not None else ()
        return next((one for one in entries if one.version_id == self.versions.current), None)

    @property
    def _change(self) -> JournalEntry | None:
        """The change under the cursor."""
        return change_of(self._reading, self.journal.current) if self._reading is not None else None

    def _say(self, text: str) -> None:
        self.app.notify(text, markup=False, timeout=4)


_FARTHEST = f"At most {HISTORY_AT_MOST} versions can be listed"
