"""Spools files in transfer: small ones in memory, others on the function's disk; counts and hashes them."""

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
"""Files up to this size are kept in memory, bytes."""

_STEP: Final = 16 * 1024 * 1024
_SHARE_OF_DISK: Final = 0.75
_POLL_INTERVAL: Final = 0.5


class OutOfTime(Exception):
    """The deadline of the sweep is exceeded; the next sweep transfers the file."""


class SpoolFull(Exception):
    """The spool budget is used up by other files."""


class TooLarge(Exception):
    """The file is larger than the whole spool budget."""


class SpoolBudget:
    """Disk space shared by all files in transfer.

    Args:
        total: Size of the budget, bytes; by default 75 % of the free disk space.
    """

    def __init__(self, total: int | None = None) -> None:
        free = shutil.disk_usage(tempfile.gettempdir()).free
        self.total = int(free * _SHARE_OF_DISK) if total is None else total
        self._free = self.total
        self._changed = threading.Condition()

    def reserve(self, size: int, deadline: Deadline) -> None:
        """Reserve space, waiting until it is free.

        Raises:
            TooLarge: If the size exceeds the whole budget.
            OutOfTime: If the deadline is exceeded first.
        """
        if size > self.total:
            raise TooLarge(f"{size} bytes exceed the spool budget of {self.total} bytes")
        with self._changed:
            while self._free < size:
                if deadline.is_exceeded:
                    raise OutOfTime
                self._changed.wait(_POLL_INTERVAL)
            self._free -= size

    def try_reserve(self, size: int) -> bool:
        """Reserve more space if it is free, without waiting, as waiting for more could deadlock."""
        with self._changed:
            if self._free < size:
                return False
            self._free -= size
            return True

    def release(self, size: int) -> None:
        """Return reserved space."""
        with self._changed:
            self._free += size
            self._changed.notify_all()


class Fingerprint:
    """Counts and hashes received bytes without keeping them.

    Args:
        deadline: Deadline of the sweep.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the received bytes, hexadecimal."""
        return self._hash.hexdigest()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the received bytes."""
        return self._hash.digest()

    def reset(self) -> None:
        """Discard received bytes before a new attempt."""
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, block: bytes) -> None:
        """Add the next block.

        Raises:
            OutOfTime: If the deadline is exceeded.
        """
        if self._deadline.is_exceeded:
            raise OutOfTime
        self.size += len(block)
        self._hash.update(block)


class SpooledFile(Fingerprint):
    """One file in transfer, kept until it is stored.

    Args:
        budget: Spool budget.
        expected: Size as listed, bytes; it may be wrong.
        deadline: Deadline of the sweep.
    """

    def __init__(self, budget: SpoolBudget, expected: int | None, deadline: Deadline) -> None:
        super().__init__(deadline)
        self._budget = budget
        self._reserved = 0
        self._disk_file: IO[bytes] | None = None
        self._blocks = bytearray()
        if expected is not None and expected > IN_MEMORY:
            budget.reserve(expected, deadline)
            self._reserved = expected

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()
        self._budget.release(self._reserved)

    def reset(self) -> None:
        """Discard received bytes before a new attempt."""
        super().reset()
        self._discard()

    def write(self, block: bytes) -> None:
        """Add the next block.

        Raises:
            OutOfTime: If the deadline is exceeded.
            SpoolFull: If the budget is used up by other files.
            TooLarge: If the file exceeds the whole budget.
        """
        super().write(block)
        if self._disk_file is None and self.size <= IN_MEMORY:
            self._blocks += block
            return
        while self.size > self._reserved:
            if self.size > self._budget.total:
                raise TooLarge(f"the server sent more than the spool budget of {self._budget.total} bytes")
            if not self._budget.try_reserve(_STEP):
                raise SpoolFull
            self._reserved += _STEP
        if self._disk_file is None:
            self._disk_file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in _discard
            self._disk_file.write(self._blocks)
            self._blocks.clear()
        self._disk_file.write(block)

    def content(self) -> bytes | IO[bytes]:
        """Return the content in a form that boto3 accepts as `Body`."""
        if self._disk_file is None:
            return bytes(self._blocks)
        self._disk_file.flush()
        self._disk_file.seek(0)
        return self._disk_file

    def _discard(self) -> None:
        self._blocks.clear()
        if self._disk_file is not None:
            self._disk_file.close()
            self._disk_file = None
