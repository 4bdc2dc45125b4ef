"""Loads one file into PostgreSQL: rows, rejected rows and the ledger entry in one transaction."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.s3_to_rds_lambda.copy_format import Packer
from smarterise_lambdas.s3_to_rds_lambda.latest_readings import LatestReadings
from smarterise_lambdas.s3_to_rds_lambda.log_file import LogFile, site_clock
from smarterise_lambdas.s3_to_rds_lambda.prefetch import prefetch
from smarterise_lambdas.s3_to_rds_lambda.quick_table import quick_table
from smarterise_lambdas.s3_to_rds_lambda.rejects import Rejects
from smarterise_lambdas.s3_to_rds_lambda.row_writer import RowSink
from smarterise_lambdas.shared import ledger, meters, quarantine
from smarterise_lambdas.shared.database import transaction
from smarterise_lambdas.shared.ledger import FileState, RowCounts
from smarterise_lambdas.shared.quarantine import QuarantineEntry, QuarantineState
from smarterise_sdk.domain.log_files.clock import LogClock
from smarterise_sdk.domain.log_files.dialect import looks_like_row
from smarterise_sdk.domain.log_files.reader import LogReader
from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile, RowReason
from smarterise_sdk.domain.log_files.text import line_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from smarterise_lambdas.s3_to_rds_lambda.copy_format import Packed
    from smarterise_lambdas.shared.data_lake import Archive
    from smarterise_lambdas.shared.database import Connection, Database
    from smarterise_lambdas.shared.ledger import LedgerEntry
    from smarterise_lambdas.shared.meters import MeterChoice
    from smarterise_sdk.domain.readings.model import Reading
    from smarterise_sdk.domain.sites.model import Site

FAULTS: Final = (psycopg.Error, ClientError, BotoCoreError)
BLOCKS_AHEAD: Final = 24
"""Blocks parsed in advance: more than one database batch, so parsing continues while it is written."""

_ROW_ERROR: Final = psycopg.DataError
"""Errors caused by the values of a row. Violations of added constraints are not caused by the file."""
_TRUNCATED: Final = "the file is truncated; the rows before the end are loaded"


class OutOfTime(RuntimeError):
    """The deadline was exceeded while a file was loaded."""

    def __init__(self, rows: int) -> None:
        super().__init__(
            f"deadline exceeded after {rows} rows; nothing of the file is loaded."
            " Fix: increase the function's timeout, or its memory, which also adds CPU"
        )


class SitesUnknown(RuntimeError):
    """A file needs its site's time zone, but the site file is not readable now."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """Result of loading a file.

    Attributes:
        state: State in the file ledger.
        counts: Rows by outcome.
        reason: Why it was rejected, or what is unusual about it.
        is_new: `False` if the file had been loaded or rejected before.
        latest: Readings to publish, the latest first.
    """

    state: FileState
    counts: RowCounts
    reason: str = ""
    is_new: bool = True
    latest: Iterable[Reading] = ()


@dataclass(frozen=True, slots=True)
class FileLoader:
    """Loads files within the limits of one invocation.

    Attributes:
        database: Target database.
        archive: Store of rejected rows.
        sites: Sites by gateway serial; `None` if the site file is not readable.
        now: Current time, UTC.
        timeout_s: Statement timeout, seconds.
        is_over: Returns whether the deadline for loading is exceeded.
        reload: Whether files in a final state are loaded again.
    """

    database: Database
    archive: Archive
    sites: Mapping[str, Site] | None
    now: datetime
    timeout_s: float
    is_over: Callable[[], bool]
    reload: bool = False

    def load(self, log_file: LogFile, chunks: Callable[[], Iterator[bytes]]) -> FileResult:
        """Load a file into the table, or quarantine it if its content is invalid.

        After an error, nothing of the file is loaded.

        Args:
            log_file: The file.
            chunks: Returns its bytes from the beginning; callable repeatedly.

        Raises:
            psycopg.Error: If the database fails.
            botocore.exceptions.BotoCoreError: If S3 is unreachable.
            botocore.exceptions.ClientError: If S3 returns an error.
            OutOfTime: If the deadline is exceeded.
            SitesUnknown: If its time zone is not available now.
        """
        progress = _Progress()

        def once(connection: Connection) -> FileResult:
            return _Load(self, connection, log_file, chunks, progress).run()

        try:
            return self.database.run(once)
        except (
            psycopg.errors.LockNotAvailable
        ):  # another invocation is loading the file and records the result
            raise
        except (*FAULTS, OutOfTime, SitesUnknown) as error:
            cause = str(error)
            with suppress(psycopg.Error):  # the fault itself is raised below
                self.database.run(lambda connection: self._note_failure(connection, log_file, cause))
            raise

    def _note_failure(self, connection: Connection, log_file: LogFile, cause: str) -> None:
        with transaction(connection, self.timeout_s):
            ledger.fail(connection, log_file.file, cause)


@dataclass(slots=True)
class _Progress:
    """Progress over the attempts at one file.

    Attributes:
        has_flushed: Whether an attempt wrote the final state; the commit itself may be unconfirmed.
    """

    has_flushed: bool = False


class _Load:
    """One attempt to load one file."""

    def __init__(
        self,
        loader: FileLoader,
        connection: Connection,
        log_file: LogFile,
        chunks: Callable[[], Iterator[bytes]],
        progress: _Progress,
    ) -> None:
        self._loader = loader
        self._connection = connection
        self._log_file = log_file
        self._file = log_file.file
        self._chunks = chunks
        self._progress = progress

    def run(self) -> FileResult:
        reload = self._loader.reload and not self._progress.has_flushed
        with transaction(self._connection, self._loader.timeout_s):
            found = ledger.begin(self._connection, self._file, reload=reload)
        if found.state.is_final:
            # After a flush, the final state comes from an earlier attempt whose commit was not confirmed.
            return _result_of(found, is_new=self._progress.has_flushed)
        try:
            if self._log_file.issue is not None:
                raise self._log_file.issue
            try:
                return self._load(is_alone=True)
            except psycopg.errors.UniqueViolation:  # another file with the same rows was loaded concurrently
                return self._load(is_alone=False)
        except RejectedFile as rejected:
            if rejected.reason is FileReason.NO_TIME_ZONE and self._loader.sites is None:
                raise SitesUnknown(rejected.message) from rejected
            return self._reject(rejected.reason.value, rejected.message)
        except _ROW_ERROR as error:
            return self._reject(FileReason.REFUSED_BY_DATABASE.value, str(error))

    def _load(self, *, is_alone: bool) -> FileResult:
        loader, file = self._loader, self._file
        site = site_clock(loader.sites, file.gateway_serial)
        clock = LogClock(self._log_file.name, site.zone, site.why_no_zone)
        reader = LogReader(clock, file.received_at, site.nominal_voltage, quick_table)
        with transaction(self._connection, loader.timeout_s) as cursor:
            if not ledger.claim(self._connection, file):
                return self._concurrent_result()
            known = meters.known_meters(self._connection, file.gateway_serial)
            meter = meters.meter_of_file(known, self._log_file.name.logger, site.loggers)
            latest = LatestReadings(file.gateway_serial, meter.device_serial, loader.now)
            sink = RowSink(cursor, file.gateway_serial, meter.device_serial, latest, is_alone=is_alone)
            packed = map(self._packer(meter).pack, reader.rows(line_blocks(self._chunks())))
            with Rejects(file, self._log_file.batch_id) as rejects:
                with prefetch(packed, BLOCKS_AHEAD) as blocks:
                    self._write_blocks(blocks, sink, rejects)
                counts = replace(sink.finish(), rejected=rejects.count)
                entries = rejects.store(loader.archive)
            if meter.device_serial == meters.NO_METER and sink.time_range:
                meters.note_unnamed(self._connection, file.gateway_serial)
            reason = _TRUNCATED if reader.ends_early else ""
            self._finalize(FileState.LOADED, counts, entries, reason=reason, time_range=sink.time_range)
        return FileResult(FileState.LOADED, counts, reason, latest=latest)

    def _packer(self, meter: MeterChoice) -> Packer:
        file = self._file
        constants = {
            "gateway_serial": file.gateway_serial,
            "device_serial": meter.device_serial,
            "source": file.source.value,
            "batch_id": self._log_file.batch_id,
        }
        return Packer(constants, meter.flags, self._connection.info.encoding)

    def _write_blocks(self, blocks: Iterable[Packed], sink: RowSink, rejects: Rejects) -> None:
        rows = 0
        for packed in blocks:
            if self._loader.is_over():
                raise OutOfTime(rows)
            sink.write(packed)
            block = packed.block
            rejects.add(block.header, block.rejected)
            rows += len(block.timestamps)

    def _reject(self, reason: str, message: str) -> FileResult:
        """Quarantine the file: the object stays in place, and the quarantine index records the reason."""
        file = self._file
        counts = RowCounts(rejected=_count_rows(self._chunks()))
        entry = QuarantineEntry(
            source=file.source,
            gateway_serial=file.gateway_serial,
            bucket=file.bucket,
            key=file.key,
            origin=file.origin,
            position="",
            reason=reason,
            detail=message,
            seen_at=file.received_at,
            rows=counts.rejected,
        )
        description = f"{reason}: {message}"
        with transaction(self._connection, self._loader.timeout_s):
            if not ledger.claim(self._connection, file):
                return self._concurrent_result()
            self._finalize(FileState.REJECTED, counts, [entry], reason=description)
        return FileResult(FileState.REJECTED, counts, description)

    def _finalize(
        self,
        state: FileState,
        counts: RowCounts,
        entries: list[QuarantineEntry],
        *,
        reason: str,
        time_range: tuple[datetime, datetime] | None = None,
    ) -> None:
        connection, file = self._connection, self._file
        quarantine.note(connection, entries)
        if self._loader.reload:
            # Earlier rejections that no longer apply are resolved by this reload.
            of_file = QuarantineEntry(file.source, "", "", "", file.origin, "", "", "", file.received_at)
            gone = {replace(of_file, reason=reason.value).id for reason in (*RowReason, *FileReason)}
            gone -= {entry.id for entry in entries}
            quarantine.mark(connection, gone, QuarantineState.REPLAYED, at=self._loader.now)
        ledger.finalize(connection, file, state, counts, time_range=time_range, reason=reason)
        self._progress.has_flushed = True

    def _concurrent_result(self) -> FileResult:
        """Return the result that another invocation recorded concurrently; inside a transaction."""
        found = ledger.entry(self._connection, self._file)
        if found is None:
            raise AssertionError(self._file.origin)
        return _result_of(found, is_new=False)


def _result_of(found: LedgerEntry, *, is_new: bool) -> FileResult:
    return FileResult(found.state, found.counts, found.reason, is_new=is_new)


def _count_rows(chunks: Iterable[bytes]) -> int:
    """Estimate the number of rows of a file that cannot be parsed."""
    count = 0
    with suppress(RejectedFile):
        for block in line_blocks(chunks):
            count += sum(map(looks_like_row, block.lines))
    return count
