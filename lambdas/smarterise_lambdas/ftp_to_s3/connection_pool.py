"""The connections to one server: as many as it takes, and none any more to one that is dead."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.ftp_to_s3.file_source import (
    Busy,
    Connection,
    ConnectionCut,
    FileRefused,
    NotListed,
    Source,
    SourceFault,
    Unreachable,
)
from smarterise_lambdas.ftp_to_s3.spool import OutOfTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_lambdas.shared.deadline import Deadline

MOST_FAILURES: Final = 5
"""So many files in a row that no connection could bring, and it is the server that is ill."""

_POLL_INTERVAL: Final = 0.5
_PAUSE: Final = 0.5
_CONNECT_TIMEOUT: Final = 10.0
_WORTH_ANOTHER_TRY: Final = (Busy, Unreachable)
_SOUND: Final = (FileRefused, NotListed)
"""What a server may say without its connection being of no further use."""


class ServerLost(Exception):
    """The server is given up for this sweep.

    Attributes:
        cause: What went wrong last.
    """

    def __init__(self, cause: SourceFault) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Pool:
    """Connections, lent to one thread at a time and kept between uses.

    Args:
        source: The server.
        most: How many connections at most; fewer if the server says that it is busy.
        deadline: Of the sweep.
        pause: Waits so many seconds.
    """

    def __init__(
        self, source: Source, most: int, deadline: Deadline, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._source = source
        self._most = most
        self._deadline = deadline
        self._pause = pause
        self._idle: list[Connection] = []
        self._open = 0
        self._failures = 0
        self._lost: SourceFault | None = None
        self._changed = threading.Condition()

    @property
    def cause(self) -> SourceFault | None:
        """Why the server is given up; `None` while it is not."""
        return self._lost

    @property
    def is_lost(self) -> bool:
        """Whether the server is given up."""
        return self._lost is not None

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; what is raised inside decides whether it is used again.

        Raises:
            ServerLost: If the server is given up.
            OutOfTime: If the sweep's time is over before one is free.
        """
        lent = self._borrow()
        try:
            yield lent
        except _SOUND:
            self._give_back(lent)
            raise
        except BaseException:
            self._discard(lent)
            raise
        self._give_back(lent)

    def succeeded(self) -> None:
        """Note that a file came."""
        with self._changed:
            self._failures = 0

    def failed(self, cause: ConnectionCut) -> None:
        """Note that a file did not come, however often it was tried."""
        with self._changed:
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                self._lost = cause
                self._changed.notify_all()

    def close(self) -> None:
        """End all connections that are not lent."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._open -= len(idle)
        for connection in idle:
            connection.close()

    def _borrow(self) -> Connection:
        while True:
            idle = self._idle_or_leave_to_open()
            if idle is not None:
                idle.be_patient(self._deadline.timeout)
                return idle
            try:
                return self._connect()
            except SourceFault as fault:
                self._do_with_fewer(fault)
            except BaseException:
                self._count_one_less()
                raise

    def _idle_or_leave_to_open(self) -> Connection | None:
        """Return an idle connection; `None` once the caller may open another, which is counted already."""
        with self._changed:
            while True:
                if self._lost is not None:
                    raise ServerLost(self._lost)
                if self._deadline.is_exceeded:
                    raise OutOfTime
                if self._idle:
                    return self._idle.pop()
                if self._open < self._most:
                    self._open += 1
                    return None
                self._changed.wait(_POLL_INTERVAL)

    def _connect(self) -> Connection:
        timeout = min(_CONNECT_TIMEOUT, self._deadline.timeout)
        try:
            return self._source.connect(timeout=timeout)
        except _WORTH_ANOTHER_TRY:
            # Not so a refused login: accounts are locked for less.
            self._pause(_PAUSE)
            return self._source.connect(timeout=timeout)

    def _do_with_fewer(self, fault: SourceFault) -> None:
        """Go on with the connections that there are; without any, the server is given up."""
        with self._changed:
            self._open -= 1
            if self._open:
                self._most = self._open
            else:
                self._lost = fault
            self._changed.notify_all()

    def _count_one_less(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _give_back(self, connection: Connection) -> None:
        with self._changed:
            self._idle.append(connection)
            self._changed.notify()

    def _discard(self, connection: Connection) -> None:
        connection.close()
        self._count_one_less()
