"""What the console knows, in one place: the app's handlers change it, screens and widgets read it."""

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

    from smarterise_tui.contract import ConsoleStack, Identity


@dataclass
class ConsoleState:
    """The state of one console.

    Attributes:
        settings: Settings in force.
        clock: Says what time it is, UTC.
        stack: The SDK; `None` until it is loaded, after the first paint.
        identity: Who AWS says we are; `None` until it said so.
        model: All sites.
        view: What the operator asked to see of them.
        issues: What could not be had.
        now: The moment the screens show; it moves with the poll, not with the clock.
        is_writing: Whether a change is being applied at this moment.
        writes: How many changes were tried so far: what was read before the last may be outdated.
        write_until: When the unlock ends by which writing is allowed here; `None` where none is needed, or
            none holds.
    """

    settings: Settings
    clock: Callable[[], datetime]
    stack: ConsoleStack | None = None
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
        """Look whether the unlock that this console was started under still holds: no call, a small file.

        It may have been taken back in another shell, or given anew; the SDK's gate looks at it the same way.
        """
        if self.settings.write_until is not None:
            unlocks = Unlocks(self.settings.state_dir)
            unlock = unlocks.current(self.settings.environment.name, self.clock())
            self.write_until = unlock.until if unlock is not None else None

    @property
    def is_read_only(self) -> bool:
        """Whether the SDK would refuse to write at this moment."""
        if self.settings.read_only:
            return True
        if self.settings.write_until is None:
            return False
        return self.write_until is None or self.clock() >= self.write_until

    @property
    def read_only_text(self) -> str:
        """What read-only means for a plan on screen, and the way out where it is an unlock."""
        origin = self.settings.origins.get("read_only")
        is_wished = origin is not None and origin.source in (Source.FLAG, Source.VARIABLE)
        text = "READ-ONLY: the SDK will refuse to apply this"
        if is_wished or not self.is_production:
            return text
        again = ", and start the console again" if self.settings.read_only else ""
        return f"{text}. To write: {self.settings.unlock_command}{again}"

    @property
    def is_production(self) -> bool:
        """Whether a mistake here hurts."""
        return self.settings.environment.kind is EnvironmentKind.PRODUCTION

    @property
    def environment_text(self) -> str:
        """The environment as it is written on every screen, e.g. `PROD`, `LOCAL`."""
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
