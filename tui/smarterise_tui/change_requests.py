"""The changes an operator can make from the console: how each is planned, what it is called, its command.

One dialog takes any of them from the plan to the receipt. Nothing here writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from smarterise_sdk.domain.sites.model import Tier
from smarterise_tui import cli_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smarterise_sdk.domain.sites.plans import Plan
    from smarterise_sdk.settings.model import Settings
    from smarterise_tui.contract import ConsoleStack, ReconciliationService, SitesService
    from smarterise_tui.fleet.rows import FleetRow
    from smarterise_tui.fleet.view import Selection

    Applier: TypeAlias = SitesService | ReconciliationService


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A change that an operator may want.

    Attributes:
        title: Of the dialog, e.g. `Switch tier`.
        text: What is being planned, e.g. `NON_CRITICAL`.
        make: Plans it; it runs on a thread and writes nothing.
        service: What carries it out.
        cli_command: Returns the command that does the same, for a reason.
        nothing: What holds already, where the plan turns out to be empty.
        selection: The sites it is for, where the operator marked them.
        other: What can be planned instead, and what that is.
    """

    title: str
    text: str
    make: Callable[[ConsoleStack], Plan]
    cli_command: Callable[[Settings, str], str]
    nothing: str
    service: Callable[[ConsoleStack], Applier] = attrgetter("sites")
    selection: Selection | None = None
    other: Alternative | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """What can be planned instead of a proposal, in words, and how it is had."""

    text: str
    make: Callable[[], ChangeRequest]


def switch_tier(selection: Selection, target: Tier) -> ChangeRequest:
    """Return the switch of sites to a tier; the other tier can be planned instead."""
    updates = {serial: {"tier": target.value} for serial in selection.serials}
    other = Tier.NON_CRITICAL if target is Tier.CRITICAL else Tier.CRITICAL
    return ChangeRequest(
        "Switch tier",
        target.value,
        lambda stack: stack.sites.plan_update(updates),
        lambda settings, reason: cli_command.set_tier(settings, selection.serials, target, reason),
        f"already {target.value}",
        selection=selection,
        other=Alternative(other.value, partial(switch_tier, selection, other)),
    )


def likely_target(rows: Sequence[FleetRow]) -> Tier:
    """Return the tier one most likely means: the other one; of mixed sites, the one that costs less."""
    tiers = {row.site.tier for row in rows}
    return Tier.CRITICAL if tiers == {Tier.NON_CRITICAL} else Tier.NON_CRITICAL


def undo(plan_id: str) -> ChangeRequest:
    """Return the way back from a change of the journal."""
    return ChangeRequest(
        "Undo",
        f"the way back from {plan_id}",
        lambda stack: stack.changes.plan_undo(plan_id),
        lambda settings, reason: cli_command.undo(settings, plan_id, reason),
        "all is as it was before that change",
    )


def roll_back(version_id: str, *, whole: bool = False) -> ChangeRequest:
    """Return the way back to a version of the site file; with or without all that was changed since."""
    other = "all changes since, too" if not whole else "without later changes of other sites"
    return ChangeRequest(
        "Roll back",
        f"the way back to version {version_id}",
        lambda stack: stack.sites.plan_rollback(version_id, whole=whole),
        lambda settings, reason: cli_command.roll_back(settings, version_id, reason, whole=whole),
        "the site file says what that version says",
        other=Alternative(other, partial(roll_back, version_id, whole=not whole)),
    )


def repair(*, last_good: bool = False) -> ChangeRequest:
    """Return how to mend a broken site file: the smallest fix, or the last good version."""
    fix, version = "the smallest fix", "the last good version"
    return ChangeRequest(
        "Repair the site file",
        version if last_good else fix,
        lambda stack: stack.sites.plan_repair(last_good=last_good),
        lambda settings, reason: cli_command.repair(settings, reason, last_good=last_good),
        "the site file is sound",
        other=Alternative(fix if last_good else version, partial(repair, last_good=not last_good)),
    )


def reconcile() -> ChangeRequest:
    """Return how to make the rest of the stack follow the site file."""
    return ChangeRequest(
        "Reconcile",
        "how the stack follows the site file",
        lambda stack: stack.reconciliation.plan_reconcile(),
        lambda settings, reason: cli_command.reconcile(settings, reason),
        "alarm actions and schedules follow the site file",
        attrgetter("reconciliation"),
    )
