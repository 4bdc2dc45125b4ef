"""Store of the journal of changes: one line before a write and one after it, durable across crashes.

Append-only JSON lines, synced to disk, readable by the owner only, with secrets masked. Unreadable lines are
skipped and reported. The entries are interpreted in `entries`.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import SmarteriseError, UsageError
from smarterise_sdk.journal.entries import (
    DONE,
    HIDES,
    INTENDED,
    RESOLVED,
    JournalOutcome,
    JournalReading,
    LinePlace,
    entries_of,
    parsed_line,
)
from smarterise_sdk.journal.masking import masked
from smarterise_sdk.journal.process import this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.plans import Plan, Receipt, SiteChange, StackChange
    from smarterise_sdk.journal.entries import JournalLine

FILE_NAME = "journal.jsonl"
MAX_WHOLE_BYTES = 64 * 1024
"""Longer lines are read without their changes; a change of 10,000 sites has a line of megabytes."""

_RUNNING: set[str] = set()
_RUNNING_LOCK = threading.Lock()


class Journal:
    """The journal of one user on one machine. Threads and processes may write concurrently.

    Args:
        directory: Its folder; created on the first write.
        now: The clock, UTC.
        extra: Additional fields of each line of an intended change, e.g. the endpoint.
    """

    def __init__(
        self,
        directory: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        extra: Mapping[str, JsonValue] = MappingProxyType({}),
    ) -> None:
        self.path = directory / FILE_NAME
        self._now = now
        self._extra = dict(extra)

    def intended(self, plan: Plan, *, who: str) -> bytes:
        """Record a change that is about to be made; return the line.

        Raises:
            UsageError: It cannot be written (code `JOURNAL`); the change must not be made then.
        """
        process = this_process()
        head: JsonObject = {
            "entry": INTENDED,
            "plan_id": plan.plan_id,
            "at": utc_text(self._now()),
            "who": who,
            "operator": operator(),
            "host": process.host,
            "pid": process.pid,
            "pid_started": process.started,
            "environment": plan.environment,
            "account": plan.account,
            "region": plan.region,
            **self._extra,
            "via": plan.via.value,
            "title": plan.title,
            "reason": plan.reason,
            "planned_at": utc_text(plan.planned_at),
            "create": plan.create,
            "base_etag": plan.base_etag,
            "undoes": plan.undoes,
            "document": _document(plan.document),
        }
        # Fields that may be long come last: see `entries.CUT`.
        long: JsonObject = {
            "stack_changes": [_stack_change_row(change) for change in plan.stack_changes],
            "changes": [_change_row(change) for change in plan.changes],
        }
        try:
            line = self._append({**_object(masked(head)), **long})
        except OSError as error:
            raise self._error(UsageError, "written", error) from error
        with _RUNNING_LOCK:
            _RUNNING.add(plan.plan_id)
        return line

    def done(self, plan: Plan, receipt: Receipt) -> bytes:
        """Record the result of a change; return the line.

        Raises:
            SmarteriseError: It cannot be written (code `JOURNAL`).
        """
        return self._end(DONE, plan.plan_id, _result(receipt))

    def failed(self, plan: Plan, error: SmarteriseError) -> bytes:
        """Record that a change was not made, with the error; return the line.

        Raises:
            SmarteriseError: It cannot be written (code `JOURNAL`).
        """
        return self._end(
            DONE,
            plan.plan_id,
            {
                "outcome": JournalOutcome.FAILED.value,
                "error": {"code": error.code, "what": error.what, "why": error.why},
                "request_ids": [error.request_id] if error.request_id else [],
            },
        )

    def resolved(self, plan_id: str, receipt: Receipt, *, outcome: JournalOutcome) -> bytes:
        """Record the outcome of a change as found by a later check; return the line.

        Raises:
            SmarteriseError: It cannot be written (code `JOURNAL`).
        """
        return self._end(RESOLVED, plan_id, _result(receipt) | {"outcome": outcome.value, "by": operator()})

    def release(self, plan_id: str) -> None:
        """Mark a change of this process as no longer running, even if its result is not recorded."""
        with _RUNNING_LOCK:
            _RUNNING.discard(plan_id)

    def read(self) -> JournalReading:
        """Return all recorded changes.

        Raises:
            UsageError: The file exists but cannot be read (code `JOURNAL`).
        """
        lines: list[JournalLine] = []
        damaged: list[int] = []
        offset = 0
        try:
            with self.path.open("rb") as stream:
                for number, source in enumerate(stream, start=1):
                    place = LinePlace(self.path, offset, len(source))
                    line = parsed_line(source, place, max_whole_bytes=MAX_WHOLE_BYTES)
                    offset += len(source)
                    if line is None:
                        damaged.append(number)
                    else:
                        lines.append(line)
        except FileNotFoundError:
            return JournalReading((), ())
        except OSError as error:
            raise self._error(UsageError, "read", error) from error
        with _RUNNING_LOCK:
            running = frozenset(_RUNNING)
        return JournalReading(entries_of(lines, running=running, now=self._now()), tuple(damaged))

    def _end(self, entry: str, plan_id: str, content: JsonObject) -> bytes:
        try:
            line: JsonObject = {"entry": entry, "plan_id": plan_id, "at": utc_text(self._now()), **content}
            return self._append(_object(masked(line)))
        except OSError as error:
            # Not a UsageError: the change may have been made.
            raise self._error(SmarteriseError, "written", error) from error
        finally:
            with _RUNNING_LOCK:
                _RUNNING.discard(plan_id)

    def _append(self, entry: JsonObject) -> bytes:
        """Append a line, in which secrets are already masked.

        Raises:
            OSError: It cannot be written.
        """
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace")
        with self._locked() as descriptor:
            # Do not continue a line that was truncated by a crash.
            start = b"\n" if _lacks_line_end(descriptor) else b""
            view = memoryview(start + line + b"\n")
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        return line

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

    def _error(self, kind: type[SmarteriseError], action: str, error: OSError) -> SmarteriseError:
        return kind(
            f"the journal {self.path} cannot be {action}",
            why=error.strerror or str(error),
            remedy=f"check permissions and free space: ls -ld {self.path.parent}; df -h {self.path.parent}",
            code="JOURNAL",
        )


def operator() -> str:
    """Return the current user and host, e.g. `anna@ops-1`."""
    return f"{_user()}@{this_process().host}"


def _result(receipt: Receipt) -> JsonObject:
    return {
        "outcome": receipt.state.value,
        "verified": list(receipt.verified),
        "unverified": dict(receipt.unverified),
        "verified_by": receipt.verified_by,
        "etag": receipt.etag,
        "version_id": receipt.version_id,
        "request_ids": list(receipt.request_ids),
        "notes": list(receipt.notes),
    }


def _change_row(change: SiteChange) -> JsonObject:
    before, after = masked(change.before), masked(change.after)
    row: JsonObject = {"gateway_serial": change.gateway_serial, "before": before, "after": after}
    is_masked = before != change.before or after != change.after
    # Two masked secrets look equal: record that they differ.
    return row | {HIDES: True} if is_masked and _hides(change) else row


def _hides(change: SiteChange) -> bool:
    """Return whether a changed value is masked in the journal."""
    if change.before is None or change.after is None:
        return True
    return any(
        masked({field.field: value}) != {field.field: value}
        for field in change.fields
        for value in (field.before, field.after)
    )


def _stack_change_row(change: StackChange) -> JsonObject:
    return {
        "kind": change.kind,
        "subject": change.subject,
        "before": change.before,
        "after": change.after,
        "gateway_serial": change.gateway_serial,
    }


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _document(content: bytes | None) -> JsonObject | None:
    """Return size and digest of a file; its content is in the S3 versions."""
    if content is None:
        return None
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


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
        # A container may run with a user id without a name.
        return str(os.getuid())
