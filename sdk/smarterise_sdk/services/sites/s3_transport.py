"""The site file straight from and to S3: break-glass, for when the function is what is broken."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smarterise_sdk.aws.errors import RACING
from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.backoff import full_jitter
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import SiteTiers, render_site_tiers
from smarterise_sdk.domain.sites.history import RollbackChanges, rollback_changes
from smarterise_sdk.domain.sites.plans import PlannedCall, WritePath
from smarterise_sdk.domain.sites.updates import edited, with_metadata
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, SmarteriseError
from smarterise_sdk.services.sites.file import NO_FILE, Degraded, SiteFile, Written, no_file, unusable
from smarterise_sdk.services.sites.responses import CONFIG_MISSING
from smarterise_sdk.services.sites.versions import SiteVersions, parsed, version_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker, Response, WriteGrant
    from smarterise_sdk.domain.sites.plans import Plan
    from smarterise_sdk.domain.stack.names import StackNames
    from smarterise_sdk.services.sites.history import SiteHistory

RACES_AT_MOST = 5
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class RawFile:
    """The current file, whether it can be used or not; all empty when there is none."""

    body: bytes
    etag: str
    version_id: str | None


class S3Transport:
    """Straight to the file."""

    via = WritePath.S3
    text = "from S3"

    def __init__(
        self,
        broker: Broker,
        names: StackNames,
        *,
        now: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._broker = broker
        self._names = names
        self._place = {"Bucket": names.site_config_bucket, "Key": names.site_config_key}
        self.url = f"s3://{names.site_config_bucket}/{names.site_config_key}"
        self.versions = SiteVersions(broker, names)
        self._now = now
        self._pause = pause
        self._base: SiteFile | None = None

    def read(self, *, with_schedules: bool = False) -> SiteFile:  # noqa: ARG002  # S3 knows no schedules
        """Return the current file, or the last good version marked as such.

        Raises:
            NotFound: There is no such file (code `CONFIG_MISSING`) or bucket.
            InvalidDocument: It cannot be used, and neither can any earlier version.
            SmarteriseError: It could not be had.
        """
        current = self._current()
        try:
            return parsed(current, self.url)
        except InvalidInput as refused:
            return self._last_good(current, refused)

    def read_raw(self) -> RawFile:
        """Return the current file as it stands, or an empty one when there is none.

        Raises:
            SmarteriseError: It could not be had.
        """
        try:
            current = self._current()
        except NotFound as missing:
            if missing.code != CONFIG_MISSING:
                raise
            return RawFile(b"", "", None)
        return RawFile(current["Body"], current["ETag"], version_of(current))

    def version(self, version_id: str) -> SiteFile:
        """Return one version of the file.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`), or bucket.
            InvalidDocument: It cannot be used.
            SmarteriseError: It could not be had.
        """
        return self.versions.file(version_id)

    def history(self, limit: int, serial: str | None = None) -> SiteHistory:
        """Return the newest versions of the file, as a log; with a serial, those that changed this site.

        Raises:
            SmarteriseError: It could not be had.
        """
        return self.versions.history(limit, serial)

    def rollback_changes(self, base: SiteFile, version_id: str, *, whole: bool) -> RollbackChanges:
        """Return what it takes to go from the current file back to a version.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`).
            InvalidDocument: It cannot be used.
            SmarteriseError: It could not be told.
        """
        target = self.version(version_id).document
        following = None if whole else self.versions.following(version_id)
        return rollback_changes(target, following, base.document, whole=whole)

    def write(self, grant: WriteGrant, plan: Plan, *, by: str) -> Written:
        """Put the changed file, only if it is still the one the plan was made on.

        Raises:
            Conflict: It is not.
            InvalidDocument: The file, or the change, cannot be used.
            SmarteriseError: It was refused, or may not have arrived.
        """
        body = plan.document if plan.document is not None else self._changed(plan, by)
        condition = {"IfMatch": plan.base_etag} if plan.base_etag else {"IfNoneMatch": "*"}
        response = self._put(grant, Body=body, ContentType="application/json", **condition)
        return Written(response["ETag"], version_of(response))

    def announced(self) -> PlannedCall:
        """Return the call that `write` makes."""
        return PlannedCall("s3:PutObject", self.url)

    def remember(self, base: SiteFile) -> None:
        """Keep a file that was just read, so that writing a plan made on it need not read it again."""
        self._base = base

    def _changed(self, plan: Plan, by: str) -> bytes:
        try:
            update = edited(self._document_of(plan), plan.updates, plan.replacements, create=plan.create)
        except InvalidInput as refused:
            raise InvalidDocument.of(refused) from refused
        return render_site_tiers(with_metadata(update.document, at=self._now(), by=by, reason=plan.reason))

    def _document_of(self, plan: Plan) -> SiteTiers:
        """Return the document that a plan was made on: kept from planning, or read again."""
        base = self._base
        if base is None or base.etag != plan.base_etag:
            base = self._read_base(plan)
        return base.document

    def _read_base(self, plan: Plan) -> SiteFile:
        try:
            base = self.read()
        except NotFound as missing:
            if missing.code != CONFIG_MISSING or not plan.create:
                raise
            base = NO_FILE
        if base.degraded is not None:
            raise unusable(base.degraded, self._names)
        if base.etag != plan.base_etag:
            raise Conflict(f"{self.url} has changed since the plan was made", remedy="plan again")
        return base

    def _put(self, grant: WriteGrant, **params: Any) -> Response:
        for attempt in range(RACES_AT_MOST):
            if attempt:
                self._pause(
                    full_jitter(attempt, first=FIRST_PAUSE_S, longest=LONGEST_PAUSE_S, chance=random.random)
                )
            try:
                return grant.call("s3", "put_object", **self._place, **params)
            except Conflict as conflict:
                # 409: a concurrent write, the result is open; 412: the file has changed.
                if conflict.code != RACING:
                    raise
                raced = conflict
        raise raced

    def _current(self) -> Response:
        try:
            return self._broker.call("s3", "get_object", **self._place)
        except NotFound as missing:
            if missing.code != "NoSuchKey":
                raise
            raise no_file(*self._place.values(), why=missing.why, request_id=missing.request_id) from missing

    def _last_good(self, current: Response, refused: InvalidInput) -> SiteFile:
        try:
            good = self.versions.last_good(other_than=version_of(current))
        except SmarteriseError as error:
            raise InvalidDocument(
                f"{self.url} cannot be used, and its earlier versions could not be had",
                problems=refused.problems,
                why=str(error),
                remedy=error.remedy,
            ) from error
        if good is None:
            raise InvalidDocument(
                f"{self.url} cannot be used, and no earlier version can",
                problems=refused.problems,
                remedy="mend the file and upload it; what is wrong with it is listed",
            ) from refused
        message = f"{self.url} cannot be used; version {good.version_id} is shown instead"
        return replace(good, degraded=Degraded(message, refused.problems, good.version_id))
