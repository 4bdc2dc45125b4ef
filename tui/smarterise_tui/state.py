"""What the console knows, in one place: the app's handlers change it, screens and widgets read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smarterise_sdk.settings_model import EnvironmentKind, Settings
from smarterise_tui.fleet.model import FleetModel
from smarterise_tui.fleet.view import FleetView
from smarterise_tui.troubles import Troubles

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
        troubles: What could not be had.
        now: The moment the screens show; it moves with the poll, not with the clock.
        is_writing: Whether a change is being applied at this moment.
    """

    settings: Settings
    clock: Callable[[], datetime]
    stack: ConsoleStack | None = None
    identity: Identity | None = None
    model: FleetModel = field(default_factory=FleetModel)
    view: FleetView = field(init=False)
    troubles: Troubles = field(default_factory=Troubles)
    now: datetime = field(init=False)
    is_writing: bool = False

    def __post_init__(self) -> None:
        self.view = FleetView(self.model)
        self.now = self.clock()

    @property
    def is_production(self) -> bool:
        """Whether a mistake here hurts."""
        return self.settings.environment.kind is EnvironmentKind.PRODUCTION

    @property
    def environment_words(self) -> str:
        """The environment as it is written on every screen, e.g. `PROD`, `LOCAL`."""
        return self.settings.environment.name.upper()

    @property
    def place(self) -> str:
        """Environment, region and account, e.g. `PROD · eu-west-2 · 1234…9012`."""
        account = short_account(self.identity.account) if self.identity is not None else ""
        parts = (self.environment_words, self.settings.region or "", account)
        return " · ".join(part for part in parts if part)


def short_account(account: str) -> str:
    """Return an account id as `1234…9012`."""
    return f"{account[:4]}…{account[-4:]}" if len(account) > 9 else account
