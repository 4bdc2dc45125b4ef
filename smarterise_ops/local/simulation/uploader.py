"""Uploads the log files of all simulated gateways to the stack's FTP server.

A gateway also logs while disconnected. After an outage, and at the start of the stack with one hour of data,
it uploads all accumulated files in random order.
"""

from __future__ import annotations

import ftplib
import heapq
import io
import logging
import math
import random
import threading
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_ops.local.simulation.measurements import speaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smarterise_ops.local.servers.ftp import FtpLogin
    from smarterise_ops.local.simulation.fleet import SimulatedSite
    from smarterise_ops.local.simulation.log_files import LogFile, Logging

FILES_KEPT = 96
"""Capacity of a gateway's memory, files; in a longer outage the oldest rows are lost."""
_NAP_SECONDS = 0.2

_log = logging.getLogger(__name__)


class Uploader:
    """Uploads for all gateways in one thread, in order of their due times.

    Args:
        fleet: The gateways.
        login: Login of the FTP server.
        logs: Settings of the logs.
        started: Called once after the initial upload of all connected gateways.
    """

    def __init__(
        self,
        fleet: Sequence[SimulatedSite],
        login: FtpLogin,
        logs: Logging,
        *,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self._fleet = fleet
        self._login = login
        self._logs = logs
        self._started = started
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loggers", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        now = datetime.now(UTC)
        begin, end = self._logs.first_row(now - self._logs.backlog), self._logs.first_row(now)
        written = {site.gateway_serial: begin for site in self._fleet}
        for site in self._fleet:
            if self._stopped.is_set():
                return
            if self._is_connected(site, now):
                self._send(site, [self._logs.log_file(site, begin, end)], written)
        self._started()
        due = [(self.next_file(site, now), turn) for turn, site in enumerate(self._fleet)]
        heapq.heapify(due)
        while not self._stopped.is_set():
            when, turn = due[0]
            wait = (when - datetime.now(UTC)).total_seconds()
            if wait > 0:
                self._stopped.wait(min(wait, _NAP_SECONDS))
                continue
            heapq.heapreplace(due, (self.work(self._fleet[turn], when, written), turn))

    def work(self, site: SimulatedSite, when: datetime, written: dict[str, datetime]) -> datetime:
        """Upload the files of a gateway; return its next due time.

        Args:
            site: The gateway.
            when: Due time, UTC.
            written: End of the uploaded files by gateway; updated.
        """
        if not self._is_connected(site, when):
            return when + self._logs.row_every  # retried with the next row
        closed = self.next_file(site, when) - self._logs.file_every
        files = self.gathered(site, written[site.gateway_serial], closed)
        if files:
            self._send(site, files, written)
        return self.next_file(site, max(when, datetime.now(UTC)))

    def _is_connected(self, site: SimulatedSite, now: datetime) -> bool:
        return speaks(site, self._logs.seed, self._logs.day.at(now))

    def next_file(self, site: SimulatedSite, now: datetime) -> datetime:
        """Return the time of a gateway's next file; gateways are spread over the interval by serial.

        Args:
            site: The gateway.
            now: Time, UTC; the result is after it.
        """
        every = self._logs.file_every.total_seconds()
        row = self._logs.row_every.total_seconds()
        offset = zlib.crc32(site.gateway_serial.encode()) / 2**32 * every // row * row
        at = offset + (math.floor((now.timestamp() - offset) / every) + 1) * every
        return datetime.fromtimestamp(at, UTC)

    def gathered(self, site: SimulatedSite, begin: datetime, end: datetime) -> list[LogFile]:
        """Return the accumulated files of a gateway in the order of upload.

        Args:
            site: The gateway.
            begin: Time of the first row not uploaded, UTC.
            end: Time at which the latest file was closed, UTC.
        """
        begin = max(begin, self._logs.first_row(end - FILES_KEPT * self._logs.file_every))
        cuts = [begin, *self._cuts(site, begin, end)]
        files = [
            self._logs.log_file(site, first, last)
            for first, last in zip(cuts, [*cuts[1:], end], strict=True)
            if first < last
        ]
        random.Random(f"burst:{self._logs.seed}:{site.gateway_serial}:{begin}").shuffle(files)  # noqa: S311
        return files

    def _cuts(self, site: SimulatedSite, begin: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the times at which a gateway closed files in an outage."""
        while (begin := self.next_file(site, begin)) < end:
            yield begin

    def _send(self, site: SimulatedSite, files: Sequence[LogFile], written: dict[str, datetime]) -> None:
        try:
            upload(self._login, files)
        except (OSError, EOFError, ftplib.Error) as error:  # retried with the next file
            if not self._stopped.is_set():
                _log.warning("upload of %s failed: %s", site.gateway_serial, error)
            return
        written[site.gateway_serial] = max(file.end for file in files)


def upload(login: FtpLogin, files: Sequence[LogFile]) -> None:
    """Upload files over one connection, one after the other.

    Raises:
        OSError: If the server is not reachable or the connection is lost.
        EOFError: If the server closes the connection.
        ftplib.Error: If the server rejects a command.
    """
    with login.connect() as connection:
        for file in files:
            connection.storbinary(f"STOR {file.name}", io.BytesIO(file.content))
