"""Parsers for the `ingest-manager` responses on data paths and gaps."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.ingest.gaps import Gap, IgnoredRows, Issue
from smarterise_sdk.domain.ingest.status import DataPath, DataPathFacts, Kept
from smarterise_sdk.domain.ingest.sweep_report import SweepReport
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.services.ingest.queries import seconds, text, timestamp, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject

_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def facts_in(
    streams: Iterable[JsonObject], files: Iterable[JsonObject], kept: Iterable[JsonObject]
) -> dict[tuple[str, DataPath], DataPathFacts]:
    """Return the facts of each data path of each site from a `status` response."""
    meters: dict[str, list[JsonObject]] = defaultdict(list)
    for row in streams:
        if text(row, "source") == "iot":
            meters[text(row, "gateway_serial")].append(row)
    of_kept: dict[tuple[str, DataPath], list[JsonObject]] = defaultdict(list)
    for row in kept:
        data_path = DataPath.STREAM if text(row, "source") == "iot" else DataPath.FTP
        of_kept[text(row, "gateway_serial"), data_path].append(row)
    of_files = {text(row, "gateway_serial"): row for row in files}
    facts: dict[tuple[str, DataPath], DataPathFacts] = {}
    for serial in {*meters, *of_files, *(serial for serial, _ in of_kept)}:
        facts[serial, DataPath.STREAM] = _of_stream(meters[serial], of_kept[serial, DataPath.STREAM])
        facts[serial, DataPath.FTP] = _of_files(of_files.get(serial), of_kept[serial, DataPath.FTP])
    return facts


def sweeps_in(response: JsonObject) -> dict[Tier, SweepReport]:
    """Return the last FTP sweep reports by tier from a `status` response."""
    raw = response.get("sweeps")
    kept = raw if isinstance(raw, dict) else {}
    reports = {tier: SweepReport.from_json(kept.get(tier.value)) for tier in Tier}
    return {tier: report for tier, report in reports.items() if report is not None}


def _of_stream(meters: Sequence[JsonObject], kept: Sequence[JsonObject]) -> DataPathFacts:
    cadence = Tier.CRITICAL.policy.cadence.total_seconds()
    usual = [found for row in meters if (found := seconds(row, "usual_s"))]
    covered = sum(whole(row, "found") * (seconds(row, "usual_s") or cadence) for row in meters)
    return DataPathFacts(
        last_measured_at=_latest(timestamp(row, "last_measured_at") for row in meters),
        last_arrived_at=_latest(timestamp(row, "last_arrived_at") for row in meters),
        found=sum(whole(row, "found") for row in meters),
        usual=timedelta(seconds=min(usual)) if usual else None,
        covered=timedelta(seconds=covered),
        meters=len(meters),
        kept=_of_kept(kept),
    )


def _of_files(row: JsonObject | None, kept: Sequence[JsonObject]) -> DataPathFacts:
    if row is None:
        return DataPathFacts(kept=_of_kept(kept))
    covered, usual = seconds(row, "covered_s") or 0.0, seconds(row, "usual_s")
    return DataPathFacts(
        last_measured_at=timestamp(row, "last_measured_at"),
        last_arrived_at=timestamp(row, "last_arrived_at"),
        found=round(covered / usual) if usual else 0,
        usual=timedelta(seconds=usual) if usual else None,
        covered=timedelta(seconds=covered),
        meters=1,
        latest_state=text(row, "state"),
        latest_reason=text(row, "reason"),
        unfinished_files=whole(row, "unfinished_files"),
        kept=_of_kept(kept),
    )


def _of_kept(rows: Sequence[JsonObject]) -> Kept:
    most = max(rows, key=lambda row: whole(row, "entries"), default=None)
    return Kept(
        sum(whole(row, "entries") for row in rows),
        text(most, "reason") if most else "",
        _latest(timestamp(row, "last_seen_at") for row in rows),
    )


def _latest(timestamps: Iterable[datetime | None]) -> datetime | None:
    return max((one for one in timestamps if one is not None), default=None)


def gaps_in(rows: Iterable[JsonObject], until: datetime) -> list[tuple[Gap, IgnoredRows]]:
    """Return the gaps of a `gaps` response, each with the ignored rows within it."""
    found: list[tuple[Gap, IgnoredRows]] = []
    for row in rows:
        first, last = timestamp(row, "since"), timestamp(row, "until")
        if first is None or last is None:
            continue
        gap = Gap(text(row, "gateway_serial"), text(row, "device_serial"), first, last, is_open=last >= until)
        within = IgnoredRows(whole(row, "offline"), whole(row, "clock_faults"), whole(row, "unnamed"))
        found.append((gap, within))
    return found


def files_in(rows: Iterable[JsonObject]) -> list[Issue]:
    """Return the files of a `gaps` response that were not loaded."""
    return [
        Issue(
            text(row, "gateway_serial"),
            text(row, "key"),
            ": ".join(part for part in (text(row, "state"), text(row, "reason")) if part),
            timestamp(row, "received_at") or _LONG_AGO,
        )
        for row in rows
        # Rejected files are reported from the quarantine.
        if text(row, "state") != "rejected"
    ]


def kept_in(rows: Iterable[JsonObject]) -> list[Issue]:
    """Return the quarantine entries of a `gaps` response."""
    return [
        Issue(
            text(row, "gateway_serial"),
            text(row, "origin").removesuffix("#" + text(row, "origin").rpartition("#")[2]),
            f"{text(row, 'reason')} ({whole(row, 'rows')} row(s))",
            timestamp(row, "seen_at") or _LONG_AGO,
            text(row, "id"),
            DataPath.STREAM if text(row, "source") == "iot" else DataPath.FTP,
        )
        for row in rows
    ]
