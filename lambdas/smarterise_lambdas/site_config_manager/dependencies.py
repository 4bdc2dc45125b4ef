"""What the function has at hand for one invocation."""

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
    """What one invocation works with.

    Attributes:
        store: The site file.
        alarms: The sites' alarms.
        schedules: The collection schedules.
        names: What things are called.
        remaining_ms: How long the invocation may still take.
        now: Clock, UTC.
    """

    store: ConfigStore
    alarms: Alarms
    schedules: Schedules
    names: StackNames
    remaining_ms: Callable[[], int]
    now: Callable[[], datetime]

    def tries(self) -> Retries:
        """Return how long, and how often, to try something again."""
        return Retries(self.remaining_ms)
