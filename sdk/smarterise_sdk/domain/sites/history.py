"""Version history of `site-tiers.json`, and the changes that a rollback to a version needs."""

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
"""Maximum number of versions in one response: each one needs an S3 request."""
MAX_SERIALS = 10
"""Maximum number of serials listed for a version; `diff` lists all of them."""


class VersionKind(StrEnum):
    """Kind of a version of the file."""

    FIRST = "first"
    """The oldest readable version."""
    CHANGE = "change"
    """Written by these tools, with new write metadata."""
    HAND_EDIT = "hand edit"
    """Uploaded by hand: write metadata of the previous version, or none."""
    BROKEN = "broken"
    """Invalid; readers use the last valid version."""
    DELETED = "deleted"
    """The file was deleted."""
    GONE = "gone"
    """Listed by S3, but its content is not available any more."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of the file, as listed by S3.

    Attributes:
        version_id: S3 version id; `null` if versioning of the bucket is disabled.
        written_at: Last-modified time of S3, UTC.
        is_latest: Whether it is the current one.
        is_deletion: Whether it is a delete marker.
        etag: ETag as returned by S3; empty if unknown.
    """

    version_id: str
    written_at: datetime
    is_latest: bool
    is_deletion: bool = False
    etag: str = ""


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """One entry of the history.

    Attributes:
        version: The version.
        kind: Kind of the version.
        by: Who wrote it, according to the file; empty without write metadata.
        reason: Reason, according to the file.
        changes: Differences to the last valid version before it.
        problems: Validation problems of an invalid version.
    """

    version: FileVersion
    kind: VersionKind
    by: str = ""
    reason: str = ""
    changes: tuple[SiteChange, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def summary(self) -> str:
        """Summary of the changes in one line."""
        if self.kind is VersionKind.BROKEN:
            first = self.problems[0]
            more = f" and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
            return f"cannot be used: {first}{more}"
        return summary_of(self.changes) if self.kind not in _WITHOUT_CONTENT else ""

    def about(self, serial: str) -> VersionEntry | None:
        """Return the entry with the changes of one site only; `None` if there are none."""
        changes = tuple(change for change in self.changes if change.gateway_serial == serial)
        return replace(self, changes=changes) if changes else None

    def to_row(self) -> JsonObject:
        """Return the entry as a JSON object; serials and new tiers of the first changes only."""
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
    """The changes of a rollback to a version.

    Attributes:
        replacements: Complete objects of sites to restore; `None` for sites to remove.
        kept: Sites that differ from that version only by later changes, and are not changed.
        superseded: Sites among the replacements that were changed again later; this is reverted too.
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
    """Return the history of the latest versions, latest first.

    Args:
        versions: Versions of the file, latest first; read only as far as needed.
        body_of: Returns the content of a version; `None` if it is not available any more.
        limit: Maximum number of versions.
        serial: Return only entries that changed this site, with the changes of this site.
    """
    return tuple(about_site(islice(entries_of(versions, body_of), limit), serial))


def about_site(entries: Iterable[VersionEntry], serial: str | None) -> Iterator[VersionEntry]:
    """Yield the entries of one site with its changes only; all entries if `serial` is `None`."""
    for entry in entries:
        selected = entry if serial is None else entry.about(serial)
        if selected is not None:
            yield selected


def entries_of(
    versions: Iterable[FileVersion], body_of: Callable[[FileVersion], bytes | None]
) -> Iterator[VersionEntry]:
    """Yield the history of versions, latest first; valid versions are compared with the previous valid one.

    Versions are read lazily, with at most two documents in memory.

    Args:
        versions: Versions of the file, latest first.
        body_of: Returns the content of a version; `None` if it is not available any more.
    """
    valid: tuple[FileVersion, SiteTiers] | None = None
    invalid: list[VersionEntry] = []
    for version in versions:
        content = _content(version, body_of)
        if isinstance(content, SiteTiers):
            if valid is not None:
                yield _entry(*valid, content)
            yield from invalid
            valid, invalid = (version, content), []
        elif valid is None:
            yield content
        else:
            invalid.append(content)
    if valid is not None:
        yield _entry(*valid, None)
    yield from invalid


def changes_between(before: SiteTiers, after: SiteTiers) -> tuple[SiteChange, ...]:
    """Return the differences between two documents per site, in the order of the later one."""
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
    """Return the changes of a rollback to a version.

    Args:
        target: The version to restore.
        following: The next valid version; its changes are reverted.
        current: The current file.
        whole: Revert all changes since then, of every later version.
    """
    differing = changes_between(current, target)
    if whole or following is None:
        return RollbackChanges({change.gateway_serial: change.after for change in differing}, (), ())
    reverted = {change.gateway_serial: change.after for change in changes_between(target, following)}
    selected = [change for change in differing if change.gateway_serial in reverted]
    return RollbackChanges(
        {change.gateway_serial: change.after for change in selected},
        tuple(change.gateway_serial for change in differing if change.gateway_serial not in reverted),
        tuple(
            change.gateway_serial
            for change in selected
            if not is_same_entry(change.before, reverted[change.gateway_serial])
        ),
    )


def summary_of(changes: Sequence[SiteChange]) -> str:
    """Return a one-line summary of changes, e.g. `2 sites: tier CRITICAL → NON_CRITICAL`."""
    if not changes:
        return "no site changed"
    counts = Counter(_text(change) for change in changes)
    listed = [
        f"{count} site{'s' if count > 1 else ''}: {what}" for what, count in counts.most_common(_MAX_LISTED)
    ]
    rest = len(counts) - len(listed)
    return "; ".join(listed) + (f"; and {rest} other kinds of change" if rest else "")


_MAX_LISTED = 3


def _content(
    version: FileVersion, body_of: Callable[[FileVersion], bytes | None]
) -> SiteTiers | VersionEntry:
    """Return the document of a version, or its history entry if it has no valid document."""
    if version.is_deletion:
        return VersionEntry(version, VersionKind.DELETED)
    body = body_of(version)
    if body is None:
        return VersionEntry(version, VersionKind.GONE)
    try:
        return parse_site_tiers(body)
    except InvalidInput as error:
        return VersionEntry(version, VersionKind.BROKEN, problems=error.problems)


def _entry(version: FileVersion, document: SiteTiers, before: SiteTiers | None) -> VersionEntry:
    if before is None:
        return VersionEntry(version, VersionKind.FIRST, document.updated_by, document.reason)
    changes = changes_between(before, document)
    if not document.updated_at or _metadata(document) == _metadata(before):
        return VersionEntry(version, VersionKind.HAND_EDIT, changes=changes)
    return VersionEntry(version, VersionKind.CHANGE, document.updated_by, document.reason, changes)


def _metadata(document: SiteTiers) -> tuple[str, str, str]:
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
