"""`smarterise-ops sites`: what the file was, the way back, and whether the stack follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.changes import workflow
from smarterise_ops.changes.plan_text import stack_change_object
from smarterise_ops.commands.site_options import (  # noqa: TC001 -- Typer reads them at run time
    DryRun,
    Reason,
    Via,
    Yes,
)
from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import Column, emit_rows, say, say_progress, say_warning, write_data
from smarterise_sdk.domain.sites.plans import WritePath
from smarterise_sdk.domain.text import utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_ops.context import Invocation
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.plans import SiteChange

app = typer.Typer()

MOST_VERSIONS = 200
"""Each is a request to S3."""
HISTORY_COLUMNS = (
    Column("written_at", "WRITTEN"),
    Column("version_id", "VERSION"),
    Column("kind"),
    Column("summary"),
    Column("reason"),
    Column("by"),
)
DIFF_COLUMNS = (
    Column("gateway_serial", "SERIAL"),
    Column("change"),
    Column("field"),
    Column("before"),
    Column("after"),
)
DRIFT_COLUMNS = (
    Column("kind"),
    Column("subject"),
    Column("gateway_serial", "SERIAL"),
    Column("before", "FOUND"),
    Column("after", "SHOULD BE"),
)
Version = Annotated[str, typer.Argument(metavar="VERSION", help="A version id, as in `sites history`.")]


@app.command("history")
def history(
    *,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_VERSIONS, help="How many versions, the newest first.")
    ] = 20,
    via: Via = WritePath.LAMBDA,
) -> None:
    """List the versions of the site file: who changed what, when and why, by hand too."""
    run = current()
    found = run.stack.sites.history(limit=limit, via=via)
    rows = [entry.to_row() for entry in found.entries]
    if run.output is OutputFormat.TABLE:
        rows = [{**row, "kind": f"{row['kind']}{', current' if row['is_latest'] else ''}"} for row in rows]
    emit_rows(rows, HISTORY_COLUMNS, run.output)
    if not found.is_versioned:
        say_warning("the bucket keeps no versions: what is overwritten is gone, and there is no way back")
    elif not found.is_complete:
        more = str(min(MOST_VERSIONS, 2 * limit))
        say(f"there are older versions: {run.another('sites', 'history', '--limit', more)}")


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A version id, or `current`.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.")] = "current",
    *,
    via: Via = WritePath.LAMBDA,
) -> None:
    """List what differs from version A of the site file to version B, field by field."""
    run = current()
    changes = run.stack.sites.diff(before, after, via=via)
    emit_rows([row for change in changes for row in _diff_rows(change)], DIFF_COLUMNS, run.output)
    if not changes:
        say("no site differs")


def _diff_rows(change: SiteChange) -> Iterator[JsonObject]:
    kind = "added" if change.before is None else "removed" if change.after is None else "changed"
    for field in change.fields:
        yield {
            "gateway_serial": change.gateway_serial,
            "change": kind,
            "field": field.field,
            "before": field.before,
            "after": field.after,
        }


@app.command("rollback")
def rollback(
    version: Version,
    *,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Take back every change made since; else other sites keep theirs."),
    ] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Go back to a version of the site file: what came right after it is taken back."""
    run = current()
    return workflow.change_sites(
        run,
        lambda: run.stack.sites.plan_rollback(version, whole=whole, reason=reason, via=via),
        workflow.Request(reason, via, dry_run=dry_run, assume_yes=yes),
    )


@app.command("repair")
def repair(
    *,
    last_good: Annotated[
        bool, typer.Option("--last-good", help="Put the last good version back, instead of mending this one.")
    ] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Mend a site file that cannot be used by the smallest change there is; always straight to the file."""
    run = current()
    return workflow.change_sites(
        run,
        lambda: run.stack.sites.plan_repair(last_good=last_good, reason=reason),
        workflow.Request(reason, WritePath.S3, dry_run=dry_run, assume_yes=yes),
    )


@app.command("reconcile")
def reconcile(*, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False) -> ExitCode:
    """Have alarm actions and schedules follow the site file; with --dry-run list where they do not.

    It happens by itself after every change of the file: this is for what somebody else has changed.
    """
    run = current()
    if dry_run:
        return _drift(run)
    workflow.refuse_unready(run, reason=reason)
    say_progress("comparing the stack with the site file")
    reconciliation = run.stack.reconciliation
    return workflow.carry_out(
        run,
        reconciliation.plan_reconcile(reason=reason),
        lambda plan, on_step: reconciliation.apply(plan, on_step),
        dry_run=False,
        assume_yes=yes,
    )


def _drift(run: Invocation) -> ExitCode:
    drift = run.stack.reconciliation.drift()
    rows: list[JsonObject] = [{**stack_change_object(change), "error": ""} for change in drift.changes]
    rows += ({**stack_change_object(left.change), "error": left.issue} for left in drift.left)
    if rows or run.output is not OutputFormat.TABLE:
        emit_rows(rows, DRIFT_COLUMNS, run.output)
    for issue in drift.issues:
        say_warning(issue)
    if rows:
        return ExitCode.FINDINGS
    if drift.issues:
        # Something could not be looked at: nothing found is not the same as nothing there.
        return ExitCode.UNDETERMINED
    if run.output is OutputFormat.TABLE:
        looked_at = f"{drift.checked_alarms} alarms and {drift.checked_schedules} schedules"
        write_data(f"● the stack follows the site file: {looked_at}, {utc_text(drift.as_of)}\n")
    return ExitCode.DONE
