"""The site file in S3, read: its current version and its earlier ones. `site-config-manager` writes it."""

from __future__ import annotations

import heapq
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from smarterise_sdk.domain.sites.history import FileVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ObjectVersionTypeDef

_READ_AT_MOST: Final = 64 * 1024 * 1024
"""Far more than any document we take; keeps a mistaken upload from filling the function's memory."""
_EARLIER_AT_MOST: Final = 50
NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_NO_SUCH_VERSION = NOT_THERE | {"InvalidArgument", "MethodNotAllowed", "400", "405"}
"""S3 takes an id it never gave for an argument that is wrong, and a deletion for something not to be had."""
_NO_VERSION = "null"
_UNCHANGED = frozenset({"304", "NotModified"})


class FileMissing(Exception):
    """There is no site file (or it was deleted)."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One version of the file.

    Attributes:
        body: Its bytes.
        etag: Its ETag exactly as S3 gives it.
        version_id: Its version, when the bucket keeps versions.
    """

    body: bytes
    etag: str
    version_id: str | None


class SiteFile:
    """The site file. Nothing is kept between calls: what is true is what S3 says now."""

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    def is_at(self, bucket: str, key: str) -> bool:
        """Return whether an object is this file."""
        return (bucket, key) == (self._bucket, self._key)

    @property
    def location(self) -> str:
        """The file's S3 URL, for messages."""
        return f"s3://{self._bucket}/{self._key}"

    def current(self) -> StoredFile:
        """Return the current version.

        Raises:
            FileMissing: If there is none.
            ClientError: If S3 does not let us look.
        """
        return self._get({})

    def etag(self) -> str | None:
        """Return the ETag of the current version; `None` if there is none.

        Raises:
            ClientError: If S3 does not let us look.
        """
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=self._key)["ETag"]
        except ClientError as error:
            if code_of(error) in NOT_THERE:
                return None
            raise

    def earlier(self) -> Iterator[StoredFile]:
        """Yield earlier versions, newest first; none when the bucket keeps none.

        Raises:
            ClientError: If S3 does not let us look.
        """
        older = (each for each in self.versions() if not each.is_latest and not each.is_deletion)
        for version in islice(older, _EARLIER_AT_MOST):
            try:
                yield self.version(version.version_id)
            except FileMissing:
                continue  # listed, but deleted since

    def versions(self) -> Iterator[FileVersion]:
        """Yield what S3 lists of the file, its deletions too, the newest first.

        Raises:
            ClientError: If S3 does not let us look.
        """
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=self._key)
        for page in pages:
            bodies = [_file_version(one) for one in page.get("Versions", []) if one["Key"] == self._key]
            deletions = [
                _file_version(one, is_deletion=True)
                for one in page.get("DeleteMarkers", [])
                if one["Key"] == self._key
            ]
            # S3 tells the two apart, each in its order; their moments, to the second, say how they mix.
            yield from heapq.merge(bodies, deletions, key=_newness, reverse=True)
            if not bodies and not deletions:
                return  # S3 lists by key: what is left only begins like ours

    def version(self, version_id: str) -> StoredFile:
        """Return one version; `null` is what S3 calls that of a bucket without versions.

        Raises:
            FileMissing: If there is no such version, its content is gone, or it is a deletion.
            ClientError: If S3 does not let us look.
        """
        return self._get({"VersionId": version_id})

    def keeps_versions(self) -> bool:
        """Return whether each write leaves a version behind.

        Raises:
            ClientError: If S3 does not let us look.
        """
        try:
            return self._s3.get_bucket_versioning(Bucket=self._bucket).get("Status") == "Enabled"
        except ClientError as error:
            if code_of(error) != "AccessDenied":
                raise
        # A policy of before this question was asked: then the versions themselves tell.
        latest = next(self.versions(), None)
        return latest is not None and latest.version_id != _NO_VERSION

    def unless_at(self, etag: str | None) -> StoredFile | None:
        """Return the current version; `None` if it still is the one with this ETag.

        Raises:
            FileMissing: If there is none.
            ClientError: If S3 does not let us look.
        """
        try:
            return self._get({} if etag is None else {"IfNoneMatch": etag})
        except ClientError as error:
            if code_of(error) in _UNCHANGED:
                return None
            raise

    def _get(self, selection: dict[str, Any]) -> StoredFile:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._key, **selection)
        except ClientError as error:
            if code_of(error) in (_NO_SUCH_VERSION if "VersionId" in selection else NOT_THERE):
                raise FileMissing(self.location) from error
            raise
        with closing(found["Body"]) as stream:
            body = stream.read(_READ_AT_MOST)
            stream.read(1)  # only the read that finds nothing more tells whether the body was cut short
        return StoredFile(body, found["ETag"], found.get("VersionId"))


def code_of(error: ClientError) -> str:
    """Return AWS's own word for an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _file_version(
    listed: ObjectVersionTypeDef | DeleteMarkerEntryTypeDef, *, is_deletion: bool = False
) -> FileVersion:
    return FileVersion(
        version_id=listed["VersionId"],
        written_at=listed["LastModified"],
        is_latest=listed["IsLatest"],
        is_deletion=is_deletion,
    )


def _newness(version: FileVersion) -> tuple[bool, datetime]:
    return version.is_latest, version.written_at
