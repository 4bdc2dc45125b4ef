"""The command tree: lazily loaded groups, global options, help and error handling."""

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
from smarterise_ops.context import PROGRAM, Invocation, current, enable_garbage_collection, invocation
from smarterise_ops.examples import EXAMPLES
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
    """A lazily loaded command group or command.

    Attributes:
        module: The module that defines it.
        help: The summary in the overview, at most 45 characters.
        extra: The package extra that installs its dependencies.
        requires: The modules it needs.
        app: The name of its Typer app in the module.
    """

    module: str
    help: str
    extra: str = "cli"
    requires: tuple[str, ...] = ()
    app: str = "app"


REGISTRY = {
    "sites": Entry("smarterise_ops.commands.sites", "List and change sites; history and rollback."),
    "metrics": Entry("smarterise_ops.commands.metrics", "Show metric values of sites."),
    "ingest": Entry("smarterise_ops.commands.ingest", "Show ingest status and gaps; backfill data."),
    "quarantine": Entry("smarterise_ops.commands.quarantine", "Inspect, replay or discard rejected data."),
    "checks": Entry("smarterise_ops.commands.checks", "Run health checks against the stack."),
    "journal": Entry("smarterise_ops.commands.journal", "Show the changes made from this machine."),
    "undo": Entry("smarterise_ops.commands.journal", "Undo a change.", app="undo_app"),
    "unlock": Entry("smarterise_ops.commands.unlock", "Allow writes for a limited time."),
    "lock": Entry("smarterise_ops.commands.unlock", "Make the environment read-only again.", app="lock_app"),
    "config": Entry("smarterise_ops.commands.config", "Create, show and validate configuration."),
    "demo": Entry(
        "smarterise_ops.commands.demo",
        "Open the console on a simulated fleet.",
        extra="local",
        requires=("ministack", "psutil", "psycopg"),
    ),
    "local": Entry(
        "smarterise_ops.commands.local",
        "Run the embedded stack on this machine.",
        extra="local",
        requires=("ministack", "psutil", "psycopg"),
    ),
}

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
OVERVIEW = """On-call console, CLI and SDK for a fleet of three-phase power meters on AWS.

Without a command the console opens."""


# Global options --------------------------------------------------------------------------------


def _remember(param: typer.CallbackParam, value: Any) -> None:
    if value is not None and param.name:
        current().shared[param.name] = value


_option = partial(typer.Option, callback=_remember, expose_value=False)


def _shared(
    environment: Annotated[str | None, _option("--env", metavar="NAME", help="Environment.")] = None,
    profile: Annotated[str | None, _option("--profile", metavar="NAME", help="AWS profile.")] = None,
    region: Annotated[str | None, _option("--region", metavar="NAME", help="AWS region.")] = None,
    endpoint_url: Annotated[
        str | None, _option("--endpoint-url", metavar="URL", help="Endpoint of all AWS calls.")
    ] = None,
    read_only: Annotated[
        bool | None,
        _option("--read-only/--no-read-only", help="Reject all writes (default for production)."),
    ] = None,
    output: Annotated[
        OutputFormat | None, _option("--output", "-o", help="Output format; default table.")
    ] = None,
) -> None:
    """Declare the global options; Typer reads this signature, the function is never called."""


@cache
def shared_options() -> tuple[TyperArgument | TyperOption, ...]:
    """Return the global options, which all commands share."""
    options, _, _ = typer.main.get_params_convertors_ctx_param_name_from_function(_shared)
    return tuple(options)


def _add_shared_options(command: TyperCommand | TyperGroup) -> None:
    used = {name for param in command.params for name in param.opts}
    command.params += [option for option in shared_options() if not used.intersection(option.opts)]


# Help -------------------------------------------------------------------------------------------

GLOBAL_OPTIONS_HINT = f"Global options: {PROGRAM} --help"


class _ShortHelp:
    """Mixin of commands and groups: help with examples, without the global options.

    Attributes:
        examples: Command lines after the program's name.
        params: All options and arguments, global options included.
    """

    examples: tuple[str, ...] = ()
    params: list[Any]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the command's own options; the global ones are in the root's help."""
        params = self.params
        self.params = [param for param in params if param not in shared_options()]
        try:
            super().format_options(ctx, formatter)  # type: ignore[misc]
        finally:
            self.params = params

    def format_epilog(self, _ctx: Any, formatter: Any) -> None:
        """Write the examples and where the global options are listed."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{PROGRAM} {example}\n")
        formatter.write(f"\n{GLOBAL_OPTIONS_HINT}\n")


class _Command(_ShortHelp, TyperCommand):
    """A command with examples in its help."""


class _Group(_ShortHelp, TyperGroup):
    """A command group that lists only its commands in its help."""


# Lazy groups ------------------------------------------------------------------------------------


class LazyRoot(TyperGroup):
    """The root group: lists all commands, and imports a command when it is used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in REGISTRY.items():
            self.commands[name] = TyperGroup(name=name, help=entry.help, rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Load and return the command that `args` name."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in REGISTRY else command, rest


def load(name: str) -> TyperCommand | TyperGroup:
    """Import and return a command of the registry.

    Raises:
        UsageError: If a required package is not installed; the remedy names the extra.
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
        return _build(app.registered_commands[0], name, name)
    # Without a command the group raises a usage error, reported like any other error.
    group = _Group(name=name, help=entry.help, rich_markup_mode=None, no_args_is_help=False)
    group.commands = cast("MutableMapping[str, Any]", LazyCommands(app, name))
    _add_shared_options(group)
    return group


class LazyCommands(Mapping[str, Any]):
    """The commands of a group by name, each built on first access.

    Args:
        app: The group's Typer app; unnamed apps added to it are part of it.
        group: The group's name.
    """

    def __init__(self, app: typer.Typer, group: str) -> None:
        infos = [*app.registered_commands]
        for part in app.registered_groups:
            infos += part.typer_instance.registered_commands if part.typer_instance else ()
        self._infos = {str(info.name): info for info in infos}
        self._group = group
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _build(self._infos[name], name, f"{self._group} {name}")
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)


def _build(info: CommandInfo, name: str, path: str) -> TyperCommand:
    """Return a command with the global options and its examples.

    Args:
        info: The registration of the command.
        name: The command's name.
        path: The group's and the command's name, the key of its examples.
    """
    info.cls = _Command
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.registered_commands.append(info)
    command = typer.main.get_command(single)
    if not isinstance(command, _Command):
        raise TypeError(f"{path} is not a single command")
    command.name = name
    command.examples = EXAMPLES[path]
    _add_shared_options(command)
    return command


def missing_extra(what: str, module: str, extra: str) -> UsageError:
    """Return the error for a missing optional dependency."""
    return UsageError(
        f"{what} needs a package that is not installed",
        why=f"module {module} not found",
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
            why="standard input or output is not a terminal",
            remedy=f"{PROGRAM} sites list, or {PROGRAM} --help for all commands",
        )
    from smarterise_tui.app import run_console

    settings = run_.settings
    enable_garbage_collection()
    return run_console(settings)


def command_tree() -> TyperGroup:
    """Return the root group with the global options; its groups are not loaded."""
    tree = typer.main.get_command(app)
    if not isinstance(tree, TyperGroup):
        raise TypeError("the root is not a group")
    tree.params += shared_options()
    return tree


# Run and errors ---------------------------------------------------------------------------------


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return the exit code; errors are printed, not raised."""
    # A run is short: garbage collection took a tenth of its time and freed nothing.
    gc.disable()
    prepare_streams()
    with invocation(list(arguments), show_unresolved) as this_run:
        try:
            return _invoke(this_run)
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        except SmarteriseError as error:
            return _failed(error)
        except InvalidInput as invalid:
            return _failed(InvalidDocument.of(invalid))
        except Exception as unexpected:  # noqa: BLE001  reported as an internal error
            return _failed_unexpectedly(unexpected)


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


def _failed_unexpectedly(error: Exception) -> int:
    if isinstance(error, OSError) and error.filename is not None:
        return _failed(SmarteriseError(f"{error.filename} cannot be used", why=error.strerror or str(error)))
    say(f"error: internal error: {type(error).__name__}: {visible(str(error))}")
    if not _say_trace():
        say("try: run it again with SMARTERISE_DEBUG=1 for a traceback, and report it")
    return ExitCode.UNDETERMINED


def _say_trace() -> bool:
    if os.environ.get("SMARTERISE_DEBUG", "") in ("", "0"):
        return False
    import traceback

    say(traceback.format_exc().rstrip())
    return True
