"""Ingest status of a site per data path: age of the latest reading, completeness, and state.

Pure functions; `ingest-manager` queries the facts.
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
    """Data path of readings."""

    STREAM = "stream"
    FTP = "ftp"


class DataPathState(StrEnum):
    """Ingest state of a data path."""

    OK = "ok"
    LATE = "late"
    """Readings arrive, but late."""
    SILENT = "silent"
    """No reading for a long time."""
    NEVER = "never"
    """No reading in the searched time range."""
    REJECTED = "rejected"
    """The latest input is in the quarantine."""
    FAILING = "failing"
    """The latest input could not be loaded, or the FTP servers not be swept; not caused by the site."""
    DENIED = "denied"
    """Failing because access was denied to a function."""
    OFF = "off"
    """No readings are expected, according to the site's tier or because it is disabled."""
    UNKNOWN = "unknown"
    """The state could not be read."""

    @property
    def is_well(self) -> bool:
        """Whether no action is needed."""
        return self in (DataPathState.OK, DataPathState.OFF)


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """Age limits of the latest reading of a data path: above `late` it is late, above `silent` silent."""

    late: timedelta
    silent: timedelta


AGE_LIMITS: Final[Mapping[DataPath, AgeLimits]] = MappingProxyType(
    {
        DataPath.STREAM: AgeLimits(timedelta(minutes=5), timedelta(minutes=30)),
        # A file covers an hour, and is loaded after the next sweep.
        DataPath.FTP: AgeLimits(timedelta(hours=3), timedelta(hours=12)),
    }
)
_LACKING: Final = frozenset({DataPathState.LATE, DataPathState.SILENT, DataPathState.NEVER})
_CERTAIN: Final = frozenset(
    {DataPathState.OK, DataPathState.REJECTED, DataPathState.FAILING, DataPathState.DENIED}
)
"""States that do not depend on the expected readings."""
_DENIED: Final = ("AccessDenied", "Access Denied", "Forbidden", "not authorized")


@dataclass(frozen=True, slots=True)
class Kept:
    """Quarantine entries of a data path in the time range.

    Attributes:
        entries: Number of entries.
        reason: Most frequent reason.
        last_at: Arrival time of the latest entry, UTC.
    """

    entries: int = 0
    reason: str = ""
    last_at: datetime | None = None


_NOTHING_KEPT: Final = Kept()


@dataclass(frozen=True, slots=True)
class DataPathFacts:
    """Queried facts of a data path.

    Attributes:
        last_measured_at: Timestamp of the latest reading, UTC.
        last_arrived_at: Arrival time of the latest reading, UTC.
        found: Number of readings in the time range; for files, estimated from the covered time.
        usual: Usual interval between readings.
        covered: Part of the time range that is covered by readings, summed over all meters.
        meters: Number of meters.
        latest_state: State of the latest file; empty for the stream.
        latest_reason: Reason of a failure of the latest file.
        unfinished_files: Number of files that failed or are stuck.
        kept: Quarantine entries.
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
    """Ingest status of a data path of a site.

    Attributes:
        gateway_serial: The site.
        data_path: The data path.
        state: The state.
        tier: The site's tier; `None` for a gateway that is not in the site file.
        enabled: Whether the site is enabled.
        last_measured_at: Timestamp of the latest reading, UTC.
        last_arrived_at: Arrival time of the latest reading, UTC.
        lateness: Age of the latest reading.
        expected: Expected number of readings in the time range; `None` if unknown or none are expected.
        found: Number of readings in the time range.
        completeness: Covered share of the time range, 0 to 1; `None` as above.
        note: Additional information.
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
        """Return the status as a flat JSON object."""
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
    """Return whether readings of a site are expected on a data path; False for an unknown gateway."""
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
    """Return the ingest status of a data path of a site.

    Args:
        gateway_serial: The site.
        site: The site; `None` if it is not in the site file.
        data_path: The data path.
        facts: The queried facts.
        time_range: Duration of the checked time range.
        now: Current time, UTC.
        sweep: Report of the last sweep of the site's tier, if known.
        is_file_read: Whether the site file could be read; if not, the expected readings are unknown.
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
    """Return the status of a data path that could not be queried."""
    tier, enabled = (site.tier, site.enabled) if site else (None, False)
    return DataPathStatus(gateway_serial, data_path, DataPathState.UNKNOWN, tier, enabled, note=visible(why))


def _state(
    facts: DataPathFacts, data_path: DataPath, lateness: timedelta | None, *, is_due: bool, is_known: bool
) -> DataPathState:
    if is_known and not is_due:
        return DataPathState.OFF
    if facts.latest_state == "failed":
        is_denied = any(text in facts.latest_reason for text in _DENIED)
        return DataPathState.DENIED if is_denied else DataPathState.FAILING
    if facts.latest_state == "rejected" or _is_after(facts.kept.last_at, facts.last_arrived_at):
        return DataPathState.REJECTED
    if lateness is None:
        # No readings are expected of a gateway that is not in the site file.
        return DataPathState.NEVER if is_known else DataPathState.OFF
    limits = AGE_LIMITS[data_path]
    if lateness > limits.silent:
        return DataPathState.SILENT
    return DataPathState.LATE if lateness > limits.late else DataPathState.OK


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
        parts.append(f"latest file {facts.latest_state}: {facts.latest_reason}")
    if facts.unfinished_files:
        parts.append(f"{facts.unfinished_files} file(s) not loaded")
    if facts.kept.entries:
        parts.append(f"{facts.kept.entries} in quarantine, mostly {facts.kept.reason}")
    return visible("; ".join(parts))


def _text(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)
