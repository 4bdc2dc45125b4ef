"""The command tree: groups that load when used, the options every command takes, and how a run ends."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from smarterise_ops import __version__
from smarterise_ops.context import PROGRAM, Invocation, current, invocation, last_long
from smarterise_ops.exit_codes import ExitCode, exit_code_of
from smarterise_ops.installation import install_command
from smarterise_ops.notices import show_unresolved
from smarterise_ops.output.formats import OutputFormat  # noqa: TC001 -- Typer reads it at run time
from smarterise_ops.output.render import prepare_streams, say, say_error, write_data
from smarterise_ops.streams import is_terminal
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidDocument, SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

    from typer.models import CommandInfo


@dataclass(frozen=True, slots=True)
class Entry:
    """A command group or command that is loaded when it is used.

    Attributes:
        module: Where its `app` is.
        help: One line for the overview.
        extra: The extra that installs what it needs.
        requires: Modules without which it cannot run.
        app: What it is called there.
    """

    module: str
    help: str
    extra: str = "cli"
    requires: tuple[str, ...] = ()
    app: str = "app"


REGISTRY = {
    "sites": Entry("smarterise_ops.commands.sites", "List sites, change them, see and take back changes."),
    "metrics": Entry("smarterise_ops.commands.metrics", "Show what the meters measure."),
    "ingest": Entry(
        "smarterise_ops.commands.ingest", "See what comes in and what is missing; load it again."
    ),
    "quarantine": Entry(
        "smarterise_ops.commands.quarantine", "See what could not be taken; replay or discard it."
    ),
    "checks": Entry("smarterise_ops.commands.checks", "Run the runbook's checks against the stack."),
    "journal": Entry("smarterise_ops.commands.journal", "See what was changed from this machine."),
    "undo": Entry("smarterise_ops.commands.journal", "Take a change back.", app="undo_app"),
    "unlock": Entry("smarterise_ops.commands.unlock", "Give leave to write for a while."),
    "lock": Entry("smarterise_ops.commands.unlock", "Take back the leave to write.", app="lock_app"),
    "config": Entry("smarterise_ops.commands.config", "Make, see and judge the settings."),
    "demo": Entry(
        "smarterise_ops.commands.demo",
        "Start a stack of simulated meters and open the console on it.",
        extra="local",
        requires=("ministack", "psutil", "psycopg"),
    ),
    "local": Entry(
        "smarterise_ops.commands.local",
        "Run the embedded stack for scripts and AWS clients.",
        extra="local",
        requires=("ministack", "psutil", "psycopg"),
    ),
}

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
OVERVIEW = """On-call console, CLI and SDK for a fleet of three-phase power meters on AWS.

Without a command the console opens."""


# Options every command takes --------------------------------------------------------------------


def _remember(param: typer.CallbackParam, value: Any) -> None:
    if value is not None and param.name:
        current().shared[param.name] = value


_option = partial(typer.Option, callback=_remember, expose_value=False)


def _shared(
    environment: Annotated[
        str | None, _option("--env", metavar="NAME", help="Environment to work on.")
    ] = None,
    profile: Annotated[str | None, _option("--profile", metavar="NAME", help="AWS profile.")] = None,
    region: Annotated[str | None, _option("--region", metavar="NAME", help="AWS region.")] = None,
    endpoint_url: Annotated[
        str | None, _option("--endpoint-url", metavar="URL", help="Send all AWS calls there.")
    ] = None,
    read_only: Annotated[
        bool | None,
        _option("--read-only/--no-read-only", help="Refuse every write; the default for production."),
    ] = None,
    output: Annotated[
        OutputFormat | None, _option("--output", "-o", help="Format of stdout; table if absent.")
    ] = None,
) -> None:
    """Declare the options. Typer makes its parameters from this signature; nobody calls it."""


@cache
def shared_options() -> tuple[TyperArgument | TyperOption, ...]:
    """Return the options that every command takes: the same ones for all, they hold nothing of a run."""
    options, _, _ = typer.main.get_params_convertors_ctx_param_name_from_function(_shared)
    return tuple(options)


def _add_shared_options(command: TyperCommand | TyperGroup) -> None:
    taken = {name for param in command.params for name in param.opts}
    command.params += [option for option in shared_options() if not taken.intersection(option.opts)]


# Lazy groups ------------------------------------------------------------------------------------


class LazyRoot(TyperGroup):
    """The root: knows its commands by name and help, and imports the one that is used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in REGISTRY.items():
            self.commands[name] = TyperGroup(name=name, help=entry.help, rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that `args` name, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in REGISTRY else command, rest


def load(name: str) -> TyperCommand | TyperGroup:
    """Import a command of the registry.

    Raises:
        UsageError: If a package it needs is not installed; names the extra.
    """
    entry = REGISTRY[name]
    for module in entry.requires:
        if find_spec(module) is None:
            raise missing_extra(f"`{PROGRAM} {name}`", module, entry.extra)
    try:
        app: typer.Typer = getattr(import_module(entry.module), entry.app)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("smarterise"):
            raise
        raise missing_extra(f"`{PROGRAM} {name}`", str(missing.name), entry.extra) from missing
    if app.registered_callback is None and len(app.registered_commands) == 1 and not app.registered_groups:
        return _built(app.registered_commands[0], name)
    # A group alone is an error like any other, told in the one form of errors.
    group = TyperGroup(name=name, help=entry.help, rich_markup_mode=None, no_args_is_help=False)
    group.commands = cast("MutableMapping[str, Any]", LazyCommands(app))
    _add_shared_options(group)
    return group


class LazyCommands(Mapping[str, Any]):
    """The commands of a group by name: making one costs milliseconds, so only those asked for are made.

    Args:
        app: Has the commands; groups in it that have no name are part of it.
    """

    def __init__(self, app: typer.Typer) -> None:
        infos = [*app.registered_commands]
        for part in app.registered_groups:
            infos += part.typer_instance.registered_commands if part.typer_instance else ()
        self._infos = {str(info.name): info for info in infos}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _built(self._infos[name], name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)


def _built(info: CommandInfo, name: str) -> TyperCommand:
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.registered_commands.append(info)
    command = typer.main.get_command(alone)
    if not isinstance(command, TyperCommand):
        raise TypeError(f"{name} makes no Typer command")
    command.name = name
    _add_shared_options(command)
    return command


def missing_extra(what: str, module: str, extra: str) -> UsageError:
    """Return the error for a part that is not installed."""
    return UsageError(
        f"{what} needs a package that is not installed",
        why=f"there is no module {module}",
        remedy=install_command(extra),
    )


# The root ---------------------------------------------------------------------------------------

app = typer.Typer(
    cls=LazyRoot,
    help=OVERVIEW,
    epilog="Exit codes: " + "; ".join(f"{int(code)} {code.meaning}" for code in ExitCode) + ".",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings=HELP_OPTIONS,
)


def _print_version(value: Any) -> None:
    if value:
        write_data(f"{PROGRAM} {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> int | None:
    """Open the console when no command is given."""
    return _console(current()) if ctx.invoked_subcommand is None else None


def _console(run_: Invocation) -> int:
    if find_spec("textual") is None:
        raise missing_extra("The console", "textual", "tui")
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise UsageError(
            "The console needs a terminal",
            why="standard input or output is not one",
            remedy=f"{PROGRAM} sites list, or {PROGRAM} --help for all commands",
        )
    from smarterise_tui.app import run_console

    settings = run_.settings
    last_long()
    return run_console(settings)


def command_tree() -> TyperGroup:
    """Return the root with the shared options; its groups are not loaded."""
    tree = typer.main.get_command(app)
    if not isinstance(tree, TyperGroup):
        raise TypeError("the root is no group")
    tree.params += shared_options()
    return tree


# How a run ends ---------------------------------------------------------------------------------


def run(arguments: Sequence[str]) -> int:
    """Run a command line to its end and return the exit code. Never raises what a user can cause."""
    # A run is short and what it makes stays: looking for garbage took a tenth of it and found none.
    gc.disable()
    prepare_streams()
    with invocation(list(arguments), show_unresolved) as this_run:
        try:
            return _invoke(this_run)
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        except SmarteriseError as error:
            return _failed(error)
        except InvalidInput as refused:
            return _failed(InvalidDocument.of(refused))
        except Exception as unexpected:  # noqa: BLE001  the last line of defence tells it and ends the run
            return _broke(unexpected)


def _invoke(this_run: Invocation) -> int:
    try:
        code = command_tree().main(list(this_run.arguments), prog_name=PROGRAM, standalone_mode=False)
    except typer.TyperException as error:
        return _failed(_usage_error(error))
    except typer.Abort:
        raise KeyboardInterrupt from None
    return int(code or ExitCode.DONE)


def _usage_error(error: typer.TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    message = error.format_message()
    return UsageError(message[:1].lower() + message[1:].removesuffix("."), remedy=f"{path} --help")


def _failed(error: SmarteriseError) -> int:
    say_error(error)
    _say_trace()
    return exit_code_of(error)


def _broke(error: Exception) -> int:
    if isinstance(error, OSError) and error.filename is not None:
        return _failed(SmarteriseError(f"{error.filename} cannot be used", why=error.strerror or str(error)))
    say(f"error: {PROGRAM} failed in a way it should not: {type(error).__name__}: {visible(str(error))}")
    if not _say_trace():
        say("try: the same command with SMARTERISE_DEBUG=1 set, which shows where; please report it")
    return ExitCode.UNDETERMINED


def _say_trace() -> bool:
    if os.environ.get("SMARTERISE_DEBUG", "") in ("", "0"):
        return False
    import traceback

    say(traceback.format_exc().rstrip())
    return True
