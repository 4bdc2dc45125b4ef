"""Texts of the history: versions of the site file and changes of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from smarterise_sdk.domain.sites.history import VersionKind
from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import age_text, utc_text, visible
from smarterise_tui.text.plan import MAX_LINES, entry, site_lines, stack_lines
from smarterise_tui.theme import status_class
from smarterise_tui.widgets.record_list import ListColumn, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.sites.model import Tier
    from smarterise_sdk.domain.sites.plans import SiteChange, StackChange
    from smarterise_sdk.journal import JournalEntry, JournalReading
    from smarterise_sdk.services.sites.history import HistoryRow, SiteHistory
    from smarterise_tui.fleet.columns import Cell

VERSION_COLUMNS = (
    ListColumn("AGE", 4),
    ListColumn("KIND", 11),
    ListColumn("BY", 10, share=1),
    ListColumn("WHAT", 24, share=3),
    ListColumn("WHY", 12, drop=1, share=2),
    ListColumn("VERSION", 12, drop=2),
    ListColumn("WRITTEN", 20, drop=3),
)
CHANGE_COLUMNS = (
    ListColumn("AGE", 4),
    ListColumn("CHANGE ID", 9),
    ListColumn("OUTCOME", 17),
    ListColumn("UNDONE BY", 9),
    ListColumn("WHAT", 20, share=3),
    ListColumn("WHY", 14, drop=1, share=2),
    ListColumn("OPERATOR", 16, drop=2),
    ListColumn("STARTED", 20, drop=3),
)
MAX_CHANGES = 500
"""Further changes are counted; the CLI equivalent lists all."""

_NOTHING: Cell = ("–", "$quiet")
_PLAIN = ""
_OF_KIND = {
    VersionKind.HAND_EDIT: Status.WARN,
    VersionKind.BROKEN: Status.FAIL,
    VersionKind.DELETED: Status.FAIL,
    VersionKind.GONE: Status.NO_DATA,
}
_OF_OUTCOME = {
    "verified": Status.OK,
    "partly verified": Status.WARN,
    "unverified": Status.WARN,
    "failed": Status.FAIL,
    "not written": Status.FAIL,
    "in progress": Status.LOADING,
    "no end": Status.WARN,
}
UNCERTAIN = frozenset({"partly verified", "unverified", "in progress", "no end"})
"""Outcomes that can be resolved."""


@dataclass(frozen=True, slots=True)
class TierSince:
    """Time, author and reason of a site's last tier change."""

    tier: str
    at: datetime
    by: str
    reason: str

    @property
    def author(self) -> str:
        """Author and reason, e.g. `ops-anna: "transformer works"`."""
        by = short_name(self.by) or "by hand"
        return f'{by}: "{visible(self.reason)}"' if self.reason else by


def tier_since(history: SiteHistory, serial: str, tier: Tier) -> TierSince | None:
    """Return the last tier change of a site; `None` if the versions do not contain it."""
    for version in history.entries:
        new_tier = version.tiers.get(serial)
        if new_tier is not None:
            at = _datetime(version.written_at)
            is_current = new_tier == tier.value
            return TierSince(new_tier, at, version.by, version.reason) if is_current and at else None
    return None


def version_records(history: SiteHistory, now: datetime) -> list[Record]:
    """Return one record per version."""
    return [Record(version.version_id, _version_cells(version, now)) for version in history.entries]


def version_foot(history: SiteHistory) -> list[Content]:
    """Return the footer of the versions."""
    if not history.is_versioned:
        none = "∅ bucket without versioning: rollback is not possible"
        return [Content.styled(none, "$status-no-data")]
    return [] if history.is_complete else [Content.styled("… older versions: m", "$quiet")]


def change_records(reading: JournalReading, now: datetime) -> list[Record]:
    """Return one record per change, latest first."""
    return [
        Record(_change_key(reading, place), _change_cells(change, now))
        for place, change in enumerate(reading.entries[:MAX_CHANGES])
    ]


def change_of(reading: JournalReading, key: str | None) -> JournalEntry | None:
    """Return the change of a record."""
    keys = {_change_key(reading, place): change for place, change in enumerate(reading.entries)}
    return keys.get(key) if key is not None else None


def change_foot(reading: JournalReading, command: str) -> list[Content]:
    """Return the footer of the changes; `command` lists all of them."""
    foot = []
    more = len(reading.entries) - MAX_CHANGES
    if more > 0:
        foot.append(Content.styled(visible(f"… and {more:,} older changes: {command}"), "$quiet"))
    if reading.damaged_lines:
        lines = ", ".join(map(str, reading.damaged_lines[:5]))
        text = f"▲ {len(reading.damaged_lines)} invalid line(s) in the journal: {lines}"
        foot.append(Content.styled(text, "$status-warn"))
    return foot


def version_text(version: HistoryRow, differences: Sequence[Content], now: datetime) -> Content:
    """Return the details of a version and its differences."""
    current = ", current" if version.is_latest else ""
    entries = [
        ("Version", f"{version.version_id or 'none: bucket without versioning'}{current}"),
        ("Written", _when(version.written_at, now)),
        ("By", version.by),
        ("Reason", version.reason),
        ("Changed", version.summary),
    ]
    text, style = _kind(version)
    head = Content.styled(text, f"bold {style}".strip())
    return _joined(head, entries, [*_problem_lines(version), *differences])


def change_text(change: JournalEntry, differences: Sequence[Content], now: datetime) -> Content:
    """Return the details of a change and its differences."""
    entries = [
        ("Change ID", change.plan_id),
        ("Started", _when(utc_text(change.at), now)),
        ("By", f"{change.who} ({change.operator})"),
        ("Where", f"{change.environment}, via {change.via}"),
        ("Reason", change.reason),
        ("Undoes", change.undoes),
        ("Undone by", change.undone_by),
    ]
    text, style = _outcome(change)
    head = Content.assemble((visible(change.title), "bold"), "  ", (text, style))
    return _joined(head, entries, differences)


def difference_lines(
    changes: Sequence[SiteChange], stack_changes: Sequence[StackChange] = ()
) -> list[Content]:
    """Return the differences per site and resource; beyond the limit they are counted."""
    lines = [*site_lines(changes[:MAX_LINES]), *stack_lines(stack_changes[:MAX_LINES])]
    more = max(len(changes), len(stack_changes)) - MAX_LINES
    return lines + ([Content.styled(f"  … and {more:,} more", "bold $accent")] if more > 0 else [])


def short_name(arn: str) -> str:
    """Return the user or role session of an ARN."""
    return visible(arn.rsplit("/", 1)[-1] if arn.startswith("arn:") else arn)


def _joined(head: Content, entries: Sequence[tuple[str, str]], lines: Sequence[Content]) -> Content:
    lines_of_entries = [entry(name, text, width=10) for name, text in entries if text]
    return Content("\n").join([head, Content(""), *lines_of_entries, Content(""), *lines])


def _problem_lines(version: HistoryRow) -> list[Content]:
    return [Content(f"· {visible(str(problem))}") for problem in version.problems]


def _version_cells(version: HistoryRow, now: datetime) -> tuple[Cell, ...]:
    return (
        (_age(version.written_at, now), "$quiet"),
        _kind(version),
        _cell(short_name(version.by)),
        _cell(version.summary, "bold" if version.is_latest else _PLAIN),
        _cell(version.reason),
        _cell(version.version_id, "$quiet"),
        _cell(version.written_at, "$quiet"),
    )


def _change_cells(change: JournalEntry, now: datetime) -> tuple[Cell, ...]:
    style = "$quiet" if change.undone_by else _PLAIN
    return (
        (age_text(now - change.at), "$quiet"),
        _cell(change.plan_id),
        _outcome(change),
        _cell(change.undone_by, "$accent"),
        _cell(change.title, style),
        _cell(change.reason, style),
        _cell(change.operator, "$quiet"),
        _cell(utc_text(change.at), "$quiet"),
    )


def _change_key(reading: JournalReading, place: int) -> str:
    """Return a key that is stable when newer changes are added; plan ids may repeat."""
    return str(len(reading.entries) - place)


def _kind(version: HistoryRow) -> Cell:
    status = _OF_KIND.get(VersionKind(version.kind)) if version.kind in set(VersionKind) else Status.UNKNOWN
    if status is None:
        return f"{Status.OK.glyph} {version.kind}", _PLAIN
    return f"{status.glyph} {visible(version.kind)}", f"$status-{status_class(status)}"


def _outcome(change: JournalEntry) -> Cell:
    status = _OF_OUTCOME.get(change.outcome, Status.UNKNOWN)
    return f"{status.glyph} {visible(change.outcome)}", f"$status-{status_class(status)}"


def _cell(text: str, style: str = _PLAIN) -> Cell:
    return (visible(text), style) if text else _NOTHING


def _age(timestamp: str, now: datetime) -> str:
    at = _datetime(timestamp)
    return "–" if at is None else age_text(now - at)


def _when(timestamp: str, now: datetime) -> str:
    return f"{timestamp}, {_age(timestamp, now)} ago"


def _datetime(text: str) -> datetime | None:
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return timestamp if timestamp.tzinfo is not None else None
