"""Workflow of writing commands: show, confirm, apply and verify a plan, and print the receipt.

Prompts and messages go to stderr; stdout has the receipt, or with `--dry-run` the plan.
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
from smarterise_sdk.domain.confirmation import confirmation_of
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
"""Maximum number of changes shown before the prompt; `--dry-run` shows all."""
_CODES = {
    ReceiptState.VERIFIED: ExitCode.DONE,
    ReceiptState.NOTHING_TO_DO: ExitCode.DONE,
    ReceiptState.PARTLY_VERIFIED: ExitCode.UNDETERMINED,
    ReceiptState.UNVERIFIED: ExitCode.UNDETERMINED,
    ReceiptState.NOT_WRITTEN: ExitCode.FINDINGS,
}


@dataclass(frozen=True, slots=True)
class Request:
    """Options of a change of sites.

    Attributes:
        reason: The operator's reason.
        via: The transport of the write.
        dry_run: Print the plan without applying it.
        assume_yes: Skip the confirmation prompt.
        create: Add unknown serials as new sites.
        expect_etag: Write only if the site file has this ETag.
    """

    reason: str
    via: WritePath = WritePath.LAMBDA
    dry_run: bool = False
    assume_yes: bool = False
    create: bool = False
    expect_etag: str | None = None


def change_sites(run: Invocation, planned: Callable[[], Plan], request: Request) -> ExitCode:
    """Plan and apply a change of the site file.

    Args:
        run: The run.
        planned: Returns the plan; called after the check that writing is allowed.
        request: Options of the change.
    """
    if not request.dry_run:
        refuse_unready(run, reason=request.reason)
    say_progress("Reading the site file…")
    return carry_out(
        run,
        planned(),
        lambda plan, on_step: run.stack.sites.apply(plan, on_step=on_step),
        dry_run=request.dry_run,
        assume_yes=request.assume_yes,
    )


def refuse_unready(run: Invocation, *, reason: str) -> None:
    """Check that a write is allowed, before any AWS call.

    Args:
        run: The run, for its settings.
        reason: The reason of the write.

    Raises:
        WriteRefused: If the environment is read-only.
        UsageError: If the environment is production and there is no reason.
    """
    settings = run.settings
    if settings.read_only:
        raise WriteRefused(
            f"{settings.environment.name} is read-only",
            why=f"origin of read_only: {settings.origin('read_only')}",
            remedy=f"preview with --dry-run, or allow writes: {_how_to_allow_writes(run)}",
        )
    if _is_production(run) and not reason.strip():
        raise UsageError(
            f"A change of {settings.environment.name} requires a reason",
            why="the environment is of kind production",
            remedy=run.command_with("--reason", "REASON"),
        )


def carry_out(
    run: Invocation,
    plan: Plan,
    apply: Callable[[Plan, Callable[[str], None]], Receipt],
    *,
    dry_run: bool,
    assume_yes: bool,
) -> ExitCode:
    """Confirm and apply a plan.

    Args:
        run: The run, for output format and prompt.
        plan: The plan.
        apply: Applies it; called with a listener for its steps.
        dry_run: Print the plan without applying it.
        assume_yes: Skip the confirmation prompt.

    Raises:
        UsageError: If a prompt is not possible and `assume_yes` is not given.
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
            "Interrupted while applying; the outcome is unknown. Resolve with: "
            f"{run.another('journal', 'resolve', plan.plan_id)}"
        )
        raise
    return print_receipt(run, receipt)


def print_receipt(run: Invocation, receipt: Receipt) -> ExitCode:
    """Print a receipt and return the exit code."""
    if run.output is OutputFormat.TABLE:
        write_data("\n".join(receipt_lines(receipt)) + "\n")
        if receipt.state is ReceiptState.VERIFIED and receipt.plan.changes:
            say(f"undo: {run.another('undo', receipt.plan.plan_id)}")
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
            "Confirmation required, but stdin is not a terminal",
            remedy=run.command_with("--yes"),
        )
    confirmation = confirmation_of(plan, is_production=_is_production(run))
    if confirmation is None:
        return ask("Apply? [y/N] ").lower() in {"y", "yes"}
    question = f"Type {confirmation.label} ({confirmation.text}) to apply to {visible(plan.environment)}: "
    return ask(question) == confirmation.text


def _is_production(run: Invocation) -> bool:
    return run.settings.environment.kind is EnvironmentKind.PRODUCTION


def _unlock(run: Invocation) -> str:
    settings = run.settings
    return settings.origin("read_only").detail if settings.write_until is not None else ""


def _how_to_allow_writes(run: Invocation) -> str:
    settings = run.settings
    origin = settings.origin("read_only")
    if origin.source is Source.FLAG:
        return "omit --read-only"
    if origin.source is Source.VARIABLE:
        return f"unset {origin.detail}"
    return settings.unlock_command if _is_production(run) else run.command_with("--no-read-only")
