"""The course of a tier switch, without a widget: its stages, what must be typed, what is shown."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.content import Content

from smarterise_sdk.domain.plans import Plan, Receipt, ReceiptState
from smarterise_sdk.domain.sites import JsonValue, Tier
from smarterise_sdk.domain.text import visible
from smarterise_tui.troubles import describe, listed, status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.status import Status
    from smarterise_tui.fleet.rows import FleetRow
    from smarterise_tui.fleet.view import Selection

TYPED_ABOVE = 10
"""Above this many sites the operator types the count, whatever the environment."""


LONGEST_REASON = 1000
"""As long as the SDK takes."""

MOST_LINES = 200
"""More sites than this are counted, not listed: nobody reads them, and they take long to draw."""


class Stage(StrEnum):
    """Where a switch is."""

    PLANNING = "planning"
    PLANNED = "planned"
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"


_RECEIPTS = {
    ReceiptState.VERIFIED: ("✔", "$status-ok", "changed, verified"),
    ReceiptState.PARTLY_VERIFIED: ("▲", "$status-warn", "sent, not all read back as asked"),
    ReceiptState.UNVERIFIED: ("?", "$status-warn", "sent, not read back: look before you go on"),
    ReceiptState.NOT_WRITTEN: ("✘", "$status-fail", "not written: the file is as it was"),
    ReceiptState.NOTHING_TO_DO: ("●", "$status-ok", "nothing to do"),
}


def other_tier(tier: Tier) -> Tier:
    """Return the tier that `tier` is not."""
    return Tier.NON_CRITICAL if tier is Tier.CRITICAL else Tier.CRITICAL


def first_target(rows: Sequence[FleetRow]) -> Tier:
    """Return the tier one most likely means: the other one; of mixed sites, the one that costs less."""
    tiers = {row.site.tier for row in rows}
    return Tier.CRITICAL if tiers == {Tier.NON_CRITICAL} else Tier.NON_CRITICAL


def to_be_typed(plan: Plan, *, is_production: bool) -> str | None:
    """Return what the operator has to type: one site's serial, else how many; `None` for nothing."""
    count = len(plan.changes)
    if count > TYPED_ABOVE or (is_production and count > 1):
        return str(count)
    return plan.changes[0].gateway_serial if is_production and plan.changes else None


def plan_text(plan: Plan, selection: Selection) -> Content:
    """Return the plan: which sites, the difference in each, what it causes, what it calls."""
    lines = [_sites_line(selection), Content("")]
    lines += [
        _difference(change.gateway_serial, field.field, field.before, field.after)
        for change in plan.changes[:MOST_LINES]
        for field in change.fields
    ]
    if len(plan.changes) > MOST_LINES:
        more = f"  … and {len(plan.changes) - MOST_LINES:,} more; ctrl+y copies the command that names all"
        lines.append(Content.styled(more, "bold $accent"))
    if plan.unchanged:
        lines.append(Content.styled(f"  already so: {listed(plan.unchanged)}", "$quiet"))
    lines.append(Content(""))
    lines += [_entry("Causes" if n == 0 else "", cause) for n, cause in enumerate(plan.causes)]
    calls = ", ".join(f"{call.count} {call.action} on {call.target}" for call in plan.calls)
    return Content("\n").join([*lines, _entry("Calls", calls or "none")])


def receipt_text(receipt: Receipt) -> Content:
    """Return what became of the plan, and what is certain about it."""
    glyph, style, words = _RECEIPTS[receipt.state]
    count = len(receipt.plan.changes)
    when = f" {receipt.verified_at:%H:%M:%SZ}" if receipt.verified_at is not None else ""
    by = f" ({receipt.verified_by})" if receipt.verified_by else ""
    lines = [
        Content.styled(f"{glyph} {count} {words}{when}{by}", f"bold {style}"),
        _entry("Journal", receipt.plan.plan_id),
    ]
    if receipt.version_id:
        lines.append(_entry("Version", receipt.version_id))
    for serial, why in receipt.unverified.items():
        lines.append(Content.styled(f"  {visible(serial)}: {visible(why)}", "$status-warn"))
    return Content("\n").join(lines)


def refusal_text(error: Exception) -> Content:
    """Return why it was refused, and what to do."""
    first, *rest = describe(error)
    status: Status = status_of(error)
    lines = [Content.styled(f"{status.glyph} {first}", "bold $status-fail")]
    return Content("\n").join([*lines, *(Content(f"  {line}") for line in rest)])


def _sites_line(selection: Selection) -> Content:
    count = len(selection.serials)
    text = f"{count} site" if count == 1 else f"{count} sites"
    if selection.hidden:
        hidden = listed(selection.hidden)
        split = f" ({len(selection.shown)} shown, {len(selection.hidden)} hidden by the filter: {hidden})"
        return Content.assemble((text, "bold"), (split, "$status-warn"))
    return Content.styled(text, "bold")


def _difference(serial: str, field: str, before: JsonValue, after: JsonValue) -> Content:
    return Content.assemble(
        f"  {visible(serial):<12}  {visible(field)}  ",
        (_shown(before), "$quiet"),
        " → ",
        (_shown(after), "bold $accent"),
    )


def _shown(value: JsonValue) -> str:
    if value is None:
        return "absent"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _entry(name: str, text: str) -> Content:
    return Content.assemble((f"{name:<9}", "$quiet"), visible(text))
