"""New rows into the table `readings` with nothing between: at the speed of a bare COPY.

Only for rows of which the table has none, in the order of their keys: then the rule of `rows` has nothing to
decide. That is looked up, and held by the primary key: if somebody else puts in the same rows meanwhile, the
COPY fails with all that its transaction did.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from psycopg import sql

from smarterise_lambdas.s3_to_rds_lambda.packing import BEGINNING, END
from smarterise_sdk.domain.stamps import MICROSECOND, moment_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smarterise_lambdas.s3_to_rds_lambda.packing import Packed
    from smarterise_lambdas.shared.database import Cursor

_DAY: Final = timedelta(days=1) // MICROSECOND


def has_rows(cursor: Cursor, gateway_serial: str, device_serial: str, first: int, last: int) -> bool:
    """Return whether the table has any row of a meter between two moments, or at them.

    Raises:
        psycopg.Error: If the database fails.
    """
    values = [gateway_serial, device_serial, moment_at(first), moment_at(last)]
    found = cursor.execute(_HAS_ROWS, values).fetchone()
    return found is not None and bool(found[0])


def copy_straight(cursor: Cursor, packed: Iterable[Packed]) -> None:
    """Put rows into the table, whose months have partitions.

    Raises:
        psycopg.errors.UniqueViolation: If one is there already.
        psycopg.Error: If the database fails.
    """
    for columns, alike in groupby(packed, lambda each: each.columns):
        copy_in = sql.SQL("COPY readings ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with cursor.copy(copy_in) as copy:
            copy.write(BEGINNING)
            for each in alike:
                copy.write(each.rows)
            copy.write(END)


def note_days(cursor: Cursor, gateway_serial: str, device_serial: str, moments: Sequence[int]) -> None:
    """Have upkeep find anew what is made of a meter's readings, as `Stage.settle` does.

    Args:
        cursor: Inside a transaction.
        gateway_serial: The site.
        device_serial: The meter.
        moments: When they were measured, rising.

    Raises:
        psycopg.Error: If the database fails.
    """
    firsts, lasts = zip(*_days(moments), strict=True)
    values = [gateway_serial, device_serial, [*map(moment_at, firsts)], [*map(moment_at, lasts)]]
    cursor.execute(_NOTE_SPANS, values)


def _days(moments: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last moment of each day, UTC."""
    start = 0
    while start < len(moments):
        until = bisect_left(moments, (moments[start] // _DAY + 1) * _DAY, start)
        yield moments[start], moments[until - 1]
        start = until


_HAS_ROWS: Final = b"""
    SELECT EXISTS (
        SELECT FROM readings
        WHERE gateway_serial = %s AND device_serial = %s AND measured_at BETWEEN %s AND %s
    )
"""
_NOTE_SPANS: Final = b"""
    INSERT INTO rollup_dirty (gateway_serial, device_serial, first_measured_at, last_measured_at)
    SELECT %s, %s, first, last FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS days (first, last)
"""
