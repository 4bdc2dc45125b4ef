"""What came in, and what is missing: the ingest pipeline as its operators ask about it."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.ingest.gaps import (
    Gap,
    IgnoredRows,
    Issue,
    SiteEvent,
    explained,
    gateways_without_readings,
    is_due,
    merged_gaps,
    others_with,
    tier_events,
)
from smarterise_sdk.domain.ingest.manager_api import GATEWAYS_AT_MOST, IngestAction
from smarterise_sdk.domain.ingest.status import (
    DataPath,
    DataPathFacts,
    DataPathStatus,
    status_of,
    unknown_status,
)
from smarterise_sdk.domain.outcome import Missing, Outcome
from smarterise_sdk.domain.sites.updates import suggest_site
from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import NotFound, SmarteriseError, UsageError
from smarterise_sdk.services.ingest.queries import IngestQuestions, in_parts, rows_in, text
from smarterise_sdk.services.ingest.responses import facts_in, files_in, gaps_in, kept_in, sweeps_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.ingest.sweep_report import SweepReport
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.model import Site, Tier
    from smarterise_sdk.services.ingest.backfill import Backfilling
    from smarterise_sdk.services.sites.service import Sites
    from smarterise_sdk.settings.model import Settings

LONGEST_STATUS: Final = timedelta(days=7)
LONGEST_GAPS: Final = timedelta(days=31)
_AT_ONCE: Final = 4
_OF_GAPS: Final = 50
"""Gateways one question about the gaps of a day is about: each of their readings is looked at."""
_VERSIONS: Final = 100
_INVOKE: Final = "lambda:InvokeFunction"


@dataclass(frozen=True, slots=True)
class GapsFound:
    """Holes in the readings of sites.

    Attributes:
        gaps: By site, then by time.
        sites: How many sites were looked at.
        is_complete: Whether there are no more than those told.
    """

    gaps: tuple[Gap, ...]
    sites: int
    is_complete: bool


class Ingest:
    """The ingest pipeline.

    Args:
        broker: The door to AWS.
        settings: Names and environment.
        sites: The site file.
        backfilling: Plans backfills, and carries them out.
        now: The clock, UTC.
    """

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        *,
        sites: Callable[[], Sites],
        backfilling: Backfilling,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._questions = IngestQuestions(broker, settings)
        self._sites = sites
        self.backfilling = backfilling
        self._now = now

    def status(
        self, *, last: timedelta, gateways: Sequence[str] = (), tier: Tier | None = None
    ) -> Outcome[tuple[DataPathStatus, ...]]:
        """Return how each road of each site is; of sites that could not be looked at the gap tells why.

        Args:
            last: How far back to look.
            gateways: Only these sites.
            tier: Only sites of this tier.

        Raises:
            UsageError: It is further back than can be looked at.
            NotFound: Nothing is known of a site that was named (code `SITE_NOT_FOUND`).
            SmarteriseError: Nothing could be looked at.
        """
        _check_time_range(last, LONGEST_STATUS)
        now = self._now()
        since = now - last
        sites, missing = self._by_serial()
        is_file_read = not missing
        if tier is not None and isinstance(
            issue := next((item.error for item in missing), None), SmarteriseError
        ):
            raise issue
        serials = [
            serial
            for serial in self._chosen(gateways, sites, since)
            if tier is None or (serial in sites and sites[serial].tier is tier)
        ]
        time_range = {"since": utc_text(since), "until": utc_text(now)}
        found: dict[tuple[str, DataPath], DataPathFacts] = {}
        sweeps: dict[Tier, SweepReport] = {}
        failed: dict[str, SmarteriseError] = {}
        for part, response in self._each(
            IngestAction.STATUS, in_parts(serials, _at_once(GATEWAYS_AT_MOST, last)), time_range
        ):
            if isinstance(response, SmarteriseError):
                failed |= dict.fromkeys(part, response)
                missing.append(Missing(_INVOKE, response, tuple(part)))
            else:
                found |= self._facts(response)
                sweeps |= sweeps_in(response)
        if failed and len(failed) == len(serials):
            raise next(iter(failed.values()))
        rows = [
            unknown_status(serial, sites.get(serial), data_path, str(failed[serial]))
            if serial in failed
            else status_of(
                serial,
                sites.get(serial),
                data_path,
                found.get((serial, data_path), DataPathFacts()),
                time_range=last,
                now=now,
                sweep=sweeps.get(sites[serial].tier)
                if data_path is DataPath.FTP and serial in sites
                else None,
                is_file_read=is_file_read,
            )
            for serial in serials
            for data_path in DataPath
        ]
        return Outcome(tuple(rows), now, tuple(missing))

    def gaps(self, since: datetime, until: datetime, *, gateways: Sequence[str] = ()) -> Outcome[GapsFound]:
        """Return the holes in the readings of sites, each with what is known of why it is there.

        Sites that are disabled are looked at only when they are named.

        Args:
            since: From when, UTC.
            until: Until when, UTC.
            gateways: Only these sites.

        Raises:
            UsageError: The span is longer than can be looked at, or none.
            NotFound: Nothing is known of a site that was named (code `SITE_NOT_FOUND`).
            SmarteriseError: It could not be looked.
        """
        _check_time_range(until - since, LONGEST_GAPS)
        now = self._now()
        until = min(until, now)
        sites, missing = self._by_serial()
        is_file_read = not missing
        serials = [
            serial
            for serial in self._chosen(gateways, sites, since)
            if gateways or serial not in sites or sites[serial].enabled
        ]
        time_range = {"since": since.isoformat(), "until": until.isoformat()}
        gaps: list[tuple[Gap, IgnoredRows]] = []
        issues: dict[str, list[Issue]] = defaultdict(list)
        is_complete = True
        for part, response in self._each(
            IngestAction.GAPS, in_parts(serials, _at_once(_OF_GAPS, until - since)), time_range
        ):
            if isinstance(response, SmarteriseError):
                raise response
            seen = {text(row, "gateway_serial") for row in self._rows(response, "meters")}
            gaps += ((gap, IgnoredRows()) for gap in gateways_without_readings(part, seen, since, until))
            gaps += gaps_in(self._rows(response, "gaps"), until)
            is_complete = is_complete and response.get("is_complete") is True
            for issue in (*files_in(self._rows(response, "files")), *kept_in(self._rows(response, "kept"))):
                issues[issue.gateway_serial].append(issue)
        due = [pair for pair in merged_gaps(gaps) if is_due(pair[0], sites.get(pair[0].gateway_serial), now)]
        due.sort(key=lambda pair: (pair[0].gateway_serial, pair[0].since, pair[0].device_serial))
        events = self._events(missing) if due else []
        shared = others_with([gap for gap, _ in due])
        told = [
            explained(
                gap,
                sites.get(gap.gateway_serial),
                ignored=within,
                issues=issues[gap.gateway_serial],
                events=events,
                others=others,
                sites=len(serials),
                is_file_read=is_file_read,
            )
            for (gap, within), others in zip(due, shared, strict=True)
        ]
        return Outcome(GapsFound(tuple(told), len(serials), is_complete), now, tuple(missing))

    def files(
        self,
        *,
        gateways: Sequence[str] = (),
        states: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        at_most: int | None = None,
    ) -> list[JsonObject]:
        """Return the ledger of files, the newest first, as flat objects.

        Args:
            gateways: Only of these sites.
            states: Only files in one of these states.
            since: Only what came from then on, UTC.
            until: Only what came before then, UTC.
            at_most: How many; all if absent.

        Raises:
            SmarteriseError: It could not be had.
        """
        return list(
            self._questions.rows(
                IngestAction.FILES,
                at_most=at_most,
                gateways=list(gateways),
                states=list(states),
                since=since.isoformat() if since else None,
                until=until.isoformat() if until else None,
            )
        )

    def _by_serial(self) -> tuple[dict[str, Site], list[Missing]]:
        """Return the sites of the file; without it there is still the database to ask."""
        try:
            snapshot = self._sites().fetch()
        except SmarteriseError as error:
            return {}, [Missing(_INVOKE, error)]
        return {site.gateway_serial: site for site in snapshot.sites}, []

    def _chosen(self, named: Sequence[str], sites: Mapping[str, Site], since: datetime) -> list[str]:
        if named and all(serial in sites for serial in named):
            return list(dict.fromkeys(named))
        response = self._questions.ask(IngestAction.GATEWAYS, since=utc_text(since))
        listed = response.get("gateways")
        heard_of = [str(serial) for serial in listed] if isinstance(listed, list) else []
        known = {**dict.fromkeys(sites), **dict.fromkeys(heard_of)}
        if not named:
            return list(known)
        unknown = [serial for serial in dict.fromkeys(named) if serial not in known]
        if unknown:
            problems = [suggest_site(serial, sites) for serial in unknown]
            raise NotFound(
                "; ".join(problem.message for problem in problems),
                why="and nothing has come of it",
                remedy=" ".join(dict.fromkeys(problem.remedy for problem in problems)),
                code="SITE_NOT_FOUND",
            )
        return list(dict.fromkeys(named))

    def _each(
        self, action: IngestAction, parts: Sequence[list[str]], time_range: Mapping[str, str]
    ) -> Iterable[tuple[list[str], JsonObject | SmarteriseError]]:
        """Return the answer for each part of the sites, or why there is none."""

        def ask(part: list[str]) -> JsonObject | SmarteriseError:
            try:
                return self._questions.ask(action, gateways=list(part), **time_range)
            except SmarteriseError as error:
                return error

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(zip(parts, pool.map(ask, parts), strict=True))

    def _rows(self, response: JsonObject, key: str) -> list[JsonObject]:
        return rows_in(response, key, self._questions.function)

    def _facts(self, response: JsonObject) -> dict[tuple[str, DataPath], DataPathFacts]:
        return facts_in(
            self._rows(response, "streams"), self._rows(response, "files"), self._rows(response, "kept")
        )

    def _events(self, missing: list[Missing]) -> list[SiteEvent]:
        try:
            history = self._sites().history(limit=_VERSIONS)
        except SmarteriseError as error:
            missing.append(Missing("s3:ListBucketVersions", error))
            return []
        return tier_events([entry.to_row() for entry in history.entries])


def _at_once(most: int, time_range: timedelta) -> int:
    """Return how many gateways one question is about, so that it reads no more than it does of a day."""
    return max(1, int(most / max(1.0, time_range / timedelta(days=1))))


def _check_time_range(time_range: timedelta, longest: timedelta) -> None:
    if not timedelta(0) < time_range <= longest:
        raise UsageError(
            "the span is none"
            if time_range <= timedelta(0)
            else f"the span is longer than {longest.days} days",
            why="every reading of it is looked at",
            remedy=f"ask for a part of it, of at most {longest.days} days",
        )
