"""The sites as a function that only reads them takes them: of the current file, or of the last good one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.site_file import FileMissing
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.site_tiers import parse_site_tiers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_lambdas.shared.logs import Log
    from smarterise_lambdas.shared.site_file import SiteFile
    from smarterise_sdk.domain.sites import Site

_CAUSE_AT_MOST: Final = 1000


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
