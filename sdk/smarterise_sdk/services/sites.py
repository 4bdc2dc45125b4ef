"""Sites: read them, plan a change, apply it, and prove that it holds."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smarterise_sdk.domain.plans import Plan, Receipt, ReceiptState, WritePath
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.site_tiers import site_of
from smarterise_sdk.domain.updates import apply_updates, suggest_site
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, SmarteriseError, UsageError
from smarterise_sdk.services.manager_replies import CONFIG_MISSING, object_in
from smarterise_sdk.services.moments import utc_now
from smarterise_sdk.services.site_applying import Applier
from smarterise_sdk.services.site_file import (
    NO_FILE,
    Degraded,
    LambdaRoad,
    S3Road,
    SiteFile,
    unusable,
)
from smarterise_sdk.services.site_plans import causes_of, title_of
from smarterise_sdk.services.site_verification import last_written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.sites import JsonValue, Site
    from smarterise_sdk.journal import Journal
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.settings import Settings

LONGEST_REASON = 1000


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
        self._journal = journal
        self._identity = identity
        self._now = now
        self._lambda_road = LambdaRoad(broker, settings.names)
        self._s3_road = S3Road(broker, settings.names, now=now)

    def fetch(self, *, via: WritePath = WritePath.LAMBDA) -> SitesSnapshot:
        """Return all sites.

        Raises:
            InvalidDocument: The file cannot be used, and no earlier version can.
            NotFound: There is no file (code `CONFIG_MISSING`), bucket or function.
            SmarteriseError: It could not be had.
        """
        file = self._road(via).read()
        return SitesSnapshot(
            tuple(file.document.sites.values()),
            file.etag,
            file.version_id,
            self._now(),
            WritePath(via),
            file.degraded,
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
        road = self._lambda_road
        reply = road.ask({"action": "get_site", "gateway_serial": serial})
        try:
            site = site_of(serial, object_in(reply, "site", self._settings.names.site_config_manager))
        except (KeyError, ValueError) as error:
            raise InvalidDocument(
                f"site {serial} came back in a shape that is not known", why=repr(error)
            ) from error
        return SitesSnapshot((site,), *road.version_of(reply), self._now(), via, road.degraded_in(reply))

    def get(self, serial: str, *, via: WritePath = WritePath.LAMBDA) -> Site:
        """Return one site.

        Raises:
            NotFound: There is no such site (code `SITE_NOT_FOUND`); the remedy names a similar one.
            SmarteriseError: As `fetch`.
        """
        return self.fetch_one(serial, via=via).sites[0]

    def plan_update(
        self,
        updates: Mapping[str, Mapping[str, JsonValue]],
        *,
        reason: str = "",
        create: bool = False,
        expect_etag: str | None = None,
        via: WritePath = WritePath.LAMBDA,
    ) -> Plan:
        """Return what an update would change and bring about; nothing is written.

        Args:
            updates: Field values by gateway serial.
            reason: Why, for the file and the journal.
            create: Whether unknown serials are meant as new sites.
            expect_etag: Refuse unless the file has this ETag.
            via: The road the write is to take.

        Raises:
            InvalidDocument: The update is wrong, with every problem of every site; or the file is.
            Conflict: The file has another ETag than expected.
            SmarteriseError: The file could not be had.
        """
        if len(reason) > LONGEST_REASON:
            raise UsageError(f"the reason has {len(reason)} characters; {LONGEST_REASON} are kept")
        file = self._base(via, create=create)
        if file.degraded is not None:
            raise unusable(file.degraded, self._settings.names)
        if expect_etag is not None and expect_etag.strip('"') != file.etag.strip('"'):
            raise Conflict(
                f"the site file has ETag {file.etag or 'none'}, expected {expect_etag}",
                why=last_written(file.document),
                remedy="read it again and plan again",
            )
        try:
            update = apply_updates(file.document, updates, create=create)
        except InvalidInput as refused:
            raise InvalidDocument.of(refused) from refused
        return Plan(
            plan_id=os.urandom(4).hex(),
            title=title_of(update.changed),
            environment=self._settings.environment.name,
            account=self._account(),
            region=self._settings.region or "",
            via=WritePath(via),
            updates={serial: dict(fields) for serial, fields in updates.items()},
            create=create,
            changes=update.changed,
            unchanged=update.unchanged,
            causes=causes_of(update.changed),
            calls=(self._road(via).announced(),),
            base_etag=file.etag,
            reason=reason,
            planned_at=self._now(),
        )

    def apply(self, plan: Plan, *, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Carry out a plan, read it back by the other road, and write both down in the journal.

        Args:
            plan: The plan, as `plan_update` made it.
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
            who = self._who()
            self._journal.intended(plan, who=who)
            try:
                applier = Applier(self._road(plan.via), self._other_road(plan.via), self._now)
                receipt = applier.carry_out(plan, grant, by=who, say=say)
            except SmarteriseError as error:
                self._journal.failed(plan, error)
                raise
        self._note(plan, receipt)
        return receipt

    def _note(self, plan: Plan, receipt: Receipt) -> None:
        try:
            self._journal.done(plan, receipt)
        except SmarteriseError as error:
            raise SmarteriseError(
                f"the change was made ({receipt.state.value}), but the journal does not have its end",
                why=str(error),
                remedy=error.remedy,
                code=error.code,
            ) from error

    def _base(self, via: WritePath, *, create: bool) -> SiteFile:
        try:
            return self._road(via).read()
        except NotFound as missing:
            if missing.code != CONFIG_MISSING or not create:
                raise
            return NO_FILE

    def _road(self, via: WritePath) -> LambdaRoad | S3Road:
        return self._lambda_road if via == WritePath.LAMBDA else self._s3_road

    def _other_road(self, via: WritePath) -> LambdaRoad | S3Road:
        return self._s3_road if via == WritePath.LAMBDA else self._lambda_road

    def _account(self) -> str:
        try:
            return self._identity().account
        except SmarteriseError:
            # A plan is of use without it, and whoever is not let in is told by the next call.
            return ""

    def _who(self) -> str:
        try:
            return self._identity().arn
        except SmarteriseError as error:
            return f"unknown ({error.code})"
