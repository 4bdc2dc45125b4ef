"""Reads the site file in S3: its current version and earlier ones. `site-config-manager` writes it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.s3_errors import (
    DELETE_MARKER,
    INVALID_VERSION_ID,
    NOT_FOUND,
    NOT_MODIFIED,
    code_of,
)
from smarterise_sdk.domain.sites.history import FileVersion
from smarterise_sdk.domain.sites.last_good import last_good, latest_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ObjectVersionTypeDef

T = TypeVar("T")

_MAX_BYTES: Final = 64 * 1024 * 1024
"""Read limit: larger than any valid document; protects the function's memory from a wrong upload."""
_NO_SUCH_VERSION = NOT_FOUND | DELETE_MARKER | INVALID_VERSION_ID
_UNVERSIONED_ID = "null"


class FileMissing(Exception):
    """The site file does not exist, or was deleted."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One version of the file.

    Attributes:
        body: Content.
        etag: ETag exactly as S3 returns it.
        version_id: Version id; `None` in a bucket without versions.
    """

    body: bytes
    etag: str
    version_id: str | None


class SiteFile:
    """The site file in S3. Nothing is cached between calls."""

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    def is_at(self, bucket: str, key: str) -> bool:
        """Return whether an object is the site file."""
        return (bucket, key) == (self._bucket, self._key)

    @property
    def location(self) -> str:
        """S3 URL of the file, for messages."""
        return f"s3://{self._bucket}/{self._key}"

    def current(self) -> StoredFile:
        """Return the current version.

        Raises:
            FileMissing: If there is none.
            ClientError: If S3 refuses.
        """
        return self._get({})

    def etag(self) -> str | None:
        """Return the ETag of the current version; `None` if there is none.

        Raises:
            ClientError: If S3 refuses.
        """
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=self._key)["ETag"]
        except ClientError as error:
            if code_of(error) in NOT_FOUND:
                return None
            raise

    def last_good(self, parse: Callable[[StoredFile], T]) -> tuple[T, StoredFile] | None:
        """Return the parsed content and the file of the fallback version; `None` if no version is valid.

        Args:
            parse: Parses a file; raises `InvalidInput` if it is invalid.

        Raises:
            ClientError: If S3 refuses.
        """

        def read(version: FileVersion) -> tuple[T, StoredFile] | None:
            try:
                file = self.version(version.version_id)
            except FileMissing:
                return None  # deleted since it was listed
            return parse(file), file

        return last_good(self.versions(), read)

    def versions(self) -> Iterator[FileVersion]:
        """Yield the versions and delete markers of the file, the latest first.

        Raises:
            ClientError: If S3 refuses.
        """
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=self._key)
        for page in pages:
            bodies = [_file_version(one) for one in page.get("Versions", []) if one["Key"] == self._key]
            deletions = [
                _file_version(one, is_deletion=True)
                for one in page.get("DeleteMarkers", [])
                if one["Key"] == self._key
            ]
            yield from latest_first(bodies, deletions)
            if not bodies and not deletions:
                return  # keys are listed in order: the rest only share the prefix

    def version(self, version_id: str) -> StoredFile:
        """Return one version; its id is `null` in a bucket without versions.

        Raises:
            FileMissing: If the version does not exist, was deleted, or is a delete marker.
            ClientError: If S3 refuses.
        """
        return self._get({"VersionId": version_id})

    def keeps_versions(self) -> bool:
        """Return whether versioning is enabled on the bucket.

        Raises:
            ClientError: If S3 refuses.
        """
        try:
            return self._s3.get_bucket_versioning(Bucket=self._bucket).get("Status") == "Enabled"
        except ClientError as error:
            if code_of(error) != "AccessDenied":
                raise
        # An older policy without s3:GetBucketVersioning: derive it from the version ids.
        latest = next(self.versions(), None)
        return latest is not None and latest.version_id != _UNVERSIONED_ID

    def current_if_changed(self, etag: str | None) -> StoredFile | None:
        """Return the current version; `None` if its ETag is unchanged.

        Raises:
            FileMissing: If there is none.
            ClientError: If S3 refuses.
        """
        try:
            return self._get({} if etag is None else {"IfNoneMatch": etag})
        except ClientError as error:
            if code_of(error) in NOT_MODIFIED:
                return None
            raise

    def _get(self, selection: dict[str, Any]) -> StoredFile:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._key, **selection)
        except ClientError as error:
            if code_of(error) in (_NO_SUCH_VERSION if "VersionId" in selection else NOT_FOUND):
                raise FileMissing(self.location) from error
            raise
        with closing(found["Body"]) as stream:
            body = stream.read(_MAX_BYTES)
            stream.read(1)  # only a read at the end raises if the body was truncated
        return StoredFile(body, found["ETag"], found.get("VersionId"))


def _file_version(
    listed: ObjectVersionTypeDef | DeleteMarkerEntryTypeDef, *, is_deletion: bool = False
) -> FileVersion:
    return FileVersion(
        version_id=listed["VersionId"],
        written_at=listed["LastModified"],
        is_latest=listed["IsLatest"],
        is_deletion=is_deletion,
    )
