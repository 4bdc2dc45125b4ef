"""Monthly costs at list prices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.sites.costs import MonthlyCost, monthly_cost
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.sites.tier_policy import Collection, collection_of, fleet_of

COUNTS = st.integers(0, 200_000)


@pytest.mark.parametrize(
    ("site", "collection"),
    [
        (None, Collection.ABSENT),
        (Site("AN1", Tier.CRITICAL), Collection.STREAMED),
        (Site("AN1", Tier.NON_CRITICAL), Collection.FTP_ALONE),
        (Site("AN1", Tier.CRITICAL, enabled=False), Collection.NONE),
        (Site("AN1", Tier.NON_CRITICAL, enabled=False), Collection.NONE),
    ],
)
def test_what_tier_and_switch_come_to(site: Site | None, collection: Collection) -> None:
    assert collection_of(site) is collection


def test_one_site_of_each_kind() -> None:
    streamed, by_ftp = monthly_cost({Collection.STREAMED: 1}), monthly_cost({Collection.FTP_ALONE: 1})
    assert streamed.metrics == by_ftp.metrics == pytest.approx(11 * 0.30)
    # One object a minute and one file an hour, against the file alone.
    assert streamed.data_lake == pytest.approx((43_800 + 730) * 0.005 / 1000)
    assert by_ftp.data_lake == pytest.approx(730 * 0.005 / 1000)
    assert streamed.total == pytest.approx(streamed.metrics + streamed.data_lake)
    assert monthly_cost({Collection.NONE: 5, Collection.ABSENT: 3}) == MonthlyCost(0.0, 0.0)
    assert monthly_cost({}) == MonthlyCost(0.0, 0.0)


@pytest.mark.parametrize(
    ("sites", "usd"),
    [
        (900, 9_900 * 0.30),
        (1_000, 10_000 * 0.30 + 1_000 * 0.10),
        (30_000, 10_000 * 0.30 + 240_000 * 0.10 + 80_000 * 0.05),
        (100_000, 10_000 * 0.30 + 240_000 * 0.10 + 750_000 * 0.05 + 100_000 * 0.02),
    ],
)
def test_many_metrics_cost_less_each(sites: int, usd: float) -> None:
    assert monthly_cost({Collection.FTP_ALONE: sites}).metrics == pytest.approx(usd)


@given(COUNTS, COUNTS)
def test_the_metrics_of_a_fleet_do_not_hang_on_its_tiers(streamed: int, by_ftp: int) -> None:
    mixed = monthly_cost({Collection.STREAMED: streamed, Collection.FTP_ALONE: by_ftp})
    assert mixed.metrics == pytest.approx(monthly_cost({Collection.STREAMED: streamed + by_ftp}).metrics)
    assert (mixed - mixed) == MonthlyCost(0.0, 0.0)


@given(COUNTS, COUNTS)
def test_more_sites_never_cost_less(streamed: int, by_ftp: int) -> None:
    fewer = monthly_cost({Collection.STREAMED: streamed, Collection.FTP_ALONE: by_ftp})
    more = monthly_cost({Collection.STREAMED: streamed + 1, Collection.FTP_ALONE: by_ftp})
    assert more.metrics >= fewer.metrics
    assert more.data_lake > fewer.data_lake


def test_a_fleet_is_counted() -> None:
    sites = [Site("AN1", Tier.CRITICAL), Site("AN2", Tier.CRITICAL), Site("AN3", Tier.NON_CRITICAL)]
    assert fleet_of(sites) == {Collection.STREAMED: 2, Collection.FTP_ALONE: 1}
