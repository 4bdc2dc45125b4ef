"""`smarterise-ops local`: run the embedded stack for scripts and AWS clients, find it again, end it."""

from __future__ import annotations

import os
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.context import PROGRAM, current, last_long
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.files import directory_named
from smarterise_ops.local import client
from smarterise_ops.local.registry import default_data_dir
from smarterise_ops.local.state import STATE_FILE, Phase, StackState, load_state
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import emit_object, emit_rows, say, write_data
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from types import FrameType

    from smarterise_sdk.domain.json_text.types import JsonObject

app = typer.Typer(help="Run the embedded stack for scripts and AWS clients.")

MOST_SITES = 5000
MOST_SPEED = 1000.0
CONFUSING = ("AWS_SESSION_TOKEN", "AWS_PROFILE")
"""Variables of the caller that would spoil the exports: a token goes with no other key."""
_WATCH_SECONDS = 0.5
_NEWLINE = "\n"

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Directory of the stack, empty or new for `up`; by default in $XDG_STATE_HOME.",
    ),
]
Sites = Annotated[int, typer.Option(min=2, max=MOST_SITES, help="How many sites the fleet has.")]
Seed = Annotated[int, typer.Option(help="Picks sites, loads and faults: the same seed, the same fleet.")]
Speed = Annotated[
    float, typer.Option(min=0.1, max=MOST_SPEED, help="How many times as fast as real the simulated day is.")
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of the AWS endpoint on 127.0.0.1; 0 is a free one.")
]


@app.callback()
def group() -> None:
    """Run the embedded stack for scripts and AWS clients."""


@app.command("up")
def up(
    *,
    sites: Sites = client.DEFAULT_SITES,
    seed: Seed = client.DEFAULT_SEED,
    simulator: Annotated[
        bool, typer.Option("--simulator/--no-simulator", help="Whether gateways publish by themselves.")
    ] = True,
    speed: Speed = 1.0,
    port: Port = 0,
    ftps: Annotated[
        bool, typer.Option("--ftps/--ftp", help="Whether the FTP server takes nothing but TLS.")
    ] = False,
    data_dir: DataDir = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once it is ready; `local down` ends it.")
    ] = False,
) -> ExitCode:
    """Start a stack, print how to reach it, and keep it until interrupted."""
    where = _directory(data_dir)
    say(f"starting {sites} sites in {visible(str(where))} …")
    signal.signal(signal.SIGTERM, _interrupt)
    stack = client.start(
        where,
        sites=sites,
        seed=seed,
        simulator=simulator,
        speed=speed,
        port=port,
        ftps=ftps,
        owned=not detach,
    )
    if detach:
        _print_exports(stack)
        say(f"● ready; end it with: {_command('down', where)}")
        return ExitCode.DONE
    try:
        _print_exports(stack)
        say("● ready; ctrl-c ends it")
        return _keep(stack)
    except KeyboardInterrupt:
        say("ending …")
        return ExitCode.DONE
    finally:
        stack.stop()


@app.command("env")
def env(data_dir: DataDir = None) -> None:
    """Print the variables that point AWS clients at the running stack, as `export` lines."""
    _print_exports(_running(_directory(data_dir)))


@app.command("status")
def status(data_dir: DataDir = None) -> ExitCode:
    """Tell whether a stack runs, since when and with what."""
    where = _directory(data_dir)
    state = load_state(where / STATE_FILE)
    runs = client.look(where) is not None
    emit_object(_status_of(where, state, runs=runs), current().output)
    return ExitCode.DONE if runs else ExitCode.FINDINGS


@app.command("emails")
def emails(data_dir: DataDir = None) -> None:
    """Show the letters that alarms have led to; the stack keeps them, and delivers none."""
    from smarterise_ops.local.emulator.sent_emails import sent_emails

    sent = sent_emails(_running(_directory(data_dir)).exports["AWS_ENDPOINT_URL"])
    form = current().output
    if form is not OutputFormat.TABLE:
        emit_rows([email.to_row() for email in sent], (), form)
        return
    for email in sent:
        head = f"{email.at}  to {', '.join(email.to)}\n{email.subject}"
        write_data(f"{visible(head, keep=_NEWLINE)}\n\n{visible(email.text, keep=_NEWLINE).rstrip()}\n\n")
    if not sent:
        say("● no letter yet: an alarm that goes on, or off again, is told within a minute")


@app.command("down")
def down(data_dir: DataDir = None) -> None:
    """End the stack and remove every process and file of it."""
    where = _directory(data_dir)
    if client.stop(where):
        say(f"● the stack in {visible(str(where))} is gone")
    else:
        say(f"● there is no stack in {visible(str(where))}")


def _directory(data_dir: Path | None) -> Path:
    return directory_named(data_dir or default_data_dir())


def _running(where: Path) -> client.RunningStack:
    stack = client.find(where)
    if stack is not None:
        return stack
    state = client.look(where)
    if state is not None:
        raise LocalStackError(f"the stack in {where} is {state.phase.value}", remedy="try again in a moment")
    raise LocalStackError(
        f"no embedded stack runs in {where}",
        remedy=f"start one: {_command('up', where)}, or name its directory with --data-dir",
    )


def _keep(stack: client.RunningStack) -> ExitCode:
    """Stay until the stack ends without us.

    Raises:
        LocalStackError: If a server of it failed.
    """
    last_long()
    while client.look(stack.data_dir) is not None:
        time.sleep(_WATCH_SECONDS)
    state = load_state(stack.data_dir / STATE_FILE)
    if state is not None and state.phase is Phase.FAILED:
        raise state.failure()
    say("● somebody ended the stack")
    return ExitCode.DONE


def _print_exports(stack: client.RunningStack) -> None:
    form = current().output
    if form is not OutputFormat.TABLE:
        emit_object(dict(stack.exports), form)
        return
    lines = [f"export {name}={shlex.quote(value)}" for name, value in stack.exports.items()]
    lines += [f"unset {name}" for name in CONFUSING if name in os.environ]
    write_data("".join(f"{line}\n" for line in lines))


def _status_of(where: Path, state: StackState | None, *, runs: bool) -> JsonObject:
    if state is None:
        return {"state": "absent", "data_dir": str(where)}
    found: JsonObject = {
        "state": state.phase.value if runs else "dead",
        "data_dir": str(state.data_dir),
        "started_at": state.started_at,
        "endpoint": state.exports.get("AWS_ENDPOINT_URL", ""),
        "ftp": _without_login(state.exports.get("SMARTERISE_FTP_URL", "")),
        "supervisor_pid": state.supervisor.pid,
    }
    found.update(state.options)
    found.update({f"{name}_pid": mark.pid for name, mark in state.children.items()})
    return found


def _without_login(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if rest else ""


def _command(name: str, where: Path) -> str:
    chosen = "" if where == default_data_dir() else f" --data-dir {shlex.quote(str(where))}"
    return f"{PROGRAM} local {name}{chosen}"


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
