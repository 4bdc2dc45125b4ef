"""Settings, and where each one came from: flag > environment variable > project file > user file > default.

Loads neither boto3 nor pydantic: a command that only prints help or settings stays quick.
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
_WISHES = (Source.FLAG, Source.VARIABLE)
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
    """Return the settings that hold here and now.

    Args:
        flags: Options given on the command line: `environment`, `profile`, `region`, `endpoint_url`,
            `read_only`. `None` means not given.
        environ: Environment variables; those of the process when `None`.
        cwd: Where the search for the project file starts; the working directory when `None`.
        home: The user's home; that of the process when `None`.
        now: The moment that unlocks are judged at; this one when `None`.

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
            remedy="mend what is listed; nothing was asked of AWS",
        )
    return settings


def defined_environments(
    *, environ: Mapping[str, str] | None = None, cwd: Path | None = None, home: Path | None = None
) -> tuple[str, ...]:
    """Return the names of the environments that the settings files define, those of the project first.

    Args:
        environ: As `load_settings` takes it.
        cwd: The same.
        home: The same.
    """
    places = _Places.of(os.environ if environ is None else environ, cwd, home)
    paths = (find_project_file(places.cwd), places.user_file)
    files = [file for path in paths if (file := read_settings_file(path, [])) is not None]
    return tuple(dict.fromkeys(name for file in files for name in file.environments))


@dataclass(frozen=True, slots=True)
class _Places:
    """The process's surroundings, as far as settings depend on them."""

    environ: Mapping[str, str]
    cwd: Path | None
    home: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], cwd: Path | None, home: Path | None) -> _Places:
        if cwd is None:
            try:
                cwd = Path.cwd()
            except FileNotFoundError:
                # The shell stands in a folder that was deleted: there is no project to look for.
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
        # As botocore has it, which leaves the name of an unknown user as it is.
        return Path(os.path.expanduser(named)) if named else self.home / ".aws" / "config"  # noqa: PTH111

    def _xdg(self, variable: str, fallback: str) -> Path:
        named = Path(self.environ.get(variable, ""))
        # The XDG specification has relative paths ignored.
        return named if named.is_absolute() else self.home / fallback


@dataclass(frozen=True, slots=True)
class _Found:
    value: SettingValue
    origin: Origin


class _Loader:
    """Resolves each setting through the sources in their order."""

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
        opened = unlock if self._origins["read_only"].source is Source.UNLOCK else None
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
            opened.until if opened is not None else None,
            opened.reason if opened is not None else "",
        )

    def _given(self, key: Key) -> Iterator[_Found]:
        """Yield what the command line and the environment variables say, strongest first."""
        if key.name in self._flags:
            yield from self._parsed(key, self._flags[key.name], Origin(Source.FLAG, key.option or key.name))
        for variable in key.variables:
            # AWS's convention, kept for ours too: an empty variable is an unset one.
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
        self, named: _Found | None, said: _Found | None, endpoint_url: str | None
    ) -> tuple[EnvironmentKind, Origin]:
        if said is not None:
            kind, origin = EnvironmentKind(str(said.value)), said.origin
        elif (named is None and is_loopback(endpoint_url)) or (named is not None and named.value == LOCAL):
            kind, origin = EnvironmentKind.LOCAL, Origin(Source.DEFAULT, "the endpoint is on this machine")
        else:
            # Nobody has said what is at stake here, so the most is assumed.
            kind, origin = EnvironmentKind.PRODUCTION, Origin(Source.DEFAULT, "nothing says which kind it is")
        if kind is EnvironmentKind.LOCAL and _is_aws(endpoint_url):
            self._problems.append(
                Problem(
                    "NO_LOCAL_ENDPOINT",
                    "the environment is of kind local, but no endpoint other than AWS is set",
                    'start the embedded stack and take its settings: eval "$(smarterise-ops local env)"',
                    field="endpoint_url",
                )
            )
        return kind, origin

    def _read_only(
        self, said: _Found | None, in_files: _Found | None, environment: Environment, unlock: Unlock | None
    ) -> bool:
        """Return whether nothing may be written; in production a mere wish to write is not enough."""
        is_production = environment.kind is EnvironmentKind.PRODUCTION
        wish = said if said is not None and said.origin.source in _WISHES else None
        if wish is not None and (wish.value or not is_production):
            self._origins["read_only"] = wish.origin
            return bool(wish.value)
        by_kind = Origin(Source.DEFAULT, f"the environment is of kind {environment.kind.value}")
        self._origins["read_only"] = in_files.origin if in_files is not None else by_kind
        if not (bool(in_files.value) if in_files is not None else is_production):
            return False
        if unlock is not None:
            self._origins["read_only"] = Origin(Source.UNLOCK, str(unlock))
            return False
        if wish is not None:
            self._refuse_wish(wish.origin, environment)
        return True

    def _refuse_wish(self, origin: Origin, environment: Environment) -> None:
        is_flag = origin.source is Source.FLAG
        said = origin.detail.replace("--", "--no-") if is_flag else f"{origin.detail}=false"
        command = unlock_command(environment.name, self._origins["environment"])
        self._problems.append(
            Problem(
                "UNLOCK_NEEDED",
                f"{said} does not open environment {environment.name}, which is of kind production",
                f"leave it out, and give leave for a while: {command}",
                field="read_only",
            )
        )

    def _names(self, found: Mapping[str, _Found | None]) -> StackNames:
        said = {name.name: self._text(f"names.{name.name}", found) for name in fields(StackNames)}
        return StackNames(**{name: value for name, value in said.items() if value is not None})

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
                message = f"there is no option for {shown(name)}"
                self._problems.append(
                    Problem("UNKNOWN_SETTING", message, f"known: {', '.join(FLAGS)}", field=name)
                )

    def _refuse_undefined(self, name: str | None) -> None:
        defined = list(dict.fromkeys(name for file, _ in self._files for name in file.environments))
        a_file_is_unread = not all(file.is_read for file, _ in self._files)
        if name is None or name == LOCAL or name in defined or a_file_is_unread:
            return
        known = nearest(name, defined) or (f"defined: {', '.join(defined)}" if defined else "")
        remedy = known or f"define [environments.{name}] in smarterise-ops.toml or {self._places.user_file}"
        message = f"no settings file defines an environment {shown(name)}"
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
        # AWS's own file is AWS's to judge: the first client says what is wrong with it.
        return None
    return parser.get(section, key, fallback=None)
