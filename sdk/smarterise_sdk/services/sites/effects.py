"""What a change of sites brings about, in the sentences that an operator confirms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.sites.costs import METRICS_A_SITE, MonthlyCost, monthly_cost
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.tier_policy import TIER_POLICIES, Collection, collection_of_entry, fleet_of
from smarterise_sdk.domain.stack.alarms import ALARM_RULES
from smarterise_sdk.domain.stack.schedules import next_text, next_time, rhythm_text
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.plans import SiteChange
    from smarterise_sdk.domain.stack.schedules import Schedule

    Steps = Counter[tuple[Collection, Collection]]

ALARMS_A_SITE: Final = len(ALARM_RULES)


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What the sentences need beside the change itself.

    Attributes:
        now: This moment, UTC.
        schedules: When sites are collected by FTP; `None` when that could not be told.
    """

    now: datetime
    schedules: tuple[Schedule, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """What a way of collecting means: the stream, the tier whose FTP schedules hold, alarms, metrics."""

    is_streamed: bool
    ftp: Tier | None
    has_alarm_actions: bool
    has_metrics: bool


_WAYS: Final[Mapping[Collection, _Way]] = {
    **{
        Collection.STREAMED if policy.is_streamed else Collection.FTP_ALONE: _Way(
            is_streamed=policy.is_streamed,
            ftp=tier,
            has_alarm_actions=policy.has_alarm_actions,
            has_metrics=True,
        )
        for tier, policy in TIER_POLICIES.items()
    },
    Collection.NONE: _Way(is_streamed=False, ftp=None, has_alarm_actions=False, has_metrics=False),
}

_FIELD_EFFECTS: Final[Mapping[str, str]] = {
    "nominal_voltage": "voltages are judged by the new nominal voltage; alarms keep their limits until they "
    "are deployed anew",
    "quality_profile": "voltages are judged by the new profile; alarms keep their limits until they are "
    "deployed anew",
    "capacity_kva": "load is shown as a share of the new capacity",
}


def effects_of(changes: Sequence[SiteChange], around: PlanContext) -> tuple[str, ...]:
    """Return sentences on what a change of sites brings about, the weightiest first."""
    steps = Counter(_step(change) for change in changes)
    sentences = [
        *_stream_sentences(steps),
        *_alarm_sentences(steps),
        *_ftp_sentences(steps, around),
        *_judging_sentences(steps),
        *_metric_sentences(steps),
        *_coming_and_going(steps),
        *_field_sentences(changes),
    ]
    if changes and not sentences:
        sentences.append(f"{sites_text(len(changes))}: the file alone; all is collected and judged as before")
    return tuple(sentences)


def cost_of(
    before: SiteTiers, after: SiteTiers, changes: Sequence[SiteChange]
) -> tuple[float | None, tuple[str, ...]]:
    """Return what a change adds to a month's bill in USD, and the sentence on it.

    `None` when sites are taken out: whether their gateways go on publishing is not for the file to know.
    """
    steps = Counter(_step(change) for change in changes)
    if all(one is other for one, other in steps):
        return 0.0, ()
    if any(other is Collection.ABSENT for _, other in steps):
        return None, ("cost: not known, it hangs on whether gateways of sites taken out go on publishing",)
    added = monthly_cost(fleet_of(after.sites.values())) - monthly_cost(fleet_of(before.sites.values()))
    return round(added.total, 2), (f"cost: {_usd_text(added)}",)


def sites_text(count: int) -> str:
    """Return `1 site`, `2 sites`."""
    return "1 site" if count == 1 else f"{count} sites"


def _step(change: SiteChange) -> tuple[Collection, Collection]:
    return collection_of_entry(change.before), collection_of_entry(change.after)


def _known_steps(steps: Steps) -> Iterator[tuple[_Way | None, _Way, int]]:
    """Yield how sites were collected, how they will be, and how many; those taken out are told apart."""
    for (before, after), count in steps.items():
        if after is not Collection.ABSENT and before is not after:
            yield _WAYS.get(before), _WAYS[after], count


def _stream_sentences(steps: Steps) -> Iterator[str]:
    turned = Counter[bool]()
    for before, after, count in _known_steps(steps):
        was_streamed = before is not None and before.is_streamed
        if was_streamed != after.is_streamed:
            turned[after.is_streamed] += count
    if turned[True]:
        yield f"{sites_text(turned[True])}: stream on, readings are let in within half a minute"
    if turned[False]:
        yield (
            f"{sites_text(turned[False])}: stream off, readings are turned away within half a minute "
            "though the gateways go on publishing"
        )


def _alarm_sentences(steps: Steps) -> Iterator[str]:
    turned = Counter[bool]()
    for before, after, count in _known_steps(steps):
        if before is not None and before.has_alarm_actions != after.has_alarm_actions:
            turned[after.has_alarm_actions] += count
    for is_on in (True, False):
        if turned[is_on]:
            alarms = turned[is_on] * ALARMS_A_SITE
            yield f"{sites_text(turned[is_on])}: alarm actions {'on' if is_on else 'off'}, {alarms} alarms"


def _ftp_sentences(steps: Steps, around: PlanContext) -> Iterator[str]:
    turned = Counter[Tier | None]()
    for before, after, count in _known_steps(steps):
        if before is None or before.ftp is not after.ftp:
            turned[after.ftp] += count
    for tier in Tier:
        if turned[tier]:
            yield f"{sites_text(turned[tier])}: {_ftp_text(tier, around)}"
    if turned[None]:
        yield f"{sites_text(turned[None])}: no FTP"


def _ftp_text(tier: Tier, around: PlanContext) -> str:
    backup = " as backup" if tier is Tier.CRITICAL else ""
    if around.schedules is None:
        return f"FTP{backup} when {tier.value} sites have it; the schedules could not be told"
    of_tier = [schedule for schedule in around.schedules if schedule.tier is tier]
    running = [schedule for schedule in of_tier if schedule.is_enabled]
    if not of_tier:
        return f"no FTP{backup}: there is no schedule for {tier.value} sites"
    if not running:
        rules = ", ".join(visible(schedule.rule) for schedule in of_tier)
        return f"no FTP{backup}: the schedule for {tier.value} sites is disabled ({rules})"
    rhythms = " and ".join(dict.fromkeys(rhythm_text(schedule.expression) for schedule in running))
    return f"FTP{backup} {rhythms}, {_soonest(running, around.now)}"


def _soonest(schedules: Sequence[Schedule], now: datetime) -> str:
    def order(schedule: Schedule) -> float:
        at = next_time(schedule.expression, now)
        return at.timestamp() if at is not None else float("inf")

    return next_text(min(schedules, key=order).expression, now)


def _judging_sentences(steps: Steps) -> Iterator[str]:
    turned = Counter[Tier | None]()
    for before, after, count in _known_steps(steps):
        if before is None or before.ftp is not after.ftp:
            turned[after.ftp] += count
    for tier in Tier:
        if turned[tier]:
            minutes = tier.policy.cadence.total_seconds() / 60
            stale = tier.policy.stale_after.total_seconds() / 60
            yield (
                f"{sites_text(turned[tier])}: readings expected every {minutes:.0f} min, "
                f"stale after {stale:.0f} min"
            )
    if turned[None]:
        yield f"{sites_text(turned[None])}: disabled, no readings expected, not judged"


def _metric_sentences(steps: Steps) -> Iterator[str]:
    turned = Counter[str]()
    for before, after, count in _known_steps(steps):
        had = before is not None and before.has_metrics
        if had and after.has_metrics:
            turned["go on with FTP" if not after.is_streamed else "go on, by the stream"] += count
        elif had != after.has_metrics:
            turned["begin" if after.has_metrics else "end"] += count
    for text, count in turned.items():
        yield f"{sites_text(count)}: {count * METRICS_A_SITE} custom metrics {text}"


def _coming_and_going(steps: Steps) -> Iterator[str]:
    new = sum(count for (before, after), count in steps.items() if before is Collection.ABSENT is not after)
    gone = sum(count for (_, after), count in steps.items() if after is Collection.ABSENT)
    if new:
        yield f"{sites_text(new)}: new, without alarms until these are deployed"
    if gone:
        yield (
            f"{sites_text(gone)}: no longer known: no FTP, not shown, not judged; what the gateways go on "
            "publishing is let into the stream, and alarms stay as they are: disable a site to stop both"
        )


def _field_sentences(changes: Sequence[SiteChange]) -> Iterator[str]:
    fields = Counter(
        field.field
        for change in changes
        if change.before is not None and change.after is not None
        for field in change.fields
    )
    for field, text in _FIELD_EFFECTS.items():
        if fields[field]:
            yield f"{sites_text(fields[field])}: {text}"


def _usd_text(added: MonthlyCost) -> str:
    total = round(added.total, 2)
    if not total:
        return "the same, by list prices"
    parts = []
    if round(added.metrics, 2):
        parts.append(f"custom metrics {_signed(added.metrics)}")
    else:
        parts.append("custom metrics cost the same")
    if round(added.data_lake, 2):
        parts.append(f"objects in the lake {_signed(added.data_lake)}")
    return f"{_signed(total)} USD a month by list prices ({', '.join(parts)}); alarms cost the same"


def _signed(usd: float) -> str:
    return f"{'−' if usd < 0 else '+'}{abs(usd):,.2f}"
