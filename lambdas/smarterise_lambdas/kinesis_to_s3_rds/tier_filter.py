"""Whose readings are taken from the stream: those of live sites, and of gateways the site file does not know.

A reading of a site that is not live is let go: its values come by FTP, or are not wanted. A gateway that
nobody has entered yet is let through, because what it measures could not be had again.
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
    """What of a batch is taken.

    Attributes:
        accepted: Readings that are taken.
        rejected: Records that are no reading, and are kept for people to see.
        dropped: How many records of sites that are not live were let go.
        unknown: Gateways among the accepted that the site file does not know.
    """

    accepted: tuple[Accepted, ...]
    rejected: tuple[Rejected, ...]
    dropped: int
    unknown: frozenset[str]


def admitted(verdicts: Iterable[Accepted | Rejected], sites: Mapping[str, Site] | None) -> Admission:
    """Return what of a batch is taken.

    Args:
        verdicts: The records, judged.
        sites: The sites by gateway serial; `None` when nobody can say, then everything is taken.
    """
    accepted: list[Accepted] = []
    rejected: list[Rejected] = []
    unknown: set[str] = set()
    dropped = 0
    for parsed in verdicts:
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
    """Return whether a record is of a site that is known and is not live.

    Args:
        parsed: The record, judged.
        sites: The sites by gateway serial; `None` when nobody can say.
    """
    site = sites.get(_serial_of(parsed)) if sites is not None else None
    return site is not None and not site.is_streaming and not _may_be_of_many(parsed)


def _may_be_of_many(parsed: Accepted | Rejected) -> bool:
    # An aggregate bears the key of one of those whose readings it holds.
    return isinstance(parsed, Rejected) and parsed.reason is RejectReason.BAD_AGGREGATE


def _serial_of(parsed: Accepted | Rejected) -> str:
    # What cannot be read tells no serial; then the topic it came on does.
    return parsed.reading.gateway_serial if isinstance(parsed, Accepted) else parsed.record.partition_key
