"""`smarterise-ops ingest`: what came by each path, what is missing, and loading it again from the lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.changes import workflow
from smarterise_ops.commands.ingest_options import (  # noqa: TC001 -- Typer reads them at run time
    From,
    FromIfAny,
    Limit,
    OnlyPath,
    OnlySites,
    ToIfAny,
    ToOrNow,
    Why,
)
from smarterise_ops.commands.site_options import DryRun, OnlyTier, Yes  # noqa: TC001 -- the same
from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import (
    Column,
    emit_rows,
    say,
    say_error,
    say_progress,
    say_warning,
    write_data,
)
from smarterise_ops.param_types import duration, one_of
from smarterise_sdk.domain.ingest.manager_api import FileState
from smarterise_sdk.domain.ingest.status import DataPath, DataPathState
from smarterise_sdk.domain.text import age_text, utc_text
from smarterise_sdk.errors import RemoteFault, SmarteriseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.outcome import Missing

app = typer.Typer()

STATUS_COLUMNS = (
    Column("gateway_serial", "SERIAL"),
    Column("tier"),
    Column("path"),
    Column("state"),
    Column("lateness_seconds", "LATE BY"),
    Column("last_measured_at", "LAST MEASURED"),
    Column("last_arrived_at", "LAST ARRIVED"),
    Column("found", decimals=0),
    Column("expected", decimals=0),
    Column("completeness", "COMPLETE %", decimals=1),
    Column("note"),
)
GAP_COLUMNS = (
    Column("gateway_serial", "SERIAL"),
    Column("device_serial", "METER"),
    Column("from"),
    Column("to"),
    Column("length_seconds", "LENGTH"),
    Column("causes", "WHAT IS KNOWN"),
)
FILE_COLUMNS = (
    Column("received_at", "RECEIVED"),
    Column("gateway_serial", "SERIAL"),
    Column("state"),
    Column("rows_loaded", "LOADED", decimals=0),
    Column("rows_identical", "SAME", decimals=0),
    Column("rows_superseded", "STREAM'S", decimals=0),
    Column("rows_differing", "DIFFER", decimals=0),
    Column("rows_rejected", "REJECTED", decimals=0),
    Column("key"),
    Column("reason"),
)


@app.command("status")
def status(
    *,
    site: OnlySites = None,
    tier: OnlyTier = None,
    last: Annotated[
        timedelta,
        typer.Option(
            parser=duration("7d"), metavar="SPAN", help="How far back to look for what is complete, e.g. 6h."
        ),
    ] = "24h",  # type: ignore[assignment]  # parsed
) -> ExitCode:
    """Tell of each site and path how old the newest reading is, and how much of the last hours is there.

    States: ok, late, silent, never, rejected (the newest is in quarantine), failing and denied (not the site:
    the newest file cannot be loaded, or no FTP server be swept), off (nothing is to come), unknown.
    """
    run = current()
    say_progress("asking what came")
    found = run.stack.ingest.status(last=last, gateways=site or (), tier=tier)
    rows = [row.to_row() for row in found.value]
    if run.output is OutputFormat.TABLE:
        rows = [_status_cells(row) for row in rows]
    emit_rows(rows, STATUS_COLUMNS, run.output)
    _report_missing(found.missing)
    if not all(row.state.is_well or row.state is DataPathState.UNKNOWN for row in found.value):
        return ExitCode.FINDINGS
    return ExitCode.UNDETERMINED if found.missing else ExitCode.DONE


@app.command("gaps")
def gaps(*, since: From, until: ToOrNow = None, site: OnlySites = None) -> ExitCode:
    """List the holes in the readings of each meter, with what is known of why they are there."""
    run = current()
    end = until or datetime.now(UTC)
    say_progress("looking for holes")
    found = run.stack.ingest.gaps(since, end, gateways=site or ())
    rows = [gap.to_row() for gap in found.value.gaps]
    is_table = run.output is OutputFormat.TABLE
    if is_table:
        rows = [_gap_cells(row) for row in rows]
    if rows or not is_table:
        emit_rows(rows, GAP_COLUMNS, run.output)
    _report_missing(found.missing)
    if not found.value.is_complete:
        say_warning("there are more holes than one answer tells: narrow it by --site, or a shorter span")
    if rows:
        return ExitCode.FINDINGS
    if is_table:
        write_data(f"● no holes: {found.value.sites} sites, {utc_text(since)} to {utc_text(end)}\n")
    return ExitCode.DONE


@app.command("files")
def files(
    *,
    site: OnlySites = None,
    state: Annotated[
        list[FileState] | None,
        typer.Option(**one_of(FileState), help="Only files in this state; repeatable."),
    ] = None,
    since: FromIfAny = None,
    until: ToIfAny = None,
    limit: Limit = 100,
) -> None:
    """List the ledger of files, the newest first: what became of each, and of its rows."""
    run = current()
    rows = run.stack.ingest.files(
        gateways=site or (),
        states=[each.value for each in state or ()],
        since=since,
        until=until,
        at_most=limit,
    )
    if run.output is OutputFormat.TABLE:
        rows = [{**row, "received_at": str(row.get("received_at"))[:19] + "Z"} for row in rows]
    emit_rows(rows, FILE_COLUMNS, run.output)
    if len(rows) == limit:
        say(f"there may be more: {run.command_with('--limit', str(10 * limit))}")


@app.command("backfill")
def backfill(
    *,
    since: From,
    until: ToOrNow = None,
    site: OnlySites = None,
    path: OnlyPath = None,
    reload: Annotated[
        bool, typer.Option("--again", help="Load files too that the ledger says are settled.")
    ] = False,
    reason: Why = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Load what the lake keeps of a span once more; what is there already stays as it is.

    Ended in the middle, the same command goes on where it was: give --from and --to as moments for that.
    """
    run = current()
    if not dry_run:
        workflow.refuse_unready(run, reason=reason)
    backfilling = run.stack.ingest.backfilling
    since, end = since.replace(microsecond=0), (until or datetime.now(UTC)).replace(microsecond=0)
    plan = backfilling.plan(
        since,
        end,
        gateways=site or (),
        data_paths=tuple(DataPath) if path is None else (path,),
        reload=reload,
        reason=reason,
        on_step=say_progress,
    )
    try:
        return workflow.carry_out(
            run,
            plan,
            lambda made, on_step: backfilling.apply(made, on_step),
            dry_run=dry_run,
            assume_yes=yes,
        )
    except KeyboardInterrupt:
        say(f"the same backfill goes on where this ended: {_same(since, end, site, path, reload=reload)}")
        raise


def _same(
    since: datetime, until: datetime, sites: Sequence[str] | None, path: DataPath | None, *, reload: bool
) -> str:
    text = ["ingest", "backfill", "--from", utc_text(since), "--to", utc_text(until)]
    for serial in sites or ():
        text += ["--site", serial]
    text += ["--path", path.value] if path is not None else []
    return current().another(*text, *(["--again"] if reload else []))


def _status_cells(row: JsonObject) -> JsonObject:
    late, share = row["lateness_seconds"], row["completeness"]
    return {
        **row,
        "lateness_seconds": age_text(timedelta(seconds=late)) if isinstance(late, int) else None,
        "completeness": 100 * share if isinstance(share, float) else None,
    }


def _gap_cells(row: JsonObject) -> JsonObject:
    length, causes = row["length_seconds"], row["causes"]
    return {
        **row,
        "length_seconds": _length(length) if isinstance(length, int) else None,
        "causes": "; ".join(map(str, causes)) if isinstance(causes, list) else None,
    }


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def _report_missing(gaps: Sequence[Missing]) -> None:
    for gap in gaps:
        what = f": {len(gap.scope)} site(s) could not be looked at" if gap.scope else ""
        say_warning(f"{gap.action}{what}")
        say_error(gap.error if isinstance(gap.error, SmarteriseError) else RemoteFault(str(gap.error)))
