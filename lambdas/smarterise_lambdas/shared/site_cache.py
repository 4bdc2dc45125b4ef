"""Reads the sites of the site file, or of its fallback version; once, or cached between invocations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.shared.site_file import FileMissing, SiteFile
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import parse_site_tiers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smarterise_lambdas.shared.runtime import Log
    from smarterise_sdk.domain.sites.model import Site

REFRESH_SECONDS: Final = 15.0
"""Seconds until a tier change takes effect on the stream."""
_MAX_SERIALS_LOGGED: Final = 10_000
_SERIALS_PER_LINE: Final = 100
_MAX_CAUSE: Final = 1000


class SiteWatch:
    """The sites of the site file, refreshed every few seconds and cached between invocations.

    While the file is not available or invalid, the last known sites are used: the last valid document of this
    process, else the fallback version in S3, else nothing is known.

    Args:
        file: The site file.
        log: Logger; each change of the source is logged once.
        refresh: Seconds after which the file is checked again.
        clock: Monotonic clock, seconds.
    """

    def __init__(
        self,
        file: SiteFile,
        log: Log,
        *,
        refresh: float = REFRESH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._log = log
        self._interval_s = refresh
        self._clock = clock
        self._checked_at = float("-inf")
        self._etag: str | None = None
        self._content_issue = ""
        self._issue = ""
        self._sites: Mapping[str, Site] | None = None
        self._logged: set[str] = set()

    def sites(self, *, at_once: bool = False) -> Mapping[str, Site] | None:
        """Return the sites by gateway serial; `None` if no version could be read.

        Args:
            at_once: Check the file now, even if it was checked recently.
        """
        if at_once or self._clock() - self._checked_at >= self._interval_s:
            self._refresh()
            # Set after the check: a slow check must not be followed by another one at once.
            self._checked_at = self._clock()
        return self._sites

    def log_unknown(self, serials: Iterable[str]) -> None:
        """Log gateways that are not in the site file, each once."""
        new = sorted(set(serials) - self._logged)
        if new and len(self._logged) < _MAX_SERIALS_LOGGED:
            self._logged.update(new)
            extra: dict[str, object] = {"gateway_serials": new[:_SERIALS_PER_LINE]}
            self._log.warning("gateways not in the site file", extra=extra)

    def _refresh(self) -> None:
        try:
            found = self._file.current_if_changed(self._etag)
        except FileMissing:
            self._etag = None
            self._note(f"{self._file.location} does not exist")
            return
        except (ClientError, BotoCoreError) as error:
            self._note(f"{self._file.location} is not available: {error}")
            return
        if found is not None:
            self._etag, self._content_issue = found.etag, ""
            try:
                self._sites = parse_site_tiers(found.body, self._file.location).sites
            except InvalidInput as refused:
                self._content_issue = str(refused)[:_MAX_CAUSE]
        self._note(self._content_issue)

    def _note(self, issue: str) -> None:
        """Log when an issue begins, changes or ends; without cached sites, load the fallback version."""
        if issue == self._issue:
            return
        self._issue = issue
        if not issue:
            self._log.info("site file in use again", extra={"etag": self._etag or ""})
            return
        source = "cached document"
        if self._sites is None:
            source = self._last_good_version()
        self._log.warning("site file not usable", extra={"cause": issue, "source": source})

    def _last_good_version(self) -> str:
        try:
            fallback = _last_good(self._file)
        except (ClientError, BotoCoreError) as error:
            return f"none: earlier versions are not available: {error}"
        if fallback is None:
            return "none: no earlier version is valid"
        self._sites, version_id = fallback
        return f"version {version_id}"


class NoSites(RuntimeError):
    """No version of the site file is valid."""


def usable_sites(file: SiteFile, log: Log) -> Mapping[str, Site]:
    """Return the sites by gateway serial.

    If the file is missing or invalid, its fallback version is used, and that is logged.

    Raises:
        NoSites: If no version is valid.
        botocore.exceptions.BotoCoreError: If S3 cannot be reached.
        botocore.exceptions.ClientError: If S3 refuses.
    """
    try:
        return parse_site_tiers(file.current().body, file.location).sites
    except FileMissing:
        cause = f"{file.location} does not exist"
    except InvalidInput as refused:
        cause = str(refused)[:_MAX_CAUSE]
    try:
        fallback = _last_good(file)
    except ClientError as error:
        raise NoSites(f"{cause}; earlier versions cannot be read: {error}") from error
    if fallback is None:
        raise NoSites(f"{cause}; no earlier version is valid")
    sites, version_id = fallback
    extra: dict[str, object] = {"cause": cause, "version_id": version_id}
    log.warning("site file not usable; using the fallback version", extra=extra)
    return sites


def _last_good(file: SiteFile) -> tuple[Mapping[str, Site], str | None] | None:
    """Return the sites and the id of the fallback version; `None` if no version is valid."""
    found = file.last_good(lambda version: parse_site_tiers(version.body).sites)
    return None if found is None else (found[0], found[1].version_id)
