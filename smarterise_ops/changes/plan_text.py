"""Plans and receipts as text and as JSON objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.plans import ReceiptState
from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.plans import Plan, Receipt, SiteChange, StackChange

UNVERIFIED_SHOWN = 20
_COST = "cost: "
"""Prefix of effects on cost."""
_MAX_REMOVED_TEXT = 80


# Text -------------------------------------------------------------------------------------------


def plan_lines(plan: Plan, *, at_most: int | None = None, unlock: str = "") -> list[str]:
    """Return a plan as lines of text.

    Args:
        plan: The plan.
        at_most: Maximum number of changes; default all.
        unlock: Description of the unlock in use, if any.
    """
    where = (plan.environment, plan.region, plan.account, f"via {plan.via.value}")
    lines = [visible(" · ".join((plan.title, *(part for part in where if part))))]
    lines += changes_lines(plan.changes, at_most=at_most)
    lines += stack_lines(plan.stack_changes, at_most=at_most)
    hidden = _hidden(plan.changes, at_most) + _hidden(plan.stack_changes, at_most)
    if hidden:
        lines.append(f"  … and {hidden} more; --dry-run shows all")
    replaced = f"replaced completely, {len(plan.document)} bytes" if plan.document is not None else ""
    details = [
        ("file", replaced),
        ("unchanged", f"{len(plan.unchanged)} already as requested" if plan.unchanged else ""),
        *(("note", note) for note in plan.notes),
        *(("effects", effect) for effect in plan.effects if not effect.startswith(_COST)),
        *(("cost", effect.removeprefix(_COST)) for effect in plan.effects if effect.startswith(_COST)),
        *(("calls", f"{call.count} × {call.action} {call.target}") for call in plan.calls),
        ("undoes", plan.undoes),
        ("unlock", unlock),
        ("reason", plan.reason),
    ]
    return [*lines, *_labelled((label, text) for label, text in details if text)]


def _labelled(details: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield lines with their label; consecutive equal labels are shown once."""
    last = ""
    for label, text in details:
        yield f"{label if label != last else '':<9} {visible(text)}"
        last = label


def changes_lines(changes: Sequence[SiteChange], *, at_most: int | None = None) -> list[str]:
    """Return the changes of sites, one line per field."""
    shown = changes[:at_most]
    width = max((len(visible(change.gateway_serial)) for change in shown), default=0)
    return [line for change in shown for line in _change_lines(change, width)]


def stack_lines(changes: Sequence[StackChange], *, at_most: int | None = None) -> list[str]:
    """Return the changes of alarms, schedules and other resources, one line each."""
    shown = changes[:at_most]
    width = max((len(visible(change.subject)) for change in shown), default=0)
    return [
        f"  {visible(change.subject):<{width}}  {visible(change.kind)}  "
        f"{visible(change.before)} → {visible(change.after)}"
        for change in shown
    ]


def _hidden(changes: Sequence[object], at_most: int | None) -> int:
    return max(0, len(changes) - at_most) if at_most is not None else 0


def _change_lines(change: SiteChange, width: int) -> Iterator[str]:
    serial = visible(change.gateway_serial)
    if change.after is None:
        was = ", ".join(f"{name} {_shown(value)}" for name, value in (change.before or {}).items())
        short = was if len(was) <= _MAX_REMOVED_TEXT else f"{was[: _MAX_REMOVED_TEXT - 1]}…"
        yield f"  {serial:<{width}}  removed  ({short})"
        return
    for index, field in enumerate(change.fields):
        label = serial if index == 0 else ""
        new = "  (new site)" if change.before is None and index == 0 else ""
        values = f"{_shown(field.before)} → {_shown(field.after)}"
        yield f"  {label:<{width}}  {visible(field.field)}  {values}{new}"


def _shown(value: JsonValue) -> str:
    if value is None:
        return "absent"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def nothing_lines(plan: Plan) -> list[str]:
    """Return the lines of an empty plan."""
    count = f": {len(plan.unchanged)} already as requested" if plan.unchanged else ""
    return [f"No changes{count}", *(visible(note) for note in plan.notes)]


def receipt_lines(receipt: Receipt) -> list[str]:
    """Return a receipt as lines of text."""
    if receipt.state is ReceiptState.NOTHING_TO_DO:
        return nothing_lines(receipt.plan)
    lines = [_outcome(receipt)]
    unverified = list(receipt.unverified.items())
    lines += [f"? {visible(name)}: {visible(why)}" for name, why in unverified[:UNVERIFIED_SHOWN]]
    if len(unverified) > UNVERIFIED_SHOWN:
        lines.append(f"? … and {len(unverified) - UNVERIFIED_SHOWN} more")
    lines += [f"▲ {visible(note)}" for note in receipt.notes]
    return [*(line for line in lines if line), f"journal {receipt.plan.plan_id}"]


def _outcome(receipt: Receipt) -> str:
    if receipt.state is ReceiptState.NOT_WRITTEN:
        return "✖ not written"
    if not receipt.verified and receipt.state is not ReceiptState.VERIFIED:
        return ""
    at = f" {utc_text(receipt.verified_at)}" if receipt.verified_at else ""
    count = f"{len(receipt.verified)} changed" if receipt.verified else "done"
    return f"✔ {count}, verified{at} ({receipt.verified_by})"


# JSON -------------------------------------------------------------------------------------------


def plan_object(plan: Plan) -> JsonObject:
    """Return a plan as a JSON object."""
    return {
        "plan_id": plan.plan_id,
        "title": plan.title,
        "environment": plan.environment,
        "account": plan.account,
        "region": plan.region,
        "via": plan.via.value,
        "changed": [change_object(change) for change in plan.changes],
        "stack_changes": [stack_change_object(change) for change in plan.stack_changes],
        "writes_whole_file": plan.document is not None,
        "unchanged": list(plan.unchanged),
        "notes": list(plan.notes),
        "causes": list(plan.effects),
        "calls": [{"action": call.action, "target": call.target, "count": call.count} for call in plan.calls],
        "monthly_usd": plan.monthly_usd,
        "undoes": plan.undoes,
        "base_etag": plan.base_etag,
        "reason": plan.reason,
        "planned_at": utc_text(plan.planned_at),
    }


def change_object(change: SiteChange) -> JsonObject:
    """Return the change of a site as a JSON object."""
    return {"gateway_serial": change.gateway_serial, "before": change.before, "after": change.after}


def stack_change_object(change: StackChange) -> JsonObject:
    """Return the change of another resource as a JSON object."""
    return {
        "kind": change.kind,
        "subject": change.subject,
        "gateway_serial": change.gateway_serial,
        "before": change.before,
        "after": change.after,
    }


def receipt_object(receipt: Receipt) -> JsonObject:
    """Return a receipt as a JSON object."""
    return {
        "plan_id": receipt.plan.plan_id,
        "state": receipt.state.value,
        "changed": [change.gateway_serial for change in receipt.plan.changes],
        "stack_changes": [stack_change_object(change) for change in receipt.plan.stack_changes],
        "unchanged": list(receipt.plan.unchanged),
        "verified": list(receipt.verified),
        "unverified": dict(receipt.unverified),
        "notes": list(receipt.notes),
        "etag": receipt.etag,
        "version_id": receipt.version_id,
        "request_ids": list(receipt.request_ids),
        "applied_at": utc_text(receipt.applied_at) if receipt.applied_at else None,
        "verified_at": utc_text(receipt.verified_at) if receipt.verified_at else None,
        "verified_by": receipt.verified_by,
    }
