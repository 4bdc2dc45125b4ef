"""Changes as the journal has them: what was intended, what became of it, and what that means today."""

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
"""Key of a change of which the journal has masked something that it touched."""
CUT = b', "stack_changes": ['
"""Before this stands what every listing needs, behind it what can be long. Within a JSON text it cannot
stand: there its quotes would be escaped."""
ELSEWHERE_AT_MOST = timedelta(minutes=10)
"""So long a change of another machine may be under way; of its processes nothing is known here."""


class JournalOutcome(StrEnum):
    """What became of a change."""

    VERIFIED = "verified"
    PARTLY_VERIFIED = "partly verified"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    """Nothing was written."""
    IN_PROGRESS = "in progress"
    NO_END = "no end"
    """Whoever made it ended before it was known."""


_TELLING = (
    JournalOutcome.IN_PROGRESS,
    JournalOutcome.VERIFIED,
    JournalOutcome.PARTLY_VERIFIED,
    JournalOutcome.UNVERIFIED,
    JournalOutcome.NO_END,
    JournalOutcome.FAILED,
)
"""Of several tries of one plan, the end that tells most."""
_WROTE = frozenset({JournalOutcome.VERIFIED, JournalOutcome.PARTLY_VERIFIED, JournalOutcome.UNVERIFIED})
_OPEN = frozenset({JournalOutcome.PARTLY_VERIFIED, JournalOutcome.UNVERIFIED, JournalOutcome.NO_END})


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where in the journal a line is whose changes are too many to be kept at hand."""

    path: Path
    offset: int
    length: int

    def read(self) -> JsonObject:
        """Return the whole line.

        Raises:
            SmarteriseError: It cannot be read any more (code `JOURNAL`).
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
            raise SmarteriseError(f"a line of the journal {self.path} is no object", code="JOURNAL")
        return line


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change.

    Attributes:
        plan_id: Id of the plan.
        intended: What was written down before it was made; in long lines without its changes.
        done: What became of it, unless nobody wrote that down.
        is_running: Whether it may be under way at this moment.
        is_resolved: Whether somebody looked again later and wrote down the end.
        undone_by: Id of the change that took it back; empty if it stands.
        number: Where its line stands among those of the journal.
        place: Where the changes are, in long lines.
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
        """When it was begun, by the clock of the machine that made it, UTC."""
        return _datetime(self.intended)

    @property
    def who(self) -> str:
        """Who AWS said it was."""
        return self._text("who")

    @property
    def operator(self) -> str:
        """Who it was on which machine."""
        return self._text("operator")

    @property
    def environment(self) -> str:
        """Name of the environment it was made in."""
        return self._text("environment")

    @property
    def account(self) -> str:
        """AWS account it was made in; empty if that was not known."""
        return self._text("account")

    @property
    def region(self) -> str:
        """AWS region it was made in."""
        return self._text("region")

    @property
    def endpoint_url(self) -> str:
        """Endpoint it was made at; empty for AWS itself."""
        return self._text("endpoint_url")

    @property
    def title(self) -> str:
        """What it was, in one line."""
        return self._text("title")

    @property
    def reason(self) -> str:
        """Why it was made, in the operator's words."""
        return self._text("reason")

    @property
    def via(self) -> WritePath:
        """By which road."""
        return WritePath.S3 if self.intended.get("via") == WritePath.S3 else WritePath.LAMBDA

    @property
    def base_etag(self) -> str:
        """ETag of the file it was planned on; empty when there was none."""
        return self._text("base_etag")

    @property
    def version_id(self) -> str:
        """S3 version of the file that it made, as far as that is known."""
        value = (self.done or {}).get("version_id")
        return value if isinstance(value, str) else ""

    @property
    def undoes(self) -> str:
        """Id of the change that it takes back; empty for any other."""
        return self._text("undoes")

    @property
    def repairs_file(self) -> bool:
        """Whether it put a sound file in the place of one that could not be used."""
        return self.intended.get("document") is not None

    @property
    def document_sha256(self) -> str:
        """Digest of the whole file that it put in place; empty where it changed sites."""
        document = self.intended.get("document")
        digest = document.get("sha256") if isinstance(document, dict) else None
        return digest if isinstance(digest, str) else ""

    @property
    def changes(self) -> tuple[SiteChange, ...]:
        """What it changed, per site; secrets are masked.

        Raises:
            SmarteriseError: The journal cannot be read any more.
        """
        return tuple(
            SiteChange(str(row["gateway_serial"]), _object(row.get("before")), _object(row.get("after")))
            for row in self._rows("changes")
            if "gateway_serial" in row
        )

    @property
    def masked_serials(self) -> frozenset[str]:
        """The sites of which the journal has masked something that was changed.

        Raises:
            SmarteriseError: The journal cannot be read any more.
        """
        rows = self._rows("changes")
        return frozenset(str(row.get("gateway_serial")) for row in rows if row.get(HIDES) is True)

    @property
    def stack_changes(self) -> tuple[StackChange, ...]:
        """What it changed in the rest of the stack.

        Raises:
            SmarteriseError: The journal cannot be read any more.
        """
        names = ("kind", "subject", "before", "after", "gateway_serial")
        return tuple(
            StackChange(*(str(row.get(name, "")) for name in names)) for row in self._rows("stack_changes")
        )

    @property
    def outcome(self) -> JournalOutcome:
        """What became of it, as far as that is known."""
        if self.done is None:
            return JournalOutcome.IN_PROGRESS if self.is_running else JournalOutcome.NO_END
        try:
            return JournalOutcome(str(self.done.get("outcome")))
        except ValueError:
            return JournalOutcome.UNVERIFIED

    @property
    def is_unresolved(self) -> bool:
        """Whether it is not known what became of it, and nobody has looked since."""
        return self.outcome in _OPEN and not self.is_resolved

    @property
    def may_have_written(self) -> bool:
        """Whether it changed anything, or may have."""
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
    """The journal as it stands.

    Attributes:
        entries: Changes, the oldest first.
        damaged_lines: 1-based numbers of lines that are no journal lines, e.g. one cut by a power failure.
    """

    entries: tuple[JournalEntry, ...]
    damaged_lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line, read as far as is needed."""

    content: JsonObject
    place: LinePlace | None = None

    @property
    def entry(self) -> str:
        """Which of the three kinds it is."""
        return str(self.content["entry"])

    @property
    def plan_id(self) -> str:
        """The change it is about."""
        return str(self.content["plan_id"])


def parsed_line(source: bytes, place: LinePlace, *, whole_up_to: int) -> JournalLine | None:
    """Return a line of the journal, or `None` for what is none.

    Args:
        source: The line.
        place: Where it is.
        whole_up_to: Bytes up to which a line is read with everything in it.
    """
    is_cut = False
    if len(source) > whole_up_to:
        at = source.find(CUT)
        # A line that a crash cut short does not end as ours do.
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
    lines: Sequence[JournalLine], *, under_way: frozenset[str], now: datetime
) -> tuple[JournalEntry, ...]:
    """Return the changes that lines tell of, the oldest first.

    A plan that was applied more than once is one change: if it was made at any time, it was made.

    Args:
        lines: The lines, as they were written.
        under_way: Ids of the changes that this very process is making.
        now: This moment.
    """
    tries: dict[str, list[JournalEntry]] = {}
    for number, line in enumerate(lines):
        of_plan = tries.setdefault(line.plan_id, [])
        if line.entry == INTENDED:
            begun = JournalEntry(line.plan_id, line.content, None, number=number, place=line.place)
            of_plan.append(begun)
        elif of_plan:
            of_plan[-1] = replace(of_plan[-1], done=line.content, is_resolved=line.entry == RESOLVED)
            if line.entry == RESOLVED:
                # Whoever looked has looked at the file: that is the end of every try before.
                of_plan[:] = of_plan[-1:]
    entries = (_telling_try(of_plan, under_way, now) for of_plan in tries.values() if of_plan)
    return _with_undoing(sorted(entries, key=lambda entry: entry.number))


def _telling_try(tries: Sequence[JournalEntry], under_way: frozenset[str], now: datetime) -> JournalEntry:
    judged = [replace(one, is_running=one.done is None and _is_running(one, under_way, now)) for one in tries]
    return min(reversed(judged), key=lambda one: _TELLING.index(one.outcome))


def _with_undoing(entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    """Return entries that know what took them back: an undo that was itself undone does not count."""
    undone_by: dict[str, str] = {}
    told: list[JournalEntry] = []
    for entry in reversed(entries):
        told.append(replace(entry, undone_by=undone_by.pop(entry.plan_id, "")))
        if entry.undoes and entry.outcome in _WROTE and not told[-1].undone_by:
            undone_by.setdefault(entry.undoes, entry.plan_id)
    return tuple(reversed(told))


def _is_running(entry: JournalEntry, under_way: frozenset[str], now: datetime) -> bool:
    pid, host = entry.intended.get("pid"), entry._text("host")
    if not isinstance(pid, int) or not host:
        return False
    mark = ProcessIdentity(host, pid, entry._text("pid_started"))
    if not mark.is_of_this_host:
        return now - entry.at < ELSEWHERE_AT_MOST
    return entry.plan_id in under_way if mark.is_this_process else mark.is_running


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
