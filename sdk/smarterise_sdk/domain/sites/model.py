"""What a site is: a gateway under a tier. Reading and writing the file is `document`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue


class Tier(StrEnum):
    """How a site is collected: CRITICAL streams and alarms, NON_CRITICAL comes by FTP alone."""

    CRITICAL = "CRITICAL"
    NON_CRITICAL = "NON_CRITICAL"

    @property
    def cadence(self) -> timedelta:
        """How often readings of a site of this tier are expected to arrive."""
        return timedelta(minutes=1) if self is Tier.CRITICAL else timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Site:
    """One site of `site-tiers.json`. `extra` holds the keys we do not know, unchanged."""

    gateway_serial: str
    tier: Tier
    enabled: bool = True
    name: str = ""
    asset_id: str = ""
    nominal_voltage: float = 230.0
    capacity_kva: float | None = None
    timezone: str = "UTC"
    quality_profile: str = "en50160"
    extra: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_live(self) -> bool:
        """Whether its readings are streamed and its alarms tell anybody: enabled and CRITICAL."""
        return self.enabled and self.tier is Tier.CRITICAL

    def to_row(self) -> JsonObject:
        """Return the site as one flat, JSON-ready object, the known fields in their order."""
        return {
            "gateway_serial": self.gateway_serial,
            "tier": self.tier.value,
            "enabled": self.enabled,
            "name": self.name,
            "asset_id": self.asset_id,
            "nominal_voltage": self.nominal_voltage,
            "capacity_kva": self.capacity_kva,
            "timezone": self.timezone,
            "quality_profile": self.quality_profile,
            **self.extra,
        }
