"""The file ledger: records each file once, with the counts of its rows.

Order of calls: `begin` (committed at once, so that an interrupted load is visible); then in one transaction
`claim`, the rows, `finalize`; or `fail` after a fault that is not caused by the file. A file in a final
state is skipped, so that a redelivered event does nothing.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from datetime import datetime

    from smarterise_lambdas.shared.database import Connection
    from smarterise_lambdas.shared.readings_table import LoadOutcome
    from smarterise_sdk.domain.readings.model import Source

REASON_LENGTH: Final = 500


class FileState(StrEnum):
    """Processing state of a file."""

    LOADING = "loading"
    """In progress, or interrupted."""
    LOADED = "loaded"
    """All its rows are in the table or in the quarantine."""
    REJECTED = "rejected"
    """The whole file is in the quarantine."""
    FAILED = "failed"
    """Failed for a reason outside the file; it will be retried."""

    @property
    def is_final(self) -> bool:
        """Whether no processing remains."""
        return self in (FileState.LOADED, FileState.REJECTED)


@dataclass(frozen=True, slots=True)
class IngestFile:
    """A log file in S3 to be loaded.

    Attributes:
        bucket: S3 bucket.
        key: S3 key, not URL-encoded.
        etag: ETag, with or without S3's quotes.
        size: Size, bytes.
        source: Data path it arrived by.
        gateway_serial: Its gateway; empty if the file name does not contain one.
        received_at: When it was stored in S3, UTC.
    """

    bucket: str
    key: str
    etag: str
    size: int
    source: Source
    gateway_serial: str
    received_at: datetime

    @property
    def identity(self) -> tuple[str, str, str]:
        """Primary key of its ledger entry: bucket, key, ETag."""
        return self.bucket, self.key, self.etag.strip('"')

    @property
    def origin(self) -> str:
        """Its origin in the quarantine index."""
        bucket, key, etag = self.identity
        return f"s3://{bucket}/{key}#{etag}"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Number of rows of a file by outcome; the sum is all rows of the file."""

    loaded: int = 0
    identical: int = 0
    superseded: int = 0
    differing: int = 0
    rejected: int = 0

    @classmethod
    def of(cls, outcome: LoadOutcome, *, rejected: int = 0) -> RowCounts:
        """Return the counts of a load.

        Args:
            outcome: Outcome of the valid rows.
            rejected: Number of rejected rows, which are in the quarantine.
        """
        differing = len(outcome.differing)
        return cls(outcome.loaded, outcome.identical, outcome.superseded, differing, rejected)

    @property
    def total(self) -> int:
        """Number of rows of the file."""
        return sum(astuple(self))


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Ledger entry of a file."""

    state: FileState
    attempts: int
    counts: RowCounts
    first_measured_at: datetime | None
    last_measured_at: datetime | None
    reason: str


def begin(connection: Connection, file: IngestFile, *, reload: bool = False) -> LedgerEntry:
    """Record that loading of a file begins, and commit.

    Args:
        connection: Outside a transaction.
        file: The file.
        reload: Load it even if it is in a final state.

    Returns:
        Its entry. If `state.is_final`, there is nothing to do.

    Raises:
        psycopg.Error: If the database fails.
    """
    with connection.transaction():
        values = [*file.identity, file.size, file.source.value, file.gateway_serial, file.received_at, reload]
        connection.execute(_BEGIN, values)
        found = entry(connection, file)
    if found is None:  # entries are never deleted
        raise AssertionError(file.origin)
    return found


def claim(connection: Connection, file: IngestFile) -> bool:
    """Lock a file's entry until the end of the caller's transaction, which loads its rows.

    Returns:
        False if another process finalized it concurrently: then there is nothing to do.

    Raises:
        psycopg.errors.LockNotAvailable: If another process is loading it.
        psycopg.Error: If the database fails.
    """
    found = connection.execute(_CLAIM, file.identity).fetchone()
    return found is not None


def finalize(
    connection: Connection,
    file: IngestFile,
    state: FileState,
    counts: RowCounts,
    *,
    time_range: tuple[datetime, datetime] | None = None,
    reason: str = "",
) -> None:
    """Record the final state of a file, in the same transaction as its rows.

    Args:
        connection: Inside the transaction that claimed the file.
        file: The file.
        state: `LOADED` or `REJECTED`.
        counts: Row counts.
        time_range: First and last measurement time.
        reason: Why it was rejected, or a remark on it.

    Raises:
        psycopg.Error: If the database fails.
    """
    first, last = time_range or (None, None)
    connection.execute(
        _FINALIZE, [state.value, *astuple(counts), first, last, _reason_text(reason), *file.identity]
    )


def fail(connection: Connection, file: IngestFile, reason: str) -> None:
    """Record that loading a file failed, and commit.

    Args:
        connection: Outside a transaction.
        file: The file.
        reason: Why.

    Raises:
        psycopg.Error: If the database fails.
    """
    with connection.transaction():
        connection.execute(_FAIL, [_reason_text(reason), *file.identity])


def entry(connection: Connection, file: IngestFile) -> LedgerEntry | None:
    """Return the ledger entry of a file, in the caller's transaction; `None` if there is none.

    Raises:
        psycopg.Error: If the database fails.
    """
    found = connection.execute(_ENTRY, file.identity).fetchone()
    return None if found is None else _entry_of(found)


def _entry_of(row: tuple[Any, ...]) -> LedgerEntry:
    state, attempts, loaded, identical, superseded, differing, rejected, first, last, reason = row
    counts = RowCounts(loaded, identical, superseded, differing, rejected)
    return LedgerEntry(FileState(state), attempts, counts, first, last, reason)


def _reason_text(reason: str) -> str:
    return visible(reason)[:REASON_LENGTH]


_THIS: Final = sql.SQL("bucket = %s AND key = %s AND etag = %s")

_BEGIN: Final = b"""
    INSERT INTO ingest_files AS file (bucket, key, etag, size, source, gateway_serial, received_at, state)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'loading')
    ON CONFLICT (bucket, key, etag) DO UPDATE
    SET state = 'loading', attempts = file.attempts + 1, started_at = now(), finished_at = NULL, reason = ''
    WHERE %s OR file.state IN ('loading', 'failed')
"""
_ENTRY: Final = sql.SQL(
    """
    SELECT state, attempts, rows_loaded, rows_identical, rows_superseded, rows_differing, rows_rejected,
           first_measured_at, last_measured_at, reason
    FROM ingest_files WHERE {}
    """
).format(_THIS)
_CLAIM: Final = sql.SQL(
    "SELECT FROM ingest_files WHERE {} AND state IN ('loading', 'failed') FOR UPDATE"
).format(_THIS)
_FINALIZE: Final = sql.SQL(
    """
    UPDATE ingest_files
    SET state = %s, rows_loaded = %s, rows_identical = %s, rows_superseded = %s, rows_differing = %s,
        rows_rejected = %s, first_measured_at = %s, last_measured_at = %s, reason = %s, finished_at = now()
    WHERE {}
    """
).format(_THIS)
_FAIL: Final = sql.SQL(
    "UPDATE ingest_files SET state = 'failed', reason = %s, finished_at = now()"
    " WHERE {} AND state = 'loading'"
).format(_THIS)
