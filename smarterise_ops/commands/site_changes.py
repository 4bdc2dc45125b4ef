"""`smarterise-ops sites`: the commands that change sites. How a change goes is `site_updates`."""

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
    """Switch sites to a tier: shows what changes, asks, writes, reads back."""
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
    """Have sites collected again, each as its tier says."""
    return _collected(serials, Request(reason, via, dry_run=dry_run, assume_yes=yes), enabled=True)


@app.command("disable")
def disable(
    serials: Serials,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Have sites not collected, whatever their tier; they stay in the file."""
    return _collected(serials, Request(reason, via, dry_run=dry_run, assume_yes=yes), enabled=False)


def _collected(serials: list[str], request: Request, *, enabled: bool) -> ExitCode:
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
    """Add a site to the file; one that is there already is refused."""
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
    """Take sites out of the file, with all that it says of them; `undo` brings them back."""
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
        list[str] | None, typer.Option("--set", metavar="SERIAL=TIER", help="One more site; repeatable.")
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
    """Change many sites at once: all that is asked for, or nothing and every reason why.

    Which sites, and what they are to have, says FILE, or --set, or --where with --to and --field.
    """
    from smarterise_ops.changes.site_updates import update_from, update_selected

    request = Request(reason, via, dry_run=dry_run, assume_yes=yes, create=create, expect_etag=expect_etag)
    if not (where or to or fields):
        return update_from(current(), file, settings or (), input_format, request)
    if file is not None or settings or create:
        raise UsageError(
            "--where, --to and --field say all there is to say: they go without FILE, --set and --create",
            remedy=BULK_HELP,
        )
    return update_selected(current(), where or (), to, fields or (), request)


@app.command("import")
def import_sites(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="What `sites export` writes, or a file such as `bulk-update` takes; - is standard input.",
        ),
    ],
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take out the sites that FILE does not name.")
    ] = False,
    input_format: InputFormat = None,
    reason: Reason = "",
    expect_etag: ExpectEtag = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    via: Via = WritePath.LAMBDA,
) -> ExitCode:
    """Have the sites of a file stand exactly as they stand there, whole: what it leaves out is cleared."""
    from smarterise_ops.changes.site_import import import_from

    request = Request(reason, via, dry_run=dry_run, assume_yes=yes, expect_etag=expect_etag)
    return import_from(current(), file, input_format, request, prune=prune)
