"""The ledger of files: each is taken up once, and what became of its rows is written with them.

A file goes `begin` (committed at once, so that a load that is cut off can be seen), then in one transaction
`claim`, its rows, `settle`; or `fail` after a fault that is not the file's own. Whoever is told that a file
is settled already does nothing: that makes an event that is delivered again harmless.
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
    """How far a file has come."""

    LOADING = "loading"
    """Taken up; not finished, or cut off before it could tell."""
    LOADED = "loaded"
    """Its rows are in the table, or in the quarantine."""
    REJECTED = "rejected"
    """It is in the quarantine whole."""
    FAILED = "failed"
    """A fault that was not its own; it comes again."""

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to be done."""
        return self in (FileState.LOADED, FileState.REJECTED)


@dataclass(frozen=True, slots=True)
class IngestFile:
    """An object to be loaded.

    Attributes:
        bucket: Where it is.
        key: As S3 knows it, not URL-encoded.
        etag: Which content; with or without S3's quotes.
        size: Bytes.
        source: The road it came by.
        gateway_serial: Whose it is; empty if its name does not tell.
        received_at: When it came to S3, UTC.
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
        """What the ledger knows it by."""
        return self.bucket, self.key, self.etag.strip('"')

    @property
    def origin(self) -> str:
        """What the quarantine's index calls it."""
        bucket, key, etag = self.identity
        return f"s3://{bucket}/{key}#{etag}"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of a file's rows; their sum is all that it held."""

    loaded: int = 0
    identical: int = 0
    superseded: int = 0
    differing: int = 0
    rejected: int = 0

    @classmethod
    def of(cls, outcome: LoadOutcome, *, rejected: int = 0) -> RowCounts:
        """Return the counts of a load.

        Args:
            outcome: What became of the rows that could be read.
            rejected: How many could not, and are in the quarantine.
        """
        differing = len(outcome.differing)
        return cls(outcome.loaded, outcome.identical, outcome.superseded, differing, rejected)

    @property
    def total(self) -> int:
        """How many rows the file held."""
        return sum(astuple(self))


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger says of a file."""

    state: FileState
    attempts: int
    counts: RowCounts
    first_measured_at: datetime | None
    last_measured_at: datetime | None
    reason: str


def begin(connection: Connection, file: IngestFile, *, reload: bool = False) -> LedgerEntry:
    """Take a file up, and commit that.

    Args:
        connection: Outside a transaction.
        file: The file.
        reload: Take it up even if it is settled: somebody asked for it.

    Returns:
        Its entry. If that `state.is_final`, there is nothing to do.

    Raises:
        psycopg.Error: If the database fails.
    """
    with connection.transaction():
        values = [*file.identity, file.size, file.source.value, file.gateway_serial, file.received_at, reload]
        connection.execute(_BEGIN, values)
        found = entry(connection, file)
    if found is None:  # nobody deletes entries
        raise AssertionError(file.origin)
    return found


def claim(connection: Connection, file: IngestFile) -> bool:
    """Lock a file's entry until the end of the caller's transaction, which is to load its rows.

    Returns:
        False if somebody else settled it meanwhile: then there is nothing to do.

    Raises:
        psycopg.errors.LockNotAvailable: If somebody else is loading it.
        psycopg.Error: If the database fails.
    """
    found = connection.execute(_CLAIM, file.identity).fetchone()
    return found is not None


def settle(
    connection: Connection,
    file: IngestFile,
    state: FileState,
    counts: RowCounts,
    *,
    time_range: tuple[datetime, datetime] | None = None,
    reason: str = "",
) -> None:
    """Write down what became of a file, in the caller's transaction: that of its rows.

    Args:
        connection: Inside the transaction that claimed the file.
        file: The file.
        state: `LOADED` or `REJECTED`.
        counts: What became of its rows.
        time_range: The first and the last moment it measured.
        reason: Why it was rejected, or what is odd about it.

    Raises:
        psycopg.Error: If the database fails.
    """
    first, last = time_range or (None, None)
    connection.execute(_SETTLE, [state.value, *astuple(counts), first, last, _told(reason), *file.identity])


def fail(connection: Connection, file: IngestFile, reason: str) -> None:
    """Write down that a file could not be loaded now, and commit that.

    Args:
        connection: Outside a transaction.
        file: The file.
        reason: Why.

    Raises:
        psycopg.Error: If the database fails.
    """
    with connection.transaction():
        connection.execute(_FAIL, [_told(reason), *file.identity])


def entry(connection: Connection, file: IngestFile) -> LedgerEntry | None:
    """Return what the ledger says of a file, in the caller's transaction; `None` if it never saw it.

    Raises:
        psycopg.Error: If the database fails.
    """
    found = connection.execute(_ENTRY, file.identity).fetchone()
    return None if found is None else _entry_of(found)


def _entry_of(row: tuple[Any, ...]) -> LedgerEntry:
    state, attempts, loaded, identical, superseded, differing, rejected, first, last, reason = row
    counts = RowCounts(loaded, identical, superseded, differing, rejected)
    return LedgerEntry(FileState(state), attempts, counts, first, last, reason)


def _told(reason: str) -> str:
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
_SETTLE: Final = sql.SQL(
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
