"""When sites are collected by FTP: the schedules of a stack, in words and as the next moment.

EventBridge's own spelling: `rate(15 minutes)`, or `cron(…)` of six fields, in UTC, with `?` for "any" and
Sunday as day 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.sites import JsonValue


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule.

    Attributes:
        tier: Which sites it collects.
        rule: Its name.
        expression: When, as EventBridge has it.
        is_enabled: Whether it runs.
    """

    tier: Tier
    rule: str
    expression: str
    is_enabled: bool

    @classmethod
    def from_row(cls, row: Mapping[str, JsonValue]) -> Schedule:
        """Return the schedule that an answer of `site-config-manager` tells.

        Raises:
            ValueError: It is none.
        """
        rule, expression = row.get("rule"), row.get("schedule")
        if not (isinstance(rule, str) and isinstance(expression, str)):
            raise ValueError(f"not a schedule: {row!r}")  # noqa: TRY004  # the row is what is wrong
        return cls(Tier(str(row.get("tier"))), rule, expression, row.get("enabled") is True)
