"""The versions of the site file: told as a log, and gone back to."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from smarterise_lambdas.shared.retry import RESERVE_MS
from smarterise_lambdas.shared.site_file import FileMissing
from smarterise_lambdas.site_config_manager.reader import (
    file_missing,
    no_such_version,
    parsed,
    served_version,
)
from smarterise_lambdas.site_config_manager.responses import ensure_response_fits
from smarterise_lambdas.site_config_manager.writer import Planned, write
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.history import about_site, entries_of, rollback_changes
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
    """Tell the newest versions, the newest first: as many as are asked for, or there is time for.

    Raises:
        RequestRejected: CONFIG_MISSING when there never was a file; TOO_LARGE.
        ClientError: If S3 does not let us look.
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
        # Rows at once: the documents of two hundred versions would not fit into memory side by side.
        rows += [told.to_row() for told in about_site([entry], request.gateway_serial)]
        if remaining_ms() < RESERVE_MS:
            break
    told: JsonObject = {
        "ok": True,
        "action": request.action,
        "count": len(rows),
        "versions": rows,
        "is_versioned": store.keeps_versions(),
        "is_complete": seen == len(listed),
    }
    return ensure_response_fits(told, 'Ask for fewer versions with "limit".')


def rollback(
    request: Rollback, store: ConfigStore, retries: Retries, now: Callable[[], datetime]
) -> JsonObject:
    """Take back what was changed since a version.

    Raises:
        RequestRejected: VERSION_NOT_FOUND, VERSION_INVALID, or as for any other write.
        ClientError: If S3 denies or fails.
    """

    def plan(document: SiteTiers) -> Planned:
        # Looked up after the file was read: a version written in between makes the write fail, never undone.
        newer = _newer_than(request.version_id, store)
        target = served_version(store, request.version_id).document
        back = rollback_changes(target, _first_good(newer, store), document, whole=request.whole)
        told: JsonObject = {"kept": list(back.kept), "superseded": list(back.superseded)}
        return Planned(replace_sites(document, back.replacements), told)

    return write(request, plan, store, retries, now)


def _newer_than(version_id: str, store: ConfigStore) -> list[FileVersion]:
    """Return the versions written after one, the oldest of them first."""
    newer: list[FileVersion] = []
    for version in store.versions():
        if version.version_id == version_id:
            return newer[::-1]
        newer.append(version)
    raise no_such_version(store, version_id)


def _first_good(versions: Iterable[FileVersion], store: ConfigStore) -> SiteTiers | None:
    for version in versions:
        if version.is_deletion:
            continue
        try:
            return parsed(store.version(version.version_id), store)
        except (InvalidInput, FileMissing):
            continue
    return None
