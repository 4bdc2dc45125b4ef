"""One file into PostgreSQL: rows, what was rejected of it, and its entry in the ledger, all or nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.s3_to_rds_lambda.copy_format import Packer
from smarterise_lambdas.s3_to_rds_lambda.latest_readings import LatestReadings
from smarterise_lambdas.s3_to_rds_lambda.log_file import LogFile, site_clock
from smarterise_lambdas.s3_to_rds_lambda.prefetch import ahead
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
"""More than are put into the table together: while the database takes those, the next ones are made."""

_OF_THE_FILE: Final = psycopg.DataError
"""What lies in the values of a row. A constraint that somebody added is no fault of theirs."""
_CUT: Final = "the file ends early; what came before is loaded"


class OutOfTime(RuntimeError):
    """The invocation's time does not suffice for a file."""

    def __init__(self, rows: int) -> None:
        super().__init__(
            f"time ran out after {rows} rows, and nothing of the file is loaded:"
            " give the function more time, or more memory, which makes it quicker"
        )


class SitesUnknown(RuntimeError):
    """A file needs its site's time zone, and the site file cannot be read now."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file.

    Attributes:
        state: As the ledger has it.
        counts: What became of its rows.
        reason: Why it was rejected, or what is odd about it.
        is_new: False if all that was done long ago.
        latest: What is worth publishing of it, the newest first.
    """

    state: FileState
    counts: RowCounts
    reason: str = ""
    is_new: bool = True
    latest: Iterable[Reading] = ()


@dataclass(frozen=True, slots=True)
class FileLoader:
    """Loads files with the patience of one invocation.

    Attributes:
        database: Where to.
        archive: Where rejected rows are kept.
        sites: The sites by gateway serial; `None` when nobody can say.
        now: This moment, UTC.
        timeout_s: How long a statement of the database may take, seconds.
        is_over: Whether the time for loading is.
        reload: Load files that are settled too.
    """

    database: Database
    archive: Archive
    sites: Mapping[str, Site] | None
    now: datetime
    timeout_s: float
    is_over: Callable[[], bool]
    reload: bool = False

    def load(self, log_file: LogFile, chunks: Callable[[], Iterator[bytes]]) -> FileResult:
        """Load a file. Whatever is in it, it ends in the table or in the quarantine.

        Args:
            log_file: The file.
            chunks: Gives its bytes from the beginning, as often as it is asked.

        Raises:
            psycopg.Error: If the database fails; then nothing of the file is loaded.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached; then neither.
            botocore.exceptions.ClientError: If S3 refuses; then neither.
            OutOfTime: If it takes too long; then neither.
            SitesUnknown: If its time zone cannot be found out now; then neither.
        """
        progress = _Progress()

        def once(connection: Connection) -> FileResult:
            return _Load(self, connection, log_file, chunks, progress).run()

        try:
            return self.database.run(once)
        except psycopg.errors.LockNotAvailable:  # somebody else is at it, and will say how it ended
            raise
        except (*FAULTS, OutOfTime, SitesUnknown) as error:
            why = str(error)
            with suppress(psycopg.Error):  # the ledger says so to whoever looks; the fault itself is raised
                self.database.run(lambda connection: self._note_failure(connection, log_file, why))
            raise

    def _note_failure(self, connection: Connection, log_file: LogFile, why: str) -> None:
        with transaction(connection, self.timeout_s):
            ledger.fail(connection, log_file.file, why)


@dataclass(slots=True)
class _Progress:
    """How far the tries at one file have come.

    Attributes:
        has_flushed: Whether one wrote down what became of it. Whether that was committed it may not know.
    """

    has_flushed: bool = False


class _Load:
    """One try at one file."""

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
            # If an earlier try came so far, it was that one which settled it, and could not tell.
            return _result_of(found, is_new=self._progress.has_flushed)
        try:
            if self._log_file.issue is not None:
                raise self._log_file.issue
            try:
                return self._load(is_alone=True)
            except psycopg.errors.UniqueViolation:  # another file with the same rows was loaded meanwhile
                return self._load(is_alone=False)
        except RejectedFile as rejected:
            if rejected.reason is FileReason.NO_TIME_ZONE and self._loader.sites is None:
                raise SitesUnknown(rejected.message) from rejected
            return self._reject(rejected.reason.value, rejected.message)
        except _OF_THE_FILE as error:
            return self._reject(FileReason.REFUSED_BY_DATABASE.value, str(error))

    def _load(self, *, is_alone: bool) -> FileResult:
        loader, file = self._loader, self._file
        site = site_clock(loader.sites, file.gateway_serial)
        clock = LogClock(self._log_file.name, site.zone, site.why_no_zone)
        reader = LogReader(clock, file.received_at, site.nominal_voltage, quick_table)
        with transaction(self._connection, loader.timeout_s) as cursor:
            if not ledger.claim(self._connection, file):
                return self._settled()
            known = meters.known_meters(self._connection, file.gateway_serial)
            meter = meters.meter_of_file(known, self._log_file.name.logger, site.loggers)
            latest = LatestReadings(file.gateway_serial, meter.device_serial, loader.now)
            sink = RowSink(cursor, file.gateway_serial, meter.device_serial, latest, is_alone=is_alone)
            packed = map(self._packer(meter).packed, reader.rows(line_blocks(self._chunks())))
            with Rejects(file, self._log_file.batch_id) as rejects:
                with ahead(packed, BLOCKS_AHEAD) as blocks:
                    self._take(blocks, sink, rejects)
                counts = replace(sink.finish(), rejected=rejects.count)
                entries = rejects.store(loader.archive)
            if meter.device_serial == meters.NO_METER and sink.time_range:
                meters.note_unnamed(self._connection, file.gateway_serial)
            reason = _CUT if reader.ends_early else ""
            self._settle(FileState.LOADED, counts, entries, reason=reason, time_range=sink.time_range)
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

    def _take(self, blocks: Iterable[Packed], sink: RowSink, rejects: Rejects) -> None:
        rows = 0
        for packed in blocks:
            if self._loader.is_over():
                raise OutOfTime(rows)
            sink.take(packed)
            block = packed.block
            rejects.take(block.header, block.rejected)
            rows += len(block.timestamps)

    def _reject(self, reason: str, message: str) -> FileResult:
        """Put the file into the quarantine: it stays where it is, whole, and the index says why."""
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
        told = f"{reason}: {message}"
        with transaction(self._connection, self._loader.timeout_s):
            if not ledger.claim(self._connection, file):
                return self._settled()
            self._settle(FileState.REJECTED, counts, [entry], reason=told)
        return FileResult(FileState.REJECTED, counts, told)

    def _settle(
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
            # What it was rejected for before, and is not now, has been replayed by this.
            of_file = QuarantineEntry(file.source, "", "", "", file.origin, "", "", "", file.received_at)
            gone = {replace(of_file, reason=reason.value).id for reason in (*RowReason, *FileReason)}
            gone -= {entry.id for entry in entries}
            quarantine.mark(connection, gone, QuarantineState.REPLAYED, at=self._loader.now)
        ledger.finalize(connection, file, state, counts, time_range=time_range, reason=reason)
        self._progress.has_flushed = True

    def _settled(self) -> FileResult:
        """Return what somebody else made of the file meanwhile; inside a transaction."""
        found = ledger.entry(self._connection, self._file)
        if found is None:
            raise AssertionError(self._file.origin)
        return _result_of(found, is_new=False)


def _result_of(found: LedgerEntry, *, is_new: bool) -> FileResult:
    return FileResult(found.state, found.counts, found.reason, is_new=is_new)


def _count_rows(chunks: Iterable[bytes]) -> int:
    """Return how many rows a file seems to have that is not understood, as far as it can be read."""
    count = 0
    with suppress(RejectedFile):
        for block in line_blocks(chunks):
            count += sum(map(looks_like_row, block.lines))
    return count
