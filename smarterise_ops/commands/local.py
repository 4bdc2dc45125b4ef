"""`smarterise-ops local`: start, inspect and stop the embedded stack."""

from __future__ import annotations

import os
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.context import PROGRAM, current, enable_garbage_collection
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

app = typer.Typer(help="Run the embedded stack on this machine.")

MAX_SITES = 5000
MAX_SPEED = 1000.0
CONFLICTING_VARIABLES = ("AWS_SESSION_TOKEN", "AWS_PROFILE")
"""Variables of the caller that conflict with the exports."""
_WATCH_SECONDS = 0.5
_NEWLINE = "\n"

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Directory of the stack, empty or new for `up`; default in $XDG_STATE_HOME.",
    ),
]
Sites = Annotated[int, typer.Option(min=2, max=MAX_SITES, help="Number of sites.")]
Seed = Annotated[int, typer.Option(help="Random seed of sites, loads and faults.")]
Speed = Annotated[float, typer.Option(min=0.1, max=MAX_SPEED, help="Speed of simulated time.")]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of the AWS endpoint on 127.0.0.1; 0: any free port.")
]


@app.callback()
def group() -> None:
    """Run the embedded stack on this machine."""


@app.command("up")
def up(
    *,
    sites: Sites = client.DEFAULT_SITES,
    seed: Seed = client.DEFAULT_SEED,
    simulator: Annotated[
        bool, typer.Option("--simulator/--no-simulator", help="Simulated gateways that publish readings.")
    ] = True,
    speed: Speed = 1.0,
    port: Port = 0,
    ftps: Annotated[bool, typer.Option("--ftps/--ftp", help="Require TLS on the FTP server.")] = False,
    data_dir: DataDir = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run in the background; stop with `local down`.")
    ] = False,
) -> ExitCode:
    """Start a stack and run it until interrupted."""
    where = _directory(data_dir)
    say(f"Starting a stack of {sites} sites in {visible(str(where))}…")
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
        say(f"● ready; stop it with: {_command('down', where)}")
        return ExitCode.DONE
    try:
        _print_exports(stack)
        say("● ready; stop it with ctrl-c")
        return _keep(stack)
    except KeyboardInterrupt:
        say("Stopping…")
        return ExitCode.DONE
    finally:
        stack.stop()


@app.command("env")
def env(data_dir: DataDir = None) -> None:
    """Print environment variables for AWS clients.

    The output is `export` lines for a shell.
    """
    _print_exports(_running(_directory(data_dir)))


@app.command("status")
def status(data_dir: DataDir = None) -> ExitCode:
    """Show the state and options of the stack."""
    where = _directory(data_dir)
    state = load_state(where / STATE_FILE)
    is_running = client.running_state(where) is not None
    emit_object(_status_of(where, state, is_running=is_running), current().output)
    return ExitCode.DONE if is_running else ExitCode.FINDINGS


@app.command("emails")
def emails(data_dir: DataDir = None) -> None:
    """Show captured alarm e-mails.

    The embedded stack stores e-mails and does not deliver them.
    """
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
        say("● No e-mails: an alarm that fires or is resolved is reported within a minute")


@app.command("down")
def down(data_dir: DataDir = None) -> None:
    """Stop the stack and delete its files."""
    where = _directory(data_dir)
    if client.stop(where):
        say(f"● stack in {visible(str(where))} stopped and removed")
    else:
        say(f"● no stack in {visible(str(where))}; nothing to do")


def _directory(data_dir: Path | None) -> Path:
    return directory_named(data_dir or default_data_dir())


def _running(where: Path) -> client.RunningStack:
    stack = client.find(where)
    if stack is not None:
        return stack
    state = client.running_state(where)
    if state is not None:
        raise LocalStackError(f"the stack in {where} is {state.phase.value}", remedy="try again later")
    raise LocalStackError(
        f"No embedded stack is running in {where}",
        remedy=f"start one: {_command('up', where)}, or give its directory with --data-dir",
    )


def _keep(stack: client.RunningStack) -> ExitCode:
    """Wait until the stack is stopped by another process.

    Raises:
        LocalStackError: If one of its servers failed.
    """
    enable_garbage_collection()
    while client.running_state(stack.data_dir) is not None:
        time.sleep(_WATCH_SECONDS)
    state = load_state(stack.data_dir / STATE_FILE)
    if state is not None and state.phase is Phase.FAILED:
        raise state.failure()
    say("● the stack was stopped by another process")
    return ExitCode.DONE


def _print_exports(stack: client.RunningStack) -> None:
    form = current().output
    if form is not OutputFormat.TABLE:
        emit_object(dict(stack.exports), form)
        return
    lines = [f"export {name}={shlex.quote(value)}" for name, value in stack.exports.items()]
    lines += [f"unset {name}" for name in CONFLICTING_VARIABLES if name in os.environ]
    write_data("".join(f"{line}\n" for line in lines))


def _status_of(where: Path, state: StackState | None, *, is_running: bool) -> JsonObject:
    if state is None:
        return {"state": "absent", "data_dir": str(where)}
    status: JsonObject = {
        "state": state.phase.value if is_running else "dead",
        "data_dir": str(state.data_dir),
        "started_at": state.started_at,
        "endpoint": state.exports.get("AWS_ENDPOINT_URL", ""),
        "ftp": _without_login(state.exports.get("SMARTERISE_FTP_URL", "")),
        "supervisor_pid": state.supervisor.pid,
    }
    status.update(state.options)
    status.update({f"{name}_pid": child.pid for name, child in state.children.items()})
    return status


def _without_login(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if rest else ""


def _command(name: str, where: Path) -> str:
    option = "" if where == default_data_dir() else f" --data-dir {shlex.quote(str(where))}"
    return f"{PROGRAM} local {name}{option}"


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
