"""Where a file lands on its way: in memory when small, else on the function's disk; counted and hashed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

    from smarterise_lambdas.shared.deadline import Deadline

IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes up to which a file needs no disk."""

_STEP: Final = 16 * 1024 * 1024
_SHARE_OF_DISK: Final = 0.75
_POLL_INTERVAL: Final = 0.5


class OutOfTime(Exception):
    """The sweep's time is over; the file will be taken by the next one."""


class SpoolFull(Exception):
    """There is no room on the disk just now, beside the files that are on it."""


class TooLarge(Exception):
    """The file is larger than all the room there is."""


class SpoolBudget:
    """The disk, shared by all files that are on their way.

    Args:
        total: Bytes; by default most of what is free now.
    """

    def __init__(self, total: int | None = None) -> None:
        free = shutil.disk_usage(tempfile.gettempdir()).free
        self.total = int(free * _SHARE_OF_DISK) if total is None else total
        self._free = self.total
        self._changed = threading.Condition()

    def hold(self, size: int, deadline: Deadline) -> None:
        """Take room, waiting for it.

        Raises:
            TooLarge: If there will never be as much.
            OutOfTime: If the sweep's time is over before there is.
        """
        if size > self.total:
            raise TooLarge(f"{size} bytes are more than the {self.total} there is room for")
        with self._changed:
            while self._free < size:
                if deadline.is_exceeded:
                    raise OutOfTime
                self._changed.wait(_POLL_INTERVAL)
            self._free -= size

    def hold_more(self, size: int) -> bool:
        """Take more room if it is there: who has some already must not wait for more."""
        with self._changed:
            if self._free < size:
                return False
            self._free -= size
            return True

    def release(self, size: int) -> None:
        """Give room back."""
        with self._changed:
            self._free += size
            self._changed.notify_all()


class Fingerprint:
    """What came, counted and hashed, and not kept.

    Args:
        deadline: Of the sweep.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of all of it, in hexadecimal digits."""
        return self._hash.hexdigest()

    @property
    def digest(self) -> bytes:
        """SHA-256 of all of it."""
        return self._hash.digest()

    def begin(self) -> None:
        """Forget what has come: it comes again from the start."""
        self._hash = hashlib.sha256()
        self.size = 0

    def take(self, block: bytes) -> None:
        """Take the next block.

        Raises:
            OutOfTime: If the sweep's time is over.
        """
        if self._deadline.is_exceeded:
            raise OutOfTime
        self.size += len(block)
        self._hash.update(block)


class SpooledFile(Fingerprint):
    """One file on its way, kept until it is stored.

    Args:
        budget: The disk.
        expected: Bytes, as the server lists them; they may be wrong.
        deadline: Of the sweep.
    """

    def __init__(self, budget: SpoolBudget, expected: int | None, deadline: Deadline) -> None:
        super().__init__(deadline)
        self._budget = budget
        self._held = 0
        self._spool: IO[bytes] | None = None
        self._blocks = bytearray()
        if expected is not None and expected > IN_MEMORY:
            budget.hold(expected, deadline)
            self._held = expected

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()
        self._budget.release(self._held)

    def begin(self) -> None:
        """Forget what has come: it comes again from the start."""
        super().begin()
        self._drop()

    def take(self, block: bytes) -> None:
        """Take the next block.

        Raises:
            OutOfTime: If the sweep's time is over.
            SpoolFull: If there is no room for more just now.
            TooLarge: If there never will be.
        """
        super().take(block)
        if self._spool is None and self.size <= IN_MEMORY:
            self._blocks += block
            return
        while self.size > self._held:
            if self.size > self._budget.total:
                raise TooLarge(f"more than the {self._budget.total} bytes there is room for were sent")
            if not self._budget.hold_more(_STEP):
                raise SpoolFull
            self._held += _STEP
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 -- closed when it is dropped
            self._spool.write(self._blocks)
            self._blocks.clear()
        self._spool.write(block)

    def content(self) -> bytes | IO[bytes]:
        """Return all of it, as S3's client takes it."""
        if self._spool is None:
            return bytes(self._blocks)
        self._spool.flush()
        self._spool.seek(0)
        return self._spool

    def _drop(self) -> None:
        self._blocks.clear()
        if self._spool is not None:
            self._spool.close()
            self._spool = None
