"""A row of the fleet: configuration, latest values and state of one site."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.state import SiteState, evaluate
from smarterise_sdk.domain.status import Status
from smarterise_sdk.errors import Denied, Throttled, Unreachable
from smarterise_tui.fleet.history import History

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import timedelta

    from smarterise_sdk.domain.outcome import Missing
    from smarterise_sdk.domain.sites.model import Site

SPARK_METRIC = Metric.ACTIVE_POWER
_LOADING = SiteState(Status.LOADING, Status.LOADING.value)
_DISABLED = SiteState(Status.UNKNOWN, "disabled")
_NEVER = math.inf
AT_ONCE = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
_STATE_BY_ERROR: dict[type[Exception], SiteState] = {
    Denied: SiteState(Status.DENIED, Status.DENIED.value),
    Throttled: SiteState(Status.UNKNOWN, "throttled"),
    Unreachable: SiteState(Status.UNKNOWN, "unreachable"),
}
_STALE_AFTER = {tier: tier.policy.stale_after.total_seconds() for tier in Tier}
_FAILED = SiteState(Status.UNKNOWN, "no response")


class FleetRow:
    """A site with its values and state; changed only by the handlers of the console.

    Attributes:
        site: Its configuration.
        points: Latest point of each metric that has one.
        state: Evaluated state.
        missing: Error of the last request, if values are missing.
        has_response: Whether the last request returned any values.
        requested_at: Time of the last request; `None` before the first.
        long_lookback_at: Time of the last request with full lookback.
        history: Minutes of `SPARK_METRIC`; `None` until fetched.
        history_due: Earliest time to fetch the history.
        is_loaded: Whether any request has finished.
        rank_key: Sort key, the worst first.
        evaluate_due: Epoch seconds of the next evaluation.
    """

    __slots__ = (
        "evaluate_due",
        "has_response",
        "history",
        "history_due",
        "is_loaded",
        "latest",
        "long_lookback_at",
        "missing",
        "points",
        "rank_key",
        "requested_at",
        "site",
        "state",
    )

    def __init__(self, site: Site) -> None:
        self.site = site
        self.points: Mapping[Metric, MetricPoint] = {}
        self.latest: datetime | None = None
        self.missing: Missing | None = None
        self.has_response = False
        self.requested_at: datetime | None = None
        self.long_lookback_at: datetime | None = None
        self.history: History | None = None
        self.history_due = AT_ONCE
        self.is_loaded = False
        self.state = _LOADING if site.enabled else _DISABLED
        self.rank_key = _rank_key(self.state, site)
        self.evaluate_due = _NEVER

    @property
    def serial(self) -> str:
        """Gateway serial."""
        return self.site.gateway_serial

    def value(self, metric: Metric) -> float | None:
        """Return the latest value of a metric."""
        point = self.points.get(metric)
        return None if point is None else point.value

    def age(self, now: datetime) -> timedelta | None:
        """Return the age of the latest value."""
        return None if self.latest is None else now - self.latest

    @property
    def load_percent(self) -> float | None:
        """Apparent power against capacity, percent; `None` without capacity or values."""
        power, factor = self.value(Metric.ACTIVE_POWER), self.value(Metric.POWER_FACTOR)
        if power is None or factor is None or not self.site.capacity_kva or abs(factor) < 0.01:
            return None
        return 100 * abs(power / factor) / self.site.capacity_kva

    def configure(self, site: Site, now: datetime) -> None:
        """Replace the configuration; values are kept."""
        self.site = site
        self.evaluate(now)

    def take(
        self,
        requested: Collection[Metric],
        points: Mapping[Metric, MetricPoint],
        now: datetime,
        *,
        missing: Missing | None = None,
    ) -> None:
        """Update values with a complete or partial response.

        An empty response keeps the old values, so that their age is shown. A metric that is absent from a
        non-empty response is removed.
        """
        self.is_loaded = True
        self.missing = missing
        self.has_response = missing is None or bool(points)
        if points:
            kept = {metric: point for metric, point in self.points.items() if metric not in requested}
            self.points = {**kept, **points} if kept else points
            self.latest = max([point.at for point in self.points.values()])
            spark = points.get(SPARK_METRIC)
            if spark is not None and self.history is not None:
                if self.history.has_gap_before(spark):
                    self.history_due = AT_ONCE
                self.history.add(spark)
        self.evaluate(now)

    def remember(self, points: tuple[MetricPoint, ...]) -> None:
        """Add the sparkline's data.

        If it is newer than the latest values, these are requested again.
        """
        if self.history is None:
            self.history = History()
        self.history.extend(points)
        if points and (self.latest is None or self.latest < max([point.at for point in points])):
            self.requested_at = self.long_lookback_at = None

    def evaluate(self, now: datetime) -> None:
        """Evaluate the state."""
        if not self.site.enabled:
            self._set_state(_DISABLED, _NEVER)
        elif self.missing is not None and not self.has_response:
            self._set_state(_STATE_BY_ERROR.get(type(self.missing.error), _FAILED), _NEVER)
        elif not self.is_loaded:
            self._set_state(_LOADING, _NEVER)
        else:
            state = evaluate(self.site, self.points, now)
            self._set_state(state, self._next_evaluation(state, now))

    def _next_evaluation(self, state: SiteState, now: datetime) -> float:
        if self.latest is None:
            return _NEVER
        if state.status is Status.STALE:
            return now.timestamp() + 60  # "stale 7m" becomes "stale 8m"
        return self.latest.timestamp() + _STALE_AFTER[self.site.tier]

    def _set_state(self, state: SiteState, due: float) -> None:
        self.evaluate_due = due
        if state.status is not self.state.status:
            self.rank_key = _rank_key(state, self.site)
        self.state = state


def _rank_key(state: SiteState, site: Site) -> str:
    return f"{state.status.rank}{site.gateway_serial}"
