"""The options shared by `ingest` and `quarantine`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from smarterise_ops.param_types import TIME, TIME_EXAMPLES, one_of, timestamp
from smarterise_sdk.domain.ingest.status import DataPath

From = Annotated[
    datetime, typer.Option("--from", parser=timestamp, metavar=TIME, help=f"Start time: {TIME_EXAMPLES}.")
]
FromIfAny = Annotated[
    datetime | None,
    typer.Option("--from", parser=timestamp, metavar=TIME, help=f"Only received since: {TIME_EXAMPLES}."),
]
ToOrNow = Annotated[
    datetime | None, typer.Option("--to", parser=timestamp, metavar=TIME, help="End time; default now.")
]
ToIfAny = Annotated[
    datetime | None, typer.Option("--to", parser=timestamp, metavar=TIME, help="Only received before.")
]
OnlySites = Annotated[
    list[str] | None, typer.Option("--site", metavar="SERIAL", help="Only this site; repeatable.")
]
OnlyPath = Annotated[DataPath | None, typer.Option("--path", **one_of(DataPath), help="Only this data path.")]
Why = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Reason, recorded in the journal (required in production)."
    ),
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Number of rows, latest first.")]
