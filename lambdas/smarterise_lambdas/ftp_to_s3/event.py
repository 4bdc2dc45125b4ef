"""Parses the invocation event: the sites of a tier, one site, or all sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.sites.model import Site

_KEYS: Final = frozenset({"site_tier", "gateway_serial"})
_EVENTBRIDGE_KEY: Final = "detail-type"


@dataclass(frozen=True, slots=True)
class Scope:
    """Gateways that a sweep covers.

    Attributes:
        selected: Serials of the gateways whose files are transferred.
        serials: Serials of all gateways in the site file.
    """

    selected: frozenset[str]
    serials: frozenset[str]


class BadRequest(ValueError):
    """The event is invalid, or its site is unknown or disabled."""


@dataclass(frozen=True, slots=True)
class Request:
    """Sites to sweep; all sites if neither attribute is set.

    Attributes:
        tier: Sweep the sites of this tier.
        gateway_serial: Sweep this site only.
    """

    tier: Tier | None = None
    gateway_serial: str | None = None

    def scope(self, sites: Mapping[str, Site]) -> Scope:
        """Return the gateways that the sweep covers.

        Args:
            sites: Sites of the site file.

        Raises:
            BadRequest: If the requested site is not in the site file or is not enabled.
        """
        if self.gateway_serial is not None:
            site = sites.get(self.gateway_serial)
            if site is None or not site.enabled:
                reason = "is not in the site file" if site is None else "is not enabled"
                raise BadRequest(f"site {visible(self.gateway_serial)[:80]} {reason}")
            return Scope(frozenset({self.gateway_serial}), frozenset(sites))
        matching = (site for site in sites.values() if site.enabled and self.tier in {None, site.tier})
        return Scope(frozenset(site.gateway_serial for site in matching), frozenset(sites))


def read_request(event: Any) -> Request:
    """Parse an event: `{"site_tier": …}`, `{"gateway_serial": …}`, or `{}` for all sites.

    A schedule without an input sends the EventBridge event itself, which means all sites.

    Raises:
        BadRequest: If the event is anything else.
    """
    if not isinstance(event, dict):
        raise BadRequest("the event is not a JSON object")
    if _EVENTBRIDGE_KEY in event:
        return Request()
    unknown = sorted(set(map(str, event)) - _KEYS)
    if unknown or len(event) > 1:
        raise BadRequest(
            f"the event has {visible(', '.join(unknown or sorted(_KEYS)))[:200]}: allowed is one of site_tier"
            " and gateway_serial"
        )
    if "site_tier" in event:
        try:
            return Request(tier=Tier(event["site_tier"]))
        except ValueError:
            raise BadRequest(f"site_tier is not one of {', '.join(Tier)}") from None
    if "gateway_serial" in event:
        if not isinstance(event["gateway_serial"], str):
            raise BadRequest("gateway_serial is not a string")
        return Request(gateway_serial=event["gateway_serial"])
    return Request()
