"""Queries ingest status and gaps per data path from readings, file ledger and quarantine.

Queries are bounded: by a list of gateways and a time range, and readings are read through their key.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.shared.database import transaction
from smarterise_sdk.domain.ingest.manager_api import ROWS_AT_MOST
from smarterise_sdk.domain.readings.quality import GAP_FACTOR

if TYPE_CHECKING:
    from smarterise_lambdas.ingest_manager.event import Request
    from smarterise_lambdas.shared.database import Connection

LOOKBACK: Final = timedelta(days=7)
"""How far before the time range the last reading of a data path is searched."""
STUCK_AFTER: Final = timedelta(minutes=15)
"""A load in progress for longer was interrupted, as it exceeds the maximum duration of a Lambda function."""
LATE_EVIDENCE: Final = timedelta(days=2)
"""How long after a gap a file that would fill it is searched."""
TIMEOUT_S: Final = 40.0


def gateways(connection: Connection, request: Request) -> dict[str, Any]:
    """List known gateways: those with meters, or with recent files or quarantine entries.

    Raises:
        psycopg.Error: If the database fails.
    """
    with transaction(connection, TIMEOUT_S) as cursor:
        found = cursor.execute(_GATEWAYS, {"since": request.since}).fetchall()
    return {"gateways": [serial for (serial,) in found if serial]}


def status(connection: Connection, request: Request) -> dict[str, Any]:
    """Return the ingest status of gateways per data path in a time range.

    `streams` has one row per meter and source of readings, `files` one per gateway, `kept` one per gateway,
    source and reason of quarantine entries.

    Raises:
        psycopg.Error: If the database fails.
    """
    since, until = request.time_range
    values = {
        "gateways": list(request.gateways),
        "since": since,
        "until": until,
        "back": since - LOOKBACK,
        "stuck": datetime.now(UTC) - STUCK_AFTER,
    }
    with transaction(connection, TIMEOUT_S) as cursor:
        return {
            "streams": _rows(cursor.execute(_STREAMS, values)),
            "files": _rows(cursor.execute(_FILES, values)),
            "kept": _rows(cursor.execute(_KEPT, values)),
        }


def gaps(connection: Connection, request: Request) -> dict[str, Any]:
    """Return the gaps in gateways' readings in a time range, with evidence of their cause.

    `meters` has every meter with readings in the range; a gateway without any is not listed as a gap.

    Raises:
        psycopg.Error: If the database fails.
    """
    since, until = request.time_range
    values = {
        "gateways": list(request.gateways),
        "since": since,
        "until": until,
        "later": until + LATE_EVIDENCE,
        "factor": GAP_FACTOR,
        "limit": ROWS_AT_MOST,
    }
    with transaction(connection, TIMEOUT_S) as cursor:
        cursor.execute(_CREATE_INTERVALS, values)
        response = {"meters": _rows(cursor.execute(_METERS))}
        gaps = _rows(cursor.execute(_GAPS, {**values, "limit": ROWS_AT_MOST + 1}))
        return {
            **response,
            "gaps": gaps[:ROWS_AT_MOST],
            "is_complete": len(gaps) <= ROWS_AT_MOST,
            "files": _rows(cursor.execute(_FAILED_FILES, values)),
            "kept": _rows(cursor.execute(_KEPT_ENTRIES, values)),
        }


def _rows(cursor: Any) -> list[dict[str, Any]]:
    names = [column.name for column in cursor.description]
    return [dict(zip(names, map(_plain, row), strict=True)) for row in cursor]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else value


_GATEWAYS: Final = b"""
    SELECT gateway_serial FROM meters
    UNION SELECT gateway_serial FROM ingest_files WHERE received_at >= %(since)s
    UNION SELECT gateway_serial FROM quarantine WHERE seen_at >= %(since)s
    ORDER BY gateway_serial
"""
# The stream of a meter without a reading in the time range is searched further back.
_STREAMS: Final = b"""
    WITH intervals AS (
        SELECT gateway_serial, device_serial, source, measured_at, ingested_at,
               measured_at - lag(measured_at) OVER (
                   PARTITION BY gateway_serial, device_serial, source ORDER BY measured_at
               ) AS delta
        FROM readings
        WHERE gateway_serial = ANY (%(gateways)s) AND measured_at >= %(since)s AND measured_at < %(until)s
          AND NOT 'clock_fault' = ANY (flags || quality)
    ), found AS (
        SELECT gateway_serial, device_serial, source, count(*) AS found,
               CASE WHEN count(delta) >= 3
                    THEN percentile_disc(0.5) WITHIN GROUP (ORDER BY delta) END AS usual_s,
               max(measured_at) AS last_measured_at, max(ingested_at) AS last_arrived_at
        FROM intervals GROUP BY 1, 2, 3
    )
    SELECT * FROM found
    UNION ALL
    SELECT gateway_serial, device_serial, 'iot', 0, NULL, earlier.measured_at, earlier.ingested_at
    FROM meters CROSS JOIN LATERAL (
        SELECT measured_at, ingested_at FROM readings
        WHERE gateway_serial = meters.gateway_serial AND device_serial = meters.device_serial
          AND measured_at >= %(back)s AND measured_at < %(since)s AND source = 'iot'
          AND NOT 'clock_fault' = ANY (flags || quality)
        ORDER BY measured_at DESC LIMIT 1
    ) AS earlier
    WHERE gateway_serial = ANY (%(gateways)s)
      AND NOT EXISTS (
          SELECT FROM found
          WHERE (found.gateway_serial, found.device_serial, found.source)
              = (meters.gateway_serial, meters.device_serial, 'iot')
      )
    ORDER BY 1, 2, 3
"""
# Files overlap and are uploaded repeatedly, so coverage is the union of their time ranges. Each row covers
# the time until the next.
_FILES: Final = b"""
    WITH spans AS (
        SELECT gateway_serial, first_measured_at AS first, last_measured_at AS last,
               CASE WHEN held > 1 THEN least((last_measured_at - first_measured_at) / (held - 1),
                                             interval '1 hour')
                    ELSE interval '1 minute' END AS step
        FROM ingest_files CROSS JOIN LATERAL (
            SELECT rows_loaded + rows_identical + rows_superseded + rows_differing
        ) AS rows (held)
        WHERE gateway_serial = ANY (%(gateways)s) AND state = 'loaded' AND received_at >= %(since)s
          AND first_measured_at < %(until)s AND last_measured_at >= %(since)s
    ), covered AS (
        SELECT gateway_serial, extract(epoch FROM sum(upper(span) - lower(span)))::float8 AS covered_s,
               min(step) AS usual_s
        FROM (
            SELECT gateway_serial, min(step) AS step,
                   unnest(range_agg(tstzrange(greatest(first, %(since)s),
                                              greatest(least(last + step, %(until)s), %(since)s)))) AS span
            FROM spans GROUP BY 1
        ) AS united
        GROUP BY 1
    )
    SELECT requested.gateway_serial, covered_s, usual_s,
           lately.files, lately.unfinished_files, lately.rejected,
           loaded.last_measured_at, loaded.last_arrived_at,
           latest.key, latest.state, latest.reason, latest.received_at
    FROM unnest(%(gateways)s::text[]) AS requested (gateway_serial)
    LEFT JOIN covered USING (gateway_serial)
    CROSS JOIN LATERAL (
        SELECT count(*) AS files,
               count(*) FILTER (
                   WHERE state = 'failed' OR state = 'loading' AND started_at < %(stuck)s
               ) AS unfinished_files,
               count(*) FILTER (WHERE state = 'rejected') AS rejected
        FROM ingest_files WHERE gateway_serial = requested.gateway_serial AND received_at >= %(since)s
    ) AS lately
    LEFT JOIN LATERAL (
        SELECT max(last_measured_at) AS last_measured_at, max(received_at) AS last_arrived_at
        FROM (
            SELECT last_measured_at, received_at FROM ingest_files
            WHERE gateway_serial = requested.gateway_serial AND state = 'loaded'
            ORDER BY received_at DESC LIMIT 20
        ) AS last_ones
    ) AS loaded ON true
    LEFT JOIN LATERAL (
        SELECT key, state, reason, received_at FROM ingest_files
        WHERE gateway_serial = requested.gateway_serial
        ORDER BY received_at DESC LIMIT 1
    ) AS latest ON true
    WHERE latest.received_at IS NOT NULL
    ORDER BY 1
"""
_KEPT: Final = b"""
    SELECT gateway_serial, source, reason, count(*) AS entries, sum(rows)::bigint AS rows,
           max(seen_at) AS last_seen_at
    FROM quarantine
    WHERE gateway_serial = ANY (%(gateways)s) AND state = 'kept' AND seen_at >= %(since)s
      AND seen_at < %(until)s
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_CREATE_INTERVALS: Final = b"""
    CREATE TEMP TABLE intervals ON COMMIT DROP AS
    SELECT gateway_serial, device_serial, measured_at,
           lag(measured_at) OVER (PARTITION BY gateway_serial, device_serial ORDER BY measured_at) AS before
    FROM readings
    WHERE gateway_serial = ANY (%(gateways)s) AND measured_at >= %(since)s AND measured_at < %(until)s
      AND device_online AND NOT 'clock_fault' = ANY (flags || quality)
"""
_METERS: Final = b"""
    SELECT gateway_serial, device_serial, count(*) AS readings,
           CASE WHEN count(before) >= 3
                THEN percentile_disc(0.5) WITHIN GROUP (ORDER BY measured_at - before) END AS usual_s
    FROM intervals GROUP BY 1, 2 ORDER BY 1, 2
"""
# At least one minute, the interval of file rows, so that file rows within a gap of the stream are not gaps.
_GAPS: Final = b"""
    WITH meter AS (
        SELECT gateway_serial, device_serial, min(measured_at) AS first, max(measured_at) AS last,
               greatest(CASE WHEN count(before) >= 3
                             THEN percentile_disc(0.5) WITHIN GROUP (ORDER BY measured_at - before) END,
                        interval '1 minute') * %(factor)s AS longest
        FROM intervals GROUP BY 1, 2
    ), gap AS (
        SELECT gateway_serial, device_serial, before AS since, measured_at AS until
        FROM intervals JOIN meter USING (gateway_serial, device_serial)
        WHERE measured_at - before > longest
        UNION ALL
        SELECT gateway_serial, device_serial, %(since)s, first FROM meter WHERE first - %(since)s > longest
        UNION ALL
        SELECT gateway_serial, device_serial, last, %(until)s FROM meter WHERE %(until)s - last > longest
    )
    SELECT gap.*, offline, clock_faults, unnamed
    FROM (SELECT * FROM gap ORDER BY gateway_serial, since, device_serial LIMIT %(limit)s) AS gap
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE device_serial = gap.device_serial AND NOT device_online) AS offline,
               count(*) FILTER (
                   WHERE device_serial = gap.device_serial AND 'clock_fault' = ANY (flags || quality)
               ) AS clock_faults,
               count(*) FILTER (WHERE device_serial <> gap.device_serial AND device_serial = '') AS unnamed
        FROM readings
        WHERE gateway_serial = gap.gateway_serial AND device_serial IN (gap.device_serial, '')
          AND measured_at > gap.since AND measured_at < gap.until
    ) AS within
    ORDER BY gateway_serial, since, device_serial
"""
_FAILED_FILES: Final = b"""
    SELECT gateway_serial, key, state, reason, received_at FROM ingest_files
    WHERE gateway_serial = ANY (%(gateways)s) AND state <> 'loaded'
      AND received_at >= %(since)s AND received_at < %(later)s
    ORDER BY received_at LIMIT %(limit)s
"""
_KEPT_ENTRIES: Final = b"""
    SELECT id, gateway_serial, source, reason, rows, seen_at, key, origin FROM quarantine
    WHERE gateway_serial = ANY (%(gateways)s) AND state = 'kept'
      AND seen_at >= %(since)s AND seen_at < %(later)s
    ORDER BY seen_at LIMIT %(limit)s
"""
