"""`smarterise-ops sites`: list sites, show one, switch tiers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops import writes
from smarterise_ops.context import Invocation, current
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.output import Column, OutputFormat, emit_object, emit_rows, say, say_warning
from smarterise_ops.update_file import Updates, read_updates
from smarterise_ops.update_formats import MAX_UPDATE_BYTES, UpdateFormat, cell_text
from smarterise_sdk.domain.plans import WritePath
from smarterise_sdk.domain.sites import Tier
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidDocument, SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smarterise_sdk.domain.plans import Plan
    from smarterise_sdk.domain.problems import Problem
    from smarterise_sdk.domain.sites import JsonValue
    from smarterise_sdk.services.sites import SitesSnapshot

    Values = Mapping[str, Mapping[str, JsonValue]]

app = typer.Typer(help="List sites and switch their tier.")

STDIN = "-"
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

OnlyTier = Annotated[
    Tier | None, typer.Option("--tier", case_sensitive=False, help="Only sites of this tier.")
]
ToTier = Annotated[Tier, typer.Option("--to", case_sensitive=False, help="The tier to switch to.")]
Via = Annotated[
    WritePath,
    typer.Option(help="The road: the function, or straight to the file when the function is broken."),
]
Reason = Annotated[str, typer.Option(help="Why; kept in the file and in the journal.")]
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
) -> ExitCode:
    """Switch sites to a tier: shows what changes, asks, writes, reads back."""
    run = current()
    updates = Updates({serial: {"tier": to.value} for serial in serials})
    return _update(run, updates, "the request", reason=reason, dry_run=dry_run, yes=yes, via=via)


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
        str | None, typer.Option(help="Write only if the site file still has this ETag.")
    ] = None,
    create: Create = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Change many sites at once: all that is asked for, or nothing and every reason why."""
    run = current()
    if file is None and not settings:
        raise UsageError(
            "There is nothing to update: give FILE or --set SERIAL=TIER",
            remedy="smarterise-ops sites bulk-update --help",
        )
    subject = "standard input" if file == STDIN else visible(file or "the request")
    updates = read_updates(
        None if file is None else _content(file), subject, form=input_format, settings=settings or ()
    )
    return _update(
        run,
        updates,
        subject,
        reason=reason,
        dry_run=dry_run,
        yes=yes,
        via=via,
        create=create,
        expect_etag=expect_etag,
    )


def _warn_if_degraded(snapshot: SitesSnapshot) -> None:
    if snapshot.degraded is not None:
        say_warning(snapshot.degraded.message, snapshot.degraded.problems)


def _update(
    run: Invocation,
    updates: Updates,
    subject: str,
    *,
    reason: str,
    dry_run: bool,
    yes: bool,
    via: WritePath,
    create: bool = False,
    expect_etag: str | None = None,
) -> ExitCode:
    if not dry_run:
        writes.refuse_when_read_only(run)
    sites = run.stack.sites
    if not updates.values and not updates.problems:
        say(f"nothing to do: {subject} asks for nothing")
        return ExitCode.DONE

    def plan_of(values: Values) -> Plan:
        return sites.plan_update(values, reason=reason, create=create, expect_etag=expect_etag, via=via)

    plan = _planned(plan_of, updates, subject)
    return writes.carry_out(
        run,
        plan,
        lambda confirmed, on_step: sites.apply(confirmed, on_step=on_step),
        dry_run=dry_run,
        assume_yes=yes,
    )


def _planned(plan_of: Callable[[Values], Plan], updates: Updates, subject: str) -> Plan:
    """Plan the updates; what is wrong with their source and with what they ask for is told together."""
    problems = list(updates.problems)
    try:
        if updates.values:
            plan = plan_of(updates.values)
    except InvalidDocument as refused:
        if all(problem.line is None and problem.site in updates.values for problem in refused.problems):
            problems += (updates.located(problem) for problem in refused.problems)
        elif not problems:
            raise
    except SmarteriseError:
        # With the source itself wrong there is enough to tell without the stack.
        if not problems:
            raise
    if problems:
        raise InvalidDocument(
            f"{subject} cannot be applied: {len(problems)} problem(s)",
            problems=sorted(problems, key=_by_line),
            remedy="mend them all; nothing was written",
        )
    return plan


def _by_line(problem: Problem) -> tuple[bool, int]:
    return problem.line is None, problem.line or 0


def _content(file: str) -> bytes:
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(MAX_UPDATE_BYTES + 1)
        with Path(file).open("rb") as source:
            return source.read(MAX_UPDATE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read", why=error.strerror or str(error)) from error
