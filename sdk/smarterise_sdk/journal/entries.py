"""Entries of the journal: intended changes, their results and current outcomes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.plans import SiteChange, StackChange, WritePath
from smarterise_sdk.errors import SmarteriseError
from smarterise_sdk.journal.process import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue

INTENDED = "intended"
DONE = "done"
RESOLVED = "resolved"
HIDES = "is_masked"
"""Key that marks a change with masked values."""
CUT = b', "stack_changes": ['
"""Separator between the fields of every listing and the long fields. It cannot occur within a JSON text,
where its quotes would be escaped."""
MAX_REMOTE_DURATION = timedelta(minutes=10)
"""Time for which a change of another host counts as running, as its process cannot be checked."""


class JournalOutcome(StrEnum):
    """Outcome of a change."""

    VERIFIED = "verified"
    PARTLY_VERIFIED = "partly verified"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    """Nothing was written."""
    IN_PROGRESS = "in progress"
    NO_END = "no end"
    """The process that made it ended without recording a result."""


_PRECEDENCE = (
    JournalOutcome.IN_PROGRESS,
    JournalOutcome.VERIFIED,
    JournalOutcome.PARTLY_VERIFIED,
    JournalOutcome.UNVERIFIED,
    JournalOutcome.NO_END,
    JournalOutcome.FAILED,
)
"""Precedence of the outcomes of several attempts of one plan."""
_WROTE = frozenset({JournalOutcome.VERIFIED, JournalOutcome.PARTLY_VERIFIED, JournalOutcome.UNVERIFIED})
_OPEN = frozenset({JournalOutcome.PARTLY_VERIFIED, JournalOutcome.UNVERIFIED, JournalOutcome.NO_END})


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Position in the journal of a line whose changes are not kept in memory."""

    path: Path
    offset: int
    length: int

    def read(self) -> JsonObject:
        """Return the whole line.

        Raises:
            SmarteriseError: It cannot be read (code `JOURNAL`).
        """
        try:
            with self.path.open("rb") as stream:
                stream.seek(self.offset)
                line = json.loads(stream.read(self.length))
        except (OSError, ValueError) as error:
            raise SmarteriseError(
                f"a line of the journal {self.path} cannot be read", why=str(error), code="JOURNAL"
            ) from error
        if not isinstance(line, dict):
            raise SmarteriseError(f"a line of the journal {self.path} is not an object", code="JOURNAL")
        return line


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change in the journal.

    Attributes:
        plan_id: Id of the plan.
        intended: The line written before the change; without its changes if the line is long.
        done: The line with the result; `None` if it was not recorded.
        is_running: Whether the change may still be running.
        is_resolved: Whether its outcome was resolved by a later check.
        undone_by: Id of the change that reverted it; empty if none.
        number: Position of its line among those of the journal.
        place: Position of the changes, for long lines.
    """

    plan_id: str
    intended: JsonObject
    done: JsonObject | None
    is_running: bool = False
    is_resolved: bool = False
    undone_by: str = ""
    number: int = 0
    place: LinePlace | None = None

    @property
    def at(self) -> datetime:
        """Start time by the clock of the host that made it, UTC."""
        return _datetime(self.intended)

    @property
    def who(self) -> str:
        """AWS identity (ARN) that made it."""
        return self._text("who")

    @property
    def operator(self) -> str:
        """User and host that made it."""
        return self._text("operator")

    @property
    def environment(self) -> str:
        """Name of the environment."""
        return self._text("environment")

    @property
    def account(self) -> str:
        """AWS account; empty if unknown."""
        return self._text("account")

    @property
    def region(self) -> str:
        """AWS region."""
        return self._text("region")

    @property
    def endpoint_url(self) -> str:
        """Endpoint; empty for AWS itself."""
        return self._text("endpoint_url")

    @property
    def title(self) -> str:
        """Title of the change, in one line."""
        return self._text("title")

    @property
    def reason(self) -> str:
        """Reason given by the operator."""
        return self._text("reason")

    @property
    def via(self) -> WritePath:
        """Transport of the change."""
        return WritePath.S3 if self.intended.get("via") == WritePath.S3 else WritePath.LAMBDA

    @property
    def base_etag(self) -> str:
        """ETag of the file it was planned on; empty if there was none."""
        return self._text("base_etag")

    @property
    def version_id(self) -> str:
        """S3 version of the file written by it; empty if unknown."""
        value = (self.done or {}).get("version_id")
        return value if isinstance(value, str) else ""

    @property
    def undoes(self) -> str:
        """Id of the change that it reverts; empty if none."""
        return self._text("undoes")

    @property
    def repairs_file(self) -> bool:
        """Whether it replaced an invalid file by a valid one."""
        return self.intended.get("document") is not None

    @property
    def document_sha256(self) -> str:
        """SHA-256 of the whole file that it wrote; empty if it changed sites."""
        document = self.intended.get("document")
        digest = document.get("sha256") if isinstance(document, dict) else None
        return digest if isinstance(digest, str) else ""

    @property
    def changes(self) -> tuple[SiteChange, ...]:
        """Changes per site, with secrets masked.

        Raises:
            SmarteriseError: The journal cannot be read.
        """
        return tuple(
            SiteChange(str(row["gateway_serial"]), _object(row.get("before")), _object(row.get("after")))
            for row in self._rows("changes")
            if "gateway_serial" in row
        )

    @property
    def masked_serials(self) -> frozenset[str]:
        """Serials of the sites with masked changes.

        Raises:
            SmarteriseError: The journal cannot be read.
        """
        rows = self._rows("changes")
        return frozenset(str(row.get("gateway_serial")) for row in rows if row.get(HIDES) is True)

    @property
    def stack_changes(self) -> tuple[StackChange, ...]:
        """Changes of alarms and schedules.

        Raises:
            SmarteriseError: The journal cannot be read.
        """
        names = ("kind", "subject", "before", "after", "gateway_serial")
        return tuple(
            StackChange(*(str(row.get(name, "")) for name in names)) for row in self._rows("stack_changes")
        )

    @property
    def outcome(self) -> JournalOutcome:
        """Current outcome."""
        if self.done is None:
            return JournalOutcome.IN_PROGRESS if self.is_running else JournalOutcome.NO_END
        try:
            return JournalOutcome(str(self.done.get("outcome")))
        except ValueError:
            return JournalOutcome.UNVERIFIED

    @property
    def is_unresolved(self) -> bool:
        """Whether its outcome is unknown and was not resolved by a later check."""
        return self.outcome in _OPEN and not self.is_resolved

    @property
    def may_have_written(self) -> bool:
        """Whether it has written, or may have written, something."""
        return self.outcome is not JournalOutcome.FAILED

    def _text(self, name: str) -> str:
        value = self.intended.get(name)
        return value if isinstance(value, str) else ""

    def _rows(self, name: str) -> Iterable[Mapping[str, JsonValue]]:
        line = self.intended if self.place is None else self.place.read()
        rows = line.get(name)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


@dataclass(frozen=True, slots=True)
class JournalReading:
    """Content of the journal.

    Attributes:
        entries: Changes, oldest first.
        damaged_lines: 1-based numbers of damaged lines, e.g. truncated by a power failure.
    """

    entries: tuple[JournalEntry, ...]
    damaged_lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One parsed line."""

    content: JsonObject
    place: LinePlace | None = None

    @property
    def entry(self) -> str:
        """Kind of the line: `intended`, `done` or `resolved`."""
        return str(self.content["entry"])

    @property
    def plan_id(self) -> str:
        """Id of the change."""
        return str(self.content["plan_id"])


def parsed_line(source: bytes, place: LinePlace, *, max_whole_bytes: int) -> JournalLine | None:
    """Parse a line of the journal; `None` if it is invalid.

    Args:
        source: The line.
        place: Its position.
        max_whole_bytes: Longer lines are read without their changes.
    """
    is_cut = False
    if len(source) > max_whole_bytes:
        at = source.find(CUT)
        # A line truncated by a crash has a different end.
        is_cut = at >= 0 and source.endswith(b"]}\n")
        source = source[:at] + b"}" if is_cut else source
    try:
        content = json.loads(source)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not isinstance(content.get("plan_id"), str):
        return None
    is_dated = _is_dated(content)
    if content.get("entry") not in {INTENDED, DONE, RESOLVED} or not is_dated:
        return None
    return JournalLine(content, place if is_cut else None)


def entries_of(
    lines: Sequence[JournalLine], *, running: frozenset[str], now: datetime
) -> tuple[JournalEntry, ...]:
    """Return the changes recorded in lines, oldest first.

    A plan that was applied more than once is one change, with the outcome of the most relevant attempt.

    Args:
        lines: The lines, in the order of writing.
        running: Ids of the changes that this process is making.
        now: Current time.
    """
    attempts: dict[str, list[JournalEntry]] = {}
    for number, line in enumerate(lines):
        of_plan = attempts.setdefault(line.plan_id, [])
        if line.entry == INTENDED:
            begun = JournalEntry(line.plan_id, line.content, None, number=number, place=line.place)
            of_plan.append(begun)
        elif of_plan:
            of_plan[-1] = replace(of_plan[-1], done=line.content, is_resolved=line.entry == RESOLVED)
            if line.entry == RESOLVED:
                # The check has read the file: its outcome applies to all earlier attempts.
                of_plan[:] = of_plan[-1:]
    entries = (_relevant_attempt(of_plan, running, now) for of_plan in attempts.values() if of_plan)
    return _with_undoing(sorted(entries, key=lambda entry: entry.number))


def _relevant_attempt(
    attempts: Sequence[JournalEntry], running: frozenset[str], now: datetime
) -> JournalEntry:
    checked = [
        replace(one, is_running=one.done is None and _is_running(one, running, now)) for one in attempts
    ]
    return min(reversed(checked), key=lambda attempt: _PRECEDENCE.index(attempt.outcome))


def _with_undoing(entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    """Return entries with `undone_by` set; an undo that was itself undone does not count."""
    undone_by: dict[str, str] = {}
    linked: list[JournalEntry] = []
    for entry in reversed(entries):
        linked.append(replace(entry, undone_by=undone_by.pop(entry.plan_id, "")))
        if entry.undoes and entry.outcome in _WROTE and not linked[-1].undone_by:
            undone_by.setdefault(entry.undoes, entry.plan_id)
    return tuple(reversed(linked))


def _is_running(entry: JournalEntry, running: frozenset[str], now: datetime) -> bool:
    pid, host = entry.intended.get("pid"), entry._text("host")
    if not isinstance(pid, int) or not host:
        return False
    process = ProcessIdentity(host, pid, entry._text("pid_started"))
    if not process.is_of_this_host:
        return now - entry.at < MAX_REMOTE_DURATION
    return entry.plan_id in running if process.is_this_process else process.is_running


def _datetime(content: JsonObject) -> datetime:
    return datetime.fromisoformat(str(content.get("at"))).astimezone(UTC)


def _is_dated(content: JsonObject) -> bool:
    try:
        _datetime(content)
    except (ValueError, OverflowError):
        return False
    return True


def _object(value: JsonValue) -> JsonObject | None:
    return value if isinstance(value, dict) else None
