"""What a tier means: streaming, alarms, collection schedule and the intervals that follow from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.model import Site

STALE_AFTER_CADENCES: Final = 2
"""A site is stale when its latest value is older than this many cadences of its tier."""


class Tier(StrEnum):
    """Importance of a site; `TIER_POLICIES` says what follows from it."""

    CRITICAL = "CRITICAL"
    NON_CRITICAL = "NON_CRITICAL"

    @property
    def policy(self) -> TierPolicy:
        """The policy of the tier."""
        return TIER_POLICIES[self]


@dataclass(frozen=True, slots=True)
class TierPolicy:
    """What holds for enabled sites of a tier.

    Attributes:
        is_streamed: Whether readings arrive by the stream, with FTP as backup; else by FTP alone.
        has_alarm_actions: Whether alarms notify.
        collection_schedule: When log files are collected by FTP, as EventBridge writes it, UTC.
        cadence: How often readings are expected.
        alarm_period_s: Length of one evaluation period of an alarm, seconds.
        is_one_period_enough: Whether one breaching period is enough to raise an alarm.
        poll_every: How often the console asks for the latest values.
    """

    is_streamed: bool
    has_alarm_actions: bool
    collection_schedule: str
    cadence: timedelta
    alarm_period_s: int
    is_one_period_enough: bool
    poll_every: timedelta

    @property
    def stale_after(self) -> timedelta:
        """Age of the latest value above which a site is stale."""
        return STALE_AFTER_CADENCES * self.cadence


TIER_POLICIES: Final[Mapping[Tier, TierPolicy]] = MappingProxyType(
    {
        Tier.CRITICAL: TierPolicy(
            is_streamed=True,
            has_alarm_actions=True,
            collection_schedule="cron(0/15 * * * ? *)",
            cadence=timedelta(minutes=1),
            alarm_period_s=60,
            is_one_period_enough=False,
            poll_every=timedelta(seconds=10),
        ),
        Tier.NON_CRITICAL: TierPolicy(
            is_streamed=False,
            has_alarm_actions=False,
            collection_schedule="cron(0 * * * ? *)",
            cadence=timedelta(hours=1),
            alarm_period_s=3600,
            is_one_period_enough=True,  # a second reading would delay the alarm by an hour
            poll_every=timedelta(seconds=60),
        ),
    }
)


class Collection(StrEnum):
    """Collection mode of a site."""

    STREAMED = "streamed"
    """By the stream, with FTP as backup."""
    FTP_ALONE = "FTP alone"
    NONE = "not collected"
    ABSENT = "not there"


def collection_of(site: Site | None) -> Collection:
    """Return how a site is collected; `None` is a site that does not exist."""
    if site is None:
        return Collection.ABSENT
    return _collection(site.tier, is_enabled=site.enabled)


def collection_of_entry(entry: JsonObject | None) -> Collection:
    """Return how the site of a valid entry of the site file is collected, without building the site.

    Args:
        entry: The entry; `None` is a site that does not exist.
    """
    if entry is None:
        return Collection.ABSENT
    return _collection(Tier(str(entry["tier"])), is_enabled=entry.get("enabled") is not False)


def fleet_of(sites: Iterable[Site]) -> Counter[Collection]:
    """Return the number of sites by how they are collected."""
    return Counter(collection_of(site) for site in sites)


def _collection(tier: Tier, *, is_enabled: bool) -> Collection:
    if not is_enabled:
        return Collection.NONE
    return Collection.STREAMED if tier.policy.is_streamed else Collection.FTP_ALONE
