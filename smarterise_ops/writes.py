"""How every command writes: the plan is shown, confirmed, applied, verified, and a receipt is printed.

The conversation is on stderr; stdout has the receipt, or with `--dry-run` the plan.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.output import OutputFormat, ask, emit_object, say, write_data
from smarterise_sdk.domain.plans import ReceiptState
from smarterise_sdk.domain.text import utc_text, visible
from smarterise_sdk.errors import UsageError, WriteRefused
from smarterise_sdk.settings_model import EnvironmentKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_ops.context import Invocation
    from smarterise_sdk.domain.plans import Plan, Receipt, SiteChange
    from smarterise_sdk.domain.sites import JsonObject, JsonValue

CHANGES_SHOWN = 50
"""Changes told to a person before applying; `--dry-run` shows all of any number."""

_CODES = {
    ReceiptState.VERIFIED: ExitCode.DONE,
    ReceiptState.NOTHING_TO_DO: ExitCode.DONE,
    ReceiptState.PARTLY_VERIFIED: ExitCode.UNDETERMINED,
    ReceiptState.UNVERIFIED: ExitCode.UNDETERMINED,
    ReceiptState.NOT_WRITTEN: ExitCode.FINDINGS,
}


def refuse_when_read_only(run: Invocation) -> None:
    """Refuse before anything is asked of anybody.

    Raises:
        WriteRefused: If the settings say read-only.
    """
    if run.settings.read_only:
        raise WriteRefused(
            f"Nothing is written to {run.settings.environment.name}: it is read-only",
            why=f"read_only comes from: {run.settings.origin('read_only')}",
            remedy=f"look with --dry-run, or allow it: {run.command_with('--no-read-only')}",
        )


def carry_out(
    run: Invocation,
    plan: Plan,
    apply: Callable[[Plan, Callable[[str], None]], Receipt],
    *,
    dry_run: bool,
    assume_yes: bool,
) -> ExitCode:
    """Take a plan to its end.

    Args:
        run: The run, for its output format and to ask.
        plan: What is to be done.
        apply: Does it; is given a listener for its steps.
        dry_run: Print the plan and stop.
        assume_yes: Do not ask.

    Raises:
        UsageError: If there is nobody to ask and `assume_yes` is not given.
    """
    if dry_run:
        _print_plan(plan, run.output)
        return ExitCode.DONE
    if not plan.is_empty:
        say("\n".join(plan_lines(plan, at_most=CHANGES_SHOWN)))
        if not assume_yes and not _is_confirmed(run, plan):
            say("not applied")
            return ExitCode.FINDINGS
    try:
        receipt = apply(plan, say)
    except KeyboardInterrupt:
        say("interrupted while applying: the change may have been made; look before trying again")
        raise
    _print_receipt(receipt, run.output)
    return _CODES[receipt.state]


def _is_confirmed(run: Invocation, plan: Plan) -> bool:
    if not run.is_interactive:
        raise UsageError(
            "This needs a yes, and there is no terminal to ask on",
            remedy=run.command_with("--yes"),
        )
    if run.settings.environment.kind is EnvironmentKind.PRODUCTION:
        count = len(plan.changes)
        return ask(f"Type the number of sites ({count}) to apply to {plan.environment}: ") == str(count)
    return ask("Apply? [y/N] ").lower() in {"y", "yes"}


# Words ------------------------------------------------------------------------------------------


def plan_lines(plan: Plan, *, at_most: int | None = None) -> list[str]:
    """Return a plan as lines for people.

    Args:
        plan: The plan.
        at_most: How many changes to show; all if absent.
    """
    where = (plan.environment, plan.region, plan.account, f"via {plan.via.value}")
    lines = [visible(" · ".join((plan.title, *(part for part in where if part))))]
    shown = plan.changes[:at_most]
    width = max((len(change.gateway_serial) for change in shown), default=0)
    for change in shown:
        lines += _change_lines(change, width)
    if len(shown) < len(plan.changes):
        lines.append(f"  … and {len(plan.changes) - len(shown)} more; --dry-run shows all")
    facts = [
        ("unchanged", f"{len(plan.unchanged)} already as asked" if plan.unchanged else ""),
        *(("causes", cause) for cause in plan.causes),
        *(("calls", f"{call.count} × {call.action} {call.target}") for call in plan.calls),
        ("reason", plan.reason),
    ]
    return lines + [f"{label:<9} {visible(text)}" for label, text in facts if text]


def _change_lines(change: SiteChange, width: int) -> Iterator[str]:
    serial = visible(change.gateway_serial)
    for index, field in enumerate(change.fields):
        label = serial if index == 0 else ""
        new = "  (new site)" if change.before is None and index == 0 else ""
        values = f"{_shown(field.before)} → {_shown(field.after)}"
        yield f"  {label:<{width}}  {visible(field.field)}  {values}{new}"


def _shown(value: JsonValue) -> str:
    if value is None:
        return "absent"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _print_plan(plan: Plan, form: OutputFormat) -> None:
    if form is OutputFormat.TABLE:
        lines = plan_lines(plan) if not plan.is_empty else [_nothing(plan)]
        write_data("\n".join([*lines, "nothing was written (--dry-run)"]) + "\n")
    else:
        emit_object(plan_object(plan), form)


def _print_receipt(receipt: Receipt, form: OutputFormat) -> None:
    if form is OutputFormat.TABLE:
        write_data("\n".join(receipt_lines(receipt)) + "\n")
    else:
        emit_object(receipt_object(receipt), form)


def _nothing(plan: Plan) -> str:
    return f"nothing to do: {len(plan.unchanged)} already as asked"


def receipt_lines(receipt: Receipt) -> list[str]:
    """Return a receipt as lines for people."""
    if receipt.state is ReceiptState.NOTHING_TO_DO:
        return [_nothing(receipt.plan)]
    at = f" {utc_text(receipt.verified_at)}" if receipt.verified_at else ""
    verified = f"✔ {len(receipt.verified)} changed, verified{at} ({receipt.verified_by})"
    lines = [verified] if receipt.verified else []
    lines += [f"? {visible(serial)}: {visible(why)}" for serial, why in receipt.unverified.items()]
    return [*lines, f"journal {receipt.plan.plan_id}"]


def plan_object(plan: Plan) -> JsonObject:
    """Return a plan as one JSON-ready object."""
    return {
        "plan_id": plan.plan_id,
        "title": plan.title,
        "environment": plan.environment,
        "account": plan.account,
        "region": plan.region,
        "via": plan.via.value,
        "changed": [
            {"gateway_serial": change.gateway_serial, "before": change.before, "after": change.after}
            for change in plan.changes
        ],
        "unchanged": list(plan.unchanged),
        "causes": list(plan.causes),
        "calls": [{"action": call.action, "target": call.target, "count": call.count} for call in plan.calls],
        "base_etag": plan.base_etag,
        "reason": plan.reason,
        "planned_at": utc_text(plan.planned_at),
    }


def receipt_object(receipt: Receipt) -> JsonObject:
    """Return a receipt as one JSON-ready object."""
    return {
        "plan_id": receipt.plan.plan_id,
        "state": receipt.state.value,
        "changed": [change.gateway_serial for change in receipt.plan.changes],
        "unchanged": list(receipt.plan.unchanged),
        "verified": list(receipt.verified),
        "unverified": dict(receipt.unverified),
        "etag": receipt.etag,
        "version_id": receipt.version_id,
        "request_ids": list(receipt.request_ids),
        "applied_at": utc_text(receipt.applied_at) if receipt.applied_at else None,
        "verified_at": utc_text(receipt.verified_at) if receipt.verified_at else None,
        "verified_by": receipt.verified_by,
    }
