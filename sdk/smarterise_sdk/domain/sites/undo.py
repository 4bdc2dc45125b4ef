"""Compute the changes that undo an earlier change, based on the current file.

Only fields of that change are restored. Values set by later changes are kept and reported.
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
class LaterChange:
    """Difference of a site to its state right after a change.

    Attributes:
        what: Description, if the site was added or removed.
        fields: Differing values: right after the change, and now.
    """

    what: str = ""
    fields: tuple[FieldChange, ...] = ()

    def summary(self, shown: Callable[[str, JsonValue], JsonValue] = lambda _, value: value) -> str:
        """Return the difference in one line.

        Args:
            shown: Returns the displayable form of a field value.
        """
        details = "; ".join(
            f"{one.field}: set to {_text(shown(one.field, one.before))} by the change, "
            f"now {_text(shown(one.field, one.after))}"
            for one in self.fields
        )
        return visible(": ".join(part for part in (self.what, details) if part))


@dataclass(frozen=True, slots=True)
class UndoChanges:
    """The changes that undo an earlier change.

    Attributes:
        replacements: Complete objects of sites to restore; `None` for sites to remove.
        already: Sites that are in the state before the change.
        changed_later: Sites that were changed again since then, with the differences.
    """

    replacements: dict[str, JsonObject | None]
    already: tuple[str, ...]
    changed_later: Mapping[str, LaterChange]


def undo_changes(changes: Iterable[SiteChange], document: SiteTiers) -> UndoChanges:
    """Return the changes that undo an earlier change.

    Args:
        changes: The earlier change.
        document: The current file.
    """
    replacements: dict[str, JsonObject | None] = {}
    already: list[str] = []
    changed_later: dict[str, LaterChange] = {}
    for change in changes:
        serial = change.gateway_serial
        live = document.site_object(serial) if serial in document.site_objects else None
        if _is_same(live, change.after):
            replacements[serial] = change.before
        elif _is_same(live, change.before):
            already.append(serial)
        elif live is None or change.before is None or change.after is None:
            changed_later[serial] = _moved_site(change, live)
        else:
            restored, moved = _restored(live, change.before, change.after)
            if moved:
                changed_later[serial] = LaterChange(fields=moved)
            elif _is_same(restored, live):
                already.append(serial)
            else:
                replacements[serial] = restored
    return UndoChanges(replacements, tuple(already), changed_later)


def _touched(before: JsonObject, after: JsonObject) -> tuple[str, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(name for name in names if not _is_same_in(name, before, after))


def _restored(
    live: JsonObject, before: JsonObject, after: JsonObject
) -> tuple[JsonObject, tuple[FieldChange, ...]]:
    """Return a site with the changed fields restored, and the fields that were changed again since then."""
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


def _moved_site(change: SiteChange, live: JsonObject | None) -> LaterChange:
    if live is None:
        return LaterChange("was removed since then")
    if change.after is None:
        return LaterChange("was removed by the change, and added again with other values")
    after = change.after
    fields = tuple(FieldChange(name, after.get(name), live.get(name)) for name in _touched(after, live))
    return LaterChange("was added by the change, and changed since then", fields)


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
