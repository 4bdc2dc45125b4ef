"""The site screen: voltage plot with limits, latest values and configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Container
from textual.content import Content

from smarterise_sdk.domain.readings.metrics import HIGH_RESOLUTION, Metric, MetricPoint
from smarterise_sdk.domain.readings.voltage_quality import profile_of
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.status import Status
from smarterise_tui import cli_command
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.change_requests import likely_target, switch_tier
from smarterise_tui.fleet.columns import VOLTAGES
from smarterise_tui.fleet.view import Selection
from smarterise_tui.issues import failure, missing_issues
from smarterise_tui.messages import FetchFailed, SeriesFetched, TierSinceKnown, TierSinceUnknown
from smarterise_tui.poller import RefreshScope, Source
from smarterise_tui.screens.base import ConsoleScreen
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.text.history import tier_since
from smarterise_tui.text.site import configuration_text, title_line, values_text
from smarterise_tui.theme import status_class
from smarterise_tui.widgets.panel import Panel
from smarterise_tui.widgets.plot import Frame, Trace, VoltagePlot
from smarterise_tui.widgets.tabs import Tab
from smarterise_tui.widgets.text_line import Line, Part, TextLine
from smarterise_tui.workers import ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.widget import Widget

    from smarterise_tui.fleet.rows import FleetRow
    from smarterise_tui.state import ConsoleState
    from smarterise_tui.text.history import TierSince

_PLOTTED = dict(zip("ABC", VOLTAGES, strict=True))


@dataclass(frozen=True, slots=True)
class Window:
    """Time range and period of a plot."""

    text: str
    duration: timedelta
    period: timedelta


WINDOWS = (
    Window("30 min", timedelta(minutes=30), HIGH_RESOLUTION),
    Window("3 h", timedelta(hours=3), timedelta(minutes=1)),
    Window("24 h", timedelta(hours=24), timedelta(minutes=10)),
)
_WIDE = 120
_FIRST_WINDOW = {Tier.CRITICAL: 0, Tier.NON_CRITICAL: 2}


class SiteScreen(ConsoleScreen):
    """One site."""

    TAB = Tab.SITE
    SCOPES = (Scope.APP, Scope.SITE)
    BINDINGS = bindings_of(Scope.SITE)

    def __init__(self, state: ConsoleState, serial: str) -> None:
        super().__init__(state)
        self.serial = serial
        row = self.row
        self._window = _FIRST_WINDOW[row.site.tier] if row is not None else 0
        self._points: dict[Metric, list[MetricPoint]] = {}
        self._has_series = False
        self._since: TierSince | None = None

    def body(self) -> Iterable[Widget]:
        """Return title, plot, and panels."""
        yield TextLine(id="title")
        yield Container(
            Container(VoltagePlot(), id="plot"),
            Container(Panel("Now", "values"), Panel("Configuration", "configuration"), id="panels"),
            id="site",
        )

    @property
    def row(self) -> FleetRow | None:
        """The site; `None` if it is no longer in the site file."""
        return self.state.model.rows.get(self.serial)

    @property
    def window(self) -> Window:
        """The span plotted."""
        return WINDOWS[self._window]

    def refresh_scope(self) -> RefreshScope:
        """Return this site, all metrics."""
        return RefreshScope((self.serial,), frozenset(Metric) - {Metric.READING_AGE}, is_fleet=False)

    def cli_command(self) -> str:
        """Return the command that shows the site's values."""
        return cli_command.show_site(self.state.settings, self.serial)

    def refresh_records(self) -> None:
        """Fetch the series again."""
        self._points, self._has_series = {}, False
        self._ask_series()

    def on_resize(self, event: events.Resize) -> None:
        """Put the panels beside the plot where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")

    def on_mount(self) -> None:
        """Fetch the series, and once the last tier change."""
        self._ask_series()
        stack = self.state.stack
        if stack is not None:
            work = partial(stack.sites.history, gateway_serial=self.serial)
            ask(self, "tier since", work, TierSinceKnown, lambda _error: TierSinceUnknown())

    def on_tier_since_known(self, message: TierSinceKnown) -> None:
        """Show the last tier change, if the latest versions contain it."""
        row = self.row
        self._since = tier_since(message.history, self.serial, row.site.tier) if row is not None else None
        self.update_view()

    def update_view(self) -> None:
        """Show the site as it is now."""
        row = self.row
        if row is None:
            gone = Part(f"∅ {self.serial} is no longer in the site file", "$status-no-data")
            self.query_one("#title", TextLine).line = Line((gone,))
            return
        if self._since is not None and self._since.tier != row.site.tier:
            self._since = None  # it was changed while this screen is open
        self.query_one("#title", TextLine).line = title_line(row, self._since, self.state.now)
        self.query_one("#values", Panel).show(values_text(row, self.state.now))
        self.query_one("#configuration", Panel).show(
            configuration_text(row, self.state.model.snapshot, self._since, self.state.now)
        )
        self._append(row)
        self._plot(row)

    def on_series_fetched(self, message: SeriesFetched) -> None:
        """Plot the series, unless another time range is shown by now."""
        message.stop()
        if message.window != self.window.duration:
            return
        self._has_series = True
        series = message.outcome.value.get(self.serial, {})
        self._points = {metric: list(series.get(metric, ())) for metric in VOLTAGES}
        self.state.issues.set(Source.SERIES, missing_issues(Source.SERIES, message.outcome.missing, 1))
        self.update_frame()
        self.update_view()

    def on_fetch_failed(self, message: FetchFailed) -> None:
        """Show why there is no plot."""
        message.stop()
        self._has_series = True
        self.state.issues.set(Source.SERIES, [failure(Source.SERIES, message.error)])
        self.update_frame()
        self.update_view()

    def on_unmount(self) -> None:
        """Clear the issues of this screen."""
        self.state.issues.set(Source.SERIES, ())

    def action_back(self) -> None:
        """Go back to the fleet."""
        self.app.pop_screen()

    def action_next_window(self) -> None:
        """Plot the next time range."""
        self._window = (self._window + 1) % len(WINDOWS)
        self.refresh_records()

    def action_switch_tier(self) -> None:
        """Plan a tier switch of this site."""
        if self.row is not None:
            change_request = switch_tier(Selection((self.serial,), ()), likely_target([self.row]))
            self.app.push_screen(PlanScreen(self.state, change_request))

    def _ask_series(self) -> None:
        stack = self.state.stack
        if stack is None or self.row is None:
            return
        window = self.window
        text = f"{Status.LOADING.glyph} loading the last {window.text}"
        self.query_one(VoltagePlot).say(Content.styled(text, "$status-loading"))
        self._title_plot()
        ask(
            self,
            Source.SERIES.value,
            partial(
                stack.metrics.series, (self.serial,), VOLTAGES, since=window.duration, period=window.period
            ),
            partial(SeriesFetched, self.serial, window.duration),
            partial(FetchFailed, Source.SERIES.value, (self.serial,)),
        )

    def _append(self, row: FleetRow) -> None:
        """Add the latest values to the traces and drop old points."""
        if not self._has_series:
            return
        oldest = self.state.now - self.window.duration
        for metric in VOLTAGES:
            points = self._points.setdefault(metric, [])
            latest = row.points.get(metric)
            if latest is not None and (not points or latest.at > points[-1].at):
                points.append(latest)
            while points and points[0].at < oldest:
                points.pop(0)

    def _plot(self, row: FleetRow) -> None:
        plot = self.query_one(VoltagePlot)
        self._title_plot()
        traces = [
            Trace(phase, phase, tuple(self._points.get(metric, ()))) for phase, metric in _PLOTTED.items()
        ]
        if any(trace.points for trace in traces):
            plot.show(traces, self._frame(row))
        elif self._has_series:
            plot.say(self._why_empty())

    def _frame(self, row: FleetRow) -> Frame:
        site, window, now = row.site, self.window, self.state.now
        low, high = profile_of(site.quality_profile).band(site.nominal_voltage)
        period = max(window.period, site.tier.policy.cadence)
        return Frame(now - window.duration, now, low, high, site.nominal_voltage, period)

    def _title_plot(self) -> None:
        row = self.row
        if row is not None:
            low, high = profile_of(row.site.quality_profile).band(row.site.nominal_voltage)
            title = f"Voltage, V, last {self.window.text}, band {low:.0f}–{high:.0f}"
            self.query_one("#plot").border_title = Content(title)

    def _why_empty(self) -> Content:
        issues = self.state.issues.of(Source.SERIES)
        if issues:
            issue = issues[0]
            text = "\n".join((f"{issue.status.glyph} {issue.line}", *issue.details))
            return Content.styled(text, f"$status-{status_class(issue.status)}")
        return Content.styled(
            f"{Status.NO_DATA.glyph} no data in the last {self.window.text}", "$status-no-data"
        )
