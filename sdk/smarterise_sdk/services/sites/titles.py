"""What a change of sites is called, and what is to be known of a way back: the words of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.text import visible
from smarterise_sdk.services.sites.effects import sites_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.sites.history import RollbackChanges
    from smarterise_sdk.domain.sites.plans import SiteChange

_VERSION_SHOWN: Final = 8
_NAMED_AT_MOST: Final = 10


def title_of(changes: Sequence[SiteChange]) -> str:
    """Return one line that names a change, e.g. `Switch 2 sites to NON_CRITICAL`."""
    count = sites_text(len(changes))
    if not changes:
        return "Change nothing"
    new = sum(change.before is None for change in changes)
    if new == len(changes):
        return f"Add {count}"
    remaining = [change.after for change in changes if change.after is not None]
    if not remaining:
        return f"Remove {count}"
    if len(remaining) < len(changes):
        return f"Update {count}"
    touched = {field.field for change in changes for field in change.fields}
    tiers = {after["tier"] for after in remaining}
    if not new and touched == {"tier"} and len(tiers) == 1:
        return f"Switch {count} to {tiers.pop()}"
    enabled = {after.get("enabled", True) for after in remaining}
    if not new and touched == {"enabled"} and len(enabled) == 1:
        return f"{'Enable' if enabled.pop() else 'Disable'} {count}"
    return f"Update {count}"


def rollback_title(changes: Sequence[SiteChange], version_id: str) -> str:
    """Return one line that names a way back, e.g. `Roll back 12 sites to version 3HL4kqtJ…`."""
    if not changes:
        return title_of(changes)
    return f"Roll back {sites_text(len(changes))} to version {short_version(version_id)}"


def rollback_notes(back: RollbackChanges, version_id: str) -> tuple[str, ...]:
    """Return sentences on what a way back leaves as it is, and what it takes back beside."""
    notes = [f"back to version {visible(version_id)}"]
    if not back.replacements:
        notes.append("what changed right after that version is as it was in it already")
    if back.kept:
        stays = "stays as it is" if len(back.kept) == 1 else "stay as they are"
        notes.append(f"{_named(back.kept)} changed later and {stays}, unless all is taken back")
    if back.superseded:
        notes.append(f"{_named(back.superseded)} changed again since: that is taken back too")
    return tuple(notes)


def short_version(version_id: str) -> str:
    """Return enough of a version id to know it by."""
    shown = visible(version_id)
    return shown if len(shown) <= _VERSION_SHOWN else f"{shown[:_VERSION_SHOWN]}…"


def _named(serials: Sequence[str]) -> str:
    named = ", ".join(visible(serial) for serial in serials[:_NAMED_AT_MOST])
    left = len(serials) - _NAMED_AT_MOST
    return f"{sites_text(len(serials))} ({named}{f' and {left} more' if left > 0 else ''})"
