"""What the function answers: plain values in, plain answers out.

Reading goes on with the last good version when the current file is bad, and says so. Writing refuses then:
a file that cannot be understood is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smarterise_lambdas.site_config_manager.answers import Refusal, action_of, change_row, fitting
from smarterise_lambdas.site_config_manager.store import ConfigStore, FileMissing, StoredFile, WriteConflict
from smarterise_sdk.domain.manager_contract import (
    GetConfig,
    GetSite,
    ListSites,
    Request,
    UpdateSites,
    parse_request,
)
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.site_tiers import (
    MAX_DOCUMENT_BYTES,
    SiteTiers,
    new_site_tiers,
    parse_site_tiers,
    render_site_tiers,
)
from smarterise_sdk.domain.updates import UpdateSet, apply_updates, stamped, suggest_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from smarterise_lambdas.site_config_manager.retrying import Retries
    from smarterise_sdk.domain.sites import JsonObject

UNKNOWN_WRITER = "unknown"

_RESTORE = "Correct the file and upload it again, or restore the last good version of the object."


@dataclass(frozen=True, slots=True)
class Served:
    """The document that is served, the version it is of, and why if that is not the current one."""

    document: SiteTiers
    file: StoredFile
    degraded: JsonObject | None

    def answer(self, action: str, **content: Any) -> JsonObject:
        """Return the answer to a reading action."""
        return {
            "ok": True,
            "action": action,
            **content,
            "etag": self.file.etag,
            "version_id": self.file.version_id,
            "degraded": self.degraded,
        }


def answer(event: object, store: ConfigStore, *, retries: Retries, now: Callable[[], datetime]) -> JsonObject:
    """Answer one invocation.

    Args:
        event: What was sent.
        store: The site file.
        retries: How long, and how often, to try again when others write at the same time.
        now: Clock, UTC.

    Raises:
        ClientError: If S3 denies or fails: a fault of the function, not of the caller.
    """
    try:
        try:
            request = parse_request(event)
        except InvalidInput as error:
            raise Refusal.of(error) from error
        return _answer(request, store, retries, now)
    except Refusal as refusal:
        return refusal.to_answer(action_of(event))


def _answer(
    request: Request, store: ConfigStore, retries: Retries, now: Callable[[], datetime]
) -> JsonObject:
    match request:
        case GetConfig():
            served = _served(store)
            instead = f"Read the file itself: aws s3 cp {store.location} ."
            return fitting(served.answer("get_config", config=served.document.raw), instead)
        case GetSite(gateway_serial=serial):
            return _get_site(serial, _served(store))
        case ListSites(tier=tier):
            served = _served(store)
            rows = [site.to_row() for site in served.document.sites.values() if tier in (None, site.tier)]
            instead = 'Ask for one tier at a time, or for "get_config".'
            return fitting(served.answer("list_sites", count=len(rows), sites=rows), instead)
        case UpdateSites():
            return _update_sites(request, store, retries, now)
        case _:
            raise Refusal("BAD_REQUEST", f"{request.action} is not built yet")


def _get_site(serial: str, served: Served) -> JsonObject:
    site = served.document.sites.get(serial)
    if site is None:
        problem = suggest_site(serial, served.document.sites)
        raise Refusal(problem.code, problem.message, problem.remedy, [problem])
    entry = {"tier": site.tier.value, "enabled": site.enabled}
    return served.answer(
        "get_site", gateway_serial=serial, site={**entry, **served.document.site_object(serial)}
    )


def _served(store: ConfigStore) -> Served:
    """Return the current document, or the last good one marked as such."""
    file = _current(store)
    try:
        return Served(_parsed(file, store), file, None)
    except InvalidInput as error:
        bad = error
    try:
        good = next(_good_versions(store), None)
        trouble = "No earlier version is good either."
    except (ClientError, FileMissing) as error:
        # The bad file is what the caller must hear of; that its history is closed to us comes second.
        good, trouble = None, f"Earlier versions could not be read: {error}."
    if good is None:
        raise Refusal.of(bad, "CONFIG_INVALID", f"{_RESTORE} {trouble}")
    document, file = good
    degraded: JsonObject = {
        "message": f"{bad.subject} cannot be used; version {file.version_id} is served in its place",
        "problems": [dict(problem.to_json()) for problem in bad.problems],
        "version_id": file.version_id,
    }
    return Served(document, file, degraded)


def _good_versions(store: ConfigStore) -> Iterator[tuple[SiteTiers, StoredFile]]:
    for file in store.earlier():
        try:
            yield _parsed(file, store), file
        except InvalidInput:
            continue  # its problems are history; those of the current file are told


def _current(store: ConfigStore) -> StoredFile:
    try:
        return store.current()
    except FileMissing as error:
        remedy = 'Upload it, or make the first site with "update_sites" and "create": true.'
        raise Refusal("CONFIG_MISSING", f"there is no {store.location}", remedy) from error


def _parsed(file: StoredFile, store: ConfigStore) -> SiteTiers:
    version = f" (version {file.version_id})" if file.version_id else ""
    return parse_site_tiers(file.body, f"{store.location}{version}")


def _update_sites(
    request: UpdateSites, store: ConfigStore, retries: Retries, now: Callable[[], datetime]
) -> JsonObject:
    attempted: bytes | None = None
    planned: UpdateSet | None = None
    for _ in retries:
        file = _current_or_none(request, store)
        if planned is not None and file is not None and file.body == attempted:
            # The write that "failed" had arrived: its answer was lost, and it was sent a second time.
            return _update_answer(request, planned, file)
        if request.expected_etag is not None and request.expected_etag != (file.etag if file else None):
            raise _someone_else(request.expected_etag, file)
        document = _writable(file, store)
        planned = _planned(document, request)
        # Before the write: an answer that cannot be sent would hide that it took place.
        told = fitting(_update_answer(request, planned, file), "Update fewer sites at a time.")
        if request.dry_run or not planned.changed:
            return told
        attempted = _rendered(planned.document, request, now())
        try:
            written = store.replace(attempted, etag=file.etag if file else None)
        except WriteConflict:
            continue
        return _update_answer(request, planned, written)
    message = f"{store.location} kept changing under {retries.made} tries; nothing was written"
    raise Refusal("CONFLICT", message, "Try again: others are writing right now.")


def _current_or_none(request: UpdateSites, store: ConfigStore) -> StoredFile | None:
    if not request.create:
        return _current(store)
    try:
        return store.current()
    except FileMissing:
        return None


def _writable(file: StoredFile | None, store: ConfigStore) -> SiteTiers:
    if file is None:
        return new_site_tiers({})
    try:
        return _parsed(file, store)
    except InvalidInput as error:
        remedy = f"Nothing was written. {_RESTORE}"
        raise Refusal.of(error, "CONFIG_INVALID", remedy) from error


def _planned(document: SiteTiers, request: UpdateSites) -> UpdateSet:
    try:
        return apply_updates(document, request.updates, create=request.create)
    except InvalidInput as error:
        raise Refusal.of(error) from error


def _rendered(document: SiteTiers, request: UpdateSites, at: datetime) -> bytes:
    by = request.changed_by or UNKNOWN_WRITER
    body = render_site_tiers(stamped(document, at=at, by=by, reason=request.reason))
    if len(body) > MAX_DOCUMENT_BYTES:
        message = f"the file would grow to {len(body)} bytes; at most {MAX_DOCUMENT_BYTES} are taken"
        raise Refusal("TOO_LARGE", message, "Update fewer sites, or shorten what they carry.")
    return body


def _someone_else(expected: str, file: StoredFile | None) -> Refusal:
    found = f"its ETag is {file.etag}" if file else "it does not exist"
    message = f"the file is not the one the change was planned on: {found}, expected {expected}"
    return Refusal("CONFLICT", message, "Read it again and plan again; nothing was written.")


def _update_answer(request: UpdateSites, planned: UpdateSet, file: StoredFile | None) -> JsonObject:
    return {
        "ok": True,
        "action": "update_sites",
        "dry_run": request.dry_run,
        "changed": [change_row(change) for change in planned.changed],
        "unchanged": list(planned.unchanged),
        "etag": file.etag if file else None,
        "version_id": file.version_id if file else None,
    }
