"""`smarterise-ops demo`: the console on a temporary embedded stack."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.commands.local import CONFLICTING_VARIABLES, MAX_SITES, MAX_SPEED
from smarterise_ops.context import current, enable_garbage_collection
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.local import client
from smarterise_ops.local.servers.paths import EXTRA_DIR_PREFIX
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import emit_rows, say, write_data
from smarterise_ops.streams import is_terminal
from smarterise_sdk.errors import UsageError
from smarterise_sdk.settings.loader import load_settings

if TYPE_CHECKING:
    from types import FrameType

    from smarterise_sdk.settings.model import Settings

NAME = "LOCAL DEMO"

app = typer.Typer(help="Open the console on a simulated fleet.")


@app.command("demo")
def demo(
    *,
    sites: Annotated[int, typer.Option(min=2, max=MAX_SITES, help="Number of sites.")] = client.DEFAULT_SITES,
    seed: Annotated[int, typer.Option(help="Random seed of sites, loads and faults.")] = client.DEFAULT_SEED,
    speed: Annotated[
        float,
        typer.Option(min=0.1, max=MAX_SPEED, help="Speed of simulated time."),
    ] = 1.0,
) -> ExitCode:
    """Open the console on a simulated fleet.

    Needs no AWS account and no Docker; all files are removed at the end. Without a terminal it prints one
    report of the fleet.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # The stack removes a directory that it created, also if this process is killed.
    directory = _temporary() / f"{EXTRA_DIR_PREFIX}demo-{secrets.token_hex(8)}"
    say(f"Starting a stack of {sites} simulated sites…")
    stack = client.start(directory, sites=sites, seed=seed, speed=speed, owned=True)
    try:
        settings = _settings(stack)
        if is_terminal(sys.stdin) and is_terminal(sys.stdout):
            return _console(settings, stack)
        return _report(settings, stack)
    finally:
        stack.stop()


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise UsageError(
            "No usable temporary directory",
            why=error.strerror or str(error),
            remedy="set TMPDIR to a directory with free space",
        ) from error


def _settings(stack: client.RunningStack) -> Settings:
    """Return settings of the demo, independent of configuration files and variables."""
    for name in CONFLICTING_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(
        {name: value for name, value in stack.exports.items() if name.startswith("AWS_")},
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1",
    )
    flags = {"read_only": current().shared.get("read_only")}
    loaded = load_settings(flags, environ=stack.exports, cwd=stack.data_dir, home=stack.data_dir)
    return replace(loaded, environment=replace(loaded.environment, name=NAME))


def _console(settings: Settings, stack: client.RunningStack) -> ExitCode:
    from smarterise_ops.local.report import await_first_values
    from smarterise_sdk.stack import Stack
    from smarterise_tui.app import run_console

    sdk = Stack(settings)
    say("Waiting for the first readings…")
    await_first_values(sdk, stack)
    enable_garbage_collection()
    return ExitCode(run_console(settings, stack=sdk))


def _report(settings: Settings, stack: client.RunningStack) -> ExitCode:
    from smarterise_ops.local.report import COLUMNS, live_report

    report = live_report(settings, stack)
    form = current().output
    emit_rows(report.rows, COLUMNS, form)
    summary = "".join(f"{line}\n" for line in report.summary)
    if form is OutputFormat.TABLE:
        write_data(f"\n{summary}")
    else:
        say(summary.rstrip())
    return ExitCode.DONE if report.is_complete else ExitCode.UNDETERMINED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
