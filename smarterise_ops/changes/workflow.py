"""How every command writes: the plan is shown, confirmed, applied, verified, and a receipt is printed.

The conversation is on stderr; stdout has the receipt, or with `--dry-run` the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_ops.changes.plan_text import (
    nothing_lines,
    plan_lines,
    plan_object,
    receipt_lines,
    receipt_object,
)
from smarterise_ops.context import PROGRAM
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import ask, emit_object, say, say_progress, write_data
from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import UsageError, WriteRefused
from smarterise_sdk.settings.model import EnvironmentKind, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_ops.context import Invocation
    from smarterise_sdk.domain.sites.plans import Plan, Receipt

BULK_HELP = f"{PROGRAM} sites bulk-update --help"
CHANGES_SHOWN = 50
"""Changes told to a person before applying; `--dry-run` shows all of any number."""
CONFIRMED_BY_YES = 10
"""Up to so many sites a yes is enough outside production; above, the number is typed."""

_CODES = {
    ReceiptState.VERIFIED: ExitCode.DONE,
    ReceiptState.NOTHING_TO_DO: ExitCode.DONE,
    ReceiptState.PARTLY_VERIFIED: ExitCode.UNDETERMINED,
    ReceiptState.UNVERIFIED: ExitCode.UNDETERMINED,
    ReceiptState.NOT_WRITTEN: ExitCode.FINDINGS,
}


@dataclass(frozen=True, slots=True)
class Request:
    """How a change of sites is to go.

    Attributes:
        reason: Why, in the operator's words.
        via: The road of the write.
        dry_run: Print the plan and stop.
        assume_yes: Do not ask.
        create: Serials that are not known are new sites.
        expect_etag: Write only if the site file has this ETag.
    """

    reason: str
    via: WritePath = WritePath.LAMBDA
    dry_run: bool = False
    assume_yes: bool = False
    create: bool = False
    expect_etag: str | None = None


def change_sites(run: Invocation, planned: Callable[[], Plan], request: Request) -> ExitCode:
    """Have a change of the site file planned and take it to its end.

    Args:
        run: The run.
        planned: Makes the plan; called once it is clear that it may be carried out.
        request: How the change is to go.
    """
    if not request.dry_run:
        refuse_unready(run, reason=request.reason)
    say_progress("reading the site file and planning")
    return carry_out(
        run,
        planned(),
        lambda plan, on_step: run.stack.sites.apply(plan, on_step=on_step),
        dry_run=request.dry_run,
        assume_yes=request.assume_yes,
    )


def refuse_unready(run: Invocation, *, reason: str) -> None:
    """Refuse a write before anything is asked of anybody.

    Args:
        run: The run, for its settings.
        reason: Why the write is made, as far as anybody said.

    Raises:
        WriteRefused: If the settings say read-only.
        UsageError: If this is production and there is no reason.
    """
    settings = run.settings
    if settings.read_only:
        raise WriteRefused(
            f"Nothing is written to {settings.environment.name}: it is read-only",
            why=f"read_only comes from: {settings.origin('read_only')}",
            remedy=f"look with --dry-run, or allow it: {_way_to_write(run)}",
        )
    if _is_production(run) and not reason.strip():
        raise UsageError(
            f"A change of {settings.environment.name} needs a reason",
            why="it is of kind production",
            remedy=run.command_with("--reason", "why it is made"),
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
        say("\n".join(plan_lines(plan, at_most=CHANGES_SHOWN, unlock=_unlock(run))))
        if not assume_yes and not _is_confirmed(run, plan):
            say("not applied")
            return ExitCode.FINDINGS
    try:
        receipt = apply(plan, say_progress)
    except KeyboardInterrupt:
        say(
            "interrupted while applying: the change may have been made; find out with: "
            f"{run.another('journal', 'settle', plan.plan_id)}"
        )
        raise
    return print_receipt(run, receipt)


def print_receipt(run: Invocation, receipt: Receipt) -> ExitCode:
    """Print a receipt and return how a run that got it ends."""
    if run.output is OutputFormat.TABLE:
        write_data("\n".join(receipt_lines(receipt)) + "\n")
        if receipt.state is ReceiptState.VERIFIED and receipt.plan.changes:
            say(f"take it back: {run.another('undo', receipt.plan.plan_id)}")
    else:
        emit_object(receipt_object(receipt), run.output)
    return _CODES[receipt.state]


def _print_plan(plan: Plan, form: OutputFormat) -> None:
    if form is OutputFormat.TABLE:
        lines = nothing_lines(plan) if plan.is_empty else plan_lines(plan)
        write_data("\n".join([*lines, "nothing was written (--dry-run)"]) + "\n")
    else:
        emit_object(plan_object(plan), form)


def _is_confirmed(run: Invocation, plan: Plan) -> bool:
    if not run.is_interactive:
        raise UsageError(
            "This needs a yes, and there is no terminal to ask on",
            remedy=run.command_with("--yes"),
        )
    count = len(plan.changes) + len(plan.stack_changes)
    if not _is_production(run) and count <= CONFIRMED_BY_YES:
        return ask("Apply? [y/N] ").lower() in {"y", "yes"}
    what, response = _proof(plan)
    return ask(f"Type {what} ({response}) to apply to {visible(plan.environment)}: ") == response


def _proof(plan: Plan) -> tuple[str, str]:
    """Return what is to be typed by whoever has read the plan."""
    match plan.changes, plan.stack_changes:
        case [], []:
            return "the name of the environment", plan.environment
        case [only], []:
            return "the serial", only.gateway_serial
        case [], [*changes]:
            return "the number of changes", str(len(changes))
        case sites, _:
            return "the number of sites", str(len(sites))


def _is_production(run: Invocation) -> bool:
    return run.settings.environment.kind is EnvironmentKind.PRODUCTION


def _unlock(run: Invocation) -> str:
    settings = run.settings
    return settings.origin("read_only").detail if settings.write_until is not None else ""


def _way_to_write(run: Invocation) -> str:
    settings = run.settings
    origin = settings.origin("read_only")
    if origin.source is Source.FLAG:
        return "leave --read-only out"
    if origin.source is Source.VARIABLE:
        return f"unset {origin.detail}"
    return settings.unlock_command if _is_production(run) else run.command_with("--no-read-only")
