"""Sites and tiers. The file is parsed and rendered in `document`."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.tier_policy import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue


__all__ = ["Site", "Tier"]


@dataclass(frozen=True, slots=True)
class Site:
    """One site of `site-tiers.json`. `extra` contains its unknown keys, unchanged."""

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
    def is_streaming(self) -> bool:
        """Whether its readings arrive by the stream."""
        return self.enabled and self.tier.policy.is_streamed

    @property
    def has_alarm_actions(self) -> bool:
        """Whether its alarms notify."""
        return self.enabled and self.tier.policy.has_alarm_actions

    def to_row(self) -> JsonObject:
        """Return the site as a flat JSON object, with the known fields in display order."""
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
