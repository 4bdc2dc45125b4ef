"""The index of the quarantine: what lies in S3 because it could not be taken, and why.

The bytes are the object's; a row here tells where they are and how many readings they would have been.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from smarterise_lambdas.shared.database import Connection
    from smarterise_sdk.domain.readings.model import Source

DETAIL_LENGTH: Final = 500


class QuarantineState(StrEnum):
    """What became of something in the quarantine."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """Something that was rejected.

    Attributes:
        source: The road it came by.
        gateway_serial: Whose it is, as far as that could be told; else empty.
        bucket: Where it is kept.
        key: Where it is kept.
        origin: Where it came from: `IngestFile.origin`, or stream and shard.
        position: Where in its origin: a sequence number; empty for all of it of this reason.
        reason: The reason's code.
        detail: What was wrong, for people.
        seen_at: When it came, UTC.
        rows: How many readings it would have been.
    """

    source: Source
    gateway_serial: str
    bucket: str
    key: str
    origin: str
    position: str
    reason: str
    detail: str
    seen_at: datetime
    rows: int = 1

    @property
    def id(self) -> str:
        """The same for the same input and reason, however often it comes."""
        text = "\0".join((self.origin, self.position, self.reason))
        return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:32]


def note(connection: Connection, entries: Iterable[QuarantineEntry]) -> None:
    """Write down what was rejected, in the caller's transaction. Noted twice it is there once.

    Raises:
        psycopg.Error: If the database fails.
    """
    rows = [
        (
            *(entry.id, entry.source.value, visible(entry.gateway_serial), entry.bucket, entry.key),
            *(visible(entry.origin), visible(entry.position), entry.reason),
            *(visible(entry.detail)[:DETAIL_LENGTH], entry.rows, entry.seen_at),
        )
        for entry in sorted(entries, key=lambda entry: entry.id)  # two who note the same must not deadlock
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_NOTE, rows)


def mark(
    connection: Connection, ids: Collection[str], state: QuarantineState, *, at: datetime
) -> frozenset[str]:
    """Write down that entries were replayed or discarded, in the caller's transaction.

    Args:
        connection: Inside a transaction.
        ids: Of the entries.
        state: What became of them.
        at: When, UTC.

    Returns:
        The ids that there are.

    Raises:
        psycopg.Error: If the database fails.
    """
    replayed_at = at if state is QuarantineState.REPLAYED else None
    found = connection.execute(_MARK, [state.value, replayed_at, sorted(ids)]).fetchall()
    return frozenset(entry_id for (entry_id,) in found)


def discard(
    connection: Connection, ids: Collection[str], *, note: str, by: str, at: datetime
) -> frozenset[str]:
    """Write down that somebody gave entries up, in the caller's transaction; what was replayed stays so.

    Args:
        connection: Inside a transaction.
        ids: Of the entries.
        note: Why.
        by: Who.
        at: When, UTC.

    Returns:
        The ids of those that were kept until now.

    Raises:
        psycopg.Error: If the database fails.
    """
    values = [visible(note), visible(by), at, sorted(ids)]
    return frozenset(entry_id for (entry_id,) in connection.execute(_DISCARD, values))


_NOTE: Final = b"""
    INSERT INTO quarantine (id, source, gateway_serial, bucket, key, origin, position, reason, detail,
                            rows, seen_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET bucket = excluded.bucket, key = excluded.key, rows = excluded.rows
    WHERE (quarantine.bucket, quarantine.key, quarantine.rows)
          IS DISTINCT FROM (excluded.bucket, excluded.key, excluded.rows)
"""
_MARK: Final = b"""
    UPDATE quarantine SET state = %s, replayed_at = coalesce(%s, replayed_at) WHERE id = ANY(%s) RETURNING id
"""
_DISCARD: Final = b"""
    UPDATE quarantine SET state = 'discarded', note = %s, marked_by = %s, marked_at = %s
    WHERE id = ANY(%s) AND state = 'kept' RETURNING id
"""
