"""How a site's readings are collected: what its tier and its switch come to."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites import Site, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable


class Collection(StrEnum):
    """How the readings of a site are collected."""

    STREAMED = "streamed"
    """Live, with FTP as backup."""
    FTP_ALONE = "FTP alone"
    NONE = "not collected"
    ABSENT = "not there"


def collection_of(site: Site | None) -> Collection:
    """Return how a site is collected; `None` is a site that is not there."""
    if site is None:
        return Collection.ABSENT
    if not site.enabled:
        return Collection.NONE
    return Collection.STREAMED if site.tier is Tier.CRITICAL else Collection.FTP_ALONE


def fleet_of(sites: Iterable[Site]) -> Counter[Collection]:
    """Return how many sites are collected in which way."""
    return Counter(collection_of(site) for site in sites)
