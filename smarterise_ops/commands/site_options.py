"""The options that commands of `sites` share, and what they make together."""

from __future__ import annotations

from typing import Annotated

import typer

from smarterise_ops.output.formats import UpdateFormat
from smarterise_ops.param_types import one_of
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import WritePath

OnlyTier = Annotated[Tier | None, typer.Option("--tier", **one_of(Tier), help="Only sites of this tier.")]
NewTier = Annotated[Tier, typer.Option("--tier", **one_of(Tier), help="Its tier.")]
ToTier = Annotated[Tier, typer.Option("--to", **one_of(Tier), help="The tier to switch to.")]
ToTierIfAny = Annotated[
    Tier | None, typer.Option("--to", **one_of(Tier), help="The tier that the sites of --where are to have.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
        help="The sites for which it holds: FIELD and =, !=, <, >, <= or >= and a value, or ~ or !~ and a "
        "pattern of * and ?, e.g. tier=CRITICAL or 'name~Ikeja*'. Repeatable; all must hold.",
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="NAME=VALUE", help="A field and what it is to hold; nothing clears it. Repeatable."
    ),
]
Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="Gateway serial.")]
Serials = Annotated[list[str], typer.Argument(metavar="SERIAL...", help="Gateway serials.")]
InputFormat = Annotated[
    UpdateFormat | None, typer.Option(help="Format of FILE, when its name does not tell.")
]
Via = Annotated[
    WritePath,
    typer.Option(help="The road: the function, or straight to the file when the function is broken."),
]
Reason = Annotated[
    str, typer.Option(metavar="TEXT", help="Why; kept in the file and in the journal. Production needs one.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would change, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Create = Annotated[bool, typer.Option("--create", help="Serials that are not known are new sites.")]
ExpectEtag = Annotated[
    str | None, typer.Option(metavar="ETAG", help="Write only if the site file still has this ETag.")
]
