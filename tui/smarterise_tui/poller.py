"""Polling: what to request from AWS and when; the app's handlers process the responses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from smarterise_sdk.domain.outcome import Outcome
from smarterise_tui.fleet.history import MINUTES
from smarterise_tui.fleet.model import NEAR
from smarterise_tui.fleet.rows import SPARK_METRIC
from smarterise_tui.messages import FetchFailed, HistoryFetched, IdentityKnown, LatestFetched, SitesFetched
from smarterise_tui.workers import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import App
    from textual.message import Message
    from textual.worker import Worker

    from smarterise_sdk.domain.readings.metrics import LatestPoints, Metric
    from smarterise_sdk.domain.sites.model import Site
    from smarterise_sdk.services.metrics import Metrics
    from smarterise_tui.state import ConsoleState

T = TypeVar("T")


class Source(StrEnum):
    """Kinds of requests; also the names of the worker groups."""

    STACK = "stack"
    IDENTITY = "identity"
    SITES = "sites"
    LATEST = "latest values"
    HISTORY = "history"
    SERIES = "series"


@dataclass(frozen=True, slots=True)
class Cadence:
    """Poll intervals, seconds.

    Attributes:
        tick: LatestPoints values of the sites that are due.
        sites: The site file.
        locked_out: All requests while credentials are rejected.
        when_blurred: Factor while the terminal has no focus.
    """

    tick: float = 10
    sites: float = 30
    locked_out: float = 60
    when_blurred: int = 3


@dataclass(frozen=True, slots=True)
class RefreshScope:
    """The data that the screen in front needs.

    Attributes:
        visible: Serials on screen, from the top.
        metrics: Metrics.
        is_fleet: Whether other sites are needed too, for order and counts.
        has_sparklines: Whether sparklines are shown.
    """

    visible: tuple[str, ...]
    metrics: frozenset[Metric]
    is_fleet: bool
    has_sparklines: bool = False


class Poller:
    """Requests what is due at each tick; a pending request is not repeated."""

    def __init__(
        self,
        app: App[int],
        state: ConsoleState,
        refresh_scope: Callable[[], RefreshScope | None],
        cadence: Cadence,
    ) -> None:
        self._app = app
        self._state = state
        self._get_scope = refresh_scope
        self._cadence = cadence
        self._workers: dict[Source, Worker[None]] = {}
        self._sites_requested: datetime | None = None
        self._ticks = 0
        self.is_blurred = False
        self.is_locked_out = False

    @property
    def is_resting(self) -> bool:
        """Whether to skip this tick because the terminal has no focus."""
        self._ticks += 1
        return self.is_blurred and self._ticks % self._cadence.when_blurred != 0

    def ask_due(self, *, everything: bool = False) -> bool:
        """Request what the screen needs and is due; `everything` ignores intervals.

        Returns:
            Whether latest values were requested.
        """
        refresh_scope = self._get_scope()
        if refresh_scope is None or self._state.stack is None:
            return False
        if everything or self._sites_are_due():
            self.ask_sites(again=everything)
        if self.is_locked_out and not everything:
            return False
        if refresh_scope.has_sparklines:
            self._ask_history(refresh_scope)
        return self._ask_latest(refresh_scope, everything=everything)

    def ask_identity(self) -> None:
        """Request the identity."""
        if self._state.stack is not None:
            self._ask(Source.IDENTITY, self._state.stack.identity, IdentityKnown)

    def ask_sites(self, *, again: bool = False) -> None:
        """Request the site file; `again` replaces a pending request."""
        if self._state.stack is not None and (again or not self._is_requesting(Source.SITES)):
            self._sites_requested = self._state.clock()
            self._ask(Source.SITES, self._state.stack.sites.fetch, SitesFetched)

    def _sites_are_due(self) -> bool:
        every = self._cadence.locked_out if self.is_locked_out else self._cadence.sites
        slack = timedelta(seconds=1)
        return (
            self._sites_requested is None
            or self._state.clock() - self._sites_requested >= timedelta(seconds=every) - slack
        )

    def _ask_latest(self, refresh_scope: RefreshScope, *, everything: bool) -> bool:
        stack, model = self._state.stack, self._state.model
        if stack is None or not model.rows or (self._is_requesting(Source.LATEST) and not everything):
            return False
        if refresh_scope.is_fleet:
            sites = model.due(refresh_scope.visible, self._state.clock(), everything=everything)
        else:
            sites = [model.rows[serial].site for serial in refresh_scope.visible if serial in model.rows]
        if sites:
            requested = tuple(site.gateway_serial for site in sites)
            now = self._state.clock()
            model.note_requested(requested, now)
            long_fetch_latestback = frozenset(
                serial for serial in requested if not model.is_recent_enough(serial, now)
            )
            near = [site for site in sites if site.gateway_serial not in long_fetch_latestback]
            far = [site for site in sites if site.gateway_serial in long_fetch_latestback]
            work = partial(_fetch_latest, stack.metrics, near, far, sorted(refresh_scope.metrics))
            self._ask(
                Source.LATEST,
                work,
                partial(LatestFetched, requested, long_fetch_latestback, refresh_scope.metrics),
                requested,
            )
        return bool(sites)

    def _ask_history(self, refresh_scope: RefreshScope) -> None:
        stack = self._state.stack
        if stack is None or self._is_requesting(Source.HISTORY):
            return
        requested = tuple(self._state.model.without_history(refresh_scope.visible, self._state.clock()))
        if requested:
            half_an_hour, a_minute = timedelta(minutes=MINUTES), timedelta(minutes=1)
            work = partial(
                stack.metrics.series, requested, (SPARK_METRIC,), since=half_an_hour, period=a_minute
            )
            self._ask(Source.HISTORY, work, partial(HistoryFetched, requested), requested)

    def _is_requesting(self, source: Source) -> bool:
        worker = self._workers.get(source)
        return worker is not None and not worker.is_finished

    def _ask(
        self,
        source: Source,
        work: Callable[[], T],
        on_result: Callable[[T], Message],
        requested: tuple[str, ...] = (),
    ) -> None:
        on_error = partial(FetchFailed, source.value, requested)
        self._workers[source] = ask(self._app, source.value, work, on_result, on_error)


def _fetch_latest(
    service: Metrics, near: Sequence[Site], far: Sequence[Site], metrics: Sequence[Metric]
) -> Outcome[LatestPoints]:
    """Return latest values, of `near` sites with a lookback of one minute."""
    responses = [service.latest(far, metrics)] if far else []
    if near:
        responses.append(service.latest(near, metrics, lookback=NEAR))
    value = {serial: points for response in responses for serial, points in response.value.items()}
    missing = tuple(item for response in responses for item in response.missing)
    return Outcome(value, max(response.as_of for response in responses), missing)
