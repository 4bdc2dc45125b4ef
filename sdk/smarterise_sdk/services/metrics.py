"""What the meters measure, from CloudWatch: the newest value of each metric, and series over time.

Every metric asked for costs money, every point costs time: ask for what is on screen.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.outcome import Missing, Outcome
from smarterise_sdk.domain.readings.metrics import HIGH_RESOLUTION, Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.errors import UsageError
from smarterise_sdk.services.metric_queries import MetricQueries, QueryWindow, Series, checked_window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.settings.model import Settings

Points = dict[Metric, MetricPoint]

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rung:
    """One look of a ladder, and for how long its answer is good enough to be given again."""

    window: QueryWindow
    good_for: timedelta = timedelta(0)


_FORTNIGHT = Rung(QueryWindow(_HOUR, timedelta(days=14)), timedelta(minutes=10))

_LADDERS: Mapping[Tier, tuple[Rung, ...]] = {
    # Streamed at high resolution, which CloudWatch keeps for three hours.
    Tier.CRITICAL: (
        Rung(QueryWindow(HIGH_RESOLUTION, 3 * Tier.CRITICAL.policy.cadence)),
        Rung(QueryWindow(_MINUTE, 3 * _HOUR), _MINUTE),
        _FORTNIGHT,
    ),
    # Comes in files, an hour at a time: asking every few seconds would only cost. Not a whole minute, or who
    # asks each minute would have every other answer from memory.
    Tier.NON_CRITICAL: (
        Rung(QueryWindow(5 * _MINUTE, 3 * Tier.NON_CRITICAL.policy.cadence), _MINUTE / 2),
        _FORTNIGHT,
    ),
}
"""How to look for the newest value: a short look at all sites, a longer and coarser one at the silent."""

_DISABLED_LADDER = (_FORTNIGHT,)
_MEMORY_AT_MOST = 50_000


class Metrics:
    """Values of sites.

    Args:
        broker: The door to AWS.
        settings: The metrics' namespace.
        now: The clock, UTC.
    """

    def __init__(self, broker: Broker, settings: Settings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._queries = MetricQueries(broker, settings.names.metric_namespace)
        self._now = now
        self._memory: dict[tuple[str, QueryWindow, tuple[Metric, ...]], tuple[datetime, Points]] = {}
        self._lock = threading.Lock()

    def latest(
        self,
        sites: Sequence[Site],
        metrics: Sequence[Metric] | None = None,
        *,
        lookback: timedelta | None = None,
        period: timedelta | None = None,
    ) -> Outcome[dict[str, Points]]:
        """Return the newest point of each metric that has one, by gateway serial.

        Streamed sites are looked at over three minutes in points of 10 s; sites by FTP over three hours in
        points of 5 minutes; those that say nothing, over longer in coarser points. A point's time is the
        start of its period, so it is never newer than the truth.

        Args:
            sites: The sites asked about.
            metrics: The metrics asked about; all when `None`.
            lookback: Look only this far back, once; for a caller that keeps what it had.
            period: With `lookback`, the length of a point; chosen to suit when `None`.

        Returns:
            A serial is in the value if its metrics could be had, be there points or not; the gaps name the
            serials whose metrics could not.

        Raises:
            UsageError: The period is not one that CloudWatch knows.
        """
        wanted = tuple(Metric) if metrics is None else tuple(dict.fromkeys(metrics))
        if lookback is None and period is not None:
            raise UsageError("a period goes with a lookback")
        ladder = None if lookback is None else (Rung(checked_window(_window(lookback, period))),)
        now = self._now()
        found: dict[str, Points] = {}
        missing: list[Missing] = []
        ladders = {site.gateway_serial: ladder or _ladder_of(site) for site in sites}
        left = list(ladders)
        step = 0
        while left:
            by_rung: dict[Rung, list[str]] = {}
            for serial in left:
                by_rung.setdefault(ladders[serial][step], []).append(serial)
            for rung, serials in by_rung.items():
                response = self._latest(serials, wanted, rung, now)
                found.update(response.value)
                missing += response.missing
            step += 1
            left = [s for s in left if s in found and not found[s] and step < len(ladders[s])]
        return Outcome(found, now, tuple(missing))

    def series(
        self, serials: Sequence[str], metrics: Sequence[Metric], *, since: timedelta, period: timedelta
    ) -> Outcome[dict[str, dict[Metric, tuple[MetricPoint, ...]]]]:
        """Return the points of each metric over a span, the oldest first, by gateway serial.

        Args:
            serials: The sites asked about.
            metrics: The metrics asked about.
            since: How far back, from now.
            period: The length of a point: 10 s up to 3 h back, else whole minutes.

        Returns:
            A serial is in the value if its metrics could be had; the gaps name the others.

        Raises:
            UsageError: The period is not one that CloudWatch knows, or does not suit the span.
        """
        now = self._now()
        window = checked_window(QueryWindow(period, since))
        return self._queries.ask(tuple(dict.fromkeys(serials)), tuple(dict.fromkeys(metrics)), window, now)

    def _latest(
        self, serials: Sequence[str], metrics: tuple[Metric, ...], rung: Rung, now: datetime
    ) -> Outcome[dict[str, Points]]:
        remembered = self._remembered(serials, metrics, rung, now)
        asked = [serial for serial in serials if serial not in remembered]
        response = self._queries.ask(tuple(asked), metrics, rung.window, now)
        found = {serial: _latest_points(series) for serial, series in response.value.items()}
        if rung.good_for:
            self._remember(found, metrics, rung, now)
        return Outcome({**remembered, **found}, now, response.missing)

    def _remembered(
        self, serials: Sequence[str], metrics: tuple[Metric, ...], rung: Rung, now: datetime
    ) -> dict[str, Points]:
        with self._lock:
            entries = {serial: self._memory.get((serial, rung.window, metrics)) for serial in serials}
        return {
            serial: entry[1]
            for serial, entry in entries.items()
            if entry is not None and now - entry[0] < rung.good_for
        }

    def _remember(
        self, found: Mapping[str, Points], metrics: tuple[Metric, ...], rung: Rung, now: datetime
    ) -> None:
        with self._lock:
            if len(self._memory) > _MEMORY_AT_MOST:
                self._memory.clear()
            for serial, points in found.items():
                self._memory[(serial, rung.window, metrics)] = (now, points)


def _ladder_of(site: Site) -> tuple[Rung, ...]:
    return _LADDERS[site.tier] if site.enabled else _DISABLED_LADDER


def _window(lookback: timedelta, period: timedelta | None) -> QueryWindow:
    if period is not None:
        return QueryWindow(period, lookback)
    for reach, suited in ((15 * _MINUTE, HIGH_RESOLUTION), (3 * _HOUR, _MINUTE), (24 * _HOUR, 5 * _MINUTE)):
        if lookback <= reach:
            return QueryWindow(suited, lookback)
    return QueryWindow(_HOUR, lookback)


def _latest_points(series: Series) -> Points:
    return {metric: points[-1] for metric, points in series.items() if points}
