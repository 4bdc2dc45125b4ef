"""Every check there is, and how the facts of each subject are collected."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from smarterise_sdk.checks import alarm_coverage, drift, site_config, site_config_facts, unresolved_changes
from smarterise_sdk.checks.model import REGISTRY, Check
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smarterise_sdk.checks.collector import Checkable, FactCollector

COLLECTORS: Mapping[str, Callable[[Checkable, FactCollector], Any]] = {
    site_config.SUBJECT: site_config_facts.collect,
    drift.SUBJECT: drift.collect,
    alarm_coverage.SUBJECT: alarm_coverage.collect,
    unresolved_changes.SUBJECT: unresolved_changes.collect,
}
"""How the facts of a subject are collected; they have an `at`, the moment of collecting."""


def all_checks() -> tuple[Check, ...]:
    """Return every check, in the order in which a runbook would go."""
    order = list(COLLECTORS)
    return tuple(sorted(REGISTRY.values(), key=lambda check: order.index(check.subject)))


def find_check(check_id: str) -> Check:
    """Return a check by its id.

    Raises:
        NotFound: There is none; the remedy names a similar one.
    """
    if check_id not in REGISTRY:
        near = get_close_matches(check_id, REGISTRY, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise NotFound(
            f"there is no check {visible(check_id)[:80]}",
            remedy=f"{meant}see all: smarterise-ops checks list",
            code="CHECK_NOT_FOUND",
        )
    return REGISTRY[check_id]


def chosen(only: Sequence[str] | None) -> tuple[Check, ...]:
    """Return the checks named, in the registry's order; all when `None`.

    Raises:
        NotFound: One of them does not exist.
    """
    if only is None:
        return all_checks()
    wanted = {find_check(check_id).meta.id for check_id in only}
    return tuple(check for check in all_checks() if check.meta.id in wanted)
