"""One file, from its server into the lake: fetched, its length agreed on, stored, and perhaps deleted there.

Servers say how long a file is three times: in the listing, by what they send, and when asked. It is taken
when what came is as long as one of the other two says; else when it comes twice with the same content.
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

_TRIES: Final = 3
_PAUSE: Final = 0.1


class StillGrowing(Exception):
    """The file is not what it was when it was listed."""


@dataclass(frozen=True, slots=True)
class TransferResult:
    """A file that came.

    Attributes:
        entry: What is to be known of it.
        size: Bytes that came.
        is_disputed: Whether the server keeps saying another length.
        is_new: Whether the lake did not have it already.
    """

    entry: Entry
    size: int
    is_disputed: bool
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """Takes files of one server.

    Attributes:
        server: Its name.
        pool: Its connections.
        data_lake: Where files go.
        budget: Where they land on the way.
        deadline: Of the sweep.
        now: Clock, UTC.
        pause: Waits so many seconds.
    """

    server: str
    pool: Pool
    data_lake: DataLake
    budget: SpoolBudget
    deadline: Deadline
    now: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep

    def take(self, gateway_serial: str, file: RemoteFile) -> TransferResult:
        """Take a file.

        Raises:
            StillGrowing: If it changes.
            FileRefused: If the server does not hand it out.
            ConnectionCut: If no connection brought it to its end.
            ServerLost: If the server is given up.
            TooLarge: If there is no room for it.
            SpoolFull: If there is none just now.
            OutOfTime: If the sweep's time is over.
            StoreFault: If S3 does not take it.
            StoreDown: If S3 takes nothing.
        """
        with SpooledFile(self.budget, file.size, self.deadline) as spooled:
            self._fetch(file, spooled)
            is_disputed = spooled.size != file.size and not self._is_agreed(file, spooled)
            now = self.now()
            if not spooled.size:
                return TransferResult(
                    Entry(FileState.EMPTY, file.size, file.modified, now), 0, is_disputed=is_disputed
                )
            stored = self.data_lake.store(gateway_serial, file, spooled, server=self.server, now=now.date())
            entry = Entry(FileState.STORED, file.size, file.modified, now, stored.key, spooled.sha256)
            return TransferResult(entry, spooled.size, is_disputed=is_disputed, is_new=stored.is_new)

    def delete(self, file: RemoteFile, entry: Entry, *, size: int | None) -> bool:
        """Delete a file on its server if the lake has it for certain; return whether it is gone.

        Args:
            file: As it was listed.
            entry: What is known of it.
            size: Bytes that were stored.

        Raises:
            FileRefused: If the server does not let us.
            ConnectionCut: If the connection ended.
            ServerLost: If the server is given up.
            OutOfTime: If the sweep's time is over.
            StoreFault: If S3 does not let us look.
        """
        if (
            not entry.key
            or size is None
            or not self.data_lake.holds(entry.key, size=size, sha256=entry.sha256)
        ):
            return False
        with self.pool.connection() as connection:
            now = connection.stat(file)
            if now is None or not now.is_as(file) or now.size != size:
                return False  # it may have grown since: the next sweep will see
            connection.delete(file)
        return True

    def _fetch(self, file: RemoteFile, spooled: Fingerprint) -> None:
        for attempt in range(_TRIES):
            spooled.begin()
            try:
                with self.pool.connection() as connection:
                    connection.fetch(file, spooled.take)
            except ConnectionCut as cut:
                if attempt == _TRIES - 1:
                    self.pool.failed(cut)
                    raise
                self.pause(_PAUSE * 2**attempt)  # a server out of data connections has one again soon
            else:
                self.pool.succeeded()
                return

    def _is_agreed(self, file: RemoteFile, spooled: SpooledFile) -> bool:
        """Return whether the server, asked again, agrees with what it has sent.

        Raises:
            StillGrowing: If the file has changed, or comes with another content each time.
        """
        with self.pool.connection() as connection:
            now = connection.stat(file)
        if now is not None and now.modified != file.modified:
            raise StillGrowing
        if now is not None and now.size == spooled.size:
            return True
        again = Fingerprint(self.deadline)
        self._fetch(file, again)
        if again.sha256 != spooled.sha256:
            raise StillGrowing
        return False
