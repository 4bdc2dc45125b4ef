"""What an operator must type to confirm a plan: the one rule of CLI and console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from smarterise_sdk.domain.sites.plans import Plan

MAX_UNTYPED_CHANGES: Final = 10
"""Outside production, a plan of up to so many changes is confirmed with yes."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A text to type.

    Attributes:
        label: What it is, e.g. `the serial`.
        text: The text itself, e.g. `AN54101471`.
    """

    label: str
    text: str


def confirmation_of(plan: Plan, *, is_production: bool) -> Confirmation | None:
    """Return what must be typed to apply a plan; `None` if yes is enough.

    In production it is the serial of the only site, the number of sites, the number of other changes, or the
    name of the environment for a repair that changes no site. Elsewhere it is the number, above
    `MAX_UNTYPED_CHANGES` changes.

    Args:
        plan: The plan.
        is_production: Whether its environment is of kind production.
    """
    sites, others = len(plan.changes), len(plan.stack_changes)
    if plan.is_empty or not (is_production or sites + others > MAX_UNTYPED_CHANGES):
        return None
    if sites == 1 and not others:
        return Confirmation("the serial", plan.changes[0].gateway_serial)
    if sites:
        return Confirmation("the number of sites", str(sites))
    if others:
        return Confirmation("the number of changes", str(others))
    return Confirmation("the name of the environment", plan.environment)
