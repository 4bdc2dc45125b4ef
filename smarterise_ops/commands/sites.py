"""`smarterise-ops sites`: list, show, export and validate sites."""

from __future__ import annotations

from typing import Annotated

import typer

from smarterise_ops.commands import site_changes, site_history
from smarterise_ops.commands.site_options import (  # noqa: TC001 -- Typer reads them at run time
    InputFormat,
    OnlyTier,
    Serial,
    Via,
    Where,
)
from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.notices import warn_if_degraded
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import Column, emit_object, emit_rows, write_data
from smarterise_sdk.domain.sites.plans import WritePath

app = typer.Typer()

COLUMNS = (
    Column("gateway_serial", "SERIAL"),
    Column("name"),
    Column("tier"),
    Column("enabled"),
    Column("asset_id", "ASSET"),
    Column("nominal_voltage", "NOMINAL V", decimals=0),
    Column("capacity_kva", "KVA", decimals=0),
    Column("timezone"),
    Column("quality_profile", "PROFILE"),
)
PROBLEM_COLUMNS = (
    Column("line", decimals=0),
    Column("site"),
    Column("field"),
    Column("message"),
    Column("remedy"),
)


@app.command("list")
def list_sites(
    *,
    tier: OnlyTier = None,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Only sites with or without data collection.")
    ] = None,
    where: Where = None,
    via: Via = WritePath.LAMBDA,
) -> None:
    """List sites in the order of the site file."""
    from smarterise_sdk.domain.sites.selection import parse_selection

    run = current()
    selection = parse_selection(where or ())
    snapshot = run.stack.sites.fetch(via=via)
    warn_if_degraded(run, snapshot.degraded)
    rows = [
        site.to_row()
        for site in selection.of(snapshot.sites)
        if (tier is None or site.tier is tier) and (enabled is None or site.enabled is enabled)
    ]
    if run.output is OutputFormat.CSV:
        from smarterise_ops.changes.update_formats import cell_text

        rows = [{name: cell_text(name, value) for name, value in row.items()} for row in rows]
    emit_rows(rows, COLUMNS, run.output)


@app.command("show")
def show_site(serial: Serial, via: Via = WritePath.LAMBDA) -> None:
    """Show one site."""
    run = current()
    snapshot = run.stack.sites.fetch_one(serial, via=via)
    warn_if_degraded(run, snapshot.degraded)
    emit_object(snapshot.sites[0].to_row(), run.output)


@app.command("export")
def export(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="Output file; - or absent: standard output.")
    ] = None,
    *,
    version: Annotated[
        str, typer.Option(metavar="VERSION", help="Version id from `sites history`; default current.")
    ] = "current",
    via: Via = WritePath.LAMBDA,
) -> None:
    """Export all sites in a format of `import`.

    JSON and YAML contain the whole site file, CSV and JSON lines one row per site. The format is that of -o,
    else of FILE's suffix, else JSON.
    """
    from smarterise_ops.changes.site_export import export_to

    export_to(current(), file, version, via)


@app.command("validate")
def validate(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Site file or rows of sites; - is standard input.")
    ],
    *,
    input_format: InputFormat = None,
) -> ExitCode:
    """Check a file for errors before an import.

    Offline: makes no AWS calls.
    """
    from smarterise_ops.changes.site_import import read_sites
    from smarterise_ops.changes.site_updates import content_of, subject_of

    run = current()
    subject = subject_of(file)
    read = read_sites(content_of(file), subject, input_format)
    if read.problems or run.output is not OutputFormat.TABLE:
        emit_rows([dict(problem.to_json()) for problem in read.problems], PROBLEM_COLUMNS, run.output)
    else:
        count = "1 site" if len(read.sites) == 1 else f"{len(read.sites)} sites"
        write_data(f"● {subject}: {count}, no problems\n")
    return ExitCode.FINDINGS if read.problems else ExitCode.DONE


app.add_typer(site_changes.app)
app.add_typer(site_history.app)
