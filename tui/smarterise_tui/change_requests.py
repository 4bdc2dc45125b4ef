"""Change requests of the console: how each is planned, its texts and its CLI equivalent.

One dialog takes any of them from plan to receipt. Nothing here writes.
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
    from smarterise_sdk.services.reconciliation import Reconciliation
    from smarterise_sdk.services.sites.service import Sites
    from smarterise_sdk.settings.model import Settings
    from smarterise_sdk.stack import Stack
    from smarterise_tui.fleet.rows import FleetRow
    from smarterise_tui.fleet.view import Selection

    Applier: TypeAlias = Sites | Reconciliation


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A change that an operator requests.

    Attributes:
        title: Title of the dialog, e.g. `Switch tier`.
        text: Short description of the change, e.g. `NON_CRITICAL`.
        make: Returns the plan; runs in a thread and writes nothing.
        service: Returns the service that applies it.
        cli_command: Returns the CLI equivalent for a reason.
        nothing: Text for an empty plan: the state that already holds.
        selection: The marked sites, if any.
        other: The alternative, if any.
    """

    title: str
    text: str
    make: Callable[[Stack], Plan]
    cli_command: Callable[[Settings, str], str]
    nothing: str
    service: Callable[[Stack], Applier] = attrgetter("sites")
    selection: Selection | None = None
    other: Alternative | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """An alternative to a change request: its description and how to create it."""

    text: str
    make: Callable[[], ChangeRequest]


def switch_tier(selection: Selection, target: Tier) -> ChangeRequest:
    """Return the change request of a tier switch; the alternative is the other tier."""
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
    """Return the default target: the other tier, or the cheaper one for mixed sites."""
    tiers = {row.site.tier for row in rows}
    return Tier.CRITICAL if tiers == {Tier.NON_CRITICAL} else Tier.NON_CRITICAL


def undo(plan_id: str) -> ChangeRequest:
    """Return the change request that undoes a change of the journal."""
    return ChangeRequest(
        "Undo",
        f"undo of {plan_id}",
        lambda stack: stack.changes.plan_undo(plan_id),
        lambda settings, reason: cli_command.undo(settings, plan_id, reason),
        "all fields have their values from before the change",
    )


def roll_back(version_id: str, *, whole: bool = False) -> ChangeRequest:
    """Return the change request of a rollback, with or without all later changes."""
    other = "the whole version" if not whole else "only the sites of the next change"
    return ChangeRequest(
        "Roll back",
        f"rollback to version {version_id}",
        lambda stack: stack.sites.plan_rollback(version_id, whole=whole),
        lambda settings, reason: cli_command.roll_back(settings, version_id, reason, whole=whole),
        "the site file already equals that version",
        other=Alternative(other, partial(roll_back, version_id, whole=not whole)),
    )


def repair(*, last_good: bool = False) -> ChangeRequest:
    """Return the change request that repairs the site file: smallest edit, or last valid version."""
    fix, version = "the smallest edit", "the last valid version"
    return ChangeRequest(
        "Repair the site file",
        version if last_good else fix,
        lambda stack: stack.sites.plan_repair(last_good=last_good),
        lambda settings, reason: cli_command.repair(settings, reason, last_good=last_good),
        "the site file is valid",
        other=Alternative(fix if last_good else version, partial(repair, last_good=not last_good)),
    )


def reconcile() -> ChangeRequest:
    """Return the change request that reconciles the stack with the site file."""
    return ChangeRequest(
        "Reconcile",
        "reconciliation of alarms and schedules",
        lambda stack: stack.reconciliation.plan_reconcile(),
        lambda settings, reason: cli_command.reconcile(settings, reason),
        "alarm actions and schedules match the site file",
        attrgetter("reconciliation"),
    )
