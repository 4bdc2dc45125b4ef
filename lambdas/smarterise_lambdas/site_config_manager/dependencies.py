"""Dependencies of one invocation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_lambdas.shared.retry import Retries

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_lambdas.site_config_manager.alarms import Alarms
    from smarterise_lambdas.site_config_manager.schedules import Schedules
    from smarterise_lambdas.site_config_manager.writer import ConfigStore
    from smarterise_sdk.domain.stack.names import StackNames


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Clients and settings that one invocation uses.

    Attributes:
        store: The site file.
        alarms: The sites' alarms.
        schedules: The collection schedules.
        names: Resource names of the stack.
        remaining_ms: Returns the remaining time of the invocation, ms.
        now: Clock, UTC.
    """

    store: ConfigStore
    alarms: Alarms
    schedules: Schedules
    names: StackNames
    remaining_ms: Callable[[], int]
    now: Callable[[], datetime]

    def retries(self) -> Retries:
        """Return retries limited by the remaining time."""
        return Retries(self.remaining_ms)
