"""`smarterise-ops unlock` and `lock`: leave to write where an environment is read-only, for a while."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from smarterise_ops.context import current
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import emit_object, say, say_warning, write_data
from smarterise_ops.param_types import duration
from smarterise_sdk.domain.text import utc_text, visible
from smarterise_sdk.journal.store import operator
from smarterise_sdk.settings.model import Source
from smarterise_sdk.settings.unlock import LONGEST_MINUTES, Unlocks

app = typer.Typer()
lock_app = typer.Typer()

Duration = Annotated[
    timedelta,
    typer.Option(
        "--for",
        parser=duration(f"{LONGEST_MINUTES // 60}h"),
        metavar="SPAN",
        help=f"For how long, e.g. 30m; at most {LONGEST_MINUTES // 60}h.",
    ),
]
Why = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept with every change made under it.")
]


@app.command("unlock")
def unlock(*, lasts: Duration, reason: Why) -> None:
    """Give leave to write to a read-only environment, for a while and with a reason."""
    run = current()
    settings = run.settings
    environment = settings.environment.name
    if not settings.read_only and settings.write_until is None:
        say(f"nothing to do: {visible(environment)} is not read-only")
        return
    opened = Unlocks(settings.state_dir).open(
        environment,
        minutes=math.ceil(lasts / timedelta(minutes=1)),
        reason=reason,
        by=operator(),
        now=datetime.now(UTC),
    )
    asked = settings.origin("read_only")
    if asked.source in (Source.FLAG, Source.VARIABLE):
        say_warning(f"what is run with {asked} stays read-only all the same")
    if run.output is OutputFormat.TABLE:
        write_data(
            f"● {visible(environment)} takes changes until {utc_text(opened.until)}: {opened.reason}\n"
        )
        say(f"take it back: {run.another('lock')}")
    else:
        emit_object(
            {
                "environment": environment,
                "opened_at": utc_text(opened.opened_at),
                "until": utc_text(opened.until),
                "reason": opened.reason,
                "by": opened.by,
            },
            run.output,
        )


@lock_app.command("lock")
def lock() -> None:
    """Take back the leave to write."""
    run = current()
    environment = run.settings.environment.name
    was_open = Unlocks(run.settings.state_dir).close(environment)
    if run.output is OutputFormat.TABLE:
        text = "takes no more changes" if was_open else "was not unlocked"
        write_data(f"● {visible(environment)} {text}\n")
    else:
        emit_object({"environment": environment, "was_unlocked": was_open}, run.output)
