"""The site file by either road: through `site-config-manager`, or straight from and to S3."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smarterise_sdk.aws.errors import RACING
from smarterise_sdk.domain.plans import PlannedCall
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.site_tiers import (
    SiteTiers,
    new_site_tiers,
    parse_site_tiers,
    render_site_tiers,
    site_tiers_of,
)
from smarterise_sdk.domain.text import visible
from smarterise_sdk.domain.updates import apply_updates, stamped
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, SmarteriseError
from smarterise_sdk.services.manager_replies import (
    CONFIG_MISSING,
    accepted,
    object_in,
    problems_in,
    text_in,
    version_in,
)
from smarterise_sdk.services.moments import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from smarterise_sdk.aws.broker import Answer, Broker, WriteGrant
    from smarterise_sdk.domain.names import StackNames
    from smarterise_sdk.domain.plans import Plan
    from smarterise_sdk.domain.sites import JsonObject

VERSIONS_TRIED = 50
"""How far back to look for a good version before giving up, as the function does."""
RACES_AT_MOST = 5
FIRST_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Degraded:
    """The current file cannot be used, and an earlier version stands in for it.

    Attributes:
        message: What is wrong, in one line.
        problems: Everything wrong with the current file.
        version_id: S3 version that is shown instead.
    """

    message: str
    problems: tuple[Problem, ...]
    version_id: str | None


@dataclass(frozen=True, slots=True)
class SiteFile:
    """The site file as it was read; `etag` is exactly as S3 gives it, and empty when there is no file."""

    document: SiteTiers
    etag: str
    version_id: str | None
    degraded: Degraded | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The version of the file that a write made."""

    etag: str
    version_id: str | None


NO_FILE = SiteFile(new_site_tiers({}), "", None)


class LambdaRoad:
    """Through `site-config-manager`: the usual road, which keeps every rule in one place."""

    words = "through site-config-manager"

    def __init__(self, broker: Broker, names: StackNames) -> None:
        self._broker = broker
        self._function = names.site_config_manager

    def read(self) -> SiteFile:
        """Return the current file, or the last good version marked as such.

        Raises:
            SmarteriseError: It could not be had.
        """
        reply = self.ask({"action": "get_config"})
        config = object_in(reply, "config", self._function)
        try:
            document = site_tiers_of(config)
        except InvalidInput as refused:
            raise InvalidDocument.of(refused) from refused
        return SiteFile(document, *self.version_of(reply), self.degraded_in(reply))

    def write(self, grant: WriteGrant, plan: Plan, *, by: str) -> Written:
        """Send the updates, to be refused unless the file still has the plan's ETag.

        Raises:
            SmarteriseError: It was refused, or may not have arrived.
        """
        request: JsonObject = {
            "action": "update_sites",
            "updates": {serial: dict(fields) for serial, fields in plan.updates.items()},
            "create": plan.create,
            "reason": plan.reason,
            "changed_by": by,
        }
        if plan.base_etag:
            request["expected_etag"] = plan.base_etag
        reply = accepted(grant.invoke(self._function, request), self._function)
        return Written(*self.version_of(reply))

    def announced(self) -> PlannedCall:
        """Return the call that `write` makes."""
        return PlannedCall("lambda:InvokeFunction", f"function {self._function}")

    def ask(self, request: JsonObject) -> JsonObject:
        """Return the reply to a reading request.

        Raises:
            SmarteriseError: It was refused, or failed.
        """
        return accepted(self._broker.invoke(self._function, request), self._function)

    def version_of(self, reply: JsonObject) -> tuple[str, str | None]:
        """Return the ETag and version that a reply is of."""
        return text_in(reply, "etag", self._function), version_in(reply)

    def degraded_in(self, reply: JsonObject) -> Degraded | None:
        """Return the note of a reply that shows an earlier version, if it does."""
        if reply.get("degraded") is None:
            return None
        note = object_in(reply, "degraded", self._function)
        return Degraded(
            visible(text_in(note, "message", self._function)), problems_in(note), version_in(note)
        )


class S3Road:
    """Straight to the file: break-glass, for when the function is what is broken."""

    words = "from S3"

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
        self._url = f"s3://{names.site_config_bucket}/{names.site_config_key}"
        self._now = now
        self._pause = pause

    def read(self) -> SiteFile:
        """Return the current file, or the last good version marked as such.

        Raises:
            NotFound: There is no such file (code `CONFIG_MISSING`) or bucket.
            InvalidDocument: It cannot be used, and neither can any earlier version.
            SmarteriseError: It could not be had.
        """
        current = self._object()
        try:
            return self._parsed(current)
        except InvalidInput as refused:
            return self._last_good(current, refused)

    def write(self, grant: WriteGrant, plan: Plan, *, by: str) -> Written:
        """Put the changed file, only if it is still the one the plan was made on.

        Raises:
            Conflict: It is not.
            InvalidDocument: The file, or the update, cannot be used.
            SmarteriseError: It was refused, or may not have arrived.
        """
        base = self._base(plan)
        try:
            update = apply_updates(base.document, plan.updates, create=plan.create)
        except InvalidInput as refused:
            raise InvalidDocument.of(refused) from refused
        body = render_site_tiers(stamped(update.document, at=self._now(), by=by, reason=plan.reason))
        condition = {"IfMatch": base.etag} if base.etag else {"IfNoneMatch": "*"}
        answer = self._put(grant, Body=body, ContentType="application/json", **condition)
        return Written(answer["ETag"], _version(answer))

    def announced(self) -> PlannedCall:
        """Return the call that `write` makes."""
        return PlannedCall("s3:PutObject", self._url)

    def _base(self, plan: Plan) -> SiteFile:
        try:
            base = self.read()
        except NotFound as missing:
            if missing.code != CONFIG_MISSING or not plan.create:
                raise
            base = NO_FILE
        if base.degraded is not None:
            raise unusable(base.degraded, self._names)
        if base.etag != plan.base_etag:
            raise Conflict(f"{self._url} has changed since the plan was made", remedy="plan again")
        return base

    def _put(self, grant: WriteGrant, **params: Any) -> Answer:
        for attempt in range(RACES_AT_MOST):
            try:
                return grant.call("s3", "put_object", **self._place, **params)
            except Conflict as conflict:
                # 409: two writers met, and S3 says nothing about who won; 412 speaks of the file.
                if conflict.code != RACING:
                    raise
                raced = conflict
                # Not for security: it only keeps two writers from meeting again.
                self._pause(FIRST_PAUSE_S * 2**attempt * (0.5 + random.random() / 2))  # noqa: S311
        raise raced

    def _object(self, **version: str) -> Answer:
        try:
            return self._broker.call("s3", "get_object", **self._place, **version)
        except NotFound as missing:
            if missing.code != "NoSuchKey":
                raise
            raise NotFound(
                f"there is no {self._url}",
                why=missing.why,
                remedy=f"see what there was: aws s3api list-object-versions --bucket {self._place['Bucket']} "
                f"--prefix {self._place['Key']}; or make the first site with --create",
                code=CONFIG_MISSING,
                request_id=missing.request_id,
            ) from missing

    def _parsed(self, answer: Answer) -> SiteFile:
        return SiteFile(parse_site_tiers(answer["Body"], self._url), answer["ETag"], _version(answer))

    def _last_good(self, current: Answer, refused: InvalidInput) -> SiteFile:
        try:
            for version_id in self._earlier_versions(_version(current)):
                try:
                    good = self._parsed(self._object(VersionId=version_id))
                except InvalidInput:
                    continue
                message = f"{self._url} cannot be used; version {version_id} is shown instead"
                degraded = Degraded(message, refused.problems, version_id)
                return SiteFile(good.document, good.etag, good.version_id, degraded)
        except SmarteriseError as error:
            raise InvalidDocument(
                f"{self._url} cannot be used, and its earlier versions could not be had",
                problems=refused.problems,
                why=str(error),
                remedy=error.remedy,
            ) from error
        raise InvalidDocument(
            f"{self._url} cannot be used, and no earlier version can",
            problems=refused.problems,
            remedy="mend the file and upload it; what is wrong with it is listed",
        ) from refused

    def _earlier_versions(self, current: str | None) -> Iterator[str]:
        """Yield the ids of earlier versions of the file, the newest first."""
        page = self._broker.call(
            "s3",
            "list_object_versions",
            Bucket=self._place["Bucket"],
            Prefix=self._place["Key"],
            MaxKeys=2 * VERSIONS_TRIED,
        )
        versions = [
            version["VersionId"]
            for version in page.get("Versions", ())
            if version["Key"] == self._place["Key"] and version["VersionId"] != current
        ]
        yield from versions[:VERSIONS_TRIED]


def unusable(degraded: Degraded, names: StackNames) -> InvalidDocument:
    """Return the error with which every writer refuses while the current file is broken."""
    good = f" --version-id {degraded.version_id}" if degraded.version_id else ""
    return InvalidDocument(
        "the site file cannot be used, so nothing is written to it",
        problems=degraded.problems,
        why=degraded.message,
        remedy="fetch the last good version, mend it and upload it: aws s3api get-object "
        f"--bucket {names.site_config_bucket} --key {names.site_config_key}{good} {names.site_config_key}",
    )


def _version(answer: Answer) -> str | None:
    version = answer.get("VersionId")
    return version if isinstance(version, str) and version != "null" else None
