"""Settings model: environment, names, and the origin of each value. Loading is in `loader`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from smarterise_sdk.errors import UsageError
from smarterise_sdk.settings.keys import is_loopback, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from smarterise_sdk.domain.stack.names import StackNames


class EnvironmentKind(StrEnum):
    """Kind of an environment. Production is read-only by default."""

    PRODUCTION = "production"
    STAGING = "staging"
    DEV = "dev"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Environment:
    """A named environment; `colour` is a colour name or `#rrggbb`."""

    name: str
    kind: EnvironmentKind
    colour: str


class Source(StrEnum):
    """Kinds of sources of a value, in order of precedence."""

    FLAG = "flag"
    UNLOCK = "unlock"
    VARIABLE = "environment variable"
    PROJECT_FILE = "project file"
    USER_FILE = "user file"
    AWS_CONFIG = "AWS configuration"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Source of a value; `detail` is the option, the variable, or the file and section."""

    source: Source
    detail: str

    def __str__(self) -> str:
        return f"{self.source.value} {self.detail}" if self.detail else self.source.value


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a `Stack`. Credentials are not included: AWS's credential chain provides them.

    Attributes:
        environment: The environment and its kind.
        profile: AWS profile; `None` for AWS's default chain.
        region: AWS region; `None` if not set.
        endpoint_url: One endpoint for all services; `None` means AWS itself.
        read_only: Whether writes are disabled.
        names: Names in the stack.
        journal_dir: Folder of the journal of changes.
        origins: Origin of each value; see `origin`.
        journal_bucket: S3 bucket that keeps a copy of every line of the journal; `None` for no copy.
        write_until: End of the current unlock, UTC; `None` without an unlock.
        write_reason: Reason of the current unlock.
    """

    environment: Environment
    profile: str | None
    region: str | None
    endpoint_url: str | None
    read_only: bool
    names: StackNames
    journal_dir: Path
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    journal_bucket: str | None = None
    write_until: datetime | None = None
    write_reason: str = ""

    @property
    def state_dir(self) -> Path:
        """State folder of the tools: journal, unlocks, identities."""
        return self.journal_dir.parent

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the endpoint is on this machine: the embedded stack or another emulator."""
        return is_loopback(self.endpoint_url)

    @property
    def unlock_command(self) -> str:
        """The command that unlocks this environment for half an hour."""
        return unlock_command(self.environment.name, self.origins.get("environment"))

    def origin(self, key: str) -> Origin:
        """Return the origin of a setting.

        Args:
            key: `environment`, `kind`, `colour`, `profile`, `region`, `endpoint_url`, `read_only`,
                `journal_bucket`, `journal_dir` or `names.<name>`.

        Raises:
            UsageError: The setting does not exist.
        """
        if key not in self.origins:
            raise UsageError(f"unknown setting {shown(key)}", remedy=nearest(key, self.origins))
        return self.origins[key]


def unlock_command(environment: str, origin: Origin | None) -> str:
    """Return the command that unlocks an environment for half an hour.

    Args:
        environment: Its name.
        origin: Origin of the name; a default name cannot be given as an option.
    """
    named = (
        "" if origin is not None and origin.source is Source.DEFAULT else f" --env {shlex.quote(environment)}"
    )
    return f'smarterise-ops{named} unlock --for 30m --reason "why"'
