"""The simulated fleet: the same for the same seed, valid as a site file, with a few sites that ail."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.local.simulation.fleet import GUIDE_SERIALS, MAX_SITES, Fault, simulated_fleet
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.sites.document import new_site_tiers, parse_site_tiers, render_site_tiers
from smarterise_sdk.domain.sites.model import Tier

SIZES = st.integers(2, 300)
SEEDS = st.integers(-(2**40), 2**40)


@given(sites=SIZES, seed=SEEDS)
def test_the_same_seed_gives_the_same_fleet(sites: int, seed: int) -> None:
    assert simulated_fleet(sites, seed) == simulated_fleet(sites, seed)


@given(sites=SIZES, seed=SEEDS)
def test_a_fleet_is_whole(sites: int, seed: int) -> None:
    fleet = simulated_fleet(sites, seed)
    serials = [site.gateway_serial for site in fleet]
    assert len(serials) == len(set(serials)) == sites
    assert all(GATEWAY_SERIAL.match(serial) for serial in serials)
    assert tuple(serials[:2]) == GUIDE_SERIALS
    assert len({site.name for site in fleet}) == sites
    assert len({site.asset_id for site in fleet}) == sites


@given(sites=SIZES, seed=SEEDS)
def test_the_guides_sites_stream_and_are_well(sites: int, seed: int) -> None:
    for site in simulated_fleet(sites, seed)[:2]:
        assert site.tier is Tier.CRITICAL
        assert site.enabled
        assert site.fault is None


@given(sites=SIZES, seed=SEEDS)
def test_its_site_file_is_valid(sites: int, seed: int) -> None:
    fleet = simulated_fleet(sites, seed)
    document = new_site_tiers({site.gateway_serial: site.to_config() for site in fleet})
    read = parse_site_tiers(render_site_tiers(document)).sites
    for site in fleet:
        assert read[site.gateway_serial].tier is site.tier
        assert read[site.gateway_serial].enabled is site.enabled
        assert read[site.gateway_serial].timezone == "Africa/Lagos"
        assert read[site.gateway_serial].capacity_kva == site.capacity_kva


@pytest.mark.parametrize("seed", range(20))
def test_a_fleet_of_forty_has_every_fault_and_seven_in_ten_critical(seed: int) -> None:
    fleet = simulated_fleet(40, seed)
    faults = Counter(site.fault for site in fleet if site.fault)
    assert faults == dict.fromkeys(Fault, 1)
    assert all(site.tier is Tier.CRITICAL for site in fleet if site.fault)
    assert sum(site.tier is Tier.CRITICAL for site in fleet) == 28
    assert sum(not site.enabled for site in fleet) == 1


def test_two_seeds_give_two_fleets() -> None:
    assert simulated_fleet(40, 1) != simulated_fleet(40, 2)


@pytest.mark.parametrize("sites", [-1, 0, 1, MAX_SITES + 1])
def test_too_few_or_too_many_sites_are_refused(sites: int) -> None:
    with pytest.raises(ValueError, match=str(sites)):
        simulated_fleet(sites, 1)


def test_the_largest_fleet_can_be_made() -> None:
    assert len({site.name for site in simulated_fleet(MAX_SITES, 3)}) == MAX_SITES
