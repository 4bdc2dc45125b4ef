"""The versions of the site file in S3: listed in S3's own order, read, and told as a log."""

from __future__ import annotations

from datetime import UTC
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import SiteTiers, parse_site_tiers
from smarterise_sdk.domain.sites.history import FileVersion, history_of
from smarterise_sdk.domain.sites.last_good import first_valid, last_good, latest_first
from smarterise_sdk.errors import Denied, InvalidDocument, NotFound, UsageError
from smarterise_sdk.services.sites.file import SiteFile, no_file, no_such_version
from smarterise_sdk.services.sites.history import HistoryRow, SiteHistory
from smarterise_sdk.services.sites.responses import VERSION_INVALID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smarterise_sdk.aws.broker import Broker, Response
    from smarterise_sdk.domain.stack.names import StackNames

UNVERSIONED = "null"
"""The id S3 gives to the one version of an object in a bucket that keeps none."""

_DELETIONS = "DeleteMarkers"


class SiteVersions:
    """The versions of the file. What is newer is for S3 to say: no clock of ours is asked."""

    def __init__(self, broker: Broker, names: StackNames) -> None:
        self._broker = broker
        self._bucket, self._key = names.site_config_bucket, names.site_config_key
        self._url = f"s3://{self._bucket}/{self._key}"

    def listed(self) -> Iterator[FileVersion]:
        """Yield the versions that S3 lists, deletions among them, the newest first.

        Raises:
            SmarteriseError: They could not be listed.
        """
        for page in self._pages():
            bodies, deletions = (
                [
                    _version(one, is_deletion=kind == _DELETIONS)
                    for one in page.get(kind, ())
                    if self._is_ours(one)
                ]
                for kind in ("Versions", _DELETIONS)
            )
            yield from latest_first(bodies, deletions)

    def history(self, limit: int, serial: str | None = None) -> SiteHistory:
        """Return the newest versions as a log; with a serial, those that changed this site.

        Raises:
            NotFound: There never was a file (code `CONFIG_MISSING`), or there is no bucket.
            SmarteriseError: They could not be had.
        """
        versions = self.listed()
        listed = tuple(islice(versions, limit + 1))
        if not listed:
            raise no_file(self._bucket, self._key, why="S3 lists no version of it")
        entries = history_of(chain(listed, versions), self._body_or_none, limit=limit, serial=serial)
        return SiteHistory(
            tuple(HistoryRow.from_row(entry.to_row()) for entry in entries),
            is_versioned=self._are_kept(listed),
            is_complete=len(listed) <= limit,
        )

    def file(self, version_id: str) -> SiteFile:
        """Return one version.

        Raises:
            NotFound: There is no such version (code `VERSION_NOT_FOUND`), or bucket.
            InvalidDocument: It cannot be used (code `VERSION_INVALID`).
            SmarteriseError: It could not be had.
        """
        try:
            return parsed(self._response(version_id), f"{self._url} (version {version_id})")
        except InvalidInput as refused:
            raise InvalidDocument(
                f"{refused.subject} cannot be used: {len(refused.problems)} problem(s)",
                problems=refused.problems,
                remedy="choose another one: smarterise-ops sites history tells which are good",
                code=VERSION_INVALID,
            ) from refused

    def last_good(self, *, other_than: str | None) -> SiteFile | None:
        """Return the newest usable version; `None` if there is none among the newest fifty.

        Args:
            other_than: Id of the version that is known not to be, `None` in a bucket that keeps none.

        Raises:
            SmarteriseError: Versions could not be listed or read.
        """

        def read(version: FileVersion) -> SiteFile | None:
            try:
                return parsed(self._response(version.version_id), self._url)
            except NotFound:
                return None

        return last_good(self.listed(), read, current_id=other_than or UNVERSIONED)

    def following(self, version_id: str) -> SiteTiers | None:
        """Return the good version right after one, if there is one.

        Raises:
            SmarteriseError: Versions could not be listed or read.
        """

        def read(version: FileVersion) -> SiteTiers | None:
            body = self._body_or_none(version)
            return None if body is None else parse_site_tiers(body)

        later = takewhile(lambda version: version.version_id != version_id, self.listed())
        return first_valid(reversed(list(later)), read)

    def _is_ours(self, listed: dict[str, Any]) -> bool:
        return bool(listed["Key"] == self._key)

    def _are_kept(self, listed: Sequence[FileVersion]) -> bool:
        try:
            status = self._broker.call("s3", "get_bucket_versioning", Bucket=self._bucket).get("Status")
        except Denied:
            # What it has kept so far tells most of it.
            return any(version.version_id != UNVERSIONED for version in listed)
        return bool(status == "Enabled")

    def _pages(self) -> Iterator[dict[str, Any]]:
        markers: dict[str, str] = {}
        while True:
            page = self._broker.call(
                "s3",
                "list_object_versions",
                Bucket=self._bucket,
                Prefix=self._key,
                **markers,
            )
            yield page
            # Keys come in their order, and ours is the shortest with this prefix: past it there is nothing.
            if not page.get("IsTruncated") or page.get("NextKeyMarker") != self._key:
                return
            markers = {"KeyMarker": self._key, "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    def _body_or_none(self, version: FileVersion) -> bytes | None:
        try:
            body: bytes = self._response(version.version_id)["Body"]
        except NotFound:
            return None
        return body

    def _response(self, version_id: str) -> Response:
        try:
            return self._broker.call(
                "s3",
                "get_object",
                Bucket=self._bucket,
                Key=self._key,
                VersionId=version_id,
            )
        except (NotFound, UsageError) as missing:
            if missing.code == "NoSuchBucket":
                raise
            # 400 for an id that S3 never gave out, 404 for one it no longer has, 405 for a deletion.
            raise no_such_version(
                version_id, self._url, why=missing.why, request_id=missing.request_id
            ) from missing


def parsed(response: Response, subject: str) -> SiteFile:
    """Return the site file that an answer of S3 holds.

    Raises:
        InvalidInput: It cannot be used.
    """
    document = parse_site_tiers(response["Body"], subject)
    return SiteFile(document, response["ETag"], version_of(response))


def version_of(response: Response) -> str | None:
    """Return the version that an answer of S3 is about, if the bucket keeps any."""
    version = response.get("VersionId")
    return version if isinstance(version, str) and version != UNVERSIONED else None


def _version(listed: dict[str, Any], *, is_deletion: bool) -> FileVersion:
    return FileVersion(
        listed["VersionId"],
        listed["LastModified"].astimezone(UTC),
        listed["IsLatest"],
        is_deletion,
        listed.get("ETag", ""),
    )
