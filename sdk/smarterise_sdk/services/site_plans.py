"""What a change of sites is called and what it brings about, in the words an operator confirms."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from smarterise_sdk.domain.site_state import STALE_AFTER_CADENCES
from smarterise_sdk.domain.site_tiers import site_of
from smarterise_sdk.domain.sites import Site, Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smarterise_sdk.domain.history import WayBack
    from smarterise_sdk.domain.plans import SiteChange
    from smarterise_sdk.domain.sites import JsonObject


class Collection(StrEnum):
    """How the readings of a site are collected."""

    STREAMED = "streamed"
    FTP_ALONE = "FTP alone"
    NONE = "not collected"
    ABSENT = "not there"


def _expectation(tier: Tier) -> str:
    minutes = tier.cadence.total_seconds() / 60
    return f"readings expected every {minutes:.0f} min, stale after {STALE_AFTER_CADENCES * minutes:.0f} min"


# What a change brings about is what follows from the file today: by which pace a site is judged.
_EXPECTATIONS: Mapping[Collection, str] = {
    Collection.STREAMED: _expectation(Tier.CRITICAL),
    Collection.FTP_ALONE: _expectation(Tier.NON_CRITICAL),
    Collection.NONE: "disabled: no readings expected, not judged",
    Collection.ABSENT: "no longer known: nothing is collected, shown or judged",
}

_VERSION_SHOWN = 8
_NAMED_AT_MOST = 10

_FIELD_EFFECTS: Mapping[str, str] = {
    "nominal_voltage": "voltage limits follow the new nominal voltage",
    "quality_profile": "voltage limits follow the new profile",
    "capacity_kva": "load is shown as a share of the new capacity",
}


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


def rollback_notes(back: WayBack, version_id: str) -> tuple[str, ...]:
    """Return sentences on what a way back leaves as it is, and what it takes back beside."""
    notes = [f"back to version {visible(version_id)}"]
    if not back.replacements:
        notes.append("what that version changed since is as it was then already")
    if back.kept:
        notes.append(f"{_named(back.kept)} changed later and stay as they are, unless all is taken back")
    if back.overtaken:
        notes.append(f"{_named(back.overtaken)} changed again since: that is taken back too")
    return tuple(notes)


def short_version(version_id: str) -> str:
    """Return enough of a version id to know it by."""
    shown = visible(version_id)
    return shown if len(shown) <= _VERSION_SHOWN else f"{shown[:_VERSION_SHOWN]}…"


def _named(serials: Sequence[str]) -> str:
    named = ", ".join(visible(serial) for serial in serials[:_NAMED_AT_MOST])
    left = len(serials) - _NAMED_AT_MOST
    return f"{sites_text(len(serials))} ({named}{f' and {left} more' if left > 0 else ''})"


def causes_of(changes: Sequence[SiteChange]) -> tuple[str, ...]:
    """Return sentences on what a change of sites brings about, the weightiest first."""
    steps = Counter(_transition(change) for change in changes)
    sentences = [
        f"{sites_text(count)}: {'new, ' if before is Collection.ABSENT else ''}{words}"
        for after, words in _EXPECTATIONS.items()
        for before in Collection
        if before is not after and (count := steps[before, after])
    ]
    fields = Counter(
        field.field for change in changes if change.before is not None for field in change.fields
    )
    sentences += [
        f"{sites_text(fields[field])}: {words}" for field, words in _FIELD_EFFECTS.items() if field in fields
    ]
    if changes and not sentences:
        sentences.append(f"{sites_text(len(changes))}: the file alone; readings are judged as before")
    return tuple(sentences)


def sites_text(count: int) -> str:
    """Return `1 site`, `2 sites`."""
    return "1 site" if count == 1 else f"{count} sites"


def _transition(change: SiteChange) -> tuple[Collection, Collection]:
    return _collection(change.gateway_serial, change.before), _collection(change.gateway_serial, change.after)


def _collection(serial: str, entry: JsonObject | None) -> Collection:
    return collection_of(site_of(serial, entry) if entry is not None else None)


def collection_of(site: Site | None) -> Collection:
    """Return how a site is collected; `None` is a site that is not there."""
    if site is None:
        return Collection.ABSENT
    if not site.enabled:
        return Collection.NONE
    return Collection.STREAMED if site.tier is Tier.CRITICAL else Collection.FTP_ALONE
