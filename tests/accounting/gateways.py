"""The fleet, and all that it sends in its hour: drawn from one seed, so that a run can be had again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .faults import OF_FILES, Fault
from .logs import Logger, Slot, Upload
from .messages import Message, Publisher, Record, record_of
from .sent import HOUR_BEGINS, MINUTE, Site

if TYPE_CHECKING:
    from collections.abc import Sequence

SITES = 200
LISTING, FOLDERS = "main", "old"
"""Two servers: one with MLSD and all files in one folder; one with LIST, a folder a gateway, and emptied."""
STREAMED_EVERY, DROPPED_EVERY = 6, 20
"""Minutes between the messages of a CRITICAL site and of another one."""
CRITICAL_FILE, OTHER_FILE = 15, 60
"""Minutes, and rows, of a file of a CRITICAL site and of another one."""
CUT_OFF, CUT_OFF_UNTIL = 5, 38
"""So many gateways do not reach the stream until that minute, while their files come."""
LATE_SHARE, LATE_BY = 0.1, 25
"""A part of the messages comes so many minutes late."""
OF_EACH_FAULT = (2, 4)
"""Between so many files have each fault; so many times ten messages each of theirs."""

_LONDON, _LAGOS = ZoneInfo("Europe/London"), ZoneInfo("Africa/Lagos")


@dataclass(frozen=True, slots=True)
class Traffic:
    """All that is sent.

    Attributes:
        sites: By whom.
        uploads: Files, in the order they are uploaded.
        records: Of the stream, in the order they are published.
    """

    sites: tuple[Site, ...]
    uploads: tuple[Upload, ...]
    records: tuple[Record, ...]


def traffic(seed: int) -> Traffic:
    """Return what is sent in the hour of a seed."""
    rng = random.Random(seed)
    sites = _fleet(rng)
    uploads = sorted(_uploads(rng, sites), key=lambda upload: upload.minute)
    records = sorted(_records(rng, sites), key=lambda record: record.minute)
    return Traffic(sites, tuple(uploads), tuple(records))


def site_file(sites: Sequence[Site]) -> dict[str, object]:
    """Return the site file of a fleet."""
    return {
        "schema_version": 1,
        "sites": {
            site.serial: {
                "tier": "CRITICAL" if site.is_critical else "NON_CRITICAL",
                "timezone": site.zone.key,
                "loggers": dict(zip(site.loggers, site.meters, strict=True)) if len(site.meters) > 1 else {},
            }
            for site in sites
        },
    }


def _fleet(rng: random.Random) -> tuple[Site, ...]:
    serials = rng.sample(range(54_000_000, 54_999_999), SITES)
    sites = []
    for number, serial in enumerate(sorted(serials)):
        is_critical = number < SITES // 2
        has_two = is_critical and number % 40 == 0
        server = "" if is_critical and number % 5 else rng.choice((LISTING, LISTING, LISTING, FOLDERS))
        meters = tuple(f"CLD{serial}{at}" for at in range(2 if has_two else 1))
        zone = _LONDON if number % 3 == 0 else _LAGOS
        sites.append(Site(f"AN{serial}", meters, is_critical, zone, server))
    return tuple(sites)


def _uploads(rng: random.Random, sites: Sequence[Site]) -> list[Upload]:
    slots = [slot for site in sites if site.server for slot in _slots(site)]
    faults = _dealt(rng, slots)
    logger = Logger(rng)
    return [upload for slot in slots for upload in logger.uploads(slot, faults.get(slot))]


def _slots(site: Site) -> list[Slot]:
    rows = CRITICAL_FILE if site.is_critical else OTHER_FILE
    return [
        Slot(site, logger, HOUR_BEGINS + start * MINUTE, rows, start + rows)
        for start in range(0, 60, rows)
        for logger in site.loggers
    ]


def _dealt(rng: random.Random, slots: Sequence[Slot]) -> dict[Slot, Fault]:
    """Deal each fault of files to some slots that it can befall."""
    free = rng.sample(slots, len(slots))
    dealt: dict[Slot, Fault] = {}
    for fault in OF_FILES:
        able = [slot for slot in free if _can_befall(fault, slot)]
        for slot in able[: 1 if fault is Fault.MANY_FILES_AT_ONCE else rng.randint(*OF_EACH_FAULT)]:
            dealt[slot] = fault
            free.remove(slot)
    return dealt


def _can_befall(fault: Fault, slot: Slot) -> bool:
    if fault in (Fault.DST_HOUR, Fault.ODD_NAME) and len(slot.site.meters) > 1:
        return False  # by such names no logger is known
    if fault is Fault.DST_HOUR:
        return slot.site.zone is _LONDON
    if fault in (Fault.LYING_SIZE, Fault.GROWING_FILE, Fault.NAME_WITH_NEWLINE):
        return slot.site.server == LISTING
    return True


def _records(rng: random.Random, sites: Sequence[Site]) -> list[Record]:
    publisher = Publisher(rng)
    said: list[tuple[float, Message]] = []
    cut_off = set(rng.sample([site for site in sites if site.is_critical and site.server], CUT_OFF))
    for number, site in enumerate(sites):
        every = STREAMED_EVERY if site.is_critical else DROPPED_EVERY
        # On the minute, as in files: some readings arrive by both data paths.
        for minute in range(number % every, 60, every):
            late = max(minute, CUT_OFF_UNTIL) if site in cut_off else minute
            if site.server and rng.random() < LATE_SHARE:
                late = min(late + LATE_BY, 59)
            said += [
                (late, publisher.message(site, meter, HOUR_BEGINS + minute * MINUTE)) for meter in site.meters
            ]
    aggregated = set(range(3, 60, 12))
    records = [record_of(minute, message) for minute, message in said if minute not in aggregated]
    for _ in range(rng.randint(*OF_EACH_FAULT) * 10):
        minute, message = rng.choice(said)
        later = min(59.5, minute + rng.choice((0, 0.5, 5)))
        records.append(record_of(later, publisher.again(message), Fault.DUPLICATE_TIMESTAMPS))
    for _ in range(rng.randint(*OF_EACH_FAULT) * 5):
        site, minute = rng.choice(sites), rng.uniform(0, 60)
        records.append(record_of(minute, publisher.poison(site, HOUR_BEGINS), Fault.POISON))
        lost = publisher.factory_clock(rng.choice(sites), timedelta(minutes=minute))
        records.append(record_of(minute, lost, Fault.FACTORY_CLOCK))
    for minute in sorted(aggregated):
        messages = [message for at, message in said if at == minute]
        messages.append(publisher.poison(rng.choice(sites[: SITES // 2]), HOUR_BEGINS))
        messages += rng.sample(messages, 2)
        rng.shuffle(messages)
        records += publisher.aggregates(minute, messages)
    return records
