"""How a site's readings are collected: what its tier and its switch come to."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.model import Site, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smarterise_sdk.domain.json_text.types import JsonObject


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


def collection_of_entry(entry: JsonObject | None) -> Collection:
    """Return how the site that a sound object of the file describes is collected, without making the site.

    Args:
        entry: The object; `None` is a site that is not there.
    """
    if entry is None:
        return Collection.ABSENT
    if entry.get("enabled") is False:
        return Collection.NONE
    return Collection.STREAMED if entry["tier"] == Tier.CRITICAL else Collection.FTP_ALONE


def fleet_of(sites: Iterable[Site]) -> Counter[Collection]:
    """Return how many sites are collected in which way."""
    return Counter(collection_of(site) for site in sites)
