"""`smarterise-ops ingest`: ingest status, gaps, the file ledger, and backfills from the data lake."""

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
    Column("lateness_seconds", "AGE"),
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
    Column("causes", "LIKELY CAUSE"),
)
FILE_COLUMNS = (
    Column("received_at", "RECEIVED"),
    Column("gateway_serial", "SERIAL"),
    Column("state"),
    Column("rows_loaded", "LOADED", decimals=0),
    Column("rows_identical", "DUPLICATE", decimals=0),
    Column("rows_superseded", "SUPERSEDED", decimals=0),
    Column("rows_differing", "CONFLICT", decimals=0),
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
        typer.Option(parser=duration("7d"), metavar="DURATION", help="Time range for completeness, e.g. 6h."),
    ] = "24h",  # type: ignore[assignment]  # parsed
) -> ExitCode:
    """Show data age and completeness per site.

    One row per site and data path. States: ok; late; silent; never (no data yet); rejected (latest data is in
    quarantine); failing (latest file cannot be loaded); denied (FTP servers cannot be swept); off (collection
    disabled); unknown.
    """
    run = current()
    say_progress("Reading ingest status…")
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
    """List gaps in readings with likely causes."""
    run = current()
    end = until or datetime.now(UTC)
    say_progress("Reading gaps…")
    found = run.stack.ingest.gaps(since, end, gateways=site or ())
    rows = [gap.to_row() for gap in found.value.gaps]
    is_table = run.output is OutputFormat.TABLE
    if is_table:
        rows = [_gap_cells(row) for row in rows]
    if rows or not is_table:
        emit_rows(rows, GAP_COLUMNS, run.output)
    _report_missing(found.missing)
    if not found.value.is_complete:
        say_warning("Too many gaps, the list is truncated. Use --site or a shorter time range")
    if rows:
        return ExitCode.FINDINGS
    if is_table:
        write_data(f"● No gaps: {found.value.sites} sites, {utc_text(since)} to {utc_text(end)}\n")
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
    """List log files with state and row counts."""
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
        say(f"there may be more rows: {run.command_with('--limit', str(10 * limit))}")


@app.command("backfill")
def backfill(
    *,
    since: From,
    until: ToOrNow = None,
    site: OnlySites = None,
    path: OnlyPath = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Also reload files already marked as loaded.")
    ] = False,
    reason: Why = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Load a time range from the data lake again.

    Existing readings are not changed. Interrupted? Run it again with the same --from and --to to resume.
    """
    run = current()
    if not dry_run:
        workflow.refuse_unready(run, reason=reason)
    backfills = run.stack.ingest.backfilling
    since, end = since.replace(microsecond=0), (until or datetime.now(UTC)).replace(microsecond=0)
    plan = backfills.plan(
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
            lambda plan, on_step: backfills.apply(plan, on_step),
            dry_run=dry_run,
            assume_yes=yes,
        )
    except KeyboardInterrupt:
        say(f"Interrupted; resume with: {_resume_command(since, end, site, path, reload=reload)}")
        raise


def _resume_command(
    since: datetime, until: datetime, sites: Sequence[str] | None, path: DataPath | None, *, reload: bool
) -> str:
    text = ["ingest", "backfill", "--from", utc_text(since), "--to", utc_text(until)]
    for serial in sites or ():
        text += ["--site", serial]
    text += ["--path", path.value] if path is not None else []
    return current().another(*text, *(["--reload"] if reload else []))


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


def _report_missing(missing: Sequence[Missing]) -> None:
    for item in missing:
        sites = f": {len(item.scope)} site(s) could not be checked" if item.scope else ""
        say_warning(f"{item.action}{sites}")
        say_error(item.error if isinstance(item.error, SmarteriseError) else RemoteFault(str(item.error)))
