"""State of the console: changed by the app's handlers, read by screens and widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smarterise_sdk.settings.model import EnvironmentKind, Settings, Source
from smarterise_sdk.settings.unlock import Unlocks
from smarterise_tui.fleet.model import FleetModel
from smarterise_tui.fleet.view import FleetView
from smarterise_tui.issues import Issues

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.stack import Stack


@dataclass
class ConsoleState:
    """The state of one console.

    Attributes:
        settings: The settings.
        clock: Returns the current time, UTC.
        stack: The SDK; `None` until it is loaded after the first paint.
        identity: AWS identity; `None` until known.
        model: All sites.
        view: Filter, order and marks.
        issues: Failed requests and missing data.
        now: The time that the screens show; updated by polling.
        is_writing: Whether a change is being applied.
        writes: Number of attempted changes; data read before the last one may be outdated.
        write_until: End of the unlock in use, or `None`.
    """

    settings: Settings
    clock: Callable[[], datetime]
    stack: Stack | None = None
    identity: Identity | None = None
    model: FleetModel = field(default_factory=FleetModel)
    view: FleetView = field(init=False)
    issues: Issues = field(default_factory=Issues)
    now: datetime = field(init=False)
    is_writing: bool = False
    writes: int = 0
    write_until: datetime | None = field(init=False)

    def __post_init__(self) -> None:
        self.view = FleetView(self.model)
        self.now = self.clock()
        self.write_until = self.settings.write_until

    def check_unlock(self) -> None:
        """Read the unlock file, which another shell may have changed; the SDK checks the same file."""
        if self.settings.write_until is not None:
            unlocks = Unlocks(self.settings.state_dir)
            unlock = unlocks.current(self.settings.environment.name, self.clock())
            self.write_until = unlock.until if unlock is not None else None

    @property
    def is_read_only(self) -> bool:
        """Whether the SDK currently rejects writes."""
        if self.settings.read_only:
            return True
        if self.settings.write_until is None:
            return False
        return self.write_until is None or self.clock() >= self.write_until

    @property
    def read_only_text(self) -> str:
        """The read-only notice of a plan, with the unlock command if that helps."""
        origin = self.settings.origins.get("read_only")
        is_explicit = origin is not None and origin.source in (Source.FLAG, Source.VARIABLE)
        text = "READ-ONLY: this change cannot be applied"
        if is_explicit or not self.is_production:
            return text
        restart = ", then restart the console" if self.settings.read_only else ""
        return f"{text}. Unlock: {self.settings.unlock_command}{restart}"

    @property
    def is_production(self) -> bool:
        """Whether the environment is of kind production."""
        return self.settings.environment.kind is EnvironmentKind.PRODUCTION

    @property
    def environment_text(self) -> str:
        """The environment's name as shown on every screen, e.g. `PROD`."""
        return self.settings.environment.name.upper()

    @property
    def place(self) -> str:
        """Environment, region and account, e.g. `PROD · eu-west-2 · 1234…9012`."""
        account = short_account(self.identity.account) if self.identity is not None else ""
        parts = (self.environment_text, self.settings.region or "", account)
        return " · ".join(part for part in parts if part)


def short_account(account: str) -> str:
    """Return an account id as `1234…9012`."""
    return f"{account[:4]}…{account[-4:]}" if len(account) > 9 else account
