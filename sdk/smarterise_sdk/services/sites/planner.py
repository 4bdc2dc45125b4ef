"""Plans for the site file: what is asked for, laid over the file as it is; nothing is written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.plans import Plan, WritePath
from smarterise_sdk.domain.sites.updates import edited
from smarterise_sdk.domain.text import MAX_REASON
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, SmarteriseError, UsageError
from smarterise_sdk.services.sites.effects import PlanContext, cost_of, effects_of
from smarterise_sdk.services.sites.file import NO_FILE, unusable
from smarterise_sdk.services.sites.responses import CONFIG_MISSING
from smarterise_sdk.services.sites.titles import rollback_notes, rollback_title, title_of
from smarterise_sdk.services.sites.transports import CHANGE_TOO_LARGE, FileRead, SiteTransports, is_too_large
from smarterise_sdk.services.sites.verification import last_written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.history import RollbackChanges
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.settings.model import Settings

    Updates: TypeAlias = Mapping[str, Mapping[str, JsonValue]]
    Replacements: TypeAlias = Mapping[str, JsonObject | None]

READINGS_AT_MOST = 3
"""How often a file that changes under our hands is read before somebody is told."""


@dataclass(frozen=True, slots=True)
class ChangeSpec:
    """What is asked of the file; see `Plan` for the attributes of the same name.

    Attributes:
        updates: Field values by gateway serial; or what tells them of the file as it is.
        replacements: Whole objects by gateway serial, `None` takes a site out; or what tells them.
        create: Whether new sites, and a first file, are meant.
        title: The plan's title; empty for one that tells the changes.
        reason: Why.
        expect_etag: Refuse unless the file has this ETag.
        undoes: Id of the change that is taken back.
        notes: Sentences on the plan.
    """

    updates: Updates | Callable[[SiteTiers], Updates] = field(default_factory=dict)
    replacements: Replacements | Callable[[SiteTiers], Replacements] = field(default_factory=dict)
    create: bool = False
    title: str = ""
    reason: str = ""
    expect_etag: str | None = None
    undoes: str = ""
    notes: tuple[str, ...] = ()


class SitePlanner:
    """Makes plans.

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

    def change(self, asked: ChangeSpec, via: WritePath) -> Plan:
        """Return the plan for a change of sites.

        Raises:
            InvalidDocument: The change is wrong, with every problem of every site; or the file is.
            Conflict: The file has another ETag than expected.
            SmarteriseError: The file could not be had.
        """
        check_reason(asked.reason)
        return self._plan(asked, self._base(via, create=asked.create))

    def rollback(self, version_id: str, *, whole: bool, reason: str, via: WritePath) -> Plan:
        """Return the plan to go back to a version of the file.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`).
            InvalidDocument: That version, or the file, cannot be used.
            SmarteriseError: The file could not be had.
        """
        check_reason(reason)
        base, back = self._way_back(version_id, whole=whole, via=via)
        asked = ChangeSpec(
            replacements=back.replacements, reason=reason, notes=rollback_notes(back, version_id)
        )
        plan = self._plan(asked, base)
        return replace(plan, title=rollback_title(plan.changes, version_id))

    def _plan(self, asked: ChangeSpec, base: FileRead) -> Plan:
        file, via = base.file, base.transport.via
        if asked.expect_etag is not None and asked.expect_etag.strip('"') != file.etag.strip('"'):
            raise Conflict(
                f"the site file has ETag {file.etag or 'none'}, expected {asked.expect_etag}",
                why=last_written(file.document),
                remedy="read it again and plan again",
            )
        try:
            updates = asked.updates(file.document) if callable(asked.updates) else asked.updates
            replacements = (
                asked.replacements(file.document) if callable(asked.replacements) else asked.replacements
            )
            update = edited(file.document, updates, replacements, create=asked.create)
        except InvalidInput as refused:
            raise InvalidDocument.of(refused) from refused
        now = self._now()
        effects = effects_of(update.changed, PlanContext(now, file.schedules))
        monthly_usd, costs = cost_of(file.document, update.document, update.changed)
        plan = Plan(
            plan_id=os.urandom(4).hex(),
            title=asked.title or title_of(update.changed),
            environment=self._settings.environment.name,
            account=self._account(),
            region=self._settings.region or "",
            via=via,
            updates={serial: dict(fields) for serial, fields in updates.items()},
            create=asked.create,
            replacements=dict(replacements),
            changes=update.changed,
            unchanged=update.unchanged,
            effects=(*effects, *costs),
            monthly_usd=monthly_usd,
            notes=(*asked.notes, *((base.note,) if base.note else ())),
            calls=(base.transport.announced(),),
            base_etag=file.etag,
            reason=asked.reason,
            planned_at=now,
            undoes=asked.undoes,
        )
        return self._through_capable_transport(plan, base)

    def _through_capable_transport(self, plan: Plan, base: FileRead) -> Plan:
        transports = self._transports
        if plan.via == WritePath.LAMBDA and not transports.function.carries(plan):
            plan = replace(
                plan,
                via=WritePath.S3,
                calls=(transports.s3.announced(),),
                notes=(*plan.notes, CHANGE_TOO_LARGE),
            )
        if plan.via == WritePath.S3:
            transports.s3.remember(base.file)
        return plan

    def _base(self, via: WritePath, *, create: bool = False) -> FileRead:
        """Return the file as it is, which must be sound."""
        try:
            base = self._transports.read(via, with_schedules=True)
        except NotFound as missing:
            if missing.code != CONFIG_MISSING or not create:
                raise
            return FileRead(NO_FILE, self._transports.of(via))
        if base.file.degraded is not None:
            raise unusable(base.file.degraded, self._settings.names)
        return base

    def _way_back(self, version_id: str, *, whole: bool, via: WritePath) -> tuple[FileRead, RollbackChanges]:
        tries, too_large = 0, ""
        while True:
            base = self._base(via)
            base = replace(base, note=base.note or too_large)
            try:
                return base, base.transport.rollback_changes(base.file, version_id, whole=whole)
            except Conflict:
                # Somebody wrote between the two looks: what is to be planned on is the newer file.
                tries += 1
                if tries == READINGS_AT_MOST:
                    raise
            except SmarteriseError as error:
                if base.transport is self._transports.s3 or not is_too_large(error):
                    raise
                via, too_large = WritePath.S3, CHANGE_TOO_LARGE

    def _account(self) -> str:
        try:
            return self._identity().account
        except SmarteriseError:
            # A plan is of use without it, and whoever is not let in is told by the next call.
            return ""


def check_reason(reason: str) -> None:
    """Refuse a reason that the file would not take.

    Raises:
        UsageError: It is too long.
    """
    if len(reason) > MAX_REASON:
        raise UsageError(f"the reason has {len(reason)} characters; {MAX_REASON} are kept")
