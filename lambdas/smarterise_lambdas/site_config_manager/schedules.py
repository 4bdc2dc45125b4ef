"""The collection schedules: EventBridge rules named for a tier, and whether they reach what collects."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.drift import FoundRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import TargetOutputTypeDef

    from smarterise_sdk.domain.stack.names import StackNames

KEPT_SECONDS: Final = 60.0


class Schedules:
    """The scheduled rules of both tiers.

    Args:
        events: Returns the EventBridge client; called when it is first needed.
        names: What things are called.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        events: Callable[[], EventBridgeClient],
        names: StackNames,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = events
        self._names = names
        self._clock = clock
        self._kept: tuple[FoundRule, ...] = ()
        self._read_at = float("-inf")

    def found(self) -> tuple[FoundRule, ...]:
        """Return the rules as they are now.

        Raises:
            ClientError: If EventBridge does not let us look.
            BotoCoreError: If it cannot be reached.
        """
        self._kept = tuple(rule for tier in Tier for rule in self._of(tier))
        self._read_at = self._clock()
        return self._kept

    def lately(self) -> tuple[FoundRule, ...]:
        """Return the rules as they were within the last minute.

        Raises:
            ClientError: If EventBridge does not let us look.
            BotoCoreError: If it cannot be reached.
        """
        return self._kept if self._clock() - self._read_at < KEPT_SECONDS else self.found()

    def enable(self, rule: str) -> None:
        """Let a rule run.

        Raises:
            ClientError: If EventBridge refuses.
            BotoCoreError: If it cannot be reached.
        """
        self._events().enable_rule(Name=rule)

    def _of(self, tier: Tier) -> Iterator[FoundRule]:
        pages = self._events().get_paginator("list_rules").paginate(NamePrefix=self._names.rule_prefix(tier))
        for page in pages:
            for rule in page["Rules"]:
                schedule = rule.get("ScheduleExpression")
                if schedule:
                    name, is_enabled = rule["Name"], rule.get("State") == "ENABLED"
                    yield FoundRule(tier, name, schedule, is_enabled, self._collects(name, tier))

    def _collects(self, rule: str, tier: Tier) -> bool:
        pages = self._events().get_paginator("list_targets_by_rule").paginate(Rule=rule)
        return any(self._is_collector(target, tier) for page in pages for target in page["Targets"])

    def _is_collector(self, target: TargetOutputTypeDef, tier: Tier) -> bool:
        # arn:aws:lambda:<region>:<account>:function:<name>, with a version or an alias behind it or not
        parts = target["Arn"].split(":")
        if parts[5:7] != ["function", self._names.ftp_to_s3]:
            return False
        try:
            told = json.loads(target.get("Input") or "")
        except ValueError:
            return False
        return isinstance(told, dict) and told.get("site_tier") == tier.value
