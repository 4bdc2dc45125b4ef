"""`smarterise-ops sites`: version history, rollback, repair and reconciliation."""

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

MAX_VERSIONS = 200
"""The limit of `--limit`: each version is one S3 request."""
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
    Column("before", "ACTUAL"),
    Column("after", "EXPECTED"),
)
Version = Annotated[str, typer.Argument(metavar="VERSION", help="Version id from `sites history`.")]


@app.command("history")
def list_versions(
    *,
    limit: Annotated[
        int, typer.Option(min=1, max=MAX_VERSIONS, help="Number of versions, latest first.")
    ] = 20,
    via: Via = WritePath.LAMBDA,
) -> None:
    """List the versions of the site file.

    Includes versions written outside smarterise-ops.
    """
    run = current()
    history = run.stack.sites.history(limit=limit, via=via)
    rows = [entry.to_row() for entry in history.entries]
    if run.output is OutputFormat.TABLE:
        rows = [{**row, "kind": f"{row['kind']}{', current' if row['is_latest'] else ''}"} for row in rows]
    emit_rows(rows, HISTORY_COLUMNS, run.output)
    if not history.is_versioned:
        say_warning("The bucket has no versioning: overwritten files are lost, rollback is not possible")
    elif not history.is_complete:
        more = str(min(MAX_VERSIONS, 2 * limit))
        say(f"older versions: {run.another('sites', 'history', '--limit', more)}")


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="Version id, or `current`.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Version id, or `current`.")] = "current",
    *,
    via: Via = WritePath.LAMBDA,
) -> None:
    """Compare two versions of the site file."""
    run = current()
    changes = run.stack.sites.diff(before, after, via=via)
    emit_rows([row for change in changes for row in _diff_rows(change)], DIFF_COLUMNS, run.output)
    if not changes:
        say("● No differences between the sites of these versions")


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
        typer.Option("--whole", help="Restore all sites, not only those of the next change."),
    ] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Restore a version of the site file.

    By default only the change made directly after VERSION is reverted.
    """
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
        bool, typer.Option("--last-good", help="Restore the last valid version instead.")
    ] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Fix an invalid site file.

    Uses the smallest edit that makes it valid, and writes to S3 directly.
    """
    run = current()
    return workflow.change_sites(
        run,
        lambda: run.stack.sites.plan_repair(last_good=last_good, reason=reason),
        workflow.Request(reason, WritePath.S3, dry_run=dry_run, assume_yes=yes),
    )


@app.command("reconcile")
def reconcile(*, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False) -> ExitCode:
    """Apply the site file to alarms and schedules.

    This happens automatically after every change of the site file; use it for drift caused by other changes.
    With --dry-run the drift is listed.
    """
    run = current()
    if dry_run:
        return _drift(run)
    workflow.refuse_unready(run, reason=reason)
    say_progress("Comparing the stack with the site file…")
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
    rows += ({**stack_change_object(skipped.change), "error": skipped.issue} for skipped in drift.left)
    if rows or run.output is not OutputFormat.TABLE:
        emit_rows(rows, DRIFT_COLUMNS, run.output)
    for issue in drift.issues:
        say_warning(issue)
    if rows:
        return ExitCode.FINDINGS
    if drift.issues:
        # Some resources could not be checked, so there may be more drift.
        return ExitCode.UNDETERMINED
    if run.output is OutputFormat.TABLE:
        checked = f"{drift.checked_alarms} alarms and {drift.checked_schedules} schedules"
        write_data(f"● no drift: {checked} match the site file, {utc_text(drift.as_of)}\n")
    return ExitCode.DONE
