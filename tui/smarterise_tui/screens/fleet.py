"""The fleet screen: all sites, the worst first, with filter, sorting and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Static

from smarterise_sdk.domain.status import Status
from smarterise_tui import cli_command
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.change_requests import likely_target, switch_tier
from smarterise_tui.fleet.columns import EVALUATED_METRICS, SPARK
from smarterise_tui.fleet.filters import FilterError, parse_filter
from smarterise_tui.poller import RefreshScope, Source
from smarterise_tui.screens.base import ConsoleScreen
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.widgets.filter_line import FilterLine
from smarterise_tui.widgets.fleet_table import FleetTable
from smarterise_tui.widgets.key_bar import KeyBar
from smarterise_tui.widgets.summary import Summary
from smarterise_tui.widgets.tabs import Tab

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget
    from textual.widgets import Input

    from smarterise_tui.fleet.columns import Cell
    from smarterise_tui.fleet.filters import Filter
    from smarterise_tui.state import ConsoleState


class FleetScreen(ConsoleScreen):
    """All sites."""

    TAB = Tab.FLEET
    SCOPES = (Scope.APP, Scope.FLEET, Scope.TABLE)
    BINDINGS = bindings_of(Scope.FLEET)
    AUTO_FOCUS = "FleetTable"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self.summary = Summary(state)
        self.table = FleetTable(state.view, state.now)

    def body(self) -> Iterable[Widget]:
        """Return summary, table and filter line."""
        yield self.summary
        yield self.table
        yield Horizontal(Static("/ ", markup=False, id="slash"), FilterLine(), id="filter")

    def refresh_scope(self) -> RefreshScope:
        """Return the visible rows and the metrics of the columns."""
        table = self.table
        has_sparklines = any(column.key == SPARK for column in table.visible_columns)
        metrics = EVALUATED_METRICS.union(*(column.metrics for column in table.visible_columns))
        return RefreshScope(
            tuple(table.visible_serials), metrics, is_fleet=True, has_sparklines=has_sparklines
        )

    def cli_command(self) -> str:
        """Return the command that lists the sites."""
        return cli_command.list_sites(self.state.settings)

    def update_sites(self) -> None:
        """Show sites and values as they are now; serials may be longer than before."""
        self.table.update_columns()
        self.update_view()

    def update_view(self) -> None:
        """Show the values as they are now."""
        self.table.say_instead(_instead_of_rows(self.state))
        self.table.update_view(self.state.now)
        self.summary.update_view()

    # Filter

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one("#filter").add_class("-open")
        self.query_one(FilterLine).open(self.state.view.filter.text)
        self.query_one(KeyBar).show(Scope.FILTER)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing; show errors of the filter."""
        try:
            new_filter = parse_filter(event.value, is_being_typed=True)
        except FilterError as error:
            self.summary.complain(str(error))
        else:
            self._set_filter(new_filter)

    def on_filter_line_left(self, message: FilterLine.Left) -> None:
        """Go back to the table, unless the filter is invalid."""
        try:
            new_filter = parse_filter(message.text)
        except FilterError as error:
            self.summary.complain(str(error))
            return
        self._set_filter(new_filter)
        self.query_one("#filter").remove_class("-open")
        self.query_one(KeyBar).show(*self.SCOPES)
        self.table.focus()

    def _set_filter(self, new_filter: Filter) -> None:
        self.state.view.set_filter(new_filter, self.state.now)
        self.summary.complain("")
        self.update_view()

    # Order

    def action_sort_next(self) -> None:
        """Sort by the next key."""
        self.state.view.sort_by_next(self.state.now)
        self._reordered()

    def action_sort_reverse(self) -> None:
        """Reverse the order."""
        self.state.view.reverse(self.state.now)
        self._reordered()

    def on_fleet_table_sort_requested(self, message: FleetTable.SortRequested) -> None:
        """Sort by the heading that was clicked."""
        self.state.view.sort_by(message.key, self.state.now)
        self._reordered()

    def _reordered(self) -> None:
        self.table.start_over(self.state.now)
        self.summary.update_view()

    # Marks and changes

    def on_fleet_table_marks_changed(self) -> None:
        """Count the marks."""
        self.summary.update_view()

    def action_back(self) -> None:
        """Clear the filter, or the marks if there is no filter."""
        if self.state.view.filter.tests:
            self._set_filter(parse_filter(""))
        elif self.state.view.marks:
            self.table.action_unmark_all()

    def action_switch_tier(self) -> None:
        """Plan a tier switch of the marked sites, or of the current one."""
        selection = self.state.view.selection(self.table.cursor_serial)
        if selection.serials:
            known = self.state.model.rows
            rows = [known[serial] for serial in selection.serials if serial in known]
            self.app.push_screen(PlanScreen(self.state, switch_tier(selection, likely_target(rows))))


def _instead_of_rows(state: ConsoleState) -> list[Cell]:
    """Return the text of an empty table."""
    if state.model.rows:
        return [
            (f"∅ no site matches {state.view.filter.text}", Status.NO_DATA),
            ("  esc clears the filter", "dim"),
        ]
    failed = state.issues.of(Source.SITES) or state.issues.of(Source.STACK)
    if failed:
        issue = failed[0]
        rest = [(f"  {line}", "dim") for line in issue.details]
        return [(f"{issue.status.glyph} {issue.line}", issue.status), *rest]
    if state.model.snapshot is None:
        return [(f"{Status.LOADING.glyph} loading the sites", Status.LOADING)]
    return [
        ("∅ no sites yet: the site file is empty", Status.NO_DATA),
        ("  try: smarterise-ops sites bulk-update --create --set SERIAL=CRITICAL", "dim"),
    ]
