"""Find, read and validate the project and user settings files."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.errors import InvalidConfiguration
from smarterise_sdk.settings.keys import (
    ENVIRONMENT,
    IN_ENVIRONMENT,
    NAMES,
    BadSettingError,
    Key,
    SettingValue,
    nearest,
    shown,
)

PROJECT_FILE = "smarterise-ops.toml"
MAX_FILE_BYTES = 1024 * 1024

_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_DEFAULT_ENVIRONMENT = "default_environment"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Content of one settings file.

    Attributes:
        path: Path of the file.
        default_environment: Environment used if none is given; `None` if not set.
        environments: Values by environment and key (`profile`, `names.stream`, …).
        is_read: False if the file exists but cannot be used.
    """

    path: Path
    default_environment: str | None = None
    environments: Mapping[str, Mapping[str, SettingValue]] = field(default_factory=dict)
    is_read: bool = True


def home_directory() -> Path:
    """Return the home directory of the user.

    Raises:
        InvalidConfiguration: It is unknown.
    """
    try:
        return Path.home()
    except RuntimeError as error:
        raise InvalidConfiguration(
            "the home directory is unknown",
            why="HOME is not set, and the account has no entry in the user database",
            remedy="set HOME",
        ) from error


def find_project_file(start: Path | None) -> Path | None:
    """Return the path of the nearest `smarterise-ops.toml` in `start` or a parent folder.

    An inaccessible path is returned too: reading it reports the error.
    """
    if start is None:
        return None
    for folder in (start, *start.parents):
        candidate = folder / PROJECT_FILE
        try:
            is_file = stat.S_ISREG(candidate.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            is_file = True
        if is_file:
            return candidate
    return None


def read_settings_file(path: Path | None, problems: list[Problem]) -> SettingsFile | None:
    """Read one settings file and append its problems to `problems`; return `None` if it does not exist.

    Args:
        path: The file; `None` if there is none.
        problems: List that problems are appended to, to report those of all files together.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as stream:
            source = stream.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        remedy = f"make it readable: chmod u+r {path}"
        problems.append(Problem("UNREADABLE", f"{path} cannot be read: {error.strerror}", remedy))
        return SettingsFile(path, is_read=False)
    document = _parse_toml(source, path, problems)
    return SettingsFile(path, is_read=False) if document is None else _Reader(path, problems).read(document)


def _parse_toml(source: bytes, path: Path, problems: list[Problem]) -> Mapping[str, object] | None:
    if len(source) > MAX_FILE_BYTES:
        problems.append(Problem("TOO_LARGE", f"{path} is larger than {MAX_FILE_BYTES} bytes"))
        return None
    try:
        return tomllib.loads(source.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        problems.append(Problem("NOT_UTF8", f"{path} is not UTF-8 text", "save it as UTF-8", line=line))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _TOML_LINE.search(message)
        text = _TOML_LINE.sub("", message).strip()
        at = int(place.group(1)) if place else None
        problems.append(Problem("NOT_TOML", f"{path} is not valid TOML: {text}", line=at))
    except RecursionError:
        problems.append(Problem("NOT_TOML", f"{path} is nested too deeply"))
    return None


class _Reader:
    """Converts a TOML document to a `SettingsFile`, and collects every problem."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self._path = path
        self._problems = problems

    def read(self, document: Mapping[str, object]) -> SettingsFile:
        self._refuse_unknown(document, (_DEFAULT_ENVIRONMENT, "environments"), "")
        default = self._value(ENVIRONMENT, document, _DEFAULT_ENVIRONMENT, _DEFAULT_ENVIRONMENT)
        tables = self._table(document, "environments", "environments")
        environments = {
            name: self._environment(name, self._table(tables, name, f"environments.{name}"))
            for name in tables
        }
        return SettingsFile(self._path, default if isinstance(default, str) else None, environments)

    def _environment(self, name: str, table: Mapping[str, object]) -> Mapping[str, SettingValue]:
        place = f"environments.{name}"
        self._refuse_unknown(table, (*(key.name for key in IN_ENVIRONMENT), "names"), place)
        names = self._table(table, "names", f"{place}.names")
        self._refuse_unknown(names, tuple(key.name.removeprefix("names.") for key in NAMES), f"{place}.names")
        sources = [(key, table, key.name) for key in IN_ENVIRONMENT]
        sources += [(key, names, key.name.removeprefix("names.")) for key in NAMES]
        values = {
            key.name: self._value(key, source, inner, f"{place}.{key.name}") for key, source, inner in sources
        }
        return {name: value for name, value in values.items() if value is not None}

    def _table(self, parent: Mapping[str, object], name: str, place: str) -> Mapping[str, object]:
        value = parent.get(name, {})
        if isinstance(value, Mapping):
            return value
        self._problem(place, f"must be a table, not {shown(value)}")
        return {}

    def _value(self, key: Key, source: Mapping[str, object], name: str, place: str) -> SettingValue | None:
        if name not in source:
            return None
        try:
            return key.parse(source[name])
        except BadSettingError as error:
            self._problem(place, str(error))
            return None

    def _refuse_unknown(self, table: Mapping[str, object], known: Sequence[str], place: str) -> None:
        for name in table:
            if name not in known:
                remedy = nearest(name, known) or f"known settings: {', '.join(known)}"
                field = f"{place}.{shown(name)}" if place else shown(name)
                self._problem(field, "is not a setting", remedy, code="UNKNOWN_SETTING")

    def _problem(self, field: str, message: str, remedy: str = "", *, code: str = "INVALID_SETTING") -> None:
        self._problems.append(Problem(code, f"{self._path}: {field} {message}", remedy, field=field))
