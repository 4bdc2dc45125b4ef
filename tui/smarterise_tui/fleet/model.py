"""All sites with their newest values. Handlers feed it answers; it says which rows that changed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from smarterise_sdk.domain.outcome import Missing
from smarterise_tui.fleet.rows import NEVER, SPARK_METRIC, FleetRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from smarterise_sdk.domain.outcome import Outcome
    from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
    from smarterise_sdk.domain.sites.model import Site, Tier
    from smarterise_sdk.domain.status import Status
    from smarterise_tui.contract import Latest, SeriesOf, SitesSnapshot

POLL_WHOLE_FLEET_UP_TO = 500
"""Above this many sites only those on screen are asked every time, the others in turn."""

IN_TURN = 100
"""How many of the others are asked at each poll of a big fleet."""

"""How often a site is asked about: streamed ones live, the others far more often than they can change."""

LONG_LOOKBACK_EVERY = timedelta(seconds=60)
"""How often a site whose values come in is looked at further back than `NEAR`, for what came late."""

HISTORY_RETRY_AFTER = timedelta(minutes=5)

NEAR = timedelta(seconds=60)
"""How far back a site is looked at in between: few points, as each one costs time to read."""

_SLACK = timedelta(seconds=1)


class FleetModel:
    """Rows by serial, in the order of the file.

    Attributes:
        rows: One a site.
        snapshot: What they come from; `None` before the first.
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
        """Take over the sites of a snapshot; rows of sites that stay keep their values."""
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
        outcome: Outcome[Latest],
        now: datetime,
    ) -> set[str]:
        """Take over newest values; a site that has none and lies in a gap gets the gap.

        Returns:
            Serials of another status, whose place may be another when the worst comes first.
        """
        missing = _missing_by_serial(outcome.missing)
        moved = set()
        for serial in requested:
            row = self.rows.get(serial)
            if row is None:
                continue
            item = missing.get(serial)
            is_far = item is None and serial in long_lookback
            answered = metrics if is_far else ()  # what a near look lacks may lie further back
            if self._take(row, answered, outcome.value.get(serial, {}), item, now):
                moved.add(serial)
            if is_far:
                row.long_lookback_at = now
        return moved

    def take_history(self, requested: Iterable[str], outcome: Outcome[SeriesOf], now: datetime) -> None:
        """Take over the past of the sparkline's metric; sites in a gap are asked again some time later."""
        for serial in requested:
            if serial in self.rows:
                self.rows[serial].remember(outcome.value.get(serial, {}).get(SPARK_METRIC, ()))
        self.miss_history(_missing_by_serial(outcome.missing), now)

    def miss_latest(self, requested: Iterable[str], item: Missing, now: datetime) -> None:
        """Note that the newest values of these sites could not be had."""
        for serial in requested:
            if serial in self.rows:
                self._take(self.rows[serial], (), {}, item, now)

    def miss_history(self, requested: Iterable[str], now: datetime) -> None:
        """Note that the past could not be had; it is asked for again some time later."""
        for serial in requested:
            if serial in self.rows:
                self.rows[serial].history_due = now + HISTORY_RETRY_AFTER

    def note_requested(self, serials: Iterable[str], now: datetime) -> None:
        """Note that newest values were asked for."""
        for serial in serials:
            if serial in self.rows:
                self.rows[serial].requested_at = now

    def pass_time(self, now: datetime) -> set[str]:
        """Judge anew the rows for which time alone changes the verdict; return those of another status."""
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
        """Return the sites to ask about now: all of a small fleet; of a big one the visible and some more."""
        if len(self.rows) <= POLL_WHOLE_FLEET_UP_TO:
            candidates: Iterable[FleetRow] = self.rows.values()
        else:
            on_screen = (self.rows[serial] for serial in visible if serial in self.rows)
            candidates = {row.serial: row for row in (*on_screen, *self._next_in_turn())}.values()
        return [row.site for row in candidates if row.site.enabled and (everything or _is_due(row, now))]

    def is_recent_enough(self, serial: str, now: datetime) -> bool:
        """Whether the last minute is enough: the values before it are here, or known not to be there."""
        row = self.rows.get(serial)
        if row is None or row.long_lookback_at is None or not row.site.tier.policy.is_streamed:
            return False
        return now - row.long_lookback_at < LONG_LOOKBACK_EVERY - _SLACK

    def without_history(self, visible: Sequence[str], now: datetime) -> list[str]:
        """Return the visible serials whose past is to be asked for, and note that it is."""
        rows = [self.rows[serial] for serial in visible if serial in self.rows]
        wanted = [row for row in rows if row.site.enabled and row.history_due <= now]
        for row in wanted:
            row.history_due = NEVER
        return [row.serial for row in wanted]

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What stood between us and values of sites when they were last asked about, a gap a site."""
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
        """Give an answer to a row; return whether its status is another now."""
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
