"""`smarterise-ops sites`: list sites, show one, switch tiers. How a change goes is `site_updates`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.choices import one_of
from smarterise_ops.context import current
from smarterise_ops.formats import OutputFormat, UpdateFormat
from smarterise_ops.output import Column, emit_object, emit_rows, say_warning
from smarterise_sdk.domain.plans import WritePath
from smarterise_sdk.domain.sites import Tier

if TYPE_CHECKING:
    from smarterise_sdk.services.sites import SitesSnapshot

app = typer.Typer(help="List sites and switch their tier.")

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

OnlyTier = Annotated[Tier | None, typer.Option("--tier", **one_of(Tier), help="Only sites of this tier.")]
ToTier = Annotated[Tier, typer.Option("--to", **one_of(Tier), help="The tier to switch to.")]
Via = Annotated[
    WritePath,
    typer.Option(help="The road: the function, or straight to the file when the function is broken."),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the file and in the journal.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would change, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Create = Annotated[bool, typer.Option("--create", help="Serials that are not known are new sites.")]


@app.command("list")
def list_sites(
    *,
    tier: OnlyTier = None,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Only sites that are collected, or not.")
    ] = None,
    via: Via = WritePath.LAMBDA,
) -> None:
    """List the sites, in the order of the file."""
    run = current()
    snapshot = run.stack.sites.fetch(via=via)
    _warn_if_degraded(snapshot)
    rows = [
        site.to_row()
        for site in snapshot.sites
        if (tier is None or site.tier is tier) and (enabled is None or site.enabled is enabled)
    ]
    if run.output is OutputFormat.CSV:
        from smarterise_ops.update_formats import cell_text

        rows = [{name: cell_text(name, value) for name, value in row.items()} for row in rows]
    emit_rows(rows, COLUMNS, run.output)


@app.command("show")
def show_site(
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="Gateway serial.")],
    via: Via = WritePath.LAMBDA,
) -> None:
    """Show one site."""
    run = current()
    snapshot = run.stack.sites.fetch_one(serial, via=via)
    _warn_if_degraded(snapshot)
    emit_object(snapshot.sites[0].to_row(), run.output)


@app.command("set-tier")
def set_tier(
    serials: Annotated[list[str], typer.Argument(metavar="SERIAL...", help="Gateway serials.")],
    *,
    to: ToTier,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> int:
    """Switch sites to a tier: shows what changes, asks, writes, reads back."""
    from smarterise_ops.site_updates import Request, switch_tier

    return switch_tier(current(), serials, to, Request(reason, via, dry_run=dry_run, assume_yes=yes))


@app.command("bulk-update")
def bulk_update(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="CSV, JSON, JSON lines or YAML; - is standard input."),
    ] = None,
    *,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="SERIAL=TIER", help="One more site; repeatable.")
    ] = None,
    input_format: Annotated[
        UpdateFormat | None, typer.Option(help="Format of FILE, when its name does not tell.")
    ] = None,
    reason: Reason = "",
    expect_etag: Annotated[
        str | None, typer.Option(metavar="ETAG", help="Write only if the site file still has this ETag.")
    ] = None,
    create: Create = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> int:
    """Change many sites at once: all that is asked for, or nothing and every reason why."""
    from smarterise_ops.site_updates import Request, update_from

    request = Request(reason, via, dry_run=dry_run, assume_yes=yes, create=create, expect_etag=expect_etag)
    return update_from(current(), file, settings or (), input_format, request)


def _warn_if_degraded(snapshot: SitesSnapshot) -> None:
    if snapshot.degraded is not None:
        say_warning(snapshot.degraded.message, snapshot.degraded.problems)
