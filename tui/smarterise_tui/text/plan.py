"""Texts of plans, receipts and errors, and the confirmation to type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from textual.content import Content

from smarterise_sdk.domain.confirmation import MAX_UNTYPED_CHANGES
from smarterise_sdk.domain.sites.plans import Plan, Receipt, ReceiptState
from smarterise_sdk.domain.text import visible
from smarterise_tui.issues import describe, listed, status_of
from smarterise_tui.theme import status_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smarterise_sdk.domain.json_text.types import JsonValue
    from smarterise_sdk.domain.sites.plans import FieldChange, SiteChange, StackChange
    from smarterise_tui.fleet.view import Selection


MAX_LINES = 200
"""Further changes are counted."""

_MAX_NAMED = 12
"""Maximum serials in a line."""

_COST = "cost: "
"""Prefix of effects on cost."""

_RECEIPTS = {
    ReceiptState.VERIFIED: ("✔", "$status-ok", "changed, verified"),
    ReceiptState.PARTLY_VERIFIED: ("▲", "$status-warn", "sent, not all verified"),
    ReceiptState.UNVERIFIED: ("?", "$status-warn", "sent, not verified: check before you continue"),
    ReceiptState.NOT_WRITTEN: ("✖", "$status-fail", "not written: the site file is unchanged"),
    ReceiptState.NOTHING_TO_DO: ("●", "$status-ok", "no changes"),
}


def plan_text(plan: Plan, selection: Selection | None = None) -> Content:
    """Return the text of a plan: sites, differences, effects and calls.

    A long list of differences comes last.

    Args:
        plan: The plan.
        selection: The marked sites, if any.
    """
    differences, effects = _difference_lines(plan), _effect_lines(plan)
    is_long = len(differences) > MAX_UNTYPED_CHANGES
    first, second = (effects, differences) if is_long else (differences, effects)
    blanks = [Content("")] if first and second else []
    return Content("\n").join([_subject_line(plan, selection), Content(""), *first, *blanks, *second])


def _difference_lines(plan: Plan) -> list[Content]:
    lines = [*site_lines(plan.changes[:MAX_LINES]), *stack_lines(plan.stack_changes[:MAX_LINES])]
    more = max(len(plan.changes), len(plan.stack_changes)) - MAX_LINES
    if more > 0:
        text = f"  … and {more:,} more; ctrl+y copies the CLI command"
        lines.append(Content.styled(text, "bold $accent"))
    if plan.unchanged:
        unchanged = listed(plan.unchanged, at_most=_MAX_NAMED)
        lines.append(Content.styled(f"  already as requested: {unchanged}", "$quiet"))
    return lines


def _effect_lines(plan: Plan) -> list[Content]:
    costs = [effect.removeprefix(_COST) for effect in plan.effects if effect.startswith(_COST)]
    if plan.monthly_usd is not None and not costs:
        costs = [_cost(plan.monthly_usd)]
    calls = ", ".join(f"{call.count} {call.action} on {call.target}" for call in plan.calls)
    if plan.is_empty:
        return _entries("Note", plan.notes)
    return [
        *_entries("Effects", [effect for effect in plan.effects if not effect.startswith(_COST)]),
        *_entries("Cost", costs),
        entry("Calls", calls or "none"),
        *_entries("Note", plan.notes),
    ]


def site_lines(changes: Iterable[SiteChange]) -> Iterator[Content]:
    """Yield one line per changed field, and one per added or removed site."""
    for change in changes:
        serial = f"  {visible(change.gateway_serial):<12}  "
        if change.after is None:
            was = _field_values(change.fields, before=True)
            yield Content.assemble(serial, ("− removed  ", "bold $status-fail"), (f"was {was}", "$quiet"))
        elif change.before is None:
            yield Content.assemble(serial, ("+ added  ", "bold $status-ok"), _field_values(change.fields))
        else:
            for field in change.fields:
                yield _difference(serial, field.field, _shown(field.before), _shown(field.after))


def stack_lines(changes: Iterable[StackChange]) -> Iterator[Content]:
    """Yield one line per changed resource."""
    for change in changes:
        yield _difference(
            f"  {visible(change.subject)}  ", change.kind, visible(change.before), visible(change.after)
        )


def receipt_text(receipt: Receipt) -> Content:
    """Return the text of a receipt."""
    glyph, style, text = _RECEIPTS[receipt.state]
    plan = receipt.plan
    count = len(plan.changes) or len(plan.stack_changes)
    subject = f"{count:,} {text}" if count else f"site file {text}"
    when = f" {receipt.verified_at:%H:%M:%SZ}" if receipt.verified_at is not None else ""
    by = f" ({receipt.verified_by})" if receipt.verified_by else ""
    lines = [
        Content.styled(f"{glyph} {subject}{when}{visible(by)}", f"bold {style}"),
        entry("Journal", plan.plan_id),
    ]
    if receipt.version_id:
        lines.append(entry("Version", receipt.version_id))
    unverified = list(receipt.unverified.items())
    lines += [
        Content.styled(f"  {visible(serial)}: {visible(why)}", "$status-warn")
        for serial, why in unverified[:MAX_LINES]
    ]
    if len(unverified) > MAX_LINES:
        lines.append(Content.styled(f"  … and {len(unverified) - MAX_LINES:,} more", "$status-warn"))
    return Content("\n").join([*lines, *_entries("Note", receipt.notes)])


def error_text(error: Exception) -> Content:
    """Return the text of an error with its remedy."""
    first, *rest = describe(error)
    status = status_of(error)
    lines = [Content.styled(f"{status.glyph} {first}", f"bold $status-{status_class(status)}")]
    return Content("\n").join([*lines, *(Content(f"  {line}") for line in rest)])


def entry(name: str, text: str, *, width: int = 9) -> Content:
    """Return a line of a name and a text."""
    return Content.assemble((f"{name:<{width}}", "$quiet"), visible(text))


def sites_text(count: int) -> str:
    """Return `1 site`, `2,940 sites`."""
    return "1 site" if count == 1 else f"{count:,} sites"


def _entries(name: str, texts: Sequence[str]) -> list[Content]:
    return [entry(name if number == 0 else "", text) for number, text in enumerate(texts)]


def _subject_line(plan: Plan, selection: Selection | None) -> Content:
    if selection is None:
        return Content.styled(visible(plan.title), "bold")
    text = sites_text(len(selection.serials))
    if selection.hidden:
        hidden = listed(selection.hidden, at_most=_MAX_NAMED)
        counts = f"{len(selection.shown):,} shown, {len(selection.hidden):,} hidden by the filter"
        return Content.assemble((text, "bold"), (f" ({counts}: {hidden})", "$status-warn"))
    return Content.styled(text, "bold")


def _difference(head: str, what: str, before: str, after: str) -> Content:
    return Content.assemble(head, f"{visible(what)}  ", (before, "$quiet"), " → ", (after, "bold $accent"))


def _field_values(fields: Iterable[FieldChange], *, before: bool = False) -> str:
    return ", ".join(
        f"{visible(field.field)} {_shown(field.before if before else field.after)}" for field in fields
    )


def _shown(value: JsonValue) -> str:
    if value is None:
        return "absent"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cost(monthly_usd: float) -> str:
    if abs(monthly_usd) < 0.005:
        return "as before"
    sign = "−" if monthly_usd < 0 else "+"
    return f"{sign}${abs(monthly_usd):,.2f}/month by list prices"
