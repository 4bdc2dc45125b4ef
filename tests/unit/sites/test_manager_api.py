"""Validation of requests to site-config-manager."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.manager_api import (
    ACTIONS,
    GetConfig,
    GetSite,
    ListSites,
    UpdateSites,
    parse_request,
)
from smarterise_sdk.domain.sites.model import Tier


def problems_of(event: object) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as refused:
        parse_request(event)
    return refused.value.problems


@pytest.mark.parametrize(
    ("event", "request_"),
    [
        ({"action": "get_config"}, GetConfig(action="get_config")),
        (
            {"action": "get_site", "gateway_serial": "ehm21120333"},
            GetSite(action="get_site", gateway_serial="ehm21120333"),
        ),
        ({"action": "list_sites"}, ListSites(action="list_sites")),
        ({"action": "list_sites", "tier": "CRITICAL"}, ListSites(action="list_sites", tier=Tier.CRITICAL)),
        (
            {"action": "update_sites", "updates": {"ehm21120333": {"tier": "NON_CRITICAL"}}},
            UpdateSites(action="update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}}),
        ),
    ],
)
def test_the_guides_requests_are_understood(event: object, request_: object) -> None:
    assert parse_request(event) == request_


def test_an_update_carries_all_its_options() -> None:
    request = parse_request(
        {
            "action": "update_sites",
            "updates": {"AN1": {"tier": "CRITICAL", "capacity_kva": None, "other": [1]}},
            "expected_etag": '"abc"',
            "create": True,
            "dry_run": True,
            "reason": "storm",
            "changed_by": "arn:aws:iam::111122223333:user/ada",
        }
    )
    assert isinstance(request, UpdateSites)
    assert request.updates["AN1"] == {"tier": "CRITICAL", "capacity_kva": None, "other": [1]}
    assert (request.expected_etag, request.create, request.dry_run) == ('"abc"', True, True)


@pytest.mark.parametrize(
    "event", [{}, {"action": "destroy"}, {"action": None}, {"action": 5}, {"action": ["x"]}]
)
def test_an_action_there_is_not_is_reported_with_those_there_are(event: object) -> None:
    (problem,) = problems_of(event)
    assert (problem.code, problem.field) == ("BAD_REQUEST", "action")
    assert all(action in problem.remedy for action in ACTIONS)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, ["updates"]),
        ({"updates": {}}, ["updates"]),
        ({"updates": []}, ["updates"]),
        ({"updates": {"AN1": None}}, ["updates.AN1"]),
        ({"updates": {"AN1": {"tier": "X"}}, "create": "yes", "dry_run": 1}, ["dry_run", "create"]),
        ({"updates": {"AN1": {}}, "expected_etag": "", "reason": "x" * 1001, "force": 1},
         ["expected_etag", "reason", "force"]),
    ],
)  # fmt: skip
def test_every_field_that_is_wrong_is_reported(fields: dict[str, Any], wrong: list[str]) -> None:
    problems = problems_of({"action": "update_sites", **fields})
    assert [problem.field for problem in problems] == wrong
    assert {problem.code for problem in problems} == {"BAD_REQUEST"}
    assert all(problem.message and problem.remedy for problem in problems)


def test_a_tier_there_is_not_has_its_own_code() -> None:
    (problem,) = problems_of({"action": "list_sites", "tier": "HIGH"})
    assert (problem.code, problem.field) == ("INVALID_TIER", "tier")
    assert "HIGH" in problem.message
    assert "NON_CRITICAL" in problem.remedy


ANY_EVENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(ANY_EVENT)
def test_any_event_is_a_request_or_refused(event: object) -> None:
    for problem in problems_of(event):
        assert problem.message.isprintable()
