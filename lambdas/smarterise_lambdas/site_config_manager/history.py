"""The history of the site file, and rollback to one of its versions."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from smarterise_lambdas.shared.retry import RESERVE_MS
from smarterise_lambdas.shared.site_file import FileMissing
from smarterise_lambdas.site_config_manager.reader import (
    file_missing,
    load_version,
    parsed,
    version_not_found,
)
from smarterise_lambdas.site_config_manager.responses import ensure_response_fits
from smarterise_lambdas.site_config_manager.writer import PlannedWrite, write
from smarterise_sdk.domain.sites.history import about_site, entries_of, rollback_changes
from smarterise_sdk.domain.sites.last_good import first_valid
from smarterise_sdk.domain.sites.updates import replace_sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from smarterise_lambdas.shared.retry import Retries
    from smarterise_lambdas.site_config_manager.writer import ConfigStore
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.history import FileVersion
    from smarterise_sdk.domain.sites.manager_api import History, Rollback


def history(request: History, store: ConfigStore, remaining_ms: Callable[[], int]) -> JsonObject:
    """Return the latest versions, the latest first, up to the requested number or as time allows.

    Raises:
        RequestRejected: CONFIG_MISSING if there never was a file; TOO_LARGE.
        ClientError: If S3 refuses.
    """
    versions = store.versions()
    listed = list(islice(versions, request.limit + 1))
    if not listed:
        raise file_missing(store)

    def body_of(version: FileVersion) -> bytes | None:
        try:
            return store.version(version.version_id).body
        except FileMissing:
            return None

    seen = 0
    rows: list[JsonValue] = []
    for entry in islice(entries_of(chain(listed, versions), body_of), request.limit):
        seen += 1
        # Converted one by one: the documents of 200 versions would not fit into memory together.
        rows += [each.to_row() for each in about_site([entry], request.gateway_serial)]
        if remaining_ms() < RESERVE_MS:
            break
    response: JsonObject = {
        "ok": True,
        "action": request.action,
        "count": len(rows),
        "versions": rows,
        "is_versioned": store.keeps_versions(),
        "is_complete": seen == len(listed),
    }
    return ensure_response_fits(response, 'Request fewer versions with "limit".')


def rollback(
    request: Rollback, store: ConfigStore, retries: Retries, now: Callable[[], datetime]
) -> JsonObject:
    """Roll back the changes made since a version.

    Raises:
        RequestRejected: VERSION_NOT_FOUND, VERSION_INVALID, or as for any other write.
        ClientError: If S3 refuses or fails.
    """

    def plan(document: SiteTiers) -> PlannedWrite:
        # Listed after the file was read: a version written in between makes the write conflict.
        newer = _newer_than(request.version_id, store)
        target = load_version(store, request.version_id).document
        back = rollback_changes(target, _first_valid(newer, store), document, whole=request.whole)
        fields: JsonObject = {"kept": list(back.kept), "superseded": list(back.superseded)}
        return PlannedWrite(replace_sites(document, back.replacements), fields)

    return write(request, plan, store, retries, now)


def _newer_than(version_id: str, store: ConfigStore) -> list[FileVersion]:
    """Return the versions written after a version, the oldest first."""
    newer: list[FileVersion] = []
    for version in store.versions():
        if version.version_id == version_id:
            return newer[::-1]
        newer.append(version)
    raise version_not_found(store, version_id)


def _first_valid(versions: Iterable[FileVersion], store: ConfigStore) -> SiteTiers | None:
    def read(version: FileVersion) -> SiteTiers | None:
        try:
            return parsed(store.version(version.version_id), store)
        except FileMissing:
            return None

    return first_valid(versions, read)
