"""Whether a file says what a plan asked for, and what somebody else changed: pure comparison."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.document import parse_site_tiers
from smarterise_sdk.domain.sites.plans import ReceiptState
from smarterise_sdk.domain.sites.updates import is_same_entry
from smarterise_sdk.domain.text import visible
from smarterise_sdk.journal.masking import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.plans import Plan, SiteChange

THE_FILE = "the file"
"""Stands in a receipt, beside the serials, for all that is in the file beside the sites."""

_NAMED_AT_MOST = 10
_MISSING = object()


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """What reading back has shown: serials as asked, and for the others what they read instead."""

    verified: tuple[str, ...]
    unverified: Mapping[str, str]

    @property
    def state(self) -> ReceiptState:
        """What may be said of the change as a whole."""
        if not self.unverified:
            return ReceiptState.VERIFIED
        return ReceiptState.PARTLY_VERIFIED if self.verified else ReceiptState.UNVERIFIED


def compare(plan: Plan, document: SiteTiers) -> VerificationResult:
    """Compare a file with what a plan asked of it, field by field.

    Only the fields that the plan changes count: others may be somebody else's business meanwhile. Where the
    plan is for the whole file, all of it counts.
    """
    entries = document.site_objects
    differing = {
        change.gateway_serial: text
        for change in plan.changes
        if (text := _difference(change, entries.get(change.gateway_serial)))
    }
    if plan.document is not None and not is_same_entry(document.raw, parse_site_tiers(plan.document).raw):
        differing[THE_FILE] = f"does not read back as written; {last_written(document)}"
    verified = tuple(c.gateway_serial for c in plan.changes if c.gateway_serial not in differing)
    return VerificationResult(verified, differing)


def targets_of(plan: Plan) -> tuple[str, ...]:
    """Return what a plan is for, as a receipt in doubt names it: sites, and the file where it is whole."""
    sites = tuple(change.gateway_serial for change in plan.changes)
    return sites if plan.document is None else (*sites, THE_FILE)


def changed_since(plan: Plan, document: SiteTiers) -> str:
    """Tell who changed a file since a plan was made on it, and which of the plan's sites."""
    entries = document.site_objects
    touched = [
        f"{change.gateway_serial} ({_foreign(change, entries.get(change.gateway_serial))})"
        for change in plan.changes
        if not _is_same(entries.get(change.gateway_serial), change.before)
    ]
    named = ", ".join(touched[:_NAMED_AT_MOST])
    more = f" and {len(touched) - _NAMED_AT_MOST} more" if len(touched) > _NAMED_AT_MOST else ""
    sites = f"of the sites planned for it changed {named}{more}" if touched else "other sites or keys changed"
    return f"{last_written(document)}; {visible(sites)}"


def last_written(document: SiteTiers) -> str:
    """Tell who wrote a file last, when and why, as far as it says so."""
    by = f" by {document.updated_by}" if document.updated_by else ""
    at = f" at {document.updated_at}" if document.updated_at else ""
    reason = f" ({document.reason})" if document.reason else ""
    return (
        visible(f"last written{by}{at}{reason}")
        if by or at or reason
        else "the file does not say who wrote it"
    )


def _difference(change: SiteChange, found: JsonValue) -> str:
    if change.after is None:
        return "" if found is None else "is still in the file"
    if not isinstance(found, dict):
        return "is not in the file"
    after = change.after
    return "; ".join(
        visible(f"{field.field} reads {_text(found, field.field)}, asked for {_text(after, field.field)}")
        for field in change.fields
        if not _is_same(found.get(field.field, _MISSING), after.get(field.field, _MISSING))
    )


def _foreign(change: SiteChange, found: JsonValue) -> str:
    if not isinstance(found, dict):
        return "gone"
    if change.before is None:
        return "added meanwhile"
    names = dict.fromkeys((*change.before, *found))
    return ", ".join(
        f"{name} {_text(change.before, name)} → {_text(found, name)}"
        for name in names
        if not _is_same(change.before.get(name, _MISSING), found.get(name, _MISSING))
    )


def _is_same(left: object, right: object) -> bool:
    # Python finds True equal to 1; a file does not.
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _text(entry: JsonObject, field: str) -> str:
    if field not in entry:
        return "absent"
    # These words go into receipts, the journal and its copies.
    told = masked({field: entry[field]})
    value = told[field] if isinstance(told, dict) else None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
