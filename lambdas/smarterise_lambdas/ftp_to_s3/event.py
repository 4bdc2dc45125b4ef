"""What an invocation asks for: the sites of a tier, one site, or all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.sites.model import Site

_KEYS: Final = frozenset({"site_tier", "gateway_serial"})
_MARK_OF_A_SCHEDULE: Final = "detail-type"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a sweep is about.

    Attributes:
        selected: Serials of the gateways whose files are taken.
        serials: Serials of all gateways that the site file knows.
    """

    selected: frozenset[str]
    serials: frozenset[str]


class BadRequest(ValueError):
    """The event asks for nothing that there is."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which sites to sweep. Neither set means all.

    Attributes:
        tier: Those of a tier.
        gateway_serial: That one.
    """

    tier: Tier | None = None
    gateway_serial: str | None = None

    def scope(self, sites: Mapping[str, Site]) -> Scope:
        """Return what the sweep is about.

        Args:
            sites: Of the site file.

        Raises:
            BadRequest: If the one site that is asked for is not there, or is not enabled.
        """
        if self.gateway_serial is not None:
            site = sites.get(self.gateway_serial)
            if site is None or not site.enabled:
                what = "is not in the site file" if site is None else "is not enabled"
                raise BadRequest(f"site {visible(self.gateway_serial)[:80]} {what}")
            return Scope(frozenset({self.gateway_serial}), frozenset(sites))
        chosen = (site for site in sites.values() if site.enabled and self.tier in {None, site.tier})
        return Scope(frozenset(site.gateway_serial for site in chosen), frozenset(sites))


def read_request(event: Any) -> Request:
    """Return what an event asks for: `{"site_tier": …}`, `{"gateway_serial": …}`, or nothing for all.

    A schedule that was made without an input sends EventBridge's own event, and means all.

    Raises:
        BadRequest: If it is anything else.
    """
    if not isinstance(event, dict):
        raise BadRequest("the event is no JSON object")
    if _MARK_OF_A_SCHEDULE in event:
        return Request()
    unknown = sorted(set(map(str, event)) - _KEYS)
    if unknown or len(event) > 1:
        raise BadRequest(
            f"the event has {visible(', '.join(unknown or sorted(_KEYS)))[:200]}: it may have site_tier"
            " or gateway_serial"
        )
    if "site_tier" in event:
        try:
            return Request(tier=Tier(event["site_tier"]))
        except ValueError:
            raise BadRequest(f"site_tier is not one of {', '.join(Tier)}") from None
    if "gateway_serial" in event:
        if not isinstance(event["gateway_serial"], str):
            raise BadRequest("gateway_serial is no text")
        return Request(gateway_serial=event["gateway_serial"])
    return Request()
