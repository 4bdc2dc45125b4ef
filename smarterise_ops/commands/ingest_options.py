"""The options that `ingest` and `quarantine` share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from smarterise_ops.param_types import MOMENT, MOMENT_HELP, moment, one_of
from smarterise_sdk.domain.ingest.status import Road

From = Annotated[
    datetime, typer.Option("--from", parser=moment, metavar=MOMENT, help=f"Since when, {MOMENT_HELP}.")
]
FromIfAny = Annotated[
    datetime | None,
    typer.Option("--from", parser=moment, metavar=MOMENT, help=f"Only what came since, {MOMENT_HELP}."),
]
ToOrNow = Annotated[
    datetime | None, typer.Option("--to", parser=moment, metavar=MOMENT, help="Until when; now if absent.")
]
ToIfAny = Annotated[
    datetime | None, typer.Option("--to", parser=moment, metavar=MOMENT, help="Only what came before.")
]
OnlySites = Annotated[
    list[str] | None, typer.Option("--site", metavar="SERIAL", help="Only this site; repeatable.")
]
OnlyPath = Annotated[Road | None, typer.Option("--path", **one_of(Road), help="Only what came by this path.")]
Why = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the journal. Production needs one.")
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many rows, the newest first.")]
