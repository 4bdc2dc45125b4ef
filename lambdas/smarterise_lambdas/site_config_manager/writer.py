"""The one way the function changes the site file: read, plan, write on a condition, retry on conflict.

A file that cannot be parsed is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.site_file import NOT_THERE, FileMissing, SiteFile, StoredFile, code_of
from smarterise_lambdas.site_config_manager.reader import RESTORE, current, parsed
from smarterise_lambdas.site_config_manager.responses import RequestRejected, change_row, ensure_response_fits
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import (
    MAX_DOCUMENT_BYTES,
    SiteTiers,
    new_site_tiers,
    render_site_tiers,
)
from smarterise_sdk.domain.sites.updates import UpdateSet, edited, stamped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_lambdas.shared.retry import Retries
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.manager_api import Rollback, UpdateSites

_CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})

UNKNOWN_WRITER = "unknown"


class WriteConflict(Exception):
    """The file is no longer the one that was read, or another write was under way."""


class ConfigStore(SiteFile):
    """The site file, for its one writer."""

    def replace(self, body: bytes, *, etag: str | None) -> StoredFile:
        """Write the file if it still is the one that was read.

        Args:
            body: The new content.
            etag: ETag of the version that was read; `None` when there was no file.

        Raises:
            WriteConflict: If it is another by now (412), gone (404), or being written (409).
            ClientError: If S3 refuses for another reason.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            written = self._s3.put_object(
                Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            if code_of(error) in _CONFLICTS | NOT_THERE:
                raise WriteConflict(code_of(error)) from error
            raise
        return StoredFile(body, written["ETag"], written.get("VersionId"))


@dataclass(frozen=True, slots=True)
class Planned:
    """What a write amounts to, and what its answer tells besides."""

    edits: UpdateSet
    told: JsonObject = field(default_factory=dict)


def update_sites(
    request: UpdateSites, store: ConfigStore, retries: Retries, now: Callable[[], datetime]
) -> JsonObject:
    """Change sites, all that is asked or nothing.

    Raises:
        RequestRejected: What is asked cannot be done; nothing is written.
        ClientError: If S3 denies or fails.
    """

    def plan(document: SiteTiers) -> Planned:
        return Planned(edited(document, request.updates, request.replacements, create=request.create))

    return write(request, plan, store, retries, now, create=request.create)


def write(
    request: UpdateSites | Rollback,
    plan: Callable[[SiteTiers], Planned],
    store: ConfigStore,
    retries: Retries,
    now: Callable[[], datetime],
    *,
    create: bool = False,
) -> JsonObject:
    """Change the file as planned; planned anew whenever somebody else has written meanwhile.

    Args:
        request: Who asks for it, why, and on which version.
        plan: What to do with a document.
        store: The file.
        retries: How long, and how often, to try.
        now: Clock, UTC.
        create: Whether the file need not be there yet.

    Raises:
        RequestRejected: It cannot be done; nothing is written.
        ClientError: If S3 denies or fails.
    """
    attempted: bytes | None = None
    planned: Planned | None = None
    for _ in retries:
        file = _current_or_none(store) if create else current(store)
        if planned is not None and file is not None and file.body == attempted:
            # The write that "failed" had arrived: its answer was lost, and it was sent a second time.
            return _response(request, planned, file)
        if request.expected_etag is not None and request.expected_etag != (file.etag if file else None):
            raise _someone_else(request.expected_etag, file)
        document = _writable(file, store)
        try:
            planned = plan(document)
        except InvalidInput as error:
            raise RequestRejected.of(error) from error
        # Before the write: an answer that cannot be sent would hide that it took place.
        told = ensure_response_fits(
            _response(request, planned, file), 'Ask for a "brief" answer, or do less at a time.'
        )
        if request.dry_run or not planned.edits.changed:
            return told
        attempted = _rendered(planned.edits.document, request, now())
        try:
            written = store.replace(attempted, etag=file.etag if file else None)
        except WriteConflict:
            continue
        return _response(request, planned, written)
    message = f"{store.location} kept changing under {retries.made} tries; nothing was written"
    raise RequestRejected("CONFLICT", message, "Try again: others are writing right now.")


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
    body = render_site_tiers(stamped(document, at=at, by=by, reason=request.reason))
    if len(body) > MAX_DOCUMENT_BYTES:
        message = f"the file would grow to {len(body)} bytes; at most {MAX_DOCUMENT_BYTES} are taken"
        raise RequestRejected("TOO_LARGE", message, "Update fewer sites, or shorten what they carry.")
    return body


def _someone_else(expected: str, file: StoredFile | None) -> RequestRejected:
    found = f"its ETag is {file.etag}" if file else "it does not exist"
    message = f"the file is not the one the change was planned on: {found}, expected {expected}"
    return RequestRejected("CONFLICT", message, "Read it again and plan again; nothing was written.")


def _response(request: UpdateSites | Rollback, planned: Planned, file: StoredFile | None) -> JsonObject:
    changed, unchanged = planned.edits.changed, planned.edits.unchanged
    told: JsonObject = (
        {"changed_count": len(changed), "unchanged_count": len(unchanged)}
        if request.brief
        else {"changed": [change_row(change) for change in changed], "unchanged": list(unchanged)}
    )
    return {
        "ok": True,
        "action": request.action,
        "dry_run": request.dry_run,
        **told,
        **planned.told,
        "etag": file.etag if file else None,
        "version_id": file.version_id if file else None,
    }
