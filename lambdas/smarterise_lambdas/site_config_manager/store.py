"""The site file in S3: its current version, its earlier ones, and the one way to replace it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3.client import S3Client

_READ_AT_MOST: Final = 64 * 1024 * 1024
"""Far more than any document we take; keeps a mistaken upload from filling the function's memory."""
_EARLIER_AT_MOST: Final = 50
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class FileMissing(Exception):
    """There is no site file (or it was deleted)."""


class WriteConflict(Exception):
    """The file is no longer the one that was read, or another write was under way."""


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


class ConfigStore:
    """The site file. Nothing is kept between calls: what is true is what S3 says now."""

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

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

    def earlier(self) -> Iterator[StoredFile]:
        """Yield earlier versions, newest first; none when the bucket keeps none.

        Raises:
            ClientError: If S3 does not let us look.
        """
        left = _EARLIER_AT_MOST
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=self._key)
        for page in pages:
            for version in page.get("Versions", []):
                if version.get("Key") != self._key or version.get("IsLatest"):
                    continue
                if left == 0:
                    return
                left -= 1
                yield self._get({"VersionId": version["VersionId"]})

    def replace(self, body: bytes, *, etag: str | None) -> StoredFile:
        """Write the file if it still is the one that was read.

        Args:
            body: The new content.
            etag: ETag of the version that was read; `None` when there was no file.

        Raises:
            WriteConflict: If it is another by now (412), gone (404), or being written (409).
            ClientError: If S3 refuses for another reason.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            written = self._s3.put_object(
                Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            if _code_of(error) in _CONFLICTS | _NOT_THERE:
                raise WriteConflict(_code_of(error)) from error
            raise
        return StoredFile(body, written["ETag"], written.get("VersionId"))

    def _get(self, version: dict[str, Any]) -> StoredFile:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._key, **version)
        except ClientError as error:
            if _code_of(error) in _NOT_THERE:
                raise FileMissing(self.location) from error
            raise
        with closing(found["Body"]) as stream:
            body = stream.read(_READ_AT_MOST)
            stream.read(1)  # only the read that finds nothing more tells whether the body was cut short
        return StoredFile(body, found["ETag"], found.get("VersionId"))


def _code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
