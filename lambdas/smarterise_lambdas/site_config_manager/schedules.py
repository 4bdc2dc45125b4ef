"""Reads and enables the collection schedules: EventBridge rules of a tier that target the FTP function."""

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

CACHE_SECONDS: Final = 60.0


class Schedules:
    """The scheduled rules of both tiers.

    Args:
        events: Returns the EventBridge client; called on first use.
        names: Resource names of the stack.
        clock: Monotonic clock, seconds.
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
        self._cached: tuple[FoundRule, ...] = ()
        self._read_at = float("-inf")

    def read(self) -> tuple[FoundRule, ...]:
        """Read the rules from EventBridge.

        Raises:
            ClientError: If EventBridge refuses.
            BotoCoreError: If it cannot be reached.
        """
        self._cached = tuple(rule for tier in Tier for rule in self._of(tier))
        self._read_at = self._clock()
        return self._cached

    def cached(self) -> tuple[FoundRule, ...]:
        """Return the rules, at most a minute old.

        Raises:
            ClientError: If EventBridge refuses.
            BotoCoreError: If it cannot be reached.
        """
        return self._cached if self._clock() - self._read_at < CACHE_SECONDS else self.read()

    def enable(self, rule: str) -> None:
        """Enable a rule.

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
        # arn:aws:lambda:<region>:<account>:function:<name>[:<version or alias>]
        parts = target["Arn"].split(":")
        if parts[5:7] != ["function", self._names.ftp_to_s3]:
            return False
        try:
            payload = json.loads(target.get("Input") or "")
        except ValueError:
            return False
        return isinstance(payload, dict) and payload.get("site_tier") == tier.value
