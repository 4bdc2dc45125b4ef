"""Filters stream records by tier: keeps streaming sites and gateways that are not in the site file.

Readings of other sites are dropped: their values arrive by FTP, or the site is disabled. Readings of unknown
gateways are kept, because they cannot be recovered later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_lambdas.kinesis_to_s3_rds.records import Accepted, Rejected
from smarterise_sdk.domain.readings.mqtt import RejectReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smarterise_sdk.domain.sites.model import Site


@dataclass(frozen=True, slots=True)
class Admission:
    """Result of the tier filter for a batch.

    Attributes:
        accepted: Readings to load.
        rejected: Invalid records to quarantine.
        dropped: Number of dropped records of sites that are not streaming.
        unknown: Gateways of accepted readings that are not in the site file.
    """

    accepted: tuple[Accepted, ...]
    rejected: tuple[Rejected, ...]
    dropped: int
    unknown: frozenset[str]


def admit(records: Iterable[Accepted | Rejected], sites: Mapping[str, Site] | None) -> Admission:
    """Apply the tier filter to a batch.

    Args:
        records: Parsed records.
        sites: Sites by gateway serial; `None` if the site file is not readable, then nothing is dropped.
    """
    accepted: list[Accepted] = []
    rejected: list[Rejected] = []
    unknown: set[str] = set()
    dropped = 0
    for parsed in records:
        serial = _serial_of(parsed)
        if is_dropped(parsed, sites):
            dropped += 1
        elif isinstance(parsed, Rejected):
            rejected.append(parsed)
        else:
            accepted.append(parsed)
            if sites is not None and serial not in sites:
                unknown.add(serial)
    return Admission(tuple(accepted), tuple(rejected), dropped, frozenset(unknown))


def is_dropped(parsed: Accepted | Rejected, sites: Mapping[str, Site] | None) -> bool:
    """Return whether a record belongs to a known site that is not streaming.

    Args:
        parsed: Parsed record.
        sites: Sites by gateway serial; `None` if the site file is not readable.
    """
    site = sites.get(_serial_of(parsed)) if sites is not None else None
    return site is not None and not site.is_streaming and not _is_aggregate(parsed)


def _is_aggregate(parsed: Accepted | Rejected) -> bool:
    # The partition key of an aggregate is that of only one of its gateways.
    return isinstance(parsed, Rejected) and parsed.reason is RejectReason.BAD_AGGREGATE


def _serial_of(parsed: Accepted | Rejected) -> str:
    # An unreadable record has no serial; its partition key was set from the topic.
    return parsed.reading.gateway_serial if isinstance(parsed, Accepted) else parsed.record.partition_key
