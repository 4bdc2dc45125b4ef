"""Aggregates of readings over 10 minutes, an hour and a day, recomputed wherever readings arrive.

According to IEC 61000-4-30: root mean square of voltages and currents, mean of other quantities, over
intervals aligned to full ten minutes UTC. Longer intervals are aggregated from the 10-minute ones, weighted
by the time covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from psycopg import sql

from smarterise_sdk.domain.readings.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from smarterise_lambdas.shared.database import Cursor

TEN_MINUTES: Final = timedelta(minutes=10)
LONGER: Final = {"readings_1h": timedelta(hours=1), "readings_1d": timedelta(days=1)}

ROOT_MEAN_SQUARES: Final = (
    *(Quantity.VOLTAGE_A.value, Quantity.VOLTAGE_B.value, Quantity.VOLTAGE_C.value),
    *(Quantity.VOLTAGE_AB.value, Quantity.VOLTAGE_BC.value, Quantity.VOLTAGE_CA.value),
    *(Quantity.CURRENT_A.value, Quantity.CURRENT_B.value, Quantity.CURRENT_C.value),
    *(Quantity.CURRENT_N.value, "voltage_unbalance"),
)
MEANS: Final = (
    *(Quantity.ACTIVE_POWER_TOTAL.value, Quantity.REACTIVE_POWER_TOTAL.value),
    *(Quantity.APPARENT_POWER_TOTAL.value, Quantity.POWER_FACTOR_TOTAL.value, Quantity.FREQUENCY.value),
)
LAST: Final = (Quantity.ENERGY_IMPORT.value, Quantity.ENERGY_EXPORT.value)

_UNKNOWN_INTERVAL_S = 60.0
_LOOKBACK = timedelta(hours=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Time range of a meter, both ends included."""

    gateway_serial: str
    device_serial: str
    first: datetime
    last: datetime

    @property
    def length(self) -> timedelta:
        """Duration from first to last."""
        return self.last - self.first


def merged(time_ranges: Iterable[TimeRange], within: timedelta) -> list[TimeRange]:
    """Merge time ranges of a meter that overlap or are close to each other; return them in order.

    Args:
        time_ranges: In any order.
        within: Largest distance at which two ranges are merged.
    """
    found: list[TimeRange] = []
    for time_range in sorted(
        time_ranges,
        key=lambda time_range: (time_range.gateway_serial, time_range.device_serial, time_range.first),
    ):
        last = found[-1] if found else None
        if last and _same_meter(last, time_range) and time_range.first <= last.last + within:
            found[-1] = TimeRange(
                last.gateway_serial, last.device_serial, last.first, max(last.last, time_range.last)
            )
        else:
            found.append(time_range)
    return found


def recompute(cursor: Cursor, time_ranges: Collection[TimeRange]) -> None:
    """Recompute every aggregate that includes a reading of these time ranges, in the caller's transaction.

    Raises:
        psycopg.Error: If the database fails.
    """
    if not time_ranges:
        return
    _recompute(cursor, "readings_10min", _TEN_MINUTES, TEN_MINUTES, time_ranges)
    for table, width in LONGER.items():
        _recompute(cursor, table, _LONGER, width, time_ranges)


def _recompute(
    cursor: Cursor, table: str, statement: sql.SQL, width: timedelta, time_ranges: Collection[TimeRange]
) -> None:
    buckets = [
        TimeRange(s.gateway_serial, s.device_serial, _floor(s.first, width), s.last) for s in time_ranges
    ]
    targets = merged(buckets, timedelta(0))
    values = {
        "gateways": [time_range.gateway_serial for time_range in targets],
        "devices": [time_range.device_serial for time_range in targets],
        "firsts": [time_range.first for time_range in targets],
        "untils": [_floor(time_range.last, width) + width for time_range in targets],
        "width": width,
        "width_s": width.total_seconds(),
        "epoch": _EPOCH,
        "unknown_s": _UNKNOWN_INTERVAL_S,
        "look_back": _LOOKBACK,
    }
    name = sql.Identifier(table)
    cursor.execute(statement.format(table=name, **_PARTS), values)
    # Aggregates that were not recomputed now have no readings left.
    cursor.execute(_DELETE_STALE.format(table=name, target=_TARGETS), values)


def _same_meter(one: TimeRange, other: TimeRange) -> bool:
    return (one.gateway_serial, one.device_serial) == (other.gateway_serial, other.device_serial)


def _floor(timestamp: datetime, width: timedelta) -> datetime:
    return timestamp - (timestamp - _EPOCH) % width


def _columns(*table: str) -> sql.Composed:
    names = [name + end for name in (*ROOT_MEAN_SQUARES, *MEANS) for end in ("", "_min", "_max")]
    return sql.SQL(", ").join(sql.Identifier(*table, name) for name in (*names, *LAST))


def _each(templates: Sequence[tuple[Sequence[str], str]]) -> sql.Composed:
    """Return the expressions of all columns in order; a template contains {value} and its limits."""
    return sql.SQL(", ").join(
        sql.SQL(template).format(
            value=sql.Identifier(name),
            lowest=sql.Identifier(f"{name}_min"),
            highest=sql.Identifier(f"{name}_max"),
        )
        for names, template in templates
        for name in names
    )


_TARGETS: Final = sql.SQL(
    "unnest(%(gateways)s::text[], %(devices)s::text[], %(firsts)s::timestamptz[], %(untils)s::timestamptz[])"
    " AS target (gateway_serial, device_serial, first, until)"
)
# Squaring an implausible value would overflow and fail the whole statement.
_SAMPLES: Final = _each(
    [
        (
            ROOT_MEAN_SQUARES,
            "sqrt(avg(CASE WHEN abs({value}) < 1e15 THEN {value} ^ 2 END)), min({value}), max({value})",
        ),
        (MEANS, "avg(CASE WHEN abs({value}) < 1e15 THEN {value} END), min({value}), max({value})"),
        (LAST, "(array_agg({value} ORDER BY measured_at DESC) FILTER (WHERE {value} IS NOT NULL))[1]"),
    ]
)
_COVERED = "nullif(sum(covered_s) FILTER (WHERE {value} IS NOT NULL), 0)"
_INTERVALS: Final = _each(
    [
        (
            ROOT_MEAN_SQUARES,
            f"sqrt(sum({{value}} ^ 2 * covered_s) / {_COVERED}), min({{lowest}}), max({{highest}})",
        ),
        (MEANS, f"sum({{value}} * covered_s) / {_COVERED}, min({{lowest}}), max({{highest}})"),
        (LAST, "(array_agg({value} ORDER BY bucket DESC) FILTER (WHERE {value} IS NOT NULL))[1]"),
    ]
)
_COLUMNS: Final = _columns()
_PARTS: Final = {
    "target": _TARGETS,
    "columns": _COLUMNS,
    "samples": _SAMPLES,
    "intervals": _INTERVALS,
    "upsert": sql.SQL(
        """
        ON CONFLICT (gateway_serial, device_serial, bucket) DO UPDATE
        SET (samples, flagged, covered_s, completeness, computed_at, {columns})
          = ROW (excluded.samples, excluded.flagged, excluded.covered_s, excluded.completeness,
                 excluded.computed_at, {excluded})
        """
    ).format(columns=_COLUMNS, excluded=_columns("excluded")),
}
_TEN_MINUTES: Final = sql.SQL(
    """
    INSERT INTO {table} (gateway_serial, device_serial, bucket, samples, flagged, covered_s, completeness,
                         computed_at, {columns})
    SELECT target.gateway_serial, target.device_serial, bucket, samples, flagged, samples * usual_s,
           least(1, samples * usual_s / %(width_s)s), now(), {columns}
    FROM {target}
    CROSS JOIN LATERAL (
        SELECT coalesce(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY delta)),
                        %(unknown_s)s)::double precision AS usual_s
        FROM (
            SELECT measured_at - lag(measured_at) OVER (ORDER BY measured_at) AS delta
            FROM readings
            WHERE gateway_serial = target.gateway_serial AND device_serial = target.device_serial
              AND measured_at >= target.first - %(look_back)s AND measured_at < target.until
        ) AS deltas
    ) AS rhythm
    CROSS JOIN LATERAL (
        SELECT date_bin(%(width)s, measured_at, %(epoch)s) AS bucket, count(*) AS samples,
               count(*) FILTER (WHERE flags <> '{{}}' OR quality <> '{{}}') AS flagged, {samples}
        FROM readings
        WHERE gateway_serial = target.gateway_serial AND device_serial = target.device_serial
          AND measured_at >= target.first AND measured_at < target.until
          AND device_online AND NOT 'clock_fault' = ANY (flags || quality)
        GROUP BY 1
    ) AS found (bucket, samples, flagged, {columns})
    {upsert}
    """
)
_LONGER: Final = sql.SQL(
    """
    INSERT INTO {table} (gateway_serial, device_serial, bucket, samples, flagged, covered_s, completeness,
                         computed_at, {columns})
    SELECT target.gateway_serial, target.device_serial, found.bucket, found.samples, found.flagged,
           found.covered_s, least(1, found.covered_s / %(width_s)s), now(), {columns}
    FROM {target}
    CROSS JOIN LATERAL (
        SELECT date_bin(%(width)s, bucket, %(epoch)s), sum(samples), sum(flagged), sum(covered_s), {intervals}
        FROM readings_10min
        WHERE gateway_serial = target.gateway_serial AND device_serial = target.device_serial
          AND bucket >= target.first AND bucket < target.until
        GROUP BY 1
    ) AS found (bucket, samples, flagged, covered_s, {columns})
    {upsert}
    """
)
_DELETE_STALE: Final = sql.SQL(
    """
    DELETE FROM {table} AS kept USING {target}
    WHERE kept.gateway_serial = target.gateway_serial AND kept.device_serial = target.device_serial
      AND kept.bucket >= target.first AND kept.bucket < target.until AND kept.computed_at < now()
    """
)
