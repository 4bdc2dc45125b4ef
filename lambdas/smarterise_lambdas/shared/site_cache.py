"""The sites of the site file, or of its last good version: read once, or kept between invocations."""

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
"""A tier switch shows on the stream within this."""
_NAMES_REMEMBERED: Final = 10_000
_NAMED_AT_ONCE: Final = 100
_CAUSE_AT_MOST: Final = 1000


class SiteWatch:
    """The sites as the site file has them, looked at again every few seconds and kept between invocations.

    While the file cannot be had or used, what was last known goes on: the last good document of this process,
    else the last good version in S3, else nothing is known.

    Args:
        file: The site file.
        log: Where a change of what is known is told, once.
        refresh: Seconds after which the file is looked at again.
        clock: Seconds that only rise.
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
        self._recheck = refresh
        self._clock = clock
        self._looked_at = float("-inf")
        self._etag: str | None = None
        self._content_issue = ""
        self._issue = ""
        self._sites: Mapping[str, Site] | None = None
        self._named: set[str] = set()

    def sites(self, *, at_once: bool = False) -> Mapping[str, Site] | None:
        """Return the sites by gateway serial; `None` when nobody can say.

        Args:
            at_once: Look at the file now, however lately that was done.
        """
        if at_once or self._clock() - self._looked_at >= self._recheck:
            self._look()
            # After the look: one that took long must not be followed by the next at once.
            self._looked_at = self._clock()
        return self._sites

    def tell_unknown(self, serials: Iterable[str]) -> None:
        """Log gateways that the file does not know, each once."""
        new = sorted(set(serials) - self._named)
        if new and len(self._named) < _NAMES_REMEMBERED:
            self._named.update(new)
            named: dict[str, object] = {"gateway_serials": new[:_NAMED_AT_ONCE]}
            self._log.warning("gateways that the site file does not know", extra=named)

    def _look(self) -> None:
        try:
            found = self._file.unless_at(self._etag)
        except FileMissing:
            self._etag = None
            self._note(f"there is no {self._file.location}")
            return
        except (ClientError, BotoCoreError) as error:
            self._note(f"{self._file.location} cannot be had: {error}")
            return
        if found is not None:
            self._etag, self._content_issue = found.etag, ""
            try:
                self._sites = parse_site_tiers(found.body, self._file.location).sites
            except InvalidInput as refused:
                self._content_issue = str(refused)[:_CAUSE_AT_MOST]
        self._note(self._content_issue)

    def _note(self, issue: str) -> None:
        """Go on with what was last known, and tell when that begins, changes and ends."""
        if issue == self._issue:
            return
        self._issue = issue
        if not issue:
            self._log.info("the site file is followed again", extra={"etag": self._etag or ""})
            return
        followed = "the document read before"
        if self._sites is None:
            followed = self._last_good_version()
        self._log.warning("the site file cannot be followed", extra={"cause": issue, "followed": followed})

    def _last_good_version(self) -> str:
        try:
            for version in self._file.earlier():
                try:
                    self._sites = parse_site_tiers(version.body).sites
                except InvalidInput:
                    continue
                return f"version {version.version_id}"
        except (ClientError, BotoCoreError) as error:
            return f"nothing; earlier versions cannot be had: {error}"
        return "nothing; no earlier version is good"


class NoSites(RuntimeError):
    """There is no site file that can be used, and never was one."""


def usable_sites(file: SiteFile, log: Log) -> Mapping[str, Site]:
    """Return the sites by gateway serial.

    A file that is missing or wrong takes nobody's sites away: its last good version is used, and that is
    told.

    Raises:
        NoSites: If no version can be used.
        botocore.exceptions.BotoCoreError: If S3 cannot be reached.
        botocore.exceptions.ClientError: If S3 does not let us look.
    """
    try:
        return parse_site_tiers(file.current().body, file.location).sites
    except FileMissing:
        cause = f"there is no {file.location}"
    except InvalidInput as refused:
        cause = str(refused)[:_CAUSE_AT_MOST]
    try:
        for version in file.earlier():
            try:
                sites = parse_site_tiers(version.body).sites
            except InvalidInput:
                continue
            told: dict[str, object] = {"cause": cause, "version_id": version.version_id}
            log.warning("the site file cannot be used; its last good version is", extra=told)
            return sites
    except ClientError as error:
        raise NoSites(f"{cause}; earlier versions cannot be read: {error}") from error
    raise NoSites(f"{cause}; no earlier version is good")
