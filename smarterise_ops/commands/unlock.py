"""`smarterise-ops unlock` and `lock`: time-limited permission to write to a read-only environment."""

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
        metavar="DURATION",
        help=f"Duration, e.g. 30m; at most {LONGEST_MINUTES // 60}h.",
    ),
]
Why = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Reason, recorded with every change made under the unlock."
    ),
]


@app.command("unlock")
def unlock(*, lasts: Duration, reason: Why) -> None:
    """Allow writes for a limited time."""
    run = current()
    settings = run.settings
    environment = settings.environment.name
    if not settings.read_only and settings.write_until is None:
        say(f"No change: {visible(environment)} is not read-only")
        return
    unlocked = Unlocks(settings.state_dir).open(
        environment,
        minutes=math.ceil(lasts / timedelta(minutes=1)),
        reason=reason,
        by=operator(),
        now=datetime.now(UTC),
    )
    origin = settings.origin("read_only")
    if origin.source in (Source.FLAG, Source.VARIABLE):
        say_warning(f"Commands with {origin} remain read-only")
    if run.output is OutputFormat.TABLE:
        write_data(
            f"● {visible(environment)} is unlocked until {utc_text(unlocked.until)}: {unlocked.reason}\n"
        )
        say(f"lock it again: {run.another('lock')}")
    else:
        emit_object(
            {
                "environment": environment,
                "opened_at": utc_text(unlocked.opened_at),
                "until": utc_text(unlocked.until),
                "reason": unlocked.reason,
                "by": unlocked.by,
            },
            run.output,
        )


@lock_app.command("lock")
def lock() -> None:
    """Make the environment read-only again."""
    run = current()
    environment = run.settings.environment.name
    was_unlocked = Unlocks(run.settings.state_dir).close(environment)
    if run.output is OutputFormat.TABLE:
        text = "is read-only again" if was_unlocked else "was not unlocked; nothing to do"
        write_data(f"● {visible(environment)} {text}\n")
    else:
        emit_object({"environment": environment, "was_unlocked": was_unlocked}, run.output)
