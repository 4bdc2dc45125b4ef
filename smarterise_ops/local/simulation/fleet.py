"""The simulated fleet: sites and their faults, by number of sites and seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.model import Tier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_sdk.domain.json_text.types import JsonObject

GUIDE_SERIALS = ("ehm21120333", "AN54101471")
"""The serials of the infrastructure guide: in every fleet, CRITICAL, without fault."""

MAX_SITES = 5000
TIMEZONE = "Africa/Lagos"
NOMINAL_VOLTAGE = 230
CRITICAL_SHARE = 0.7
FAULTY_SHARE = 0.15
DISABLED_SHARE = 0.025
FIRST_ASSET = 101

RATINGS_KVA = (100, 200, 300, 315, 500, 500, 800)
DISTRICTS = (
    "Agege", "Ajah", "Ajegunle", "Akoka", "Alausa", "Alimosho", "Amuwo Odofin", "Anthony", "Apapa",
    "Badore", "Bariga", "Broad Street", "Computer Village", "Ebute Metta", "Egbeda", "Ejigbo", "Epe",
    "Festac", "Gbagada", "Ibeju", "Iddo", "Idimu", "Idumota", "Iganmu", "Igando", "Ijora", "Iju",
    "Ikate", "Ikeja", "Ikorodu", "Ikotun", "Ikoyi", "Ilupeju", "Isale Eko", "Isolo", "Iyana Ipaja",
    "Ketu", "Lekki Phase 1", "Magodo", "Marina", "Maryland", "Mushin", "Oba Akran", "Obalende", "Ogba",
    "Ogudu", "Ojo", "Ojodu", "Ojota", "Okota", "Onipanu", "Opebi", "Oregun", "Orile", "Oshodi",
    "Oworonshoki", "Palmgrove", "Sangotedo", "Satellite Town", "Shomolu", "Surulere", "Victoria Island",
    "Yaba",
)  # fmt: skip
PLACES = ("Substation", "Market", "Estate", "Junction", "Hospital", "School", "Water Works", "Depot", "Close")


class Fault(StrEnum):
    """Permanent fault of a site."""

    DEAD_PHASE = "dead phase"
    UNBALANCE = "unbalance"
    METER_OFFLINE = "meter offline"
    SILENT_GATEWAY = "silent gateway"
    CLOCK_FAULT = "clock fault"
    LOW_VOLTAGE = "low voltage"


class Firmware(StrEnum):
    """Firmware generation: parameter names and units."""

    WATTS = "plain names, W"
    KILOWATTS = "units in names, kW"


@dataclass(frozen=True, slots=True)
class SimulatedSite:
    """One gateway with one meter.

    Attributes:
        gateway_serial: The site's key.
        meter_serial: The meter behind the gateway.
        tier: Initial tier.
        enabled: Whether data collection is initially enabled.
        name: A place around Lagos.
        asset_id: The transformer it measures.
        capacity_kva: The transformer's rating.
        firmware: Firmware generation.
        fault: Fault, if any.
    """

    gateway_serial: str
    meter_serial: str
    tier: Tier
    enabled: bool
    name: str
    asset_id: str
    capacity_kva: int
    firmware: Firmware
    fault: Fault | None

    def to_config(self) -> JsonObject:
        """Return the site's entry in `site-tiers.json`."""
        return {
            "tier": self.tier.value,
            "enabled": self.enabled,
            "name": self.name,
            "asset_id": self.asset_id,
            "nominal_voltage": NOMINAL_VOLTAGE,
            "capacity_kva": self.capacity_kva,
            "timezone": TIMEZONE,
            "quality_profile": "en50160",
        }


def simulated_fleet(sites: int, seed: int) -> tuple[SimulatedSite, ...]:
    """Return the deterministic fleet of `sites` sites for `seed`, the two of the guide first.

    Args:
        sites: How many, 2 to `MAX_SITES`.
        seed: Picks everything that is not fixed.

    Raises:
        ValueError: If there are too few or too many sites.
    """
    if not len(GUIDE_SERIALS) <= sites <= MAX_SITES:
        raise ValueError(f"a fleet has {len(GUIDE_SERIALS)} to {MAX_SITES} sites, not {sites}")
    rng = random.Random(f"fleet:{seed}")  # noqa: S311 -- a simulation, no secret
    serials = [*GUIDE_SERIALS, *_synthetic_serials(rng, sites - len(GUIDE_SERIALS))]
    names = _names(rng)
    others = range(len(GUIDE_SERIALS), sites)
    faults = _faults(rng, others)
    # Faults go to CRITICAL sites: only their readings are streamed.
    healthy = [at for at in others if at not in faults]
    non_critical = rng.sample(healthy, k=min(len(healthy), round(sites * (1 - CRITICAL_SHARE))))
    disabled = rng.sample(non_critical, k=min(len(non_critical), int(sites * DISABLED_SHARE)))
    return tuple(
        SimulatedSite(
            gateway_serial=serial,
            meter_serial=f"CLD{rng.randrange(10**8):08d}",
            tier=Tier.NON_CRITICAL if at in non_critical else Tier.CRITICAL,
            enabled=at not in disabled,
            name=next(names),
            asset_id=f"C{FIRST_ASSET + at}",
            capacity_kva=rng.choice(RATINGS_KVA),
            firmware=rng.choice(tuple(Firmware)),
            fault=faults.get(at),
        )
        for at, serial in enumerate(serials)
    )


def _faults(rng: random.Random, others: range) -> dict[int, Fault]:
    """Assign faults to some sites, evenly over the kinds."""
    count = min(len(others), round((len(others) + len(GUIDE_SERIALS)) * FAULTY_SHARE))
    kinds = tuple(Fault)
    return {at: kinds[turn % len(kinds)] for turn, at in enumerate(rng.sample(others, k=count))}


def _synthetic_serials(rng: random.Random, count: int) -> list[str]:
    """Return unique serials in the two formats, none of the guide."""
    made: dict[str, None] = {}
    while len(made) < count:
        number = rng.randrange(10**6)
        serial = f"AN54{number:06d}" if rng.random() < 0.6 else f"ehm21{number:06d}"
        if serial not in GUIDE_SERIALS:
            made[serial] = None
    return list(made)


def _names(rng: random.Random) -> Iterator[str]:
    """Yield unique names of places, endlessly."""
    pairs = [f"{district} {place}" for district in DISTRICTS for place in PLACES]
    rng.shuffle(pairs)
    round_number = 1
    while True:
        for pair in pairs:
            yield pair if round_number == 1 else f"{pair} {round_number}"
        round_number += 1
