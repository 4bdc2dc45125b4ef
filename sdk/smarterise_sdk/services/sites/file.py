"""The site file as it was read or written, whichever road it took; see `lambda_transport`, `s3_transport`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smarterise_sdk.domain.sites.document import SiteTiers, new_site_tiers
from smarterise_sdk.errors import InvalidDocument, NotFound
from smarterise_sdk.services.sites.responses import CONFIG_MISSING, VERSION_NOT_FOUND

if TYPE_CHECKING:
    from smarterise_sdk.aws.broker import WriteGrant
    from smarterise_sdk.domain.problems import Problem
    from smarterise_sdk.domain.sites.history import RollbackChanges
    from smarterise_sdk.domain.sites.plans import Plan, PlannedCall, WritePath
    from smarterise_sdk.domain.stack.names import StackNames
    from smarterise_sdk.domain.stack.schedules import Schedule
    from smarterise_sdk.services.sites.history import SiteHistory

TOO_LARGE = "TOO_LARGE"
"""Code of an error: more than an invocation can carry, one way or the other."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """The current file cannot be used, and an earlier version stands in for it.

    Attributes:
        message: What is wrong, in one line.
        problems: Everything wrong with the current file.
        version_id: S3 version that is shown instead.
    """

    message: str
    problems: tuple[Problem, ...]
    version_id: str | None


@dataclass(frozen=True, slots=True)
class SiteFile:
    """The site file as it was read.

    Attributes:
        document: What it says.
        etag: Its ETag exactly as S3 gives it; empty when there is no file.
        version_id: Its S3 version, when the bucket keeps versions.
        degraded: Set when the current file cannot be used and this is an earlier version.
        schedules: When sites are collected by FTP, if that was asked for and could be told.
    """

    document: SiteTiers
    etag: str
    version_id: str | None
    degraded: Degraded | None = None
    schedules: tuple[Schedule, ...] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The version of the file that a write made."""

    etag: str
    version_id: str | None


NO_FILE = SiteFile(new_site_tiers({}), "", None)


class Transport(Protocol):
    """A way to the site file."""

    via: WritePath
    text: str
    """How it is told, e.g. `from S3`."""

    def read(self, *, with_schedules: bool = False) -> SiteFile:
        """Return the current file, or the last good version marked as such."""

    def version(self, version_id: str) -> SiteFile:
        """Return one version of the file."""

    def history(self, limit: int, serial: str | None = None) -> SiteHistory:
        """Return the newest versions of the file, as a log; with a serial, those that changed this site."""

    def rollback_changes(self, base: SiteFile, version_id: str, *, whole: bool) -> RollbackChanges:
        """Return what it takes to go from the current file back to a version."""

    def write(self, grant: WriteGrant, plan: Plan, *, by: str) -> Written:
        """Make a plan's change, only if the file is still the one it was made on."""

    def announced(self) -> PlannedCall:
        """Return the call that `write` makes."""


def unusable(degraded: Degraded, names: StackNames) -> InvalidDocument:
    """Return the error with which every writer refuses while the current file is broken."""
    good = f" --version-id {degraded.version_id}" if degraded.version_id else ""
    return InvalidDocument(
        "the site file cannot be used, so nothing is written to it",
        problems=degraded.problems,
        why=degraded.message,
        remedy="see what mends it: smarterise-ops sites repair --dry-run; or fetch the last good version, "
        f"mend it and upload it: aws s3api get-object --bucket {names.site_config_bucket} "
        f"--key {names.site_config_key}{good} {names.site_config_key}",
    )


def no_such_version(version_id: str, url: str, *, why: str, request_id: str | None = None) -> NotFound:
    """Return the error for a version that is not to be had."""
    return NotFound(
        f"there is no version {version_id} of {url}",
        why=why,
        remedy="see which there are: smarterise-ops sites history",
        code=VERSION_NOT_FOUND,
        request_id=request_id,
    )


def no_file(bucket: str, key: str, *, why: str, request_id: str | None = None) -> NotFound:
    """Return the error for a file that is not there."""
    return NotFound(
        f"there is no s3://{bucket}/{key}",
        why=why,
        remedy=f"see what there was: aws s3api list-object-versions --bucket {bucket} --prefix {key}; "
        "put the last good version back: smarterise-ops sites repair --last-good; "
        "or make the first site with --create",
        code=CONFIG_MISSING,
        request_id=request_id,
    )
