"""The options and arguments shared by the `sites` commands."""

from __future__ import annotations

from typing import Annotated

import typer

from smarterise_ops.output.formats import UpdateFormat
from smarterise_ops.param_types import one_of
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import WritePath

OnlyTier = Annotated[Tier | None, typer.Option("--tier", **one_of(Tier), help="Only sites of this tier.")]
NewTier = Annotated[Tier, typer.Option("--tier", **one_of(Tier), help="Tier of the new site.")]
ToTier = Annotated[Tier, typer.Option("--to", **one_of(Tier), help="New tier.")]
ToTierIfAny = Annotated[
    Tier | None, typer.Option("--to", **one_of(Tier), help="New tier of the sites selected by --where.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
        help="Filter: FIELD, an operator (=, !=, <, >, <=, >=; ~ or !~ for a glob pattern) and a value, "
        "e.g. tier=CRITICAL or 'name~Ikeja*'. Repeatable; all must match.",
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NAME=VALUE", help="NAME=VALUE to set; NAME= to clear. Repeatable."),
]
Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="Gateway serial.")]
Serials = Annotated[list[str], typer.Argument(metavar="SERIAL...", help="Gateway serials.")]
InputFormat = Annotated[UpdateFormat | None, typer.Option(help="Format of FILE; default by its suffix.")]
Via = Annotated[
    WritePath,
    typer.Option(help="Access through the Lambda (default) or directly in S3."),
]
Reason = Annotated[
    str,
    typer.Option(
        metavar="TEXT", help="Reason, recorded in the site file and journal (required in production)."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan without applying it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")]
Create = Annotated[bool, typer.Option("--create", help="Add unknown serials as new sites.")]
ExpectEtag = Annotated[
    str | None, typer.Option(metavar="ETAG", help="Write only if the site file still has this ETag.")
]
