"""What must be typed to confirm a plan."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.confirmation import MAX_UNTYPED_CHANGES, confirmation_of
from smarterise_sdk.domain.sites.plans import Plan, SiteChange, StackChange, WritePath


def plan(sites: int, others: int = 0, *, document: bytes | None = None) -> Plan:
    """A plan that changes so many sites and other resources."""
    return Plan(
        plan_id="8f31c0de",
        title="x",
        environment="prod",
        account="123456789012",
        region="eu-west-2",
        via=WritePath.LAMBDA,
        updates={},
        create=False,
        changes=tuple(
            SiteChange(f"AN{number:08d}", {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"})
            for number in range(sites)
        ),
        unchanged=(),
        effects=(),
        calls=(),
        base_etag='"etag"',
        reason="",
        planned_at=datetime(2026, 3, 1, tzinfo=UTC),
        stack_changes=(StackChange("alarm actions", "smartmeter-AN1-low", "on", "off"),) * others,
        document=document,
    )


@pytest.mark.parametrize(
    ("sites", "others", "in_production", "elsewhere"),
    [
        (1, 0, "AN00000000", None),
        (2, 0, "2", None),
        (10, 0, "10", None),
        (11, 0, "11", "11"),
        (0, 1, "1", None),
        (0, 11, "11", "11"),
        (1, 1, "1", None),
        (6, 5, "6", "6"),
        (0, 0, "prod", None),
    ],
)
def test_what_must_be_typed(sites: int, others: int, in_production: str, elsewhere: str | None) -> None:
    repair = plan(sites, others, document=b"{}")
    for is_production, text in ((True, in_production), (False, elsewhere)):
        confirmation = confirmation_of(repair, is_production=is_production)
        assert (confirmation.text if confirmation else None) == text


def test_an_empty_plan_needs_no_confirmation() -> None:
    assert confirmation_of(plan(0), is_production=True) is None


@given(st.integers(0, 30), st.integers(0, 30), st.booleans())
def test_more_changes_than_the_limit_are_never_confirmed_by_yes(
    sites: int, others: int, is_production: bool
) -> None:
    confirmation = confirmation_of(plan(sites, others), is_production=is_production)
    if sites + others > MAX_UNTYPED_CHANGES:
        assert confirmation is not None
        assert confirmation.text == str(sites or others)
