"""The settings as values: the environment, the names, and the origin of each. Loading is `loader`."""

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
    """What is at stake in an environment. Production starts read-only."""

    PRODUCTION = "production"
    STAGING = "staging"
    DEV = "dev"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Environment:
    """A named environment; `colour` is a plain colour word or `#rrggbb`."""

    name: str
    kind: EnvironmentKind
    colour: str


class Source(StrEnum):
    """The kinds of places a value can come from, strongest first."""

    FLAG = "flag"
    UNLOCK = "unlock"
    VARIABLE = "environment variable"
    PROJECT_FILE = "project file"
    USER_FILE = "user file"
    AWS_CONFIG = "AWS configuration"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `detail` is the option, the variable, or the file and its section."""

    source: Source
    detail: str

    def __str__(self) -> str:
        return f"{self.source.value} {self.detail}" if self.detail else self.source.value


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a `Stack` needs to know. Credentials are not settings: AWS's own chain finds them.

    Attributes:
        environment: Which environment this is, and what is at stake there.
        profile: AWS profile; `None` leaves it to AWS's own default chain.
        region: AWS region; `None` when nothing says one.
        endpoint_url: One endpoint for all services; `None` means AWS itself.
        read_only: Whether the write gate stays shut.
        names: What things are called in this stack.
        journal_dir: Folder of the journal of changes.
        origins: Where each value came from; ask `origin`.
        journal_bucket: S3 bucket that keeps a copy of every line of the journal; `None` for no copy.
        write_until: When the unlock ends by which writing is allowed, UTC; `None` where none is needed.
        write_reason: The reason given for that unlock.
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
        """The folder of what the tools remember: journal, unlocks, identities."""
        return self.journal_dir.parent

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the endpoint is on this machine: the embedded stack, or another emulator."""
        return is_loopback(self.endpoint_url)

    @property
    def unlock_command(self) -> str:
        """The command that gives leave to write here for half an hour."""
        return unlock_command(self.environment.name, self.origins.get("environment"))

    def origin(self, key: str) -> Origin:
        """Return where a setting came from.

        Args:
            key: `environment`, `kind`, `colour`, `profile`, `region`, `endpoint_url`, `read_only`,
                `journal_bucket`, `journal_dir` or `names.<name>`.

        Raises:
            UsageError: There is no such setting.
        """
        if key not in self.origins:
            raise UsageError(f"there is no setting {shown(key)}", remedy=nearest(key, self.origins))
        return self.origins[key]


def unlock_command(environment: str, origin: Origin | None) -> str:
    """Return the command that gives leave to write in an environment for half an hour.

    Args:
        environment: Its name.
        origin: Where the name came from: what is not written down anywhere cannot be asked for by name.
    """
    named = (
        "" if origin is not None and origin.source is Source.DEFAULT else f" --env {shlex.quote(environment)}"
    )
    return f'smarterise-ops{named} unlock --for 30m --reason "why"'
