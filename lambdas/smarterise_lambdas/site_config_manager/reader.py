"""Reads the site document: the current one, its fallback version, or a requested version."""

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
    from smarterise_sdk.domain.json_text.types import JsonObject

RESTORE = "Correct the file and upload it, or restore the last valid version of the object."


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """A document with its version, and the reason if it is not the current one."""

    document: SiteTiers
    file: StoredFile
    degraded: JsonObject | None

    def response(self, action: str, **content: Any) -> JsonObject:
        """Return the response to a reading action."""
        return {
            "ok": True,
            "action": action,
            **content,
            "etag": self.file.etag,
            "version_id": self.file.version_id,
            "degraded": self.degraded,
        }


def load_current(store: SiteFile) -> LoadedDocument:
    """Return the current document, or the fallback version marked as degraded.

    Raises:
        RequestRejected: CONFIG_MISSING, or CONFIG_INVALID if no version is valid.
        ClientError: If S3 refuses.
    """
    file = current(store)
    try:
        return LoadedDocument(parsed(file, store), file, None)
    except InvalidInput as error:
        invalid = error
    try:
        fallback = store.last_good(lambda earlier: parsed(earlier, store))
        issue = "No earlier version is valid."
    except (ClientError, FileMissing) as error:
        # The invalid file is the main error; the unreadable history is only added to it.
        fallback, issue = None, f"Earlier versions could not be read: {error}."
    if fallback is None:
        raise RequestRejected.of(invalid, "CONFIG_INVALID", f"{RESTORE} {issue}")
    document, file = fallback
    degraded: JsonObject = {
        "message": f"{invalid.subject} is invalid; using version {file.version_id}",
        "problems": [dict(problem.to_json()) for problem in invalid.problems],
        "version_id": file.version_id,
    }
    return LoadedDocument(document, file, degraded)


def load_version(store: SiteFile, version_id: str) -> LoadedDocument:
    """Return one version of the file.

    Raises:
        RequestRejected: VERSION_NOT_FOUND, or VERSION_INVALID.
        ClientError: If S3 refuses.
    """
    try:
        file = store.version(version_id)
    except FileMissing as error:
        raise version_not_found(store, version_id) from error
    try:
        return LoadedDocument(parsed(file, store), file, None)
    except InvalidInput as error:
        remedy = 'Choose a valid version: list them with "history" ("sites history").'
        raise RequestRejected.of(error, "VERSION_INVALID", remedy) from error


def current(store: SiteFile) -> StoredFile:
    """Return the current file, valid or not.

    Raises:
        RequestRejected: CONFIG_MISSING.
        ClientError: If S3 refuses.
    """
    try:
        return store.current()
    except FileMissing as error:
        raise file_missing(store) from error


def parsed(file: StoredFile, store: SiteFile) -> SiteTiers:
    """Parse the document of a file.

    Raises:
        InvalidInput: With every problem, and the version.
    """
    version = f" (version {file.version_id})" if file.version_id else ""
    return parse_site_tiers(file.body, f"{store.location}{version}")


def file_missing(store: SiteFile) -> RequestRejected:
    """Return the error for a missing site file."""
    remedy = 'Upload it, or create the first site with "update_sites" and "create": true.'
    return RequestRejected("CONFIG_MISSING", f"{store.location} does not exist", remedy)


def version_not_found(store: SiteFile, version_id: str) -> RequestRejected:
    """Return the error for a version that does not exist or was deleted."""
    message = f"version {visible(version_id)[:120]} of {store.location} not found"
    return RequestRejected("VERSION_NOT_FOUND", message, 'List versions with "history" ("sites history").')
