"""Load the settings and their origins: flag > environment variable > project file > user file > default.

Imports neither boto3 nor pydantic: commands that only print help or settings start fast.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import InvalidConfiguration
from smarterise_sdk.settings.files import SettingsFile, find_project_file, home_directory, read_settings_file
from smarterise_sdk.settings.keys import (
    ENVIRONMENT,
    FLAGS,
    IN_ENVIRONMENT,
    NAMES,
    BadSettingError,
    Key,
    SettingValue,
    is_loopback,
    nearest,
    shown,
)
from smarterise_sdk.settings.model import (
    Environment,
    EnvironmentKind,
    Origin,
    Settings,
    Source,
    unlock_command,
)
from smarterise_sdk.settings.unlock import Unlock, Unlocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LOCAL = "local"
UNNAMED = "default"
_EXPLICIT_SOURCES = (Source.FLAG, Source.VARIABLE)
READ_ONLY = next(key for key in IN_ENVIRONMENT if key.name == "read_only")
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".aws")


_COLOURS = {
    EnvironmentKind.PRODUCTION: "red",
    EnvironmentKind.STAGING: "yellow",
    EnvironmentKind.DEV: "green",
    EnvironmentKind.LOCAL: "cyan",
}


def load_settings(
    flags: Mapping[str, object] = MappingProxyType({}),
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
    now: datetime | None = None,
) -> Settings:
    """Load the current settings.

    Args:
        flags: Command-line options: `environment`, `profile`, `region`, `endpoint_url`, `read_only`. `None`
            means not given.
        environ: Environment variables; default: those of the process.
        cwd: Start folder of the search for the project file; default: the working directory.
        home: Home directory of the user; default: that of the process.
        now: Time at which unlocks are evaluated; default: the current time.

    Raises:
        InvalidConfiguration: With every problem of every file, flag and variable.
    """
    problems: list[Problem] = []
    places = _Places.of(os.environ if environ is None else environ, cwd, home)
    project = read_settings_file(find_project_file(places.cwd), problems)
    user = read_settings_file(places.user_file, problems)
    loader = _Loader(flags, places, project, user, problems, now or datetime.now(UTC))
    settings = loader.load()
    if problems:
        raise InvalidConfiguration(
            f"the configuration cannot be used: {len(problems)} problem(s)",
            problems=problems,
            remedy="correct the listed settings; AWS was not called",
        )
    return settings


def defined_environments(
    *, environ: Mapping[str, str] | None = None, cwd: Path | None = None, home: Path | None = None
) -> tuple[str, ...]:
    """Return the names of the environments defined in the settings files, those of the project first.

    Args:
        environ: See `load_settings`.
        cwd: See `load_settings`.
        home: See `load_settings`.
    """
    places = _Places.of(os.environ if environ is None else environ, cwd, home)
    paths = (find_project_file(places.cwd), places.user_file)
    files = [file for path in paths if (file := read_settings_file(path, [])) is not None]
    return tuple(dict.fromkeys(name for file in files for name in file.environments))


@dataclass(frozen=True, slots=True)
class _Places:
    """Environment variables and folders that settings depend on."""

    environ: Mapping[str, str]
    cwd: Path | None
    home: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], cwd: Path | None, home: Path | None) -> _Places:
        if cwd is None:
            try:
                cwd = Path.cwd()
            except FileNotFoundError:
                # The working directory was deleted: there is no project file.
                cwd = None
        return cls(environ, cwd, home or Path(environ.get("HOME") or home_directory()))

    @property
    def user_file(self) -> Path:
        return self._xdg("XDG_CONFIG_HOME", ".config") / "smarterise-ops" / "config.toml"

    @property
    def journal_dir(self) -> Path:
        return self._xdg("XDG_STATE_HOME", ".local/state") / "smarterise-ops" / "journal"

    @property
    def aws_config(self) -> Path:
        named = self.environ.get("AWS_CONFIG_FILE")
        # Like botocore, which keeps `~name` of an unknown user.
        return Path(os.path.expanduser(named)) if named else self.home / ".aws" / "config"  # noqa: PTH111

    def _xdg(self, variable: str, fallback: str) -> Path:
        named = Path(self.environ.get(variable, ""))
        # According to the XDG specification, relative paths are ignored.
        return named if named.is_absolute() else self.home / fallback


@dataclass(frozen=True, slots=True)
class _Found:
    value: SettingValue
    origin: Origin


class _Loader:
    """Resolves each setting from the sources in order of precedence."""

    def __init__(
        self,
        flags: Mapping[str, object],
        places: _Places,
        project: SettingsFile | None,
        user: SettingsFile | None,
        problems: list[Problem],
        now: datetime,
    ) -> None:
        self._now = now
        self._flags = {name: value for name, value in flags.items() if value is not None}
        self._places = places
        self._files = [
            (file, source)
            for file, source in ((project, Source.PROJECT_FILE), (user, Source.USER_FILE))
            if file is not None
        ]
        self._problems = problems
        self._origins: dict[str, Origin] = {}

    def load(self) -> Settings:
        self._refuse_unknown_flags()
        named = self._first(self._given(ENVIRONMENT), self._default_environments())
        name = str(named.value) if named else None
        self._refuse_undefined(name)
        found = {key.name: self._resolve(key, name) for key in (*IN_ENVIRONMENT, *NAMES)}

        endpoint_url = self._text("endpoint_url", found)
        environment = self._environment(named, found, endpoint_url)
        profile = self._text("profile", found)
        region = self._text("region", found) or self._region_of_profile(profile)
        journal_dir = self._places.journal_dir
        in_files = self._first(self._in_files(READ_ONLY, name))
        unlock = Unlocks(journal_dir.parent).current(environment.name, self._now)
        read_only = self._read_only(found["read_only"], in_files, environment, unlock)
        effective = unlock if self._origins["read_only"].source is Source.UNLOCK else None
        names = self._names(found)
        self._origins["journal_dir"] = Origin(Source.DEFAULT, str(journal_dir))
        return Settings(
            environment,
            profile,
            region,
            endpoint_url,
            read_only,
            names,
            journal_dir,
            MappingProxyType(self._origins),
            self._text("journal_bucket", found),
            effective.until if effective is not None else None,
            effective.reason if effective is not None else "",
        )

    def _given(self, key: Key) -> Iterator[_Found]:
        """Yield the values from the command line and environment variables, in order of precedence."""
        if key.name in self._flags:
            yield from self._parsed(key, self._flags[key.name], Origin(Source.FLAG, key.option or key.name))
        for variable in key.variables:
            # Like in AWS tools, an empty variable counts as unset.
            if value := self._places.environ.get(variable):
                yield from self._parsed(key, value, Origin(Source.VARIABLE, variable))

    def _parsed(self, key: Key, value: object, origin: Origin) -> Iterator[_Found]:
        try:
            yield _Found(key.parse(value), origin)
        except BadSettingError as error:
            self._problems.append(Problem("INVALID_SETTING", f"{origin.detail} {error}", field=key.name))

    def _default_environments(self) -> Iterator[_Found]:
        for file, source in self._files:
            if file.default_environment is not None:
                yield _Found(file.default_environment, Origin(source, f"{file.path} default_environment"))

    def _resolve(self, key: Key, environment: str | None) -> _Found | None:
        return self._first(self._given(key), self._in_files(key, environment))

    def _in_files(self, key: Key, environment: str | None) -> Iterator[_Found]:
        for file, source in self._files:
            values = file.environments.get(environment, {}) if environment is not None else {}
            if key.name in values:
                section = f"{file.path} [environments.{environment}]"
                yield _Found(values[key.name], Origin(source, section))

    @staticmethod
    def _first(*sources: Iterable[_Found]) -> _Found | None:
        return next(chain.from_iterable(sources), None)

    def _text(self, name: str, found: Mapping[str, _Found | None]) -> str | None:
        setting = found[name]
        self._origins[name] = setting.origin if setting else Origin(Source.DEFAULT, "")
        return str(setting.value) if setting else None

    def _environment(
        self, named: _Found | None, found: Mapping[str, _Found | None], endpoint_url: str | None
    ) -> Environment:
        kind, kind_origin = self._kind(named, found["kind"], endpoint_url)
        fallback = LOCAL if kind is EnvironmentKind.LOCAL else UNNAMED
        name = str(named.value) if named else fallback
        self._origins["environment"] = named.origin if named else kind_origin
        self._origins["kind"] = kind_origin
        colour = self._text("colour", found) or _COLOURS[kind]
        return Environment(name, kind, colour)

    def _kind(
        self, named: _Found | None, explicit: _Found | None, endpoint_url: str | None
    ) -> tuple[EnvironmentKind, Origin]:
        if explicit is not None:
            kind, origin = EnvironmentKind(str(explicit.value)), explicit.origin
        elif (named is None and is_loopback(endpoint_url)) or (named is not None and named.value == LOCAL):
            kind, origin = EnvironmentKind.LOCAL, Origin(Source.DEFAULT, "the endpoint is on this machine")
        else:
            # An unknown environment is treated as production.
            kind, origin = EnvironmentKind.PRODUCTION, Origin(Source.DEFAULT, "no kind is set")
        if kind is EnvironmentKind.LOCAL and _is_aws(endpoint_url):
            self._problems.append(
                Problem(
                    "NO_LOCAL_ENDPOINT",
                    "the environment is of kind local, but its endpoint is AWS",
                    'start the embedded stack and use its settings: eval "$(smarterise-ops local env)"',
                    field="endpoint_url",
                )
            )
        return kind, origin

    def _read_only(
        self, found: _Found | None, in_files: _Found | None, environment: Environment, unlock: Unlock | None
    ) -> bool:
        """Return whether writes are disabled; in production, a flag or variable cannot enable them."""
        is_production = environment.kind is EnvironmentKind.PRODUCTION
        explicit = found if found is not None and found.origin.source in _EXPLICIT_SOURCES else None
        if explicit is not None and (explicit.value or not is_production):
            self._origins["read_only"] = explicit.origin
            return bool(explicit.value)
        by_kind = Origin(Source.DEFAULT, f"the environment is of kind {environment.kind.value}")
        self._origins["read_only"] = in_files.origin if in_files is not None else by_kind
        if not (bool(in_files.value) if in_files is not None else is_production):
            return False
        if unlock is not None:
            self._origins["read_only"] = Origin(Source.UNLOCK, str(unlock))
            return False
        if explicit is not None:
            self._reject_write_option(explicit.origin, environment)
        return True

    def _reject_write_option(self, origin: Origin, environment: Environment) -> None:
        is_flag = origin.source is Source.FLAG
        option = origin.detail.replace("--", "--no-") if is_flag else f"{origin.detail}=false"
        command = unlock_command(environment.name, self._origins["environment"])
        self._problems.append(
            Problem(
                "UNLOCK_NEEDED",
                f"{option} cannot unlock environment {environment.name}, which is of kind production",
                f"remove it, and unlock the environment for a limited time: {command}",
                field="read_only",
            )
        )

    def _names(self, found: Mapping[str, _Found | None]) -> StackNames:
        names = {name.name: self._text(f"names.{name.name}", found) for name in fields(StackNames)}
        return StackNames(**{name: value for name, value in names.items() if value is not None})

    def _region_of_profile(self, profile: str | None) -> str | None:
        path = self._places.aws_config
        section = f"profile {profile}" if profile and profile != "default" else "default"
        region = _aws_config_value(path, section, "region")
        if region is not None:
            self._origins["region"] = Origin(Source.AWS_CONFIG, f"{path} [{section}]")
        return region

    def _refuse_unknown_flags(self) -> None:
        for name in self._flags:
            if name not in FLAGS:
                message = f"unknown option {shown(name)}"
                self._problems.append(
                    Problem("UNKNOWN_SETTING", message, f"known: {', '.join(FLAGS)}", field=name)
                )

    def _refuse_undefined(self, name: str | None) -> None:
        defined = list(dict.fromkeys(name for file, _ in self._files for name in file.environments))
        is_any_unread = not all(file.is_read for file, _ in self._files)
        if name is None or name == LOCAL or name in defined or is_any_unread:
            return
        known = nearest(name, defined) or (f"defined: {', '.join(defined)}" if defined else "")
        remedy = known or f"define [environments.{name}] in smarterise-ops.toml or {self._places.user_file}"
        message = f"environment {shown(name)} is not defined in a settings file"
        self._problems.append(Problem("UNKNOWN_ENVIRONMENT", message, remedy, field="environment"))


def _is_aws(endpoint_url: str | None) -> bool:
    if endpoint_url is None:
        return True
    return (urlsplit(endpoint_url).hostname or "").endswith(_AWS_HOSTS)


def _aws_config_value(path: Path, section: str, key: str) -> str | None:
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        # botocore validates this file and reports its errors.
        return None
    return parser.get(section, key, fallback=None)
