"""`smarterise-ops config`: create, show and validate configuration, without AWS calls."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.context import PROGRAM, current
from smarterise_ops.files import create_named
from smarterise_ops.output.render import Column, emit_rows, say, write_data
from smarterise_ops.param_types import one_of
from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidConfiguration, UsageError
from smarterise_sdk.settings.files import PROJECT_FILE
from smarterise_sdk.settings.keys import ENVIRONMENT, FLAGS, IN_ENVIRONMENT, BadSettingError
from smarterise_sdk.settings.loader import defined_environments, load_settings
from smarterise_sdk.settings.model import EnvironmentKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.settings.model import Settings

app = typer.Typer()

SHOW_COLUMNS = (Column("setting"), Column("value"), Column("origin"))
VALIDATE_COLUMNS = (
    Column("environment"),
    Column("kind"),
    Column("profile"),
    Column("region"),
    Column("endpoint_url", "ENDPOINT"),
    Column("read_only", "READ-ONLY"),
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


@app.command("init")
def init(
    *,
    kind: Annotated[
        EnvironmentKind,
        typer.Option(**one_of(EnvironmentKind), help="Kind of the environment."),
    ] = EnvironmentKind.PRODUCTION,
) -> None:
    """Create smarterise-ops.toml in this directory.

    The file contains every setting, with the values of --env, --profile, --region and --endpoint-url.
    """
    given = {name: value for name, value in current().shared.items() if name in FLAGS and value is not None}
    problems = list(_problems(given))
    if problems:
        raise InvalidConfiguration("Invalid settings, nothing was written", problems=problems)
    try:
        create_named(PROJECT_FILE, template(kind, given).encode())
    except FileExistsError as exists:
        raise UsageError(
            f"{PROJECT_FILE} already exists in this directory",
            remedy=f"show it: {PROGRAM} config show; to create a new file, move it first",
        ) from exists
    write_data(f"● {visible(str(Path(PROJECT_FILE).absolute()))} written\n")
    say(f"show the settings: {PROGRAM} config show")


@app.command("show")
def show() -> None:
    """List settings with value and origin."""
    run = current()
    settings = run.settings
    keys = [key.name for key in (ENVIRONMENT, *IN_ENVIRONMENT)]
    # In the order of the configuration page; further settings follow.
    names = dict.fromkeys([*(key for key in keys if key in settings.origins), *settings.origins])
    rows: list[JsonObject] = [
        {"setting": name, "value": value_of(settings, name), "origin": str(settings.origin(name))}
        for name in names
    ]
    emit_rows(rows, SHOW_COLUMNS, run.output)


@app.command("validate")
def validate() -> None:
    """Validate the configuration.

    Checks every environment and reports every problem.
    """
    run = current()
    flags = {name: value for name, value in run.shared.items() if name in FLAGS}
    names = defined_environments()
    if "environment" in flags:
        names = (str(flags["environment"]),)
    problems: dict[Problem, None] = {}
    found: list[Settings] = []
    # First the default environment, as other commands use it.
    for name in (flags.get("environment"), *names):
        try:
            settings = load_settings({**flags, "environment": name})
        except InvalidConfiguration as invalid:
            problems |= dict.fromkeys(invalid.problems)
        else:
            if settings not in found and (name is not None or not names):
                found.append(settings)
    if problems:
        raise InvalidConfiguration(
            f"Invalid configuration: {_count(len(problems), 'problem')}",
            problems=tuple(problems),
            remedy="fix the problems listed above; docs/configuration.md describes all settings",
        )
    emit_rows([_environment_row(settings) for settings in found], VALIDATE_COLUMNS, run.output)
    if not names:
        say(f"no configuration file defines an environment; create one: {PROGRAM} config init")


def template(kind: EnvironmentKind, given: Mapping[str, object]) -> str:
    """Return a configuration file with one environment; settings without a value are comments.

    Args:
        kind: Kind of the environment.
        given: Values of the global options, including `environment`.
    """
    default_name = "local" if kind is EnvironmentKind.LOCAL else kind.value
    name = str(given.get("environment", default_name))
    key = name if _BARE_KEY.match(name) else _quoted(name)
    lines = [
        "# Configuration of smarterise-ops. Do not store credentials here: use the AWS configuration.",
        f"default_environment = {_quoted(name)}",
        "",
        f"[environments.{key}]",
        f"kind = {_quoted(kind.value)}  # {', '.join(EnvironmentKind)}; production is read-only",
        _setting("profile", given, "a profile of ~/.aws/config"),
        _setting("region", given, "eu-west-2"),
        _setting("endpoint_url", given, "http://127.0.0.1:4566"),
        f"read_only = {str(given['read_only']).lower()}" if "read_only" in given else "# read_only = true",
        '# colour = "red"',
        '# journal_bucket = "a bucket that keeps a copy of the journal of changes"',
        "",
        "# Resource names that differ from the defaults:",
        f"# [environments.{key}.names]",
        *(f"# {field.name} = {_quoted(str(field.default))}" for field in fields(StackNames)),
    ]
    return "\n".join(lines) + "\n"


def value_of(settings: Settings, name: str) -> JsonValue:
    """Return the value of a setting by its name in `Settings.origins`."""
    if name in ("environment", "kind", "colour"):
        key = "name" if name == "environment" else name
        return str(getattr(settings.environment, key))
    if name.startswith("names."):
        return str(getattr(settings.names, name.removeprefix("names.")))
    value = getattr(settings, name)
    return value if value is None or isinstance(value, bool) else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _environment_row(settings: Settings) -> JsonObject:
    return {
        "environment": settings.environment.name,
        "kind": settings.environment.kind.value,
        "profile": settings.profile,
        "region": settings.region,
        "endpoint_url": settings.endpoint_url,
        "read_only": settings.read_only,
    }


def _problems(given: Mapping[str, object]) -> list[Problem]:
    found = []
    for name, value in given.items():
        try:
            FLAGS[name].parse(value)
        except BadSettingError as error:
            found.append(Problem("INVALID_SETTING", f"{FLAGS[name].option} {error}", field=name))
    return found


def _setting(name: str, given: Mapping[str, object], example: str) -> str:
    return f"{name} = {_quoted(str(given[name]))}" if name in given else f"# {name} = {_quoted(example)}"


def _quoted(text: str) -> str:
    # TOML's basic strings are JSON's, but for escapes of halves of a character.
    return json.dumps(text, ensure_ascii=False)
