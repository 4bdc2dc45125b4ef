"""Which document is served: the current one; the last good one, marked as such; or one that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.site_file import FileMissing, SiteFile, StoredFile
from smarterise_lambdas.site_config_manager.responses import RequestRejected
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import SiteTiers, parse_site_tiers
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_sdk.domain.json_text.types import JsonObject

RESTORE = "Correct the file and upload it again, or restore the last good version of the object."


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """The document that is served, the version it is of, and why if that is not the current one."""

    document: SiteTiers
    file: StoredFile
    degraded: JsonObject | None

    def response(self, action: str, **content: Any) -> JsonObject:
        """Return the answer to a reading action."""
        return {
            "ok": True,
            "action": action,
            **content,
            "etag": self.file.etag,
            "version_id": self.file.version_id,
            "degraded": self.degraded,
        }


def served(store: SiteFile) -> LoadedDocument:
    """Return the current document, or the last good one marked as such.

    Raises:
        RequestRejected: CONFIG_MISSING, or CONFIG_INVALID when no version is good.
        ClientError: If S3 does not let us look.
    """
    file = current(store)
    try:
        return LoadedDocument(parsed(file, store), file, None)
    except InvalidInput as error:
        bad = error
    try:
        good = next(_good_versions(store), None)
        issue = "No earlier version is good either."
    except (ClientError, FileMissing) as error:
        # The bad file is what the caller must hear of; that its history is closed to us comes second.
        good, issue = None, f"Earlier versions could not be read: {error}."
    if good is None:
        raise RequestRejected.of(bad, "CONFIG_INVALID", f"{RESTORE} {issue}")
    document, file = good
    degraded: JsonObject = {
        "message": f"{bad.subject} cannot be used; version {file.version_id} is served in its place",
        "problems": [dict(problem.to_json()) for problem in bad.problems],
        "version_id": file.version_id,
    }
    return LoadedDocument(document, file, degraded)


def served_version(store: SiteFile, version_id: str) -> LoadedDocument:
    """Return one version of the file.

    Raises:
        RequestRejected: VERSION_NOT_FOUND, or VERSION_INVALID when it cannot be used.
        ClientError: If S3 does not let us look.
    """
    try:
        file = store.version(version_id)
    except FileMissing as error:
        raise no_such_version(store, version_id) from error
    try:
        return LoadedDocument(parsed(file, store), file, None)
    except InvalidInput as error:
        remedy = 'Choose another version: "history" ("sites history") tells which are good.'
        raise RequestRejected.of(error, "VERSION_INVALID", remedy) from error


def current(store: SiteFile) -> StoredFile:
    """Return the current file, good or not.

    Raises:
        RequestRejected: CONFIG_MISSING.
        ClientError: If S3 does not let us look.
    """
    try:
        return store.current()
    except FileMissing as error:
        raise file_missing(store) from error


def parsed(file: StoredFile, store: SiteFile) -> SiteTiers:
    """Return the document that a file holds.

    Raises:
        InvalidInput: With every problem, and which version it is of.
    """
    version = f" (version {file.version_id})" if file.version_id else ""
    return parse_site_tiers(file.body, f"{store.location}{version}")


def file_missing(store: SiteFile) -> RequestRejected:
    """Return the refusal for a file that is not there."""
    remedy = 'Upload it, or make the first site with "update_sites" and "create": true.'
    return RequestRejected("CONFIG_MISSING", f"there is no {store.location}", remedy)


def no_such_version(store: SiteFile, version_id: str) -> RequestRejected:
    """Return the refusal for a version that is not to be had."""
    message = f"{store.location} has no version {visible(version_id)[:120]}, or it is not to be had any more"
    return RequestRejected("VERSION_NOT_FOUND", message, 'Choose one that "history" ("sites history") tells.')


def _good_versions(store: SiteFile) -> Iterator[tuple[SiteTiers, StoredFile]]:
    for file in store.earlier():
        try:
            yield parsed(file, store), file
        except InvalidInput:
            continue  # its problems are history; those of the current file are told
