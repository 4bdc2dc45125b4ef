"""Plans that mend a site file which cannot be used: by the smallest fix, or by the last good version.

Always straight to S3: a file that cannot be read has no sites that the function could change.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import SiteTiers, parse_site_tiers, render_site_tiers
from smarterise_sdk.domain.sites.history import changes_between
from smarterise_sdk.domain.sites.plans import Plan, WritePath
from smarterise_sdk.domain.sites.repair import repaired
from smarterise_sdk.domain.sites.updates import with_metadata
from smarterise_sdk.errors import InvalidDocument, NotFound, SmarteriseError
from smarterise_sdk.services.sites.effects import PlanContext, cost_of, effects_of
from smarterise_sdk.services.sites.file import NO_FILE
from smarterise_sdk.services.sites.planner import check_reason
from smarterise_sdk.services.sites.responses import CONFIG_MISSING
from smarterise_sdk.services.sites.titles import short_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from smarterise_sdk.domain.json_text.lenient import Fix
    from smarterise_sdk.domain.sites.plans import SiteChange
    from smarterise_sdk.domain.stack.schedules import Schedule
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.services.sites.file import SiteFile
    from smarterise_sdk.services.sites.s3_transport import RawFile
    from smarterise_sdk.services.sites.transports import SiteTransports
    from smarterise_sdk.settings.model import Settings

MAX_FIXES: Final = 100
BY_HAND: Final = "mend the file by hand, look at it with smarterise-ops sites validate FILE, and upload it"
LAST_GOOD: Final = "put the last good version back: smarterise-ops sites repair --last-good"


class RepairPlanner:
    """Makes plans that mend the file.

    Args:
        transports: The ways to the file.
        settings: Names and environment.
        identity: Tells who is asking.
        now: The clock, UTC.
    """

    def __init__(
        self,
        transports: SiteTransports,
        settings: Settings,
        *,
        identity: Callable[[], Identity],
        now: Callable[[], datetime],
    ) -> None:
        self._transports = transports
        self._settings = settings
        self._identity = identity
        self._now = now

    def repair(self, *, last_good: bool, reason: str) -> Plan:
        """Return the plan that makes the file usable again; an empty one when it is.

        Raises:
            InvalidDocument: Nothing can be made of the file, or no version of it can be used.
            NotFound: There is no file (code `CONFIG_MISSING`), so nothing to mend.
            SmarteriseError: It could not be had.
        """
        check_reason(reason)
        raw = self._transports.s3.read_raw()
        wrong = self._wrong_with(raw)
        if wrong is None:
            return self._plan(raw, reason, title="Repair nothing", notes=("the site file can be used",))
        good = self._transports.s3.versions.last_good(other_than=raw.version_id)
        if last_good:
            return self._back_to(good, raw, wrong, reason)
        return self._repaired(raw, wrong, good, reason)

    def _wrong_with(self, raw: RawFile) -> InvalidInput | None:
        """Return what is wrong with the file; `None` when it can be used. A missing one has no problems."""
        if not raw.etag:
            return InvalidInput(self._transports.s3.url, [])
        try:
            parse_site_tiers(raw.body, self._transports.s3.url)
        except InvalidInput as refused:
            return refused
        return None

    def _back_to(self, good: SiteFile | None, raw: RawFile, wrong: InvalidInput, reason: str) -> Plan:
        if good is None:
            raise InvalidDocument(
                f"no version of {self._transports.s3.url} can be used",
                problems=wrong.problems,
                remedy=f"{BY_HAND}; or make the first site with --create",
            )
        version = short_version(good.version_id or "")
        return self._plan(
            raw,
            reason,
            title=f"Put version {version} of the site file back",
            notes=(f"all as in version {good.version_id}", *_kept_as(raw)),
            good=good,
            document=good.document,
        )

    def _repaired(self, raw: RawFile, wrong: InvalidInput, good: SiteFile | None, reason: str) -> Plan:
        remedy = f"{LAST_GOOD}; or {BY_HAND}" if good is not None else BY_HAND
        if not raw.etag:
            raise NotFound(
                f"there is no {self._transports.s3.url}, so nothing to mend",
                remedy=remedy,
                code=CONFIG_MISSING,
            )
        try:
            repair = repaired(raw.body, good.document if good is not None else None)
        except InvalidInput as left:
            raise InvalidDocument(
                f"{self._transports.s3.url} cannot be mended: {len(left.problems)} problem(s) are for people",
                problems=left.problems,
                remedy=remedy,
            ) from wrong
        count = "1 fix" if len(repair.fixes) == 1 else f"{len(repair.fixes)} fixes"
        return self._plan(
            raw,
            reason,
            title=f"Repair the site file by {count}",
            notes=(*_listed_fixes(repair.fixes), *_kept_as(raw)),
            good=good,
            document=repair.document,
        )

    def _plan(
        self,
        raw: RawFile,
        reason: str,
        *,
        title: str,
        notes: tuple[str, ...],
        good: SiteFile | None = None,
        document: SiteTiers | None = None,
    ) -> Plan:
        account, who = self._caller()
        now = self._now()
        plan = Plan(
            plan_id=os.urandom(4).hex(),
            title=title,
            environment=self._settings.environment.name,
            account=account,
            region=self._settings.region or "",
            via=WritePath.S3,
            updates={},
            create=False,
            changes=(),
            unchanged=(),
            effects=(),
            calls=(),
            base_etag=raw.etag,
            reason=reason,
            planned_at=now,
            notes=notes,
            monthly_usd=0.0,
        )
        if document is None:
            return plan
        before = good.document if good is not None else NO_FILE.document
        changes = changes_between(before, document)
        monthly_usd, costs = cost_of(before, document, changes)
        effects = effects_of(changes, PlanContext(now, self._schedules(changes)))
        until_now = f"; until now readers went on with version {good.version_id}" if good is not None else ""
        return replace(
            plan,
            document=render_site_tiers(with_metadata(document, at=now, by=who, reason=reason or title)),
            changes=changes,
            effects=(f"the file can be used again{until_now}", *effects, *costs),
            monthly_usd=monthly_usd,
            calls=(self._transports.s3.announced(),),
        )

    def _schedules(self, changes: Sequence[SiteChange]) -> tuple[Schedule, ...] | None:
        if not changes:
            return None
        try:
            return self._transports.function.read(with_schedules=True).schedules
        except SmarteriseError:
            # They only colour the words of the plan, and the function may be what is broken.
            return None

    def _caller(self) -> tuple[str, str]:
        try:
            identity = self._identity()
        except SmarteriseError as error:
            return "", f"unknown ({error.code})"
        return identity.account, identity.arn


def _listed_fixes(fixes: Sequence[Fix]) -> tuple[str, ...]:
    left = len(fixes) - MAX_FIXES
    return (*(str(fix) for fix in fixes[:MAX_FIXES]), *((f"and {left} more",) if left > 0 else ()))


def _kept_as(raw: RawFile) -> tuple[str, ...]:
    """Tell where the file that could not be used is to be found, if the bucket keeps it."""
    return (f"the file as it is stays in S3 as version {raw.version_id}",) if raw.version_id else ()
