"""Holes in the readings of sites, and what is known of why they are there.

Pure. What is known is told as it was found, each in a sentence; where nothing is, that is said.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.ingest.status import AGE_LIMITS, DataPath
from smarterise_sdk.domain.log_files.names import read_log_name
from smarterise_sdk.domain.sites.tier_policy import Collection, collection_of
from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.model import Site

FILE_LASTS: Final = timedelta(hours=1)
"""So much a gateway's file usually holds."""
LATE_FILE: Final = timedelta(days=2)
MANY_SHARE: Final = 0.3
"""When so many of the sites have a hole at once, it is not the sites."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without readings of a meter.

    Attributes:
        gateway_serial: The site.
        device_serial: The meter; empty where none is known.
        since: The last reading before it, or the beginning of what was looked at, UTC.
        until: The first reading after it, or the end of what was looked at, UTC.
        is_open: Whether no reading has come after it.
        readings: How many single readings are within it, too far apart to end it.
        causes: What is known of why, in words.
    """

    gateway_serial: str
    device_serial: str
    since: datetime
    until: datetime
    is_open: bool = False
    readings: int = 0
    causes: tuple[str, ...] = ()

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    def to_row(self) -> JsonObject:
        """Return it as one flat, JSON-ready object."""
        return {
            "gateway_serial": self.gateway_serial,
            "device_serial": self.device_serial,
            "from": utc_text(self.since),
            "to": utc_text(self.until),
            "length_seconds": round(self.length.total_seconds()),
            "is_open": self.is_open,
            "readings": self.readings,
            "causes": list(self.causes),
        }


@dataclass(frozen=True, slots=True)
class Within:
    """What is within a hole, though no reading that counts: rows of a meter that is offline, and so on."""

    offline: int = 0
    clock_faults: int = 0
    unnamed: int = 0

    def __add__(self, other: Within) -> Within:
        return Within(
            self.offline + other.offline,
            self.clock_faults + other.clock_faults,
            self.unnamed + other.unnamed,
        )


@dataclass(frozen=True, slots=True)
class Issue:
    """A file that was not loaded, or an entry of the quarantine.

    Attributes:
        gateway_serial: Whose it is.
        key: The object, or what it came from: its name tells when it begins.
        text: What is the matter.
        at: When it came, UTC.
        entry_id: The entry's id; empty for a file.
        data_path: By which road it came.
    """

    gateway_serial: str
    key: str
    text: str
    at: datetime
    entry_id: str = ""
    data_path: DataPath = DataPath.FTP


@dataclass(frozen=True, slots=True)
class SiteEvent:
    """A version of the site file that changed a site."""

    gateway_serial: str
    at: datetime
    text: str


def is_due(gap: Gap, site: Site | None, now: datetime) -> bool:
    """Return whether a hole is one already: what comes by file may still be on its way."""
    if not gap.is_open or gap.until < now - AGE_LIMITS[DataPath.FTP].late:
        return True
    data_path = DataPath.STREAM if collection_of(site) is Collection.STREAMED else DataPath.FTP
    return gap.length > AGE_LIMITS[data_path].late


def explained(
    gap: Gap,
    site: Site | None,
    *,
    within: Within,
    issues: Iterable[Issue],
    events: Iterable[SiteEvent],
    others: int,
    sites: int,
    is_file_read: bool = True,
) -> Gap:
    """Return a hole with what is known of why it is there.

    Args:
        gap: The hole.
        site: As the file has it; `None` if it has not.
        within: What is within it.
        issues: Files and entries, of any site.
        events: Changes of the site file, of any site.
        others: How many other sites have a hole at the same time.
        sites: How many sites there are.
        is_file_read: Whether the site file could be read.
    """
    of_site = _of_site(gap, site, events) if is_file_read else ["the site file could not be read"]
    causes = [*of_site, *_of_rows(within), *_of_issues(gap, issues)]
    if gap.readings:
        causes.append(f"{gap.readings} reading(s) lie in it, far apart")
    if others and others >= MANY_SHARE * max(1, sites - 1):
        causes.append(f"{others} other site(s) have no readings then either: look at what they share")
    if not causes:
        came = "nothing has come" if gap.is_open else "nothing came"
        causes.append(f"{came}: the gateway, its network, or the files are still on it")
    return replace(gap, causes=tuple(map(visible, causes)))


def others_with(gaps: Sequence[Gap]) -> list[int]:
    """Return for each hole how many other sites have one in the middle of it."""
    time_ranges = sorted((gap.gateway_serial, gap.since, gap.until) for gap in gaps)
    united: list[tuple[str, datetime, datetime]] = []
    for serial, since, until in time_ranges:
        # Of a site with several meters a time counts once.
        if united and united[-1][0] == serial and since <= united[-1][2]:
            united[-1] = (serial, united[-1][1], max(until, united[-1][2]))
        else:
            united.append((serial, since, until))
    starts = sorted(since for _, since, _ in united)
    ends = sorted(until for _, _, until in united)
    middles = [gap.since + gap.length / 2 for gap in gaps]
    return [bisect_right(starts, middle) - bisect_left(ends, middle) - 1 for middle in middles]


def adjoined(gaps: Iterable[tuple[Gap, Within]]) -> list[tuple[Gap, Within]]:
    """Return holes with those of a meter made one that a single reading is between, in their order."""
    found: list[tuple[Gap, Within]] = []
    for gap, within in sorted(
        gaps, key=lambda pair: (pair[0].gateway_serial, pair[0].device_serial, pair[0].since)
    ):
        last, beside = found[-1] if found else (None, Within())
        if last is not None and (last.gateway_serial, last.device_serial, last.until) == (
            gap.gateway_serial,
            gap.device_serial,
            gap.since,
        ):
            one = replace(last, until=gap.until, is_open=gap.is_open, readings=last.readings + 1)
            found[-1] = one, beside + within
        else:
            found.append((gap, within))
    return found


def gateways_without_readings(
    gateways: Iterable[str], seen: Iterable[str], since: datetime, until: datetime
) -> list[Gap]:
    """Return the holes of gateways that no reading was found of."""
    known = set(seen)
    return [Gap(serial, "", since, until, is_open=True) for serial in gateways if serial not in known]


def tier_events(rows: Iterable[Mapping[str, object]]) -> list[SiteEvent]:
    """Return the changes of sites that rows of the site file's history tell."""
    found: list[SiteEvent] = []
    for row in rows:
        serials, summary = row.get("gateway_serials"), row.get("summary")
        try:
            at = datetime.fromisoformat(str(row.get("written_at"))).astimezone(UTC)
        except ValueError:
            continue
        if isinstance(serials, list):
            found += (SiteEvent(str(serial), at, str(summary or "")) for serial in serials)
    return found


def _of_site(gap: Gap, site: Site | None, events: Iterable[SiteEvent]) -> list[str]:
    causes: list[str] = []
    match collection_of(site):
        case Collection.ABSENT:
            causes.append("the site is not in the site file: its files are not collected")
        case Collection.NONE:
            causes.append("the site is disabled: nothing is collected")
        case Collection.FTP_ALONE if gap.is_open:
            causes.append("the site is NON_CRITICAL: its files are still to come, the stream is let go")
        case _:
            pass
    causes += (
        f"the site file was changed at {utc_text(event.at)}: {event.text}"
        for event in events
        if event.gateway_serial == gap.gateway_serial and gap.since - FILE_LASTS <= event.at <= gap.until
    )
    return causes


def _of_rows(within: Within) -> list[str]:
    causes: list[str] = []
    if within.offline:
        causes.append(f"the gateway says that its meter was offline, {within.offline} times")
    if within.clock_faults:
        causes.append(f"{within.clock_faults} reading(s) with a wrong clock lie in it")
    if within.unnamed:
        causes.append(
            f"{within.unnamed} reading(s) of no known meter lie in it: enter `loggers` into the site file"
        )
    return causes


def _of_issues(gap: Gap, issues: Iterable[Issue]) -> list[str]:
    counted: dict[tuple[str, str], list[Issue]] = {}
    for issue in issues:
        if issue.gateway_serial == gap.gateway_serial and _may_fill(gap, issue):
            kind = "in quarantine" if issue.entry_id else "not loaded"
            counted.setdefault((kind, issue.text), []).append(issue)
    return [
        f"{len(of_kind)} × {kind}, {text}: {of_kind[0].entry_id[:8] or of_kind[0].key}"
        for (kind, text), of_kind in counted.items()
    ]


def _may_fill(gap: Gap, issue: Issue) -> bool:
    """Return whether what was not taken may hold what is missing: by its name's time, else by its arrival."""
    if issue.data_path is DataPath.STREAM:
        return gap.since <= issue.at <= gap.until
    name = read_log_name(issue.key.rpartition("/")[2])
    started = name.started_at
    if started is None:
        return gap.since <= issue.at <= gap.until + LATE_FILE
    return gap.since - FILE_LASTS <= started <= gap.until
