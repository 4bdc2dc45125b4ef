"""Plans for sites that are chosen by what they are: on the one reading that the plan is made on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.selection import parse_selection
from smarterise_sdk.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.stack import Stack


def choosing(*where: str) -> Callable[[SiteTiers], Mapping[str, JsonObject]]:
    selection = parse_selection(where)
    fields: JsonObject = {"tier": "NON_CRITICAL"}
    return lambda document: {site.gateway_serial: fields for site in selection.of(document.sites.values())}


def test_updates_may_be_told_by_the_file(stack: Stack, home: Any) -> None:
    plan = stack.sites.plan_update(choosing("tier=CRITICAL"))
    critical = [serial for serial, site in home.file()["sites"].items() if site["tier"] == "CRITICAL"]
    assert [change.gateway_serial for change in plan.changes] == critical
    assert plan.updates == {serial: {"tier": "NON_CRITICAL"} for serial in critical}
    assert stack.sites.apply(plan).verified == tuple(critical)
    assert {site["tier"] for site in home.file()["sites"].values()} == {"NON_CRITICAL"}
    assert stack.sites.plan_update(choosing("tier=CRITICAL")).is_empty


def test_replacements_may_be_told_by_the_file(stack: Stack, home: Any) -> None:
    kept = next(iter(home.file()["sites"]))
    plan = stack.sites.plan_replace(
        lambda document: {serial: None for serial in document.sites if serial != kept}
    )
    assert plan.replacements
    stack.sites.apply(plan)
    assert list(home.file()["sites"]) == [kept]


def test_what_choosing_refuses_is_refused_as_any_other_problem(stack: Stack) -> None:
    with pytest.raises(InvalidDocument) as refused:
        stack.sites.plan_update(choosing("teir=CRITICAL"))
    assert 'no site has a field "teir"' in refused.value.problems[0].message
