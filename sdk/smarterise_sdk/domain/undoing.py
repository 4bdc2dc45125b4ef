"""What takes a change back, laid over the file as it is now. Pure.

Only what the change touched is touched again. What somebody else has set since stands, and is told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.text import visible
from smarterise_sdk.domain.updates import is_same_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from smarterise_sdk.domain.plans import SiteChange
    from smarterise_sdk.domain.site_tiers import SiteTiers
    from smarterise_sdk.domain.sites import JsonObject, JsonValue

_SHOWN_AT_MOST = 60


@dataclass(frozen=True, slots=True)
class Undoing:
    """What it takes to take a change back.

    Attributes:
        replacements: Whole objects of sites as they are to stand; `None` takes a site out.
        already: Sites that are as they were before the change.
        moved_on: Sites whose values are no longer what the change left, and how they differ.
    """

    replacements: dict[str, JsonObject | None]
    already: tuple[str, ...]
    moved_on: Mapping[str, str]


def undoing(changes: Iterable[SiteChange], document: SiteTiers) -> Undoing:
    """Return what takes a change back.

    Args:
        changes: The change, as it was made.
        document: The file as it is.
    """
    replacements: dict[str, JsonObject | None] = {}
    already: list[str] = []
    moved_on: dict[str, str] = {}
    for change in changes:
        serial = change.gateway_serial
        live = document.site_object(serial) if serial in document.site_objects else None
        if _is_same(live, change.after):
            replacements[serial] = change.before
        elif _is_same(live, change.before):
            already.append(serial)
        elif live is None or change.before is None or change.after is None:
            moved_on[serial] = _moved_site(change, live)
        else:
            restored, moved = _restored(live, change.before, change.after)
            if moved:
                moved_on[serial] = moved
            elif _is_same(restored, live):
                already.append(serial)
            else:
                replacements[serial] = restored
    return Undoing(replacements, tuple(already), moved_on)


def touched_values(change: SiteChange) -> Iterator[JsonValue]:
    """Yield every value that taking a change back has to know exactly."""
    if change.before is None or change.after is None:
        yield change.before
        yield change.after
        return
    for name in _touched(change.before, change.after):
        yield change.before.get(name)
        yield change.after.get(name)


def _touched(before: JsonObject, after: JsonObject) -> tuple[str, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(name for name in names if not _is_same_in(name, before, after))


def _restored(live: JsonObject, before: JsonObject, after: JsonObject) -> tuple[JsonObject, str]:
    """Return a site with its touched fields as before, and which of them somebody else has set since."""
    restored = dict(live)
    moved: list[str] = []
    for name in _touched(before, after):
        if _is_same_in(name, live, before):
            continue
        if not _is_same_in(name, live, after):
            moved.append(f"{name}: the change left {_text(after, name)}, it is {_text(live, name)} now")
        elif name in before:
            restored[name] = before[name]
        else:
            del restored[name]
    return restored, visible("; ".join(moved))


def _moved_site(change: SiteChange, live: JsonObject | None) -> str:
    if live is None:
        return "is not in the file any more"
    if change.after is None:
        return "was taken out by the change, and is in the file again with other values"
    if change.before is not None:
        raise ValueError("a site that was there before and after moves on field by field")
    names = [
        name for name in dict.fromkeys((*change.after, *live)) if not _is_same_in(name, live, change.after)
    ]
    told = (f"{name} {_text(change.after, name)} → {_text(live, name)}" for name in names)
    return visible(f"was added by the change, and has been changed since: {'; '.join(told)}")


def _is_same_in(name: str, one: JsonObject, other: JsonObject) -> bool:
    if name not in one or name not in other:
        return name not in one and name not in other
    return is_same_entry(one[name], other[name])


def _is_same(one: JsonObject | None, other: JsonObject | None) -> bool:
    if one is None or other is None:
        return one is other
    return is_same_entry(one, other)


def _text(entry: JsonObject, name: str) -> str:
    if name not in entry:
        return "absent"
    value = entry[name]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_AT_MOST else f"{text[: _SHOWN_AT_MOST - 1]}…"
