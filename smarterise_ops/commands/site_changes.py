"""`smarterise-ops sites`: the commands that change sites."""

from __future__ import annotations

from typing import Annotated

import typer

from smarterise_ops.changes.workflow import BULK_HELP, Request
from smarterise_ops.commands.site_options import (  # noqa: TC001 -- Typer reads them at run time
    Create,
    DryRun,
    ExpectEtag,
    Fields,
    InputFormat,
    NewTier,
    Reason,
    Serial,
    Serials,
    ToTier,
    ToTierIfAny,
    Via,
    Where,
    Yes,
)
from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode  # noqa: TC001 -- the same
from smarterise_sdk.domain.sites.plans import WritePath
from smarterise_sdk.errors import UsageError

app = typer.Typer()


@app.command("set-tier")
def set_tier(
    serials: Serials,
    *,
    to: ToTier,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Change the tier of sites.

    Shows the plan, asks for confirmation, writes the site file and verifies it.
    """
    from smarterise_ops.changes.site_updates import switch_tier

    return switch_tier(current(), serials, to, Request(reason, via, dry_run=dry_run, assume_yes=yes))


@app.command("enable")
def enable(
    serials: Serials,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Resume data collection for sites."""
    return _switch_collection(serials, Request(reason, via, dry_run=dry_run, assume_yes=yes), enabled=True)


@app.command("disable")
def disable(
    serials: Serials,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Stop collecting data from sites.

    The sites stay in the site file.
    """
    return _switch_collection(serials, Request(reason, via, dry_run=dry_run, assume_yes=yes), enabled=False)


def _switch_collection(serials: list[str], request: Request, *, enabled: bool) -> ExitCode:
    from smarterise_ops.changes.site_updates import switch_collection

    return switch_collection(current(), serials, request, enabled=enabled)


@app.command("add")
def add(
    serial: Serial,
    *,
    tier: NewTier,
    fields: Fields = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Add a site; fails if it already exists."""
    from smarterise_ops.changes.site_updates import add_site

    request = Request(reason, via, dry_run=dry_run, assume_yes=yes)
    return add_site(current(), serial, tier, fields or (), request)


@app.command("remove")
def remove(
    serials: Serials,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Remove sites from the site file.

    `undo` restores them with all their fields.
    """
    from smarterise_ops.changes.site_updates import remove_sites

    return remove_sites(current(), serials, Request(reason, via, dry_run=dry_run, assume_yes=yes))


@app.command("bulk-update")
def bulk_update(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="CSV, JSON, JSON lines or YAML; - is standard input."),
    ] = None,
    *,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="SERIAL=TIER", help="Tier of a site; repeatable.")
    ] = None,
    where: Where = None,
    to: ToTierIfAny = None,
    fields: Fields = None,
    input_format: InputFormat = None,
    reason: Reason = "",
    expect_etag: ExpectEtag = None,
    create: Create = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Change many sites in one atomic write.

    The changes come from FILE and --set, or from --where with --to and --field. If any of them is invalid,
    nothing is written and every problem is reported.
    """
    from smarterise_ops.changes.site_updates import update_from, update_selected

    request = Request(reason, via, dry_run=dry_run, assume_yes=yes, create=create, expect_etag=expect_etag)
    if not (where or to or fields):
        return update_from(current(), file, settings or (), input_format, request)
    if file is not None or settings or create:
        raise UsageError(
            "--where, --to and --field cannot be combined with FILE, --set or --create",
            remedy=BULK_HELP,
        )
    return update_selected(current(), where or (), to, fields or (), request)


@app.command("import")
def import_sites(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Output of `sites export`, or a file for `bulk-update`; - is standard input.",
        ),
    ],
    *,
    prune: Annotated[bool, typer.Option("--prune", help="Delete sites that are not in FILE.")] = False,
    input_format: InputFormat = None,
    reason: Reason = "",
    expect_etag: ExpectEtag = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Replace sites with those in FILE.

    Fields absent from FILE are cleared.
    """
    from smarterise_ops.changes.site_import import import_from

    request = Request(reason, via, dry_run=dry_run, assume_yes=yes, expect_etag=expect_etag)
    return import_from(current(), file, input_format, request, prune=prune)
