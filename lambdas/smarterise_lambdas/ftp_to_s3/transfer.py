"""Transfers one file from its server to the data lake: fetch, verify the size, store, optionally delete.

A file has three sizes: as listed, as sent, and as returned by MLST or SIZE. It is accepted if the size sent
equals one of the other two, or if a second fetch has the same content.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.ftp_to_s3.file_source import ConnectionCut
from smarterise_lambdas.ftp_to_s3.manifest import Entry, FileState
from smarterise_lambdas.ftp_to_s3.spool import Fingerprint, SpoolBudget, SpooledFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_lambdas.ftp_to_s3.connection_pool import Pool
    from smarterise_lambdas.ftp_to_s3.data_lake import DataLake
    from smarterise_lambdas.ftp_to_s3.file_source import RemoteFile
    from smarterise_lambdas.shared.deadline import Deadline

_MAX_ATTEMPTS: Final = 3
_PAUSE: Final = 0.1


class StillGrowing(Exception):
    """The file has changed since it was listed."""


@dataclass(frozen=True, slots=True)
class TransferResult:
    """Result of a transfer.

    Attributes:
        entry: Manifest entry of the file.
        size: Size sent by the server, bytes.
        is_disputed: Whether the listed size differs from the size sent.
        is_new: Whether the object in the data lake was created now.
    """

    entry: Entry
    size: int
    is_disputed: bool
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """Transfers and deletes files of one server.

    Attributes:
        server: Name of the server.
        pool: Its connections.
        data_lake: Destination of the files.
        budget: Spool budget.
        deadline: Deadline of the sweep.
        now: Clock, UTC.
        pause: Sleeps for a number of seconds.
    """

    server: str
    pool: Pool
    data_lake: DataLake
    budget: SpoolBudget
    deadline: Deadline
    now: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep

    def run(self, gateway_serial: str, file: RemoteFile) -> TransferResult:
        """Copy a file to the data lake.

        Raises:
            StillGrowing: If it changes during the transfer.
            FileRefused: If the server refuses it.
            ConnectionCut: If every attempt lost its connection.
            ServerLost: If the server was given up for this sweep.
            TooLarge: If it exceeds the whole spool budget.
            SpoolFull: If the spool budget is used up by other files.
            OutOfTime: If the deadline is exceeded.
            StoreFault: If S3 fails.
            StoreDown: If S3 has failed too often in a row.
        """
        with SpooledFile(self.budget, file.size, self.deadline) as spooled:
            self._fetch(file, spooled)
            is_disputed = spooled.size != file.size and not self._is_size_confirmed(file, spooled)
            now = self.now()
            if not spooled.size:
                return TransferResult(
                    Entry(FileState.EMPTY, file.size, file.modified, now), 0, is_disputed=is_disputed
                )
            stored = self.data_lake.store(gateway_serial, file, spooled, server=self.server, now=now.date())
            entry = Entry(FileState.STORED, file.size, file.modified, now, stored.key, spooled.sha256)
            return TransferResult(entry, spooled.size, is_disputed=is_disputed, is_new=stored.is_new)

    def delete(self, file: RemoteFile, entry: Entry, *, size: int | None) -> bool:
        """Delete a file on its server if the data lake has it; return whether it was deleted.

        Args:
            file: The file as listed.
            entry: Its manifest entry.
            size: Size stored, bytes.

        Raises:
            FileRefused: If the server refuses to delete it.
            ConnectionCut: If the connection was lost.
            ServerLost: If the server was given up for this sweep.
            OutOfTime: If the deadline is exceeded.
            StoreFault: If S3 fails.
        """
        if (
            not entry.key
            or size is None
            or not self.data_lake.holds(entry.key, size=size, sha256=entry.sha256)
        ):
            return False
        with self.pool.connection() as connection:
            now = connection.stat(file)
            if now is None or not now.has_same_state_as(file) or now.size != size:
                return False  # it may have grown since; the next sweep checks it second
            connection.delete(file)
        return True

    def _fetch(self, file: RemoteFile, spooled: Fingerprint) -> None:
        for attempt in range(_MAX_ATTEMPTS):
            spooled.reset()
            try:
                with self.pool.connection() as connection:
                    connection.fetch(file, spooled.write)
            except ConnectionCut as cut:
                if attempt == _MAX_ATTEMPTS - 1:
                    self.pool.record_failure(cut)
                    raise
                self.pause(_PAUSE * 2**attempt)  # data connections run out briefly on busy servers
            else:
                self.pool.record_success()
                return

    def _is_size_confirmed(self, file: RemoteFile, spooled: SpooledFile) -> bool:
        """Return whether MLST or SIZE confirms the size sent.

        Raises:
            StillGrowing: If the file has changed, or a second fetch has other content.
        """
        with self.pool.connection() as connection:
            now = connection.stat(file)
        if now is not None and now.modified != file.modified:
            raise StillGrowing
        if now is not None and now.size == spooled.size:
            return True
        second = Fingerprint(self.deadline)
        self._fetch(file, second)
        if second.sha256 != spooled.sha256:
            raise StillGrowing
        return False
