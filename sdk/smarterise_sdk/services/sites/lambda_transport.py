"""The site file through `site-config-manager`: the usual road, which keeps every rule in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_sdk.aws.lambda_payload import encoded
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import site_tiers_of
from smarterise_sdk.domain.sites.history import RollbackChanges
from smarterise_sdk.domain.sites.plans import PlannedCall, WritePath
from smarterise_sdk.domain.stack.schedules import Schedule
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidDocument, RemoteFault, UsageError
from smarterise_sdk.services.sites.file import TOO_LARGE, Degraded, SiteFile, Written
from smarterise_sdk.services.sites.history import HistoryRow, SiteHistory
from smarterise_sdk.services.sites.responses import (
    accepted,
    list_in,
    object_in,
    problems_in,
    text_in,
    version_in,
)

if TYPE_CHECKING:
    from smarterise_sdk.aws.broker import Broker, WriteGrant
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.plans import Plan
    from smarterise_sdk.domain.stack.names import StackNames

_LONGEST_NAME = 2048  # the longest ARN: who writes is known only when it is written
_RESPONSE_TOO_LARGE = "ResponseSizeTooLarge"
"""What Lambda itself calls a reply that is too large, where the function did not notice before."""


class LambdaTransport:
    """Through the function."""

    via = WritePath.LAMBDA
    text = "through site-config-manager"

    def __init__(self, broker: Broker, names: StackNames) -> None:
        self._broker = broker
        self._function = names.site_config_manager

    def read(self, *, with_schedules: bool = False) -> SiteFile:
        """Return the current file, or the last good version marked as such.

        Raises:
            SmarteriseError: It could not be had.
        """
        request: JsonObject = {"action": "get_config"}
        return self._file(self.ask(request | ({"with_schedules": True} if with_schedules else {})))

    def version(self, version_id: str) -> SiteFile:
        """Return one version of the file.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`).
            InvalidDocument: It cannot be used.
            SmarteriseError: It could not be had.
        """
        return self._file(self.ask({"action": "get_config", "version_id": version_id}))

    def history(self, limit: int, serial: str | None = None) -> SiteHistory:
        """Return the newest versions of the file, as a log; with a serial, those that changed this site.

        Raises:
            SmarteriseError: It could not be had.
        """
        about: JsonObject = {} if serial is None else {"gateway_serial": serial}
        response = self.ask({"action": "history", "limit": limit, **about})
        rows = list_in(response, "versions", self._function)
        return SiteHistory(
            tuple(HistoryRow.from_row(row) for row in rows if isinstance(row, dict)),
            is_versioned=response.get("is_versioned") is True,
            is_complete=response.get("is_complete") is True,
        )

    def rollback_changes(self, base: SiteFile, version_id: str, *, whole: bool) -> RollbackChanges:
        """Return what it takes to go from the current file back to a version: the function's rehearsal.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`).
            Conflict: The file has changed since `base` was read.
            SmarteriseError: It could not be told.
        """
        request: JsonObject = {"action": "rollback", "version_id": version_id, "whole": whole}
        response = self.ask({**request, "dry_run": True, "expected_etag": base.etag})
        replacements: dict[str, JsonObject | None] = {}
        for row in list_in(response, "changed", self._function):
            if isinstance(row, dict):
                after = row.get("after")
                serial = text_in(row, "gateway_serial", self._function)
                replacements[serial] = after if isinstance(after, dict) else None
        kept, superseded = (
            tuple(str(serial) for serial in list_in(response, key, self._function))
            for key in ("kept", "superseded")
        )
        return RollbackChanges(replacements, kept, superseded)

    def write(self, grant: WriteGrant, plan: Plan, *, by: str) -> Written:
        """Send the change, to be refused unless the file still has the plan's ETag.

        Raises:
            SmarteriseError: It was refused, or may not have arrived.
        """
        response = accepted(grant.invoke(self._function, _request(plan, by)), self._function)
        return Written(*self.version_of(response))

    def carries(self, plan: Plan) -> bool:
        """Whether an invocation can carry a plan's change."""
        try:
            encoded(_request(plan, "x" * _LONGEST_NAME))
        except UsageError:
            return False
        return True

    def announced(self) -> PlannedCall:
        """Return the call that `write` makes."""
        return PlannedCall("lambda:InvokeFunction", f"function {self._function}")

    def ask(self, request: JsonObject) -> JsonObject:
        """Return the reply to a reading request.

        Raises:
            InvalidDocument: The reply would be too large (code `TOO_LARGE`).
            SmarteriseError: It was refused, or failed.
        """
        try:
            return accepted(self._broker.invoke(self._function, request), self._function)
        except RemoteFault as fault:
            if _RESPONSE_TOO_LARGE not in fault.why:
                raise
            raise InvalidDocument(fault.what, why=fault.why, remedy=fault.remedy, code=TOO_LARGE) from fault

    def version_of(self, response: JsonObject) -> tuple[str, str | None]:
        """Return the ETag and version that a reply is of."""
        return text_in(response, "etag", self._function), version_in(response)

    def degraded_in(self, response: JsonObject) -> Degraded | None:
        """Return the note of a reply that shows an earlier version, if it does."""
        if response.get("degraded") is None:
            return None
        note = object_in(response, "degraded", self._function)
        return Degraded(
            visible(text_in(note, "message", self._function)), problems_in(note), version_in(note)
        )

    def _file(self, response: JsonObject) -> SiteFile:
        config = object_in(response, "config", self._function)
        try:
            document = site_tiers_of(config)
        except InvalidInput as refused:
            raise InvalidDocument.of(refused) from refused
        schedules = _schedules_in(response)
        return SiteFile(document, *self.version_of(response), self.degraded_in(response), schedules)


def _request(plan: Plan, by: str) -> JsonObject:
    request: JsonObject = {
        "action": "update_sites",
        "updates": {serial: dict(fields) for serial, fields in plan.updates.items()},
        "create": plan.create,
        "reason": plan.reason,
        "changed_by": by,
        "brief": True,
    }
    if plan.replacements:
        request["replacements"] = dict(plan.replacements)
    if plan.base_etag:
        request["expected_etag"] = plan.base_etag
    return request


def _schedules_in(response: JsonObject) -> tuple[Schedule, ...] | None:
    """Return the schedules of a reply; `None` when it could not look, or in a shape that is not known."""
    rows = response.get("schedules")
    if not isinstance(rows, list) or response.get("schedules_error"):
        # An empty list beside a trouble is no answer: it would read as "nothing collects".
        return None
    try:
        return tuple(Schedule.from_row(row) for row in rows if isinstance(row, dict))
    except ValueError:
        # They only colour the words of a plan: an odd one must not stop it.
        return None
