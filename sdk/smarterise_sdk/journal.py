"""The journal of changes: one line before a write, one after, kept even if the machine stops in between.

Append-only JSON lines, flushed to disk, readable by their owner alone; secrets are masked. Reading skips
lines that cannot be read and says which.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import SmarteriseError
from smarterise_sdk.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smarterise_sdk.domain.plans import Plan, Receipt
    from smarterise_sdk.domain.sites import JsonObject

FILE_NAME = "journal.jsonl"
INTENDED = "intended"
DONE = "done"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change: what was intended and, unless the process ended before, what became of it."""

    plan_id: str
    intended: JsonObject
    done: JsonObject | None


@dataclass(frozen=True, slots=True)
class JournalReading:
    """The journal as it stands.

    Attributes:
        entries: Changes, the oldest first.
        damaged_lines: 1-based numbers of lines that are no journal lines, e.g. one cut by a power failure.
    """

    entries: tuple[JournalEntry, ...]
    damaged_lines: tuple[int, ...]


class Journal:
    """The journal of one user on one machine. Threads and processes may write side by side.

    Args:
        directory: Where it lives; made on the first write.
        now: The clock, UTC.
    """

    def __init__(self, directory: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = directory / FILE_NAME
        self._now = now

    def intended(self, plan: Plan, *, who: str) -> None:
        """Write down a change that is about to be made.

        Raises:
            SmarteriseError: It cannot be written down (code `JOURNAL`); the change must not be made then.
        """
        self._append(
            {
                "entry": INTENDED,
                "plan_id": plan.plan_id,
                "at": utc_text(self._now()),
                "who": who,
                "operator": f"{_user()}@{socket.gethostname()}",
                "environment": plan.environment,
                "account": plan.account,
                "region": plan.region,
                "via": plan.via.value,
                "title": plan.title,
                "reason": plan.reason,
                "create": plan.create,
                "base_etag": plan.base_etag,
                "changes": [
                    {"gateway_serial": change.gateway_serial, "before": change.before, "after": change.after}
                    for change in plan.changes
                ],
            }
        )

    def done(self, plan: Plan, receipt: Receipt) -> None:
        """Write down what became of a change.

        Raises:
            SmarteriseError: It cannot be written down (code `JOURNAL`).
        """
        self._append(
            {
                "entry": DONE,
                "plan_id": plan.plan_id,
                "at": utc_text(self._now()),
                "outcome": receipt.state.value,
                "verified": list(receipt.verified),
                "unverified": dict(receipt.unverified),
                "verified_by": receipt.verified_by,
                "etag": receipt.etag,
                "version_id": receipt.version_id,
                "request_ids": list(receipt.request_ids),
            }
        )

    def failed(self, plan: Plan, error: SmarteriseError) -> None:
        """Write down that a change was not made, and why.

        Raises:
            SmarteriseError: It cannot be written down (code `JOURNAL`).
        """
        self._append(
            {
                "entry": DONE,
                "plan_id": plan.plan_id,
                "at": utc_text(self._now()),
                "outcome": FAILED,
                "error": {"code": error.code, "what": error.what, "why": error.why},
                "request_ids": [error.request_id] if error.request_id else [],
            }
        )

    def read(self) -> JournalReading:
        """Return every change written down.

        Raises:
            SmarteriseError: The file is there but cannot be opened (code `JOURNAL`).
        """
        try:
            with self.path.open("rb") as stream:
                lines = [_line(line) for line in stream]
        except FileNotFoundError:
            return JournalReading((), ())
        except OSError as error:
            raise self._error("read", error) from error
        intended = {str(line["plan_id"]): line for line in lines if line and line["entry"] == INTENDED}
        done = {str(line["plan_id"]): line for line in lines if line and line["entry"] == DONE}
        return JournalReading(
            tuple(JournalEntry(plan_id, line, done.get(plan_id)) for plan_id, line in intended.items()),
            tuple(number for number, line in enumerate(lines, start=1) if line is None),
        )

    def _append(self, entry: JsonObject) -> None:
        line = json.dumps(masked(entry), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            with self._locked() as descriptor:
                # A line that a crash cut short must not swallow this one.
                if _lacks_line_end(descriptor):
                    line = b"\n" + line
                view = memoryview(line)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
        except OSError as error:
            raise self._error("written", error) from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
            if is_new:
                _sync_directory(self.path.parent)
        finally:
            os.close(descriptor)

    def _error(self, tried: str, error: OSError) -> SmarteriseError:
        return SmarteriseError(
            f"the journal {self.path} cannot be {tried}",
            why=error.strerror or str(error),
            remedy=f"make room and see to its rights: ls -ld {self.path.parent}; df -h {self.path.parent}",
            code="JOURNAL",
        )


def _line(source: bytes) -> JsonObject | None:
    try:
        line = json.loads(source)
    except (ValueError, RecursionError):
        return None
    is_entry = isinstance(line, dict) and line.get("entry") in {INTENDED, DONE} and "plan_id" in line
    return line if is_entry else None


def _lacks_line_end(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return str(os.getuid())
