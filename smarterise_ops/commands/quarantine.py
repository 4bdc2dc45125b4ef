"""`smarterise-ops quarantine`: what could not be taken, what is in it, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.changes import workflow
from smarterise_ops.commands.ingest_options import (  # noqa: TC001 -- Typer reads them at run time
    FromIfAny,
    Limit,
    OnlyPath,
    OnlySites,
    ToIfAny,
    Why,
)
from smarterise_ops.commands.site_options import DryRun, Yes  # noqa: TC001 -- the same
from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode  # noqa: TC001 -- the same
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import (
    Column,
    emit_object,
    emit_rows,
    say,
    say_progress,
    write_bytes,
    write_data,
)
from smarterise_ops.param_types import one_of
from smarterise_sdk.domain.ingest.manager_api import EntryState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_sdk.domain.json_text.types import JsonObject

app = typer.Typer()

COLUMNS = (
    Column("seen_at", "SEEN"),
    Column("id"),
    Column("gateway_serial", "SERIAL"),
    Column("path"),
    Column("reason"),
    Column("state"),
    Column("rows", decimals=0),
    Column("detail"),
)
SHOWN_BYTES = 64 * 1024
_SHORT = 12
"""Characters of an id that a table shows: enough to name it by."""

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Ids, as in `quarantine list`; beginnings will do."),
]
Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--code", metavar="CODE", help="Only what was rejected for this, e.g. HALF_ROW; repeatable."
    ),
]


@app.command("list")
def list_entries(
    *,
    site: OnlySites = None,
    code: Codes = None,
    state: Annotated[
        EntryState, typer.Option(**one_of(EntryState), help="Only entries in this state; `any` shows all.")
    ] = "kept",  # type: ignore[assignment]  # parsed
    path: OnlyPath = None,
    since: FromIfAny = None,
    until: ToIfAny = None,
    limit: Limit = 100,
) -> None:
    """List what is in the quarantine, the newest first, and why."""
    from smarterise_sdk.services.ingest.quarantine_reader import Selection

    run = current()
    selection = Selection(
        gateways=tuple(site or ()),
        codes=tuple(code or ()),
        states=() if state is EntryState.ANY else (state.value,),
        data_path=path,
        since=since,
        until=until,
    )
    rows = [_row(entry) for entry in run.stack.quarantine.reading.entries(selection, at_most=limit)]
    if run.output is OutputFormat.TABLE:
        rows = [
            {**row, "id": str(row["id"])[:_SHORT], "seen_at": str(row["seen_at"])[:19] + "Z"} for row in rows
        ]
    emit_rows(rows, COLUMNS, run.output)
    if len(rows) == limit:
        say(f"there may be more: {run.command_with('--limit', str(10 * limit))}")


@app.command("show")
def show(
    entry_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id, as in `quarantine list`; a beginning will do.")
    ],
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the bytes that came to standard output, all of them.")
    ] = False,
    at_most: Annotated[
        int, typer.Option("--bytes", min=1, max=64 * 1024 * 1024, help="How much of the content to show.")
    ] = SHOWN_BYTES,
) -> None:
    """Show an entry and what it stands for, as text in which nothing moves the cursor."""
    from smarterise_sdk.domain.ingest.quarantine_content import raw_pieces, shown_lines

    run = current()
    content = run.stack.quarantine.reading.content(entry_id)
    if raw:
        for piece in raw_pieces(content.kind, content.pieces):
            write_bytes(piece)
        return
    row = {**_row(content.entry), "kind": content.kind.value, "size": content.size}
    lines, is_whole = _fitting(shown_lines(content.kind, content.pieces), at_most)
    if run.output is OutputFormat.TABLE:
        emit_object(row, run.output)
        write_data("\n" + "".join(f"{line}\n" for line in lines))
    else:
        emit_object({**row, "content": [*lines], "content_is_whole": is_whole}, run.output)
    if not is_whole:
        say(f"there is more: {run.another('quarantine', 'show', entry_id, '--raw')} writes all of it")


@app.command("replay")
def replay(
    ids: Ids = None,
    *,
    site: OnlySites = None,
    code: Codes = None,
    path: OnlyPath = None,
    since: FromIfAny = None,
    until: ToIfAny = None,
    reason: Why = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Have the pipeline take entries again: by their ids, or all that are kept of a site, a code or a time.

    What is still wrong with them leaves them where they are.
    """
    from smarterise_sdk.services.ingest.quarantine_reader import Selection

    run = current()
    if not dry_run:
        workflow.refuse_unready(run, reason=reason)
    say_progress("looking into the quarantine and planning")
    selection = Selection(
        ids=tuple(ids or ()),
        gateways=tuple(site or ()),
        codes=tuple(code or ()),
        data_path=path,
        since=since,
        until=until,
    )
    quarantine = run.stack.quarantine
    return workflow.carry_out(
        run,
        quarantine.plan_replay(selection, reason=reason),
        lambda plan, on_step: quarantine.apply(plan, on_step),
        dry_run=dry_run,
        assume_yes=yes,
    )


@app.command("discard")
def discard(
    ids: Ids = None,
    *,
    site: OnlySites = None,
    code: Codes = None,
    path: OnlyPath = None,
    since: FromIfAny = None,
    until: ToIfAny = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; kept with each entry and in the journal.")
    ] = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Mark entries as given up, with a reason; nothing is deleted, and they can be replayed by their ids."""
    from smarterise_sdk.services.ingest.quarantine_reader import Selection

    run = current()
    if not dry_run:
        workflow.refuse_unready(run, reason=reason)
    selection = Selection(
        ids=tuple(ids or ()),
        gateways=tuple(site or ()),
        codes=tuple(code or ()),
        data_path=path,
        since=since,
        until=until,
    )
    quarantine = run.stack.quarantine
    return workflow.carry_out(
        run,
        quarantine.plan_discard(selection, reason=reason),
        lambda plan, on_step: quarantine.apply(plan, on_step),
        dry_run=dry_run,
        assume_yes=yes,
    )


def _row(entry: JsonObject) -> JsonObject:
    path = "stream" if entry.get("source") == "iot" else "ftp"
    return {**{name: value for name, value in entry.items() if name != "source"}, "path": path}


def _fitting(lines: Iterator[str], at_most: int) -> tuple[list[str], bool]:
    """Return the lines that fit, and whether those are all."""
    shown: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode(errors="backslashreplace")) + 1
        if size > at_most:
            return [*shown, *([line[:at_most]] if not shown else [])], False
        shown.append(line)
    return shown, True
