"""Writes the site file: read, plan, conditional write, retry on conflict.

An invalid file is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.s3_errors import CONFLICT, NOT_FOUND, PRECONDITION_FAILED, code_of
from smarterise_lambdas.shared.site_file import FileMissing, SiteFile, StoredFile
from smarterise_lambdas.site_config_manager.reader import RESTORE, current, parsed
from smarterise_lambdas.site_config_manager.responses import RequestRejected, change_row, ensure_response_fits
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import (
    MAX_DOCUMENT_BYTES,
    SiteTiers,
    new_site_tiers,
    render_site_tiers,
)
from smarterise_sdk.domain.sites.updates import UpdateSet, edited, with_metadata

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_lambdas.shared.retry import Retries
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.manager_api import Rollback, UpdateSites

UNKNOWN_WRITER = "unknown"


class WriteConflict(Exception):
    """The file changed since it was read, or another write was in progress."""


class ConfigStore(SiteFile):
    """The site file, with writing."""

    def replace(self, body: bytes, *, etag: str | None) -> StoredFile:
        """Write the file if it is unchanged since it was read.

        Args:
            body: The new content.
            etag: ETag that was read; `None` if there was no file.

        Raises:
            WriteConflict: If it changed (412), was deleted (404), or is being written (409).
            ClientError: If S3 refuses for another reason.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            written = self._s3.put_object(
                Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            if code_of(error) in PRECONDITION_FAILED | CONFLICT | NOT_FOUND:
                raise WriteConflict(code_of(error)) from error
            raise
        return StoredFile(body, written["ETag"], written.get("VersionId"))


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """The changes of a write, and additional response fields."""

    edits: UpdateSet
    response_fields: JsonObject = field(default_factory=dict)


def update_sites(
    request: UpdateSites, store: ConfigStore, retries: Retries, now: Callable[[], datetime]
) -> JsonObject:
    """Change sites: all requested changes, or none.

    Raises:
        RequestRejected: The request is invalid; nothing is written.
        ClientError: If S3 refuses or fails.
    """

    def plan(document: SiteTiers) -> PlannedWrite:
        return PlannedWrite(edited(document, request.updates, request.replacements, create=request.create))

    return write(request, plan, store, retries, now, create=request.create)


def write(
    request: UpdateSites | Rollback,
    plan: Callable[[SiteTiers], PlannedWrite],
    store: ConfigStore,
    retries: Retries,
    now: Callable[[], datetime],
    *,
    create: bool = False,
) -> JsonObject:
    """Write the planned changes; after a conflict read and plan again.

    Args:
        request: The request: who, why, and the expected version.
        plan: Plans the changes of a document.
        store: The site file.
        retries: Limits the attempts.
        now: Clock, UTC.
        create: Whether the file may be missing.

    Raises:
        RequestRejected: The request cannot be carried out; nothing is written.
        ClientError: If S3 refuses or fails.
    """
    attempted: bytes | None = None
    planned: PlannedWrite | None = None
    for _ in retries:
        file = _current_or_none(store) if create else current(store)
        if planned is not None and file is not None and file.body == attempted:
            # The conflicting write was this one: its response was lost, and botocore sent it again.
            return _response(request, planned, file)
        if request.expected_etag is not None and request.expected_etag != (file.etag if file else None):
            raise _conflict(request.expected_etag, file)
        document = _writable(file, store)
        try:
            planned = plan(document)
        except InvalidInput as error:
            raise RequestRejected.of(error) from error
        # Checked before the write: a response that cannot be sent would hide that the write succeeded.
        response = ensure_response_fits(
            _response(request, planned, file), 'Request a "brief" response, or change fewer sites.'
        )
        if request.dry_run or not planned.edits.changed:
            return response
        attempted = _rendered(planned.edits.document, request, now())
        try:
            written = store.replace(attempted, etag=file.etag if file else None)
        except WriteConflict:
            continue
        return _response(request, planned, written)
    message = f"{store.location} not written: {retries.attempts} attempts conflicted with other writers"
    raise RequestRejected("CONFLICT", message, "Try again; nothing was written.")


def _current_or_none(store: ConfigStore) -> StoredFile | None:
    try:
        return store.current()
    except FileMissing:
        return None


def _writable(file: StoredFile | None, store: ConfigStore) -> SiteTiers:
    if file is None:
        return new_site_tiers({})
    try:
        return parsed(file, store)
    except InvalidInput as error:
        remedy = f"Nothing was written. {RESTORE}"
        raise RequestRejected.of(error, "CONFIG_INVALID", remedy) from error


def _rendered(document: SiteTiers, request: UpdateSites | Rollback, at: datetime) -> bytes:
    by = request.changed_by or UNKNOWN_WRITER
    body = render_site_tiers(with_metadata(document, at=at, by=by, reason=request.reason))
    if len(body) > MAX_DOCUMENT_BYTES:
        message = f"the file would have {len(body)} bytes; the limit is {MAX_DOCUMENT_BYTES}"
        raise RequestRejected("TOO_LARGE", message, "Update fewer sites, or shorten their fields.")
    return body


def _conflict(expected: str, file: StoredFile | None) -> RequestRejected:
    found = f"its ETag is {file.etag}" if file else "it does not exist"
    message = f"the file changed since the change was planned: {found}, expected {expected}"
    return RequestRejected("CONFLICT", message, "Read it and plan again; nothing was written.")


def _response(request: UpdateSites | Rollback, planned: PlannedWrite, file: StoredFile | None) -> JsonObject:
    changed, unchanged = planned.edits.changed, planned.edits.unchanged
    counts: JsonObject = (
        {"changed_count": len(changed), "unchanged_count": len(unchanged)}
        if request.brief
        else {"changed": [change_row(change) for change in changed], "unchanged": list(unchanged)}
    )
    return {
        "ok": True,
        "action": request.action,
        "dry_run": request.dry_run,
        **counts,
        **planned.response_fields,
        "etag": file.etag if file else None,
        "version_id": file.version_id if file else None,
    }
