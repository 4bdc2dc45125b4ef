"""Sites: read them, plan a change, apply it, and prove that it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.sites.document import site_of
from smarterise_sdk.domain.sites.history import HISTORY_AT_MOST, changes_between
from smarterise_sdk.domain.sites.plans import Plan, Receipt, ReceiptState, SiteChange, WritePath
from smarterise_sdk.domain.sites.updates import suggest_site
from smarterise_sdk.errors import InvalidDocument, NotFound, UsageError
from smarterise_sdk.services.journaling import Recording
from smarterise_sdk.services.sites.applier import Applier
from smarterise_sdk.services.sites.planner import ChangeSpec, SitePlanner
from smarterise_sdk.services.sites.responses import object_in
from smarterise_sdk.services.sites.transports import SiteTransports

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.model import Site
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.services.sites.file import Degraded, SiteFile
    from smarterise_sdk.services.sites.history import SiteHistory
    from smarterise_sdk.services.sites.planner import Replacements, Updates
    from smarterise_sdk.settings.model import Settings

CURRENT = "current"
"""Stands for the current version, where a version is asked for."""


@dataclass(frozen=True, slots=True)
class SitesSnapshot:
    """The sites at one moment.

    Attributes:
        sites: In the order of the file.
        etag: ETag of the version read, exactly as S3 gives it.
        version_id: Its S3 version, when the bucket keeps versions.
        read_at: When it was read, UTC.
        via: By which road.
        degraded: Set when the current file cannot be used and an earlier version stands in.
    """

    sites: tuple[Site, ...]
    etag: str
    version_id: str | None
    read_at: datetime
    via: WritePath
    degraded: Degraded | None


class Sites:
    """The sites of a stack.

    Args:
        broker: The door to AWS.
        settings: Names and environment.
        journal: Where changes are written down.
        identity: Tells who is asking; called only when a change is planned.
        now: The clock, UTC.
    """

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        journal: Journal,
        *,
        identity: Callable[[], Identity],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._broker = broker
        self._settings = settings
        self._now = now
        self._recording = Recording(journal, settings.journal_bucket, identity=identity)
        self._transports = SiteTransports(broker, settings.names, now=now)
        self._planner = SitePlanner(self._transports, settings, identity=identity, now=now)
        self._identity = identity

    # Reading ------------------------------------------------------------------------------------------

    def fetch(self, *, via: WritePath = WritePath.LAMBDA) -> SitesSnapshot:
        """Return all sites; a file too large for the function comes straight from S3.

        Raises:
            InvalidDocument: The file cannot be used, and no earlier version can.
            NotFound: There is no file (code `CONFIG_MISSING`), bucket or function.
            SmarteriseError: It could not be had.
        """
        read = self._transports.read(via)
        file = read.file
        sites = tuple(file.document.sites.values())
        return SitesSnapshot(
            sites, file.etag, file.version_id, self._now(), read.transport.via, file.degraded
        )

    def fetch_one(self, serial: str, *, via: WritePath = WritePath.LAMBDA) -> SitesSnapshot:
        """Return one site, as a snapshot that holds it alone.

        Raises:
            NotFound: There is no such site (code `SITE_NOT_FOUND`); the remedy names a similar one.
            SmarteriseError: As `fetch`.
        """
        if via == WritePath.S3:
            snapshot = self.fetch(via=via)
            known = {site.gateway_serial: site for site in snapshot.sites}
            if serial not in known:
                problem = suggest_site(serial, known)
                raise NotFound(problem.message, remedy=problem.remedy, code=problem.code)
            return replace(snapshot, sites=(known[serial],))
        transport = self._transports.function
        response = transport.ask({"action": "get_site", "gateway_serial": serial})
        try:
            site = site_of(serial, object_in(response, "site", self._settings.names.site_config_manager))
        except (KeyError, ValueError) as error:
            raise InvalidDocument(
                f"site {serial} came back in a shape that is not known", why=repr(error)
            ) from error
        return SitesSnapshot(
            (site,), *transport.version_of(response), self._now(), via, transport.degraded_in(response)
        )

    def get(self, serial: str, *, via: WritePath = WritePath.LAMBDA) -> Site:
        """Return one site.

        Raises:
            NotFound: There is no such site (code `SITE_NOT_FOUND`); the remedy names a similar one.
            SmarteriseError: As `fetch`.
        """
        return self.fetch_one(serial, via=via).sites[0]

    def history(
        self, *, limit: int = 20, gateway_serial: str | None = None, via: WritePath = WritePath.LAMBDA
    ) -> SiteHistory:
        """Return the newest versions of the file as a log, the newest first, in the order of S3.

        Args:
            limit: How many are looked at, at most 200.
            gateway_serial: Of these, tell those alone that changed this site, and what they changed of it.
            via: By which road.

        Raises:
            UsageError: The limit is out of bounds.
            SmarteriseError: It could not be had.
        """
        if not 1 <= limit <= HISTORY_AT_MOST:
            raise UsageError(f"{limit} versions cannot be told; 1 to {HISTORY_AT_MOST} can")
        return self._transports.of(via).history(limit, gateway_serial)

    def version(self, version_id: str, *, via: WritePath = WritePath.LAMBDA) -> SiteFile:
        """Return one version of the file; a version too large for the function comes straight from S3.

        Args:
            version_id: Its S3 version id, or `current`. The current file is stood in for by the last good
                version, marked as such, when it cannot be used.
            via: By which road.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`).
            InvalidDocument: It cannot be used.
            SmarteriseError: It could not be had.
        """
        return (
            self._transports.version(via, version_id)
            if version_id != CURRENT
            else self._transports.read(via).file
        )

    def diff(self, before: str, after: str, *, via: WritePath = WritePath.LAMBDA) -> tuple[SiteChange, ...]:
        """Return what differs from one version of the file to another, site by site.

        Args:
            before: A version id, or `current`.
            after: Another one, or `current`.
            via: By which road.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`).
            InvalidDocument: One of the two cannot be used.
            SmarteriseError: They could not be had.
        """
        one, other = (self._usable(version_id, via) for version_id in (before, after))
        return changes_between(one.document, other.document)

    # Planning -----------------------------------------------------------------------------------------

    def plan_update(
        self,
        updates: Updates | Callable[[SiteTiers], Updates],
        *,
        reason: str = "",
        create: bool = False,
        expect_etag: str | None = None,
        via: WritePath = WritePath.LAMBDA,
    ) -> Plan:
        """Return what an update would change and bring about; nothing is written.

        Args:
            updates: Field values by gateway serial; or a function that returns them for the file as it is,
                so that choosing sites by what they are takes no reading of its own.
            reason: Why, for the file and the journal.
            create: Whether unknown serials are meant as new sites.
            expect_etag: Refuse unless the file has this ETag.
            via: The road the write is to take.

        Raises:
            InvalidDocument: The update is wrong, with every problem of every site; or the file is.
            Conflict: The file has another ETag than expected.
            SmarteriseError: The file could not be had.
        """
        asked = ChangeSpec(updates=updates, reason=reason, create=create, expect_etag=expect_etag)
        return self._recording.announced(self._planner.change(asked, via))

    def plan_replace(
        self,
        replacements: Replacements | Callable[[SiteTiers], Replacements],
        *,
        title: str = "",
        reason: str = "",
        create: bool = False,
        expect_etag: str | None = None,
        via: WritePath = WritePath.LAMBDA,
        undoes: str = "",
        notes: tuple[str, ...] = (),
    ) -> Plan:
        """Return what it would change to put whole site objects in place; nothing is written.

        Args:
            replacements: A site's whole object by gateway serial, new sites included, `None` takes it out;
                or a function that returns them for the file as it is.
            title: The plan's title; empty for one that tells the changes.
            reason: Why, for the file and the journal.
            create: Whether a first file is meant where there is none.
            expect_etag: Refuse unless the file has this ETag.
            via: The road the write is to take.
            undoes: Id of the change that this one takes back.
            notes: Sentences on the plan.

        Raises:
            InvalidDocument: An object is wrong, with every problem of every site; or the file is.
            Conflict: The file has another ETag than expected.
            SmarteriseError: The file could not be had.
        """
        asked = ChangeSpec(
            replacements=replacements,
            title=title,
            reason=reason,
            create=create,
            expect_etag=expect_etag,
            undoes=undoes,
            notes=notes,
        )
        return self._recording.announced(self._planner.change(asked, via))

    def plan_rollback(
        self,
        version_id: str,
        *,
        whole: bool = False,
        reason: str = "",
        via: WritePath = WritePath.LAMBDA,
    ) -> Plan:
        """Return what it would change to go back to a version of the file; nothing is written.

        What the version after it changed is taken back; sites that only later versions changed stay as they
        are, and the plan's notes name them.

        Args:
            version_id: The version.
            whole: Take back every change made since.
            reason: Why, for the file and the journal.
            via: The road the write is to take.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`).
            InvalidDocument: That version, or the current file, cannot be used.
            SmarteriseError: The file could not be had.
        """
        plan = self._planner.rollback(version_id, whole=whole, reason=reason, via=via)
        return self._recording.announced(plan)

    def plan_repair(self, *, last_good: bool = False, reason: str = "") -> Plan:
        """Return what makes a broken site file usable again, straight in S3; nothing is written.

        The plan is empty when the file can be used. Its changes are those from the last good version, by
        which readers go until then; its notes tell every fix.

        Args:
            last_good: Put the last good version back, instead of the smallest fix.
            reason: Why, for the file and the journal.

        Raises:
            InvalidDocument: Nothing can be made of the file; the remedy says what can be done.
            NotFound: There is no file (code `CONFIG_MISSING`), or no bucket.
            SmarteriseError: The file could not be had.
        """
        # Mending has a parser of its own, which no other command is to wait for.
        from smarterise_sdk.services.sites.repair import RepairPlanner

        planner = RepairPlanner(self._transports, self._settings, identity=self._identity, now=self._now)
        return self._recording.announced(planner.repair(last_good=last_good, reason=reason))

    # Applying -----------------------------------------------------------------------------------------

    def apply(self, plan: Plan, *, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Carry out a plan, read it back by the other road, and write both down in the journal.

        Args:
            plan: The plan, as one of the methods above made it.
            on_step: Told of each step, in words.

        Raises:
            WriteRefused: This is read-only, or another environment.
            Conflict: The file has changed since the plan was made; nothing was written.
            SmarteriseError: It was refused or failed, and nothing was written; or the journal cannot be
                written (code `JOURNAL`).
        """
        say = on_step or (lambda _: None)
        if plan.is_empty:
            return Receipt(plan, ReceiptState.NOTHING_TO_DO, (), {}, plan.base_etag, None, (), None, None, "")
        with self._broker.writing(plan) as grant:
            applier = Applier(self._transports, self._now)
            return self._recording.around(
                plan, grant, lambda who: applier.carry_out(plan, grant, by=who, say=say)
            )

    def _usable(self, version_id: str, via: WritePath) -> SiteFile:
        file = self.version(version_id, via=via)
        if file.degraded is not None:
            raise InvalidDocument(
                "the current site file cannot be used, so it has no sites to compare",
                problems=file.degraded.problems,
                why=file.degraded.message,
                remedy="compare versions by their ids, see smarterise-ops sites history; or mend the file: "
                "smarterise-ops sites repair",
            )
        return file
