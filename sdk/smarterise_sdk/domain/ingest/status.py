"""How a site's readings come in, by each road: how old the last one is, how much is missing, in one word.

Pure: what was found against what the site's tier asks for. Who looks is `ingest-manager`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from smarterise_sdk.domain.ingest.sweep_report import SweepReport
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.model import Site, Tier


class DataPath(StrEnum):
    """By which road readings come."""

    STREAM = "stream"
    FTP = "ftp"


class DataPathState(StrEnum):
    """How a road is."""

    OK = "ok"
    LATE = "late"
    """Readings come, later than they should."""
    SILENT = "silent"
    """Nothing has come for long."""
    NEVER = "never"
    """Nothing has come as far back as was looked."""
    REJECTED = "rejected"
    """What came last is in the quarantine."""
    FAILING = "failing"
    """What came last could not be loaded, or the FTP servers not be swept: it is not the site."""
    DENIED = "denied"
    """The same, because a function is not let in."""
    OFF = "off"
    """Nothing is to come: the site's tier, or its switch, says so."""
    UNKNOWN = "unknown"
    """It could not be looked."""

    @property
    def is_well(self) -> bool:
        """Whether nobody need do anything."""
        return self in (DataPathState.OK, DataPathState.OFF)


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How old the last reading of a road may be: above `late` it is late, above `silent` silent."""

    late: timedelta
    silent: timedelta


AGE_LIMITS: Final[Mapping[DataPath, AgeLimits]] = MappingProxyType(
    {
        DataPath.STREAM: AgeLimits(timedelta(minutes=5), timedelta(minutes=30)),
        # A file holds an hour, lies until the next sweep, and is loaded then.
        DataPath.FTP: AgeLimits(timedelta(hours=3), timedelta(hours=12)),
    }
)
_LACKING: Final = frozenset({DataPathState.LATE, DataPathState.SILENT, DataPathState.NEVER})
_CERTAIN: Final = frozenset(
    {DataPathState.OK, DataPathState.REJECTED, DataPathState.FAILING, DataPathState.DENIED}
)
"""States that do not depend on what should come."""
_DENIED: Final = ("AccessDenied", "Access Denied", "Forbidden", "not authorized")


@dataclass(frozen=True, slots=True)
class Kept:
    """What the quarantine keeps of a road, of what came in the span.

    Attributes:
        entries: How many entries.
        reason: The reason most of them have.
        last_at: When the newest of them came, UTC.
    """

    entries: int = 0
    reason: str = ""
    last_at: datetime | None = None


_NOTHING_KEPT: Final = Kept()


@dataclass(frozen=True, slots=True)
class DataPathFacts:
    """What was found of a road.

    Attributes:
        last_measured_at: The newest reading's stamp, UTC.
        last_arrived_at: When the newest came, UTC.
        found: Readings in the span; of files, as many as what they cover would be.
        usual: The usual time between two.
        covered: How much of the span they stand for, over all meters.
        meters: How many meters that is of.
        latest_state: How far the newest file has come; empty for the stream.
        latest_reason: Why it came no further.
        unfinished_files: Files that failed, or hang.
        kept: What the quarantine keeps.
    """

    last_measured_at: datetime | None = None
    last_arrived_at: datetime | None = None
    found: int = 0
    usual: timedelta | None = None
    covered: timedelta = timedelta(0)
    meters: int = 0
    latest_state: str = ""
    latest_reason: str = ""
    unfinished_files: int = 0
    kept: Kept = _NOTHING_KEPT


@dataclass(frozen=True, slots=True)
class DataPathStatus:
    """How a road of a site is.

    Attributes:
        gateway_serial: The site.
        data_path: The road.
        state: In one word.
        tier: The site's tier; `None` for a gateway that the site file does not have.
        enabled: Whether the site is.
        last_measured_at: The newest reading's stamp, UTC.
        last_arrived_at: When it came, UTC.
        lateness: How old the newest reading is.
        expected: Readings that should be in the span; `None` when nothing tells, or none should.
        found: Readings that are.
        completeness: Share of the span that readings stand for, 0 to 1; `None` as above.
        note: What else is to be known, in words.
    """

    gateway_serial: str
    data_path: DataPath
    state: DataPathState
    tier: Tier | None
    enabled: bool
    last_measured_at: datetime | None = None
    last_arrived_at: datetime | None = None
    lateness: timedelta | None = None
    expected: int | None = None
    found: int = 0
    completeness: float | None = None
    note: str = ""

    def to_row(self) -> JsonObject:
        """Return it as one flat, JSON-ready object."""
        return {
            "gateway_serial": self.gateway_serial,
            "tier": self.tier.value if self.tier else None,
            "enabled": self.enabled,
            "path": self.data_path.value,
            "state": self.state.value,
            "last_measured_at": _text(self.last_measured_at),
            "last_arrived_at": _text(self.last_arrived_at),
            "lateness_seconds": None if self.lateness is None else round(self.lateness.total_seconds()),
            "expected": self.expected,
            "found": self.found,
            "completeness": None if self.completeness is None else round(self.completeness, 4),
            "note": self.note,
        }


def is_expected(site: Site | None, data_path: DataPath) -> bool:
    """Return whether readings of a site should come by a road: of an unknown gateway whatever comes."""
    if site is None:
        return False
    return site.is_streaming if data_path is DataPath.STREAM else site.enabled


def status_of(
    gateway_serial: str,
    site: Site | None,
    data_path: DataPath,
    facts: DataPathFacts,
    *,
    time_range: timedelta,
    now: datetime,
    sweep: SweepReport | None = None,
    is_file_read: bool = True,
) -> DataPathStatus:
    """Return how a road of a site is.

    Args:
        gateway_serial: The site.
        site: As the file has it; `None` if it has not.
        data_path: The road.
        facts: What was found.
        time_range: How long the time is that was looked at.
        now: This moment, UTC.
        sweep: The last sweep that the site's files could have come by, if that is known.
        is_file_read: Whether the site file could be read; else nobody can say what should come.
    """
    is_due = is_expected(site, data_path)
    lateness = now - facts.last_measured_at if facts.last_measured_at is not None else None
    state = _state(facts, data_path, lateness, is_due=is_due, is_known=site is not None)
    if not is_file_read and state not in _CERTAIN:
        state = DataPathState.UNKNOWN
    swept = ""
    if sweep is not None and is_due and (sweep.is_blocked or state in _LACKING):
        swept = sweep.summary(now)
        if sweep.is_blocked and state in _LACKING:
            state = DataPathState.DENIED if sweep.is_denied else DataPathState.FAILING
    expected, completeness = _share(facts, site, time_range) if is_due else (None, None)
    return DataPathStatus(
        gateway_serial=gateway_serial,
        data_path=data_path,
        state=state,
        tier=site.tier if site else None,
        enabled=site is not None and site.enabled,
        last_measured_at=facts.last_measured_at,
        last_arrived_at=facts.last_arrived_at,
        lateness=lateness,
        expected=expected,
        found=facts.found,
        completeness=completeness,
        note="; ".join(filter(None, (_note(facts, site, state, is_file_read=is_file_read), swept))),
    )


def unknown_status(gateway_serial: str, site: Site | None, data_path: DataPath, why: str) -> DataPathStatus:
    """Return the status of a road that could not be looked at."""
    tier, enabled = (site.tier, site.enabled) if site else (None, False)
    return DataPathStatus(gateway_serial, data_path, DataPathState.UNKNOWN, tier, enabled, note=visible(why))


def _state(
    facts: DataPathFacts, data_path: DataPath, lateness: timedelta | None, *, is_due: bool, is_known: bool
) -> DataPathState:
    if is_known and not is_due:
        return DataPathState.OFF
    if facts.latest_state == "failed":
        is_denied = any(word in facts.latest_reason for word in _DENIED)
        return DataPathState.DENIED if is_denied else DataPathState.FAILING
    if facts.latest_state == "rejected" or _is_after(facts.kept.last_at, facts.last_arrived_at):
        return DataPathState.REJECTED
    if lateness is None:
        # Of a gateway that nobody has entered, whatever comes is more than should.
        return DataPathState.NEVER if is_known else DataPathState.OFF
    timeout = AGE_LIMITS[data_path]
    if lateness > timeout.silent:
        return DataPathState.SILENT
    return DataPathState.LATE if lateness > timeout.late else DataPathState.OK


def _is_after(kept: datetime | None, arrived: datetime | None) -> bool:
    return kept is not None and (arrived is None or kept > arrived + AGE_LIMITS[DataPath.STREAM].late)


def _share(facts: DataPathFacts, site: Site | None, time_range: timedelta) -> tuple[int | None, float | None]:
    usual = facts.usual
    if usual is None and site is not None and site.is_streaming:
        usual = site.tier.policy.cadence
    whole = time_range * max(1, facts.meters)
    completeness = min(1.0, facts.covered / whole)
    return (round(whole / usual) if usual else None), completeness


def _note(facts: DataPathFacts, site: Site | None, state: DataPathState, *, is_file_read: bool) -> str:
    parts: list[str] = []
    if site is None:
        parts.append("not in the site file" if is_file_read else "the site file could not be read")
    elif state is DataPathState.OFF:
        parts.append("the site is disabled" if not site.enabled else f"{site.tier.value}: not streamed")
    if facts.latest_state in ("failed", "rejected") and facts.latest_reason:
        parts.append(f"newest file {facts.latest_state}: {facts.latest_reason}")
    if facts.unfinished_files:
        parts.append(f"{facts.unfinished_files} file(s) not loaded")
    if facts.kept.entries:
        parts.append(f"{facts.kept.entries} in quarantine, mostly {facts.kept.reason}")
    return visible("; ".join(parts))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)
