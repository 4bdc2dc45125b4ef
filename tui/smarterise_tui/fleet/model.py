"""All sites with their latest values; updates return the changed rows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from smarterise_sdk.domain.outcome import Missing
from smarterise_tui.fleet.rows import NEVER, SPARK_METRIC, FleetRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from smarterise_sdk.domain.outcome import Outcome
    from smarterise_sdk.domain.readings.metrics import LatestPoints, Metric, MetricPoint, PointSeries
    from smarterise_sdk.domain.sites.model import Site, Tier
    from smarterise_sdk.domain.status import Status
    from smarterise_sdk.services.sites.service import SitesSnapshot

POLL_WHOLE_FLEET_UP_TO = 500
"""Above this number only visible sites are polled every time, the others in turn."""

IN_TURN = 100
"""Number of other sites per poll of a large fleet."""

LONG_LOOKBACK_EVERY = timedelta(seconds=60)
"""Interval of polls further back than `NEAR`, for late values."""

HISTORY_RETRY_AFTER = timedelta(minutes=5)

NEAR = timedelta(seconds=60)
"""Lookback of the polls in between; few points, as each costs time."""

_SLACK = timedelta(seconds=1)


class FleetModel:
    """Rows by serial, in the order of the file.

    Attributes:
        rows: Rows by serial.
        snapshot: The snapshot of the rows; `None` before the first.
        count_by_status: How many enabled sites are in each status.
        count_by_tier: How many enabled sites each tier has.
    """

    def __init__(self) -> None:
        self.rows: dict[str, FleetRow] = {}
        self.count_by_status: Counter[Status] = Counter()
        self.count_by_tier: Counter[Tier] = Counter()
        self._blind: dict[str, FleetRow] = {}
        self.snapshot: SitesSnapshot | None = None
        self._turn = 0

    def replace_sites(self, snapshot: SitesSnapshot, now: datetime) -> None:
        """Replace the sites; existing sites keep their values."""
        unchanged = self.snapshot is not None and self.snapshot.etag == snapshot.etag
        self.snapshot = snapshot
        if unchanged and len(self.rows) == len(snapshot.sites):
            return
        rows = {}
        for site in snapshot.sites:
            row = self.rows.get(site.gateway_serial)
            if row is None:
                row = FleetRow(site)
            elif row.site != site:
                row.configure(site, now)
            rows[site.gateway_serial] = row
        self.rows = rows
        self._blind = {serial: row for serial, row in rows.items() if row.missing is not None}
        enabled = [row for row in rows.values() if row.site.enabled]
        self.count_by_status = Counter(row.state.status for row in enabled)
        self.count_by_tier = Counter(row.site.tier for row in enabled)

    def take_latest(
        self,
        requested: Iterable[str],
        long_lookback: Collection[str],
        metrics: Collection[Metric],
        outcome: Outcome[LatestPoints],
        now: datetime,
    ) -> set[str]:
        """Update latest values, and missing values with their errors.

        Returns:
            Serials whose status changed, and perhaps their position.
        """
        missing = _missing_by_serial(outcome.missing)
        moved = set()
        for serial in requested:
            row = self.rows.get(serial)
            if row is None:
                continue
            item = missing.get(serial)
            is_far = item is None and serial in long_lookback
            complete_for = metrics if is_far else ()  # a short lookback may miss older points
            if self._take(row, complete_for, outcome.value.get(serial, {}), item, now):
                moved.add(serial)
            if is_far:
                row.long_lookback_at = now
        return moved

    def take_history(self, requested: Iterable[str], outcome: Outcome[PointSeries], now: datetime) -> None:
        """Update the data of the sparklines; failed sites are retried later."""
        for serial in requested:
            if serial in self.rows:
                self.rows[serial].remember(outcome.value.get(serial, {}).get(SPARK_METRIC, ()))
        self.miss_history(_missing_by_serial(outcome.missing), now)

    def miss_latest(self, requested: Iterable[str], item: Missing, now: datetime) -> None:
        """Record that the latest values of these sites are missing."""
        for serial in requested:
            if serial in self.rows:
                self._take(self.rows[serial], (), {}, item, now)

    def miss_history(self, requested: Iterable[str], now: datetime) -> None:
        """Record that sparkline data is missing; it is retried later."""
        for serial in requested:
            if serial in self.rows:
                self.rows[serial].history_due = now + HISTORY_RETRY_AFTER

    def note_requested(self, serials: Iterable[str], now: datetime) -> None:
        """Record the time of a request for latest values."""
        for serial in serials:
            if serial in self.rows:
                self.rows[serial].requested_at = now

    def pass_time(self, now: datetime) -> set[str]:
        """Re-evaluate rows whose state depends on time; return those whose status changed."""
        timestamp = now.timestamp()
        moved = set()
        for row in self.rows.values():
            if row.evaluate_due <= timestamp:
                before = row.state.status
                row.evaluate(now)
                if self._recount(before, row):
                    moved.add(row.serial)
        return moved

    def due(self, visible: Sequence[str], now: datetime, *, everything: bool = False) -> list[Site]:
        """Return the sites to poll: all of a small fleet; of a large one the visible and some others."""
        if len(self.rows) <= POLL_WHOLE_FLEET_UP_TO:
            candidates: Iterable[FleetRow] = self.rows.values()
        else:
            on_screen = (self.rows[serial] for serial in visible if serial in self.rows)
            candidates = {row.serial: row for row in (*on_screen, *self._next_in_turn())}.values()
        return [row.site for row in candidates if row.site.enabled and (everything or _is_due(row, now))]

    def is_recent_enough(self, serial: str, now: datetime) -> bool:
        """Return whether a short lookback is enough, because older values are known."""
        row = self.rows.get(serial)
        if row is None or row.long_lookback_at is None or not row.site.tier.policy.is_streamed:
            return False
        return now - row.long_lookback_at < LONG_LOOKBACK_EVERY - _SLACK

    def without_history(self, visible: Sequence[str], now: datetime) -> list[str]:
        """Return the visible serials whose sparkline data is due, and mark it as requested."""
        rows = [self.rows[serial] for serial in visible if serial in self.rows]
        due = [row for row in rows if row.site.enabled and row.history_due <= now]
        for row in due:
            row.history_due = NEVER
        return [row.serial for row in due]

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Missing values of the last request, one item per site."""
        return tuple(
            Missing(row.missing.action, row.missing.error, (serial,))
            for serial, row in self._blind.items()
            if row.missing
        )

    @property
    def disabled(self) -> int:
        """How many sites are disabled; the counts leave them out."""
        return len(self.rows) - self.count_by_tier.total()

    def _take(
        self,
        row: FleetRow,
        requested: Collection[Metric],
        points: Mapping[Metric, MetricPoint],
        item: Missing | None,
        now: datetime,
    ) -> bool:
        """Update a row; return whether its status changed."""
        before = row.state.status
        row.take(requested, points, now, missing=item)
        if item is not None:
            self._blind[row.serial] = row
        elif self._blind:
            self._blind.pop(row.serial, None)
        return self._recount(before, row)

    def _recount(self, before: Status, row: FleetRow) -> bool:
        after = row.state.status
        if after is before:
            return False
        if row.site.enabled:
            self.count_by_status[before] -= 1
            self.count_by_status[after] += 1
        return True

    def _next_in_turn(self) -> list[FleetRow]:
        rows = list(self.rows.values())
        start = self._turn % len(rows)
        self._turn = start + IN_TURN
        return rows[start : start + IN_TURN]


def _is_due(row: FleetRow, now: datetime) -> bool:
    return row.requested_at is None or now - row.requested_at >= row.site.tier.policy.poll_every - _SLACK


def _missing_by_serial(missing: Iterable[Missing]) -> Mapping[str, Missing]:
    return {serial: item for item in missing for serial in item.scope}
