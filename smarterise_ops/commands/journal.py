"""`smarterise-ops journal` and `undo`: the changes made from this machine, and their reversal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.changes import workflow
from smarterise_ops.changes.plan_text import change_object, changes_lines, stack_change_object, stack_lines
from smarterise_ops.commands.site_options import (  # noqa: TC001 -- Typer reads them at run time
    DryRun,
    Reason,
    Yes,
)
from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode  # noqa: TC001 -- the same
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import Column, emit_object, emit_rows, say_warning, write_data
from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.journal.entries import JournalEntry

app = typer.Typer()
undo_app = typer.Typer()

COLUMNS = (
    Column("at"),
    Column("plan_id", "CHANGE ID"),
    Column("outcome"),
    Column("title"),
    Column("reason"),
    Column("operator"),
)
Id = Annotated[
    str,
    typer.Argument(metavar="CHANGE_ID", help="Change id from `journal list`; a unique prefix is enough."),
]


@app.command("list")
def list_changes(
    *,
    limit: Annotated[int, typer.Option(min=1, help="Number of changes, latest first.")] = 50,
) -> None:
    """List changes, latest first."""
    run = current()
    journal = run.stack.changes.list()
    rows = [_row(entry) for entry in journal.entries[:limit]]
    if run.output is OutputFormat.TABLE:
        rows = [{**row, "outcome": _outcome_text(row)} for row in rows]
    emit_rows(rows, COLUMNS, run.output)
    if journal.damaged_lines:
        lines = ", ".join(map(str, journal.damaged_lines[:10]))
        say_warning(f"{len(journal.damaged_lines)} invalid line(s) in the journal: {lines}")


@app.command("show")
def show_change(plan_id: Id) -> None:
    """Show a change and its outcome."""
    run = current()
    entry = run.stack.changes.find(plan_id)
    if run.output is OutputFormat.TABLE:
        emit_object(_row(entry), run.output)
        lines = [*changes_lines(entry.changes), *stack_lines(entry.stack_changes)]
        write_data("".join(f"{line}\n" for line in lines))
        return
    changed: JsonObject = {
        "changed": [change_object(change) for change in entry.changes],
        "stack_changes": [stack_change_object(change) for change in entry.stack_changes],
        "end": entry.done,
    }
    emit_object({**_row(entry), **changed}, run.output)


@app.command("resolve")
def resolve(plan_id: Id) -> ExitCode:
    """Resolve a change with unknown outcome.

    Reads the live state and records the outcome in the journal; changes nothing else.
    """
    run = current()
    return workflow.print_receipt(run, run.stack.changes.resolve(plan_id))


@undo_app.command("undo")
def undo(
    plan_id: Id,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Undo a change.

    Fails if a later change has modified the same fields.
    """
    run = current()
    return workflow.change_sites(
        run,
        lambda: run.stack.changes.plan_undo(plan_id, reason=reason),
        workflow.Request(reason, dry_run=dry_run, assume_yes=yes),
    )


def _row(entry: JournalEntry) -> JsonObject:
    return {
        "plan_id": entry.plan_id,
        "at": utc_text(entry.at),
        "outcome": entry.outcome.value,
        "title": entry.title,
        "reason": entry.reason,
        "operator": entry.operator,
        "who": entry.who,
        "environment": entry.environment,
        "via": entry.via.value,
        "undoes": entry.undoes,
        "undone_by": entry.undone_by,
    }


def _outcome_text(row: JsonObject) -> str:
    return f"undone by {visible(str(row['undone_by']))}" if row["undone_by"] else str(row["outcome"])
