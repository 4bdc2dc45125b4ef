"""Connection pool for one server: adapts to the server's limit and gives up a failing server."""

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

MAX_CONSECUTIVE_FAILURES: Final = 5
"""After this many files in a row without success, the server is given up."""

_POLL_INTERVAL: Final = 0.5
_PAUSE: Final = 0.5
_CONNECT_TIMEOUT: Final = 10.0
_RETRYABLE: Final = (Busy, Unreachable)
_RECOVERABLE: Final = (FileRefused, NotListed)
"""Errors after which the connection remains usable."""


class ServerLost(Exception):
    """The server was given up for this sweep.

    Attributes:
        cause: The last error.
    """

    def __init__(self, cause: SourceFault) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Pool:
    """Pool of reusable connections; each is used by one thread at a time.

    Args:
        source: The server.
        limit: Maximum number of connections; reduced when the server is busy.
        deadline: Deadline of the sweep.
        pause: Sleeps for a number of seconds.
    """

    def __init__(
        self, source: Source, limit: int, deadline: Deadline, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._source = source
        self._limit = limit
        self._deadline = deadline
        self._pause = pause
        self._idle: list[Connection] = []
        self._open = 0
        self._failures = 0
        self._lost: SourceFault | None = None
        self._changed = threading.Condition()

    @property
    def cause(self) -> SourceFault | None:
        """Error for which the server was given up; `None` if it was not."""
        return self._lost

    @property
    def is_lost(self) -> bool:
        """Whether the server was given up."""
        return self._lost is not None

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Return a connection as a context manager; errors that leave it unusable close it.

        Raises:
            ServerLost: If the server was given up.
            OutOfTime: If the deadline is exceeded before a connection is free.
        """
        connection = self._acquire()
        try:
            yield connection
        except _RECOVERABLE:
            self._release(connection)
            raise
        except BaseException:
            self._discard(connection)
            raise
        self._release(connection)

    def record_success(self) -> None:
        """Record that a file was fetched."""
        with self._changed:
            self._failures = 0

    def record_failure(self, cause: ConnectionCut) -> None:
        """Record that a file was not fetched after all attempts."""
        with self._changed:
            self._failures += 1
            if self._failures >= MAX_CONSECUTIVE_FAILURES:
                self._lost = cause
                self._changed.notify_all()

    def close(self) -> None:
        """Close all idle connections."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._open -= len(idle)
        for connection in idle:
            connection.close()

    def _acquire(self) -> Connection:
        while True:
            idle = self._idle_or_none()
            if idle is not None:
                idle.set_timeout(self._deadline.timeout)
                return idle
            try:
                return self._connect()
            except SourceFault as fault:
                self._reduce_limit(fault)
            except BaseException:
                self._count_closed()
                raise

    def _idle_or_none(self) -> Connection | None:
        """Return an idle connection, or `None` if the caller may open one, which is already counted."""
        with self._changed:
            while True:
                if self._lost is not None:
                    raise ServerLost(self._lost)
                if self._deadline.is_exceeded:
                    raise OutOfTime
                if self._idle:
                    return self._idle.pop()
                if self._open < self._limit:
                    self._open += 1
                    return None
                self._changed.wait(_POLL_INTERVAL)

    def _connect(self) -> Connection:
        timeout = min(_CONNECT_TIMEOUT, self._deadline.timeout)
        try:
            return self._source.connect(timeout=timeout)
        except _RETRYABLE:
            # A rejected login is not retried: servers lock accounts after repeated failures.
            self._pause(_PAUSE)
            return self._source.connect(timeout=timeout)

    def _reduce_limit(self, fault: SourceFault) -> None:
        """Limit the pool to the open connections; without any, give up the server."""
        with self._changed:
            self._open -= 1
            if self._open:
                self._limit = self._open
            else:
                self._lost = fault
            self._changed.notify_all()

    def _count_closed(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _release(self, connection: Connection) -> None:
        with self._changed:
            self._idle.append(connection)
            self._changed.notify()

    def _discard(self, connection: Connection) -> None:
        connection.close()
        self._count_closed()
