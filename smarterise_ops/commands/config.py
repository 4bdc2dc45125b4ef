"""`smarterise-ops config`: make a settings file, see what holds and why, judge the files. No AWS."""

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
        typer.Option(**one_of(EnvironmentKind), help="What is at stake in the environment."),
    ] = EnvironmentKind.PRODUCTION,
) -> None:
    """Write smarterise-ops.toml into this folder, with every setting there is.

    --env names the environment; --profile, --region and --endpoint-url are written into it.
    """
    given = {name: value for name, value in current().shared.items() if name in FLAGS and value is not None}
    problems = list(_problems(given))
    if problems:
        raise InvalidConfiguration("no such settings can be written", problems=problems)
    try:
        create_named(PROJECT_FILE, template(kind, given).encode())
    except FileExistsError as exists:
        raise UsageError(
            f"there is a {PROJECT_FILE} in this folder already",
            remedy=f"see what it says: {PROGRAM} config show; to begin anew, move it away",
        ) from exists
    write_data(f"● {visible(str(Path(PROJECT_FILE).absolute()))} written\n")
    say(f"see what holds now: {PROGRAM} config show")


@app.command("show")
def show() -> None:
    """List every setting: its value here and now, and where it comes from."""
    run = current()
    settings = run.settings
    keys = [key.name for key in (ENVIRONMENT, *IN_ENVIRONMENT)]
    # As the page on configuration has them; what else there is comes after.
    names = dict.fromkeys([*(key for key in keys if key in settings.origins), *settings.origins])
    rows: list[JsonObject] = [
        {"setting": name, "value": value_of(settings, name), "origin": str(settings.origin(name))}
        for name in names
    ]
    emit_rows(rows, SHOW_COLUMNS, run.output)


@app.command("validate")
def validate() -> None:
    """Judge the settings files with every environment in them; tells all problems at once."""
    run = current()
    flags = {name: value for name, value in run.shared.items() if name in FLAGS}
    names = defined_environments()
    if "environment" in flags:
        names = (str(flags["environment"]),)
    problems: dict[Problem, None] = {}
    found: list[Settings] = []
    # First as any command begins: with the environment that is taken when none is named.
    for name in (flags.get("environment"), *names):
        try:
            settings = load_settings({**flags, "environment": name})
        except InvalidConfiguration as refused:
            problems |= dict.fromkeys(refused.problems)
        else:
            if settings not in found and (name is not None or not names):
                found.append(settings)
    if problems:
        raise InvalidConfiguration(
            f"the configuration cannot be used: {len(problems)} problem(s)",
            problems=tuple(problems),
            remedy="mend what is listed; docs/configuration.md tells what there is",
        )
    emit_rows([_environment_row(settings) for settings in found], VALIDATE_COLUMNS, run.output)
    if not names:
        say(f"no settings file defines an environment; make one: {PROGRAM} config init")


def template(kind: EnvironmentKind, given: Mapping[str, object]) -> str:
    """Return a settings file with one environment and every setting, those not given as comments.

    Args:
        kind: What is at stake there.
        given: Values of shared options, `environment` among them.
    """
    default_name = "local" if kind is EnvironmentKind.LOCAL else kind.value
    name = str(given.get("environment", default_name))
    key = name if _BARE_KEY.match(name) else _quoted(name)
    lines = [
        "# Settings of smarterise-ops. Credentials do not belong here: AWS's own tools keep them.",
        f"default_environment = {_quoted(name)}",
        "",
        f"[environments.{key}]",
        f"kind = {_quoted(kind.value)}  # {', '.join(EnvironmentKind)}; production is read-only",
        _setting("profile", given, "the profile of ~/.aws/config"),
        _setting("region", given, "eu-west-2"),
        _setting("endpoint_url", given, "http://127.0.0.1:4566"),
        f"read_only = {str(given['read_only']).lower()}" if "read_only" in given else "# read_only = true",
        '# colour = "red"',
        '# journal_bucket = "a bucket that keeps a copy of the journal of changes"',
        "",
        "# What things are called there, where it is not this:",
        f"# [environments.{key}.names]",
        *(f"# {field.name} = {_quoted(str(field.default))}" for field in fields(StackNames)),
    ]
    return "\n".join(lines) + "\n"


def value_of(settings: Settings, name: str) -> JsonValue:
    """Return the value of a setting by the name that its origin has."""
    if name in ("environment", "kind", "colour"):
        key = "name" if name == "environment" else name
        return str(getattr(settings.environment, key))
    if name.startswith("names."):
        return str(getattr(settings.names, name.removeprefix("names.")))
    value = getattr(settings, name)
    return value if value is None or isinstance(value, bool) else str(value)


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
