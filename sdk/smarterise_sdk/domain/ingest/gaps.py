"""Gaps in the readings of sites, and their likely causes.

Pure functions. Each cause is a sentence; if no cause is found, the text says so.
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

FILE_DURATION: Final = timedelta(hours=1)
"""Usual duration covered by a gateway's file."""
LATE_FILE: Final = timedelta(days=2)
MANY_SHARE: Final = 0.3
"""Share of sites with a simultaneous gap from which a common cause is assumed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without readings of a meter.

    Attributes:
        gateway_serial: The site.
        device_serial: The meter; empty if unknown.
        since: Last reading before the gap, or start of the checked time range, UTC.
        until: First reading after the gap, or end of the checked time range, UTC.
        is_open: Whether no reading has arrived after it.
        readings: Number of isolated readings in the gap that do not end it.
        causes: Likely causes, as sentences.
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
        """Duration of the gap."""
        return self.until - self.since

    def to_row(self) -> JsonObject:
        """Return the gap as a flat JSON object."""
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
class IgnoredRows:
    """Number of rows in a gap that do not count as readings, e.g. of an offline meter."""

    offline: int = 0
    clock_faults: int = 0
    unnamed: int = 0

    def __add__(self, other: IgnoredRows) -> IgnoredRows:
        return IgnoredRows(
            self.offline + other.offline,
            self.clock_faults + other.clock_faults,
            self.unnamed + other.unnamed,
        )


@dataclass(frozen=True, slots=True)
class Issue:
    """A file that was not loaded, or a quarantine entry.

    Attributes:
        gateway_serial: The gateway.
        key: Key of the object or of its source; the file name contains its start time.
        text: Description.
        at: Arrival time, UTC.
        entry_id: Id of the quarantine entry; empty for a file.
        data_path: The data path.
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
    """Return whether a gap counts: files of an open gap may still arrive."""
    if not gap.is_open or gap.until < now - AGE_LIMITS[DataPath.FTP].late:
        return True
    data_path = DataPath.STREAM if collection_of(site) is Collection.STREAMED else DataPath.FTP
    return gap.length > AGE_LIMITS[data_path].late


def explained(
    gap: Gap,
    site: Site | None,
    *,
    ignored: IgnoredRows,
    issues: Iterable[Issue],
    events: Iterable[SiteEvent],
    others: int,
    sites: int,
    is_file_read: bool = True,
) -> Gap:
    """Return a gap with its likely causes.

    Args:
        gap: The gap.
        site: The site; `None` if it is not in the site file.
        ignored: Rows in the gap that do not count as readings.
        issues: Files and quarantine entries of any site.
        events: Changes of any site in the site file.
        others: Number of other sites with a gap at the same time.
        sites: Total number of sites.
        is_file_read: Whether the site file could be read.
    """
    of_site = _of_site(gap, site, events) if is_file_read else ["the site file could not be read"]
    causes = [*of_site, *_of_rows(ignored), *_of_issues(gap, issues)]
    if gap.readings:
        causes.append(f"{gap.readings} isolated reading(s) in the gap")
    if others and others >= MANY_SHARE * max(1, sites - 1):
        causes.append(f"{others} other site(s) have a gap at the same time: check for a common cause")
    if not causes:
        causes.append("nothing received: gateway or network fault, or the files are still on the gateway")
    return replace(gap, causes=tuple(map(visible, causes)))


def others_with(gaps: Sequence[Gap]) -> list[int]:
    """Return for each gap the number of other sites with a gap at its midpoint."""
    time_ranges = sorted((gap.gateway_serial, gap.since, gap.until) for gap in gaps)
    united: list[tuple[str, datetime, datetime]] = []
    for serial, since, until in time_ranges:
        # Overlapping gaps of several meters of a site count once.
        if united and united[-1][0] == serial and since <= united[-1][2]:
            united[-1] = (serial, united[-1][1], max(until, united[-1][2]))
        else:
            united.append((serial, since, until))
    starts = sorted(since for _, since, _ in united)
    ends = sorted(until for _, _, until in united)
    middles = [gap.since + gap.length / 2 for gap in gaps]
    return [bisect_right(starts, middle) - bisect_left(ends, middle) - 1 for middle in middles]


def merged_gaps(gaps: Iterable[tuple[Gap, IgnoredRows]]) -> list[tuple[Gap, IgnoredRows]]:
    """Merge gaps of a meter that are separated by a single reading; return them in order."""
    found: list[tuple[Gap, IgnoredRows]] = []
    for gap, ignored in sorted(
        gaps, key=lambda pair: (pair[0].gateway_serial, pair[0].device_serial, pair[0].since)
    ):
        last, last_ignored = found[-1] if found else (None, IgnoredRows())
        if last is not None and (last.gateway_serial, last.device_serial, last.until) == (
            gap.gateway_serial,
            gap.device_serial,
            gap.since,
        ):
            one = replace(last, until=gap.until, is_open=gap.is_open, readings=last.readings + 1)
            found[-1] = one, last_ignored + ignored
        else:
            found.append((gap, ignored))
    return found


def gateways_without_readings(
    gateways: Iterable[str], seen: Iterable[str], since: datetime, until: datetime
) -> list[Gap]:
    """Return one open gap for each gateway without readings."""
    known = set(seen)
    return [Gap(serial, "", since, until, is_open=True) for serial in gateways if serial not in known]


def tier_events(rows: Iterable[Mapping[str, object]]) -> list[SiteEvent]:
    """Return the site changes in rows of the site file's history."""
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
            causes.append("the site is disabled: no data is collected")
        case Collection.FTP_ALONE if gap.is_open:
            causes.append(
                "the site is NON_CRITICAL: stream readings are dropped, its files have not arrived yet"
            )
        case _:
            pass
    causes += (
        f"the site file was changed at {utc_text(event.at)}: {event.text}"
        for event in events
        if event.gateway_serial == gap.gateway_serial and gap.since - FILE_DURATION <= event.at <= gap.until
    )
    return causes


def _of_rows(ignored: IgnoredRows) -> list[str]:
    causes: list[str] = []
    if ignored.offline:
        causes.append(f"the gateway reported its meter as offline {ignored.offline} times")
    if ignored.clock_faults:
        causes.append(f"{ignored.clock_faults} reading(s) with a clock fault in the gap")
    if ignored.unnamed:
        causes.append(
            f"{ignored.unnamed} reading(s) of an unknown meter in the gap: add `loggers` to the site file"
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
    """Return whether rejected input may contain the missing readings, by start time or arrival time."""
    if issue.data_path is DataPath.STREAM:
        return gap.since <= issue.at <= gap.until
    name = read_log_name(issue.key.rpartition("/")[2])
    started = name.started_at
    if started is None:
        return gap.since <= issue.at <= gap.until + LATE_FILE
    return gap.since - FILE_DURATION <= started <= gap.until
