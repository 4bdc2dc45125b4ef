"""The versions of `site-tiers.json` as a log, who, when, why and what, and the way back to one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.document import SiteTiers, parse_site_tiers
from smarterise_sdk.domain.sites.plans import SiteChange
from smarterise_sdk.domain.sites.updates import is_same_entry
from smarterise_sdk.domain.text import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from smarterise_sdk.domain.json_text.types import JsonObject

HISTORY_AT_MOST = 200
"""Versions told at once: each is a request to S3."""
MAX_SERIALS = 10
"""So many serials are named for a version; `diff` tells them all."""


class VersionKind(StrEnum):
    """What a version of the file is."""

    FIRST = "first"
    """The oldest version that could be read."""
    CHANGE = "change"
    """Written by these tools: it is stamped anew."""
    HAND_EDIT = "hand edit"
    """Uploaded by hand: it carries the stamp of the version before, or none."""
    BROKEN = "broken"
    """It cannot be used; readers went on with the last good version."""
    DELETED = "deleted"
    """The file was deleted."""
    GONE = "gone"
    """S3 lists it, but its content is not to be had any more."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of the file, as S3 lists it.

    Attributes:
        version_id: Its S3 version id; `null`, as S3 says, where the bucket keeps no versions.
        written_at: When, by the clock of S3, UTC.
        is_latest: Whether it is the current one.
        is_deletion: Whether it is a delete marker.
        etag: Its ETag exactly as S3 gives it, where that was told.
    """

    version_id: str
    written_at: datetime
    is_latest: bool
    is_deletion: bool = False
    etag: str = ""


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """One line of the history.

    Attributes:
        version: The version it is about.
        kind: What it is.
        by: Who wrote it, as the file says; empty for what is not stamped.
        reason: Why, as the file says.
        changes: What differs from the last good version before it.
        problems: What is wrong with it, when it is broken.
    """

    version: FileVersion
    kind: VersionKind
    by: str = ""
    reason: str = ""
    changes: tuple[SiteChange, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def summary(self) -> str:
        """What changed, in one line."""
        if self.kind is VersionKind.BROKEN:
            first = self.problems[0]
            more = f" and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
            return f"cannot be used: {first}{more}"
        return summary_of(self.changes) if self.kind not in _WITHOUT_CONTENT else ""

    def about(self, serial: str) -> VersionEntry | None:
        """Return the entry with what it changed of one site alone; `None` if that is nothing."""
        changes = tuple(change for change in self.changes if change.gateway_serial == serial)
        return replace(self, changes=changes) if changes else None

    def to_row(self) -> JsonObject:
        """Return the entry as one JSON-ready object; serials and new tiers are of the first few."""
        first = self.changes[:MAX_SERIALS]
        return {
            "version_id": self.version.version_id,
            "written_at": utc_text(self.version.written_at),
            "is_latest": self.version.is_latest,
            "kind": self.kind.value,
            "by": self.by,
            "reason": self.reason,
            "changed": len(self.changes),
            "gateway_serials": [change.gateway_serial for change in first],
            "tiers": _new_tiers(first),
            "summary": self.summary,
            "problems": [dict(problem.to_json()) for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class RollbackChanges:
    """What it takes to go back to a version.

    Attributes:
        replacements: Whole objects of sites as they were; `None` for sites that were not there.
        kept: Sites that differ from that version by later changes alone, and stay as they are.
        superseded: Sites among the replacements that were changed again later: that is taken back too.
    """

    replacements: dict[str, JsonObject | None]
    kept: tuple[str, ...]
    superseded: tuple[str, ...]


_WITHOUT_CONTENT = frozenset({VersionKind.DELETED, VersionKind.GONE})


def history_of(
    versions: Iterable[FileVersion],
    body_of: Callable[[FileVersion], bytes | None],
    *,
    limit: int,
    serial: str | None = None,
) -> tuple[VersionEntry, ...]:
    """Return the newest versions as a log, the newest first.

    Args:
        versions: Of the file, the newest first; as many are looked at as it takes to tell the last one.
        body_of: Returns a version's bytes; `None` when S3 lists it but does not have it.
        limit: How many to tell.
        serial: Of these, tell those alone that changed this site, and what they changed of it.
    """
    return tuple(about_site(islice(entries_of(versions, body_of), limit), serial))


def about_site(entries: Iterable[VersionEntry], serial: str | None) -> Iterator[VersionEntry]:
    """Yield the entries that are about a site, cut to it; all of them as they are where none is named."""
    for entry in entries:
        told = entry if serial is None else entry.about(serial)
        if told is not None:
            yield told


def entries_of(
    versions: Iterable[FileVersion], body_of: Callable[[FileVersion], bytes | None]
) -> Iterator[VersionEntry]:
    """Yield the log of versions, the newest first: each good one is compared with the good one before it.

    Versions are read as entries are asked for, and two documents are held at any time: a caller that lets go
    of the entries may go far back.

    Args:
        versions: The newest first.
        body_of: Returns a version's bytes; `None` when S3 lists it but does not have it.
    """
    good: tuple[FileVersion, SiteTiers] | None = None
    behind: list[VersionEntry] = []
    for version in versions:
        content = _content(version, body_of)
        if isinstance(content, SiteTiers):
            if good is not None:
                yield _told(*good, content)
            yield from behind
            good, behind = (version, content), []
        elif good is None:
            yield content
        else:
            behind.append(content)
    if good is not None:
        yield _told(*good, None)
    yield from behind


def changes_between(before: SiteTiers, after: SiteTiers) -> tuple[SiteChange, ...]:
    """Return what differs from one document to another, site by site, in the order of the later one."""
    earlier, later = before.site_objects, after.site_objects
    changed = tuple(
        SiteChange(
            serial, before.site_object(serial) if serial in earlier else None, after.site_object(serial)
        )
        for serial in later
        if serial not in earlier or not is_same_entry(earlier[serial], later[serial])
    )
    removed = tuple(
        SiteChange(serial, before.site_object(serial), None) for serial in earlier if serial not in later
    )
    return changed + removed


def rollback_changes(
    target: SiteTiers, following: SiteTiers | None, current: SiteTiers, *, whole: bool
) -> RollbackChanges:
    """Return what it takes to go back to a version.

    Args:
        target: The version to go back to.
        following: The good version right after it: what it changed is what is taken back.
        current: The file as it is.
        whole: Take back every change made since, whichever version made it.
    """
    differing = changes_between(current, target)
    if whole or following is None:
        return RollbackChanges({change.gateway_serial: change.after for change in differing}, (), ())
    wrong = {change.gateway_serial: change.after for change in changes_between(target, following)}
    taken = [change for change in differing if change.gateway_serial in wrong]
    return RollbackChanges(
        {change.gateway_serial: change.after for change in taken},
        tuple(change.gateway_serial for change in differing if change.gateway_serial not in wrong),
        tuple(
            change.gateway_serial
            for change in taken
            if not is_same_entry(change.before, wrong[change.gateway_serial])
        ),
    )


def summary_of(changes: Sequence[SiteChange]) -> str:
    """Return a change of sites in one line, e.g. `2 sites: tier CRITICAL → NON_CRITICAL`."""
    if not changes:
        return "no site changed"
    text = Counter(_text(change) for change in changes)
    listed = [
        f"{count} site{'s' if count > 1 else ''}: {what}" for what, count in text.most_common(_MAX_WAYS)
    ]
    left = len(text) - len(listed)
    return "; ".join(listed) + (f"; and {left} other ways" if left else "")


_MAX_WAYS = 3


def _content(
    version: FileVersion, body_of: Callable[[FileVersion], bytes | None]
) -> SiteTiers | VersionEntry:
    """Return a version's document, or all there is to tell of one that has none."""
    if version.is_deletion:
        return VersionEntry(version, VersionKind.DELETED)
    body = body_of(version)
    if body is None:
        return VersionEntry(version, VersionKind.GONE)
    try:
        return parse_site_tiers(body)
    except InvalidInput as refused:
        return VersionEntry(version, VersionKind.BROKEN, problems=refused.problems)


def _told(version: FileVersion, document: SiteTiers, before: SiteTiers | None) -> VersionEntry:
    if before is None:
        return VersionEntry(version, VersionKind.FIRST, document.updated_by, document.reason)
    changes = changes_between(before, document)
    if not document.updated_at or _timestamp(document) == _timestamp(before):
        return VersionEntry(version, VersionKind.HAND_EDIT, changes=changes)
    return VersionEntry(version, VersionKind.CHANGE, document.updated_by, document.reason, changes)


def _timestamp(document: SiteTiers) -> tuple[str, str, str]:
    return document.updated_at, document.updated_by, document.reason


def _new_tiers(changes: Iterable[SiteChange]) -> JsonObject:
    return {
        change.gateway_serial: change.after["tier"]
        for change in changes
        if change.after is not None
        and (change.before is None or change.before["tier"] != change.after["tier"])
    }


def _text(change: SiteChange) -> str:
    if change.before is None:
        return "added"
    if change.after is None:
        return "removed"
    fields = change.fields
    if len(fields) == 1 and fields[0].field == "tier":
        return f"tier {fields[0].before} → {fields[0].after}"
    return ", ".join(field.field for field in fields)
