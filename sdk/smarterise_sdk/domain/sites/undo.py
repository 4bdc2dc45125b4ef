"""What takes a change back, laid over the file as it is now. Pure.

Only what the change touched is touched again. What somebody else has set since stands, and is told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.plans import FieldChange
from smarterise_sdk.domain.sites.updates import is_same_entry
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.plans import SiteChange

_SHOWN_AT_MOST = 60


@dataclass(frozen=True, slots=True)
class Moved:
    """How a site is no longer what a change left.

    Attributes:
        what: What happened to it, where it is more than values.
        fields: Values that differ: as the change left them, and as they are.
    """

    what: str = ""
    fields: tuple[FieldChange, ...] = ()

    def summary(self, shown: Callable[[str, JsonValue], JsonValue] = lambda _, value: value) -> str:
        """Return it as one line.

        Args:
            shown: Returns what may be shown of the value of a field.
        """
        told = "; ".join(
            f"{one.field}: the change left {_text(shown(one.field, one.before))}, "
            f"it is {_text(shown(one.field, one.after))} now"
            for one in self.fields
        )
        return visible(": ".join(part for part in (self.what, told) if part))


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
    moved_on: Mapping[str, Moved]


def undoing(changes: Iterable[SiteChange], document: SiteTiers) -> Undoing:
    """Return what takes a change back.

    Args:
        changes: The change, as it was made.
        document: The file as it is.
    """
    replacements: dict[str, JsonObject | None] = {}
    already: list[str] = []
    moved_on: dict[str, Moved] = {}
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
                moved_on[serial] = Moved(fields=moved)
            elif _is_same(restored, live):
                already.append(serial)
            else:
                replacements[serial] = restored
    return Undoing(replacements, tuple(already), moved_on)


def _touched(before: JsonObject, after: JsonObject) -> tuple[str, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(name for name in names if not _is_same_in(name, before, after))


def _restored(
    live: JsonObject, before: JsonObject, after: JsonObject
) -> tuple[JsonObject, tuple[FieldChange, ...]]:
    """Return a site with its touched fields as before, and which of them somebody else has set since."""
    restored = dict(live)
    moved: list[FieldChange] = []
    for name in _touched(before, after):
        if _is_same_in(name, live, before):
            continue
        if not _is_same_in(name, live, after):
            moved.append(FieldChange(name, after.get(name), live.get(name)))
        elif name in before:
            restored[name] = before[name]
        else:
            del restored[name]
    return restored, tuple(moved)


def _moved_site(change: SiteChange, live: JsonObject | None) -> Moved:
    if live is None:
        return Moved("is not in the file any more")
    if change.after is None:
        return Moved("was taken out by the change, and is in the file again with other values")
    left = change.after
    fields = tuple(FieldChange(name, left.get(name), live.get(name)) for name in _touched(left, live))
    return Moved("was added by the change, and has been changed since", fields)


def _is_same_in(name: str, one: JsonObject, other: JsonObject) -> bool:
    if name not in one or name not in other:
        return name not in one and name not in other
    return is_same_entry(one[name], other[name])


def _is_same(one: JsonObject | None, other: JsonObject | None) -> bool:
    if one is None or other is None:
        return one is other
    return is_same_entry(one, other)


def _text(value: JsonValue) -> str:
    if value is None:
        return "absent"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_AT_MOST else f"{text[: _SHOWN_AT_MOST - 1]}…"
