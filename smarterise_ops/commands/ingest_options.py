"""The options that `ingest` and `quarantine` share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from smarterise_ops.param_types import TIME, TIME_HELP, one_of, timestamp
from smarterise_sdk.domain.ingest.status import DataPath

From = Annotated[
    datetime, typer.Option("--from", parser=timestamp, metavar=TIME, help=f"Since when, {TIME_HELP}.")
]
FromIfAny = Annotated[
    datetime | None,
    typer.Option("--from", parser=timestamp, metavar=TIME, help=f"Only what came since, {TIME_HELP}."),
]
ToOrNow = Annotated[
    datetime | None, typer.Option("--to", parser=timestamp, metavar=TIME, help="Until when; now if absent.")
]
ToIfAny = Annotated[
    datetime | None, typer.Option("--to", parser=timestamp, metavar=TIME, help="Only what came before.")
]
OnlySites = Annotated[
    list[str] | None, typer.Option("--site", metavar="SERIAL", help="Only this site; repeatable.")
]
OnlyPath = Annotated[
    DataPath | None, typer.Option("--path", **one_of(DataPath), help="Only what came by this path.")
]
Why = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the journal. Production needs one.")
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many rows, the newest first.")]
