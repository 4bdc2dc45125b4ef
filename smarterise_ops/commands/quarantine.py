"""`smarterise-ops quarantine`: inspect, replay or discard rejected data."""

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
DEFAULT_BYTES = 64 * 1024
_ID_LENGTH = 12
"""Characters of an id in a table: a unique prefix."""

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Ids from `quarantine list`; a unique prefix is enough."),
]
Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--code", metavar="CODE", help="Only records rejected with this code, e.g. HALF_ROW; repeatable."
    ),
]


@app.command("list")
def list_entries(
    *,
    site: OnlySites = None,
    code: Codes = None,
    state: Annotated[
        EntryState, typer.Option(**one_of(EntryState), help="Only records in this state.")
    ] = "kept",  # type: ignore[assignment]  # parsed
    path: OnlyPath = None,
    since: FromIfAny = None,
    until: ToIfAny = None,
    limit: Limit = 100,
) -> None:
    """List rejected data, latest first."""
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
            {**row, "id": str(row["id"])[:_ID_LENGTH], "seen_at": str(row["seen_at"])[:19] + "Z"}
            for row in rows
        ]
    emit_rows(rows, COLUMNS, run.output)
    if len(rows) == limit:
        say(f"there may be more rows: {run.command_with('--limit', str(10 * limit))}")


@app.command("show")
def show(
    entry_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id from `quarantine list`; a unique prefix is enough.")
    ],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Write the original bytes to standard output.")] = False,
    at_most: Annotated[
        int, typer.Option("--bytes", min=1, max=64 * 1024 * 1024, help="Maximum content to show, bytes.")
    ] = DEFAULT_BYTES,
) -> None:
    """Show a rejected record.

    Control characters are escaped.
    """
    from smarterise_sdk.domain.ingest.quarantine_content import raw_pieces, shown_lines

    run = current()
    content = run.stack.quarantine.reading.content(entry_id)
    if raw:
        for piece in raw_pieces(content.kind, content.pieces):
            write_bytes(piece)
        return
    row = {**_row(content.entry), "kind": content.kind.value, "size": content.size}
    lines, is_complete = _truncated(shown_lines(content.kind, content.pieces), at_most)
    if run.output is OutputFormat.TABLE:
        emit_object(row, run.output)
        write_data("\n" + "".join(f"{line}\n" for line in lines))
    else:
        emit_object({**row, "content": [*lines], "content_is_whole": is_complete}, run.output)
    if not is_complete:
        say(f"truncated; full content: {run.another('quarantine', 'show', entry_id, '--raw')}")


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
    """Load rejected data again.

    Selects records by id, or kept records by site, code, path and time. Records that are still invalid stay
    in the quarantine.
    """
    from smarterise_sdk.services.ingest.quarantine_reader import Selection

    run = current()
    if not dry_run:
        workflow.refuse_unready(run, reason=reason)
    say_progress("Reading the quarantine…")
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
        str,
        typer.Option(
            "--reason", metavar="TEXT", help="Reason, recorded with each record and in the journal."
        ),
    ] = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Mark rejected data as discarded.

    Nothing is deleted: discarded records can still be replayed by id.
    """
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


def _truncated(lines: Iterator[str], at_most: int) -> tuple[list[str], bool]:
    """Return the lines within `at_most` bytes, and whether those are all lines."""
    shown: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode(errors="backslashreplace")) + 1
        if size > at_most:
            return [*shown, *([line[:at_most]] if not shown else [])], False
        shown.append(line)
    return shown, True
