"""The quarantine index: where rejected input is stored in S3, and why.

The content is in the S3 object; a row of the index records its location and the number of readings in it.
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
    """State of a quarantine entry."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One rejected input.

    Attributes:
        source: Data path it arrived by.
        gateway_serial: Its gateway; empty if unknown.
        bucket: S3 bucket of its content.
        key: S3 key of its content.
        origin: `IngestFile.origin`, or stream and shard.
        position: Position in its origin, e.g. a sequence number; empty for the whole origin.
        reason: Reason code.
        detail: Description of the problem.
        seen_at: When it arrived, UTC.
        rows: Number of readings in it.
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
        """Deterministic id: the same for each delivery of the same input and reason."""
        text = "\0".join((self.origin, self.position, self.reason))
        return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:32]


def note(connection: Connection, entries: Iterable[QuarantineEntry]) -> None:
    """Insert entries in the caller's transaction; existing ones are updated.

    Raises:
        psycopg.Error: If the database fails.
    """
    rows = [
        (
            *(entry.id, entry.source.value, visible(entry.gateway_serial), entry.bucket, entry.key),
            *(visible(entry.origin), visible(entry.position), entry.reason),
            *(visible(entry.detail)[:DETAIL_LENGTH], entry.rows, entry.seen_at),
        )
        for entry in sorted(
            entries, key=lambda entry: entry.id
        )  # fixed order, so that concurrent writers do not deadlock
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_NOTE, rows)


def mark(
    connection: Connection, ids: Collection[str], state: QuarantineState, *, at: datetime
) -> frozenset[str]:
    """Set the state of entries to replayed or discarded, in the caller's transaction.

    Args:
        connection: Inside a transaction.
        ids: Ids of the entries.
        state: New state.
        at: Time of the change, UTC.

    Returns:
        Ids of the entries found.

    Raises:
        psycopg.Error: If the database fails.
    """
    replayed_at = at if state is QuarantineState.REPLAYED else None
    found = connection.execute(_MARK, [state.value, replayed_at, sorted(ids)]).fetchall()
    return frozenset(entry_id for (entry_id,) in found)


def discard(
    connection: Connection, ids: Collection[str], *, note: str, by: str, at: datetime
) -> frozenset[str]:
    """Discard entries in the caller's transaction; replayed ones stay replayed.

    Args:
        connection: Inside a transaction.
        ids: Ids of the entries.
        note: Reason.
        by: User who discards them.
        at: Time of the change, UTC.

    Returns:
        Ids of the entries that were in state `kept`.

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
