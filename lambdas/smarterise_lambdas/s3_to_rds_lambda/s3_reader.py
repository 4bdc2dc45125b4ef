"""Reads S3 objects in ranges, each with its own request, so memory and connection time are bounded."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.shared.s3_errors import (
    DELETE_MARKER,
    INVALID_RANGE,
    NOT_FOUND,
    PRECONDITION_FAILED,
    code_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

    from smarterise_lambdas.s3_to_rds_lambda.event import ObjectRequest

RANGE_SIZE: Final = 4 * 1024 * 1024
CHUNK: Final = 128 * 1024
"""Size of the yielded chunks: some hundred rows, which fit into the CPU cache."""

_MAX_ATTEMPTS: Final = 3
_GONE: Final = NOT_FOUND | DELETE_MARKER | {"NoSuchBucket"}
"""A deleted bucket is final too: another attempt at its event cannot succeed."""


class Superseded(Exception):
    """The object was overwritten; the new content has its own event."""


class Gone(Exception):
    """The object no longer exists."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Properties of an S3 object.

    Attributes:
        bucket: Bucket name.
        key: Object key.
        etag: ETag of the content.
        size: Size, bytes.
        received_at: LastModified, UTC.
        metadata: User metadata.
    """

    bucket: str
    key: str
    etag: str
    size: int
    received_at: datetime
    metadata: Mapping[str, str]


class ObjectReader:
    """Reads one object.

    Args:
        s3: S3 client.
        object_request: The object to read.
        range_size: Bytes per request.
    """

    def __init__(self, s3: S3Client, object_request: ObjectRequest, *, range_size: int = RANGE_SIZE) -> None:
        self._s3 = s3
        self._request = object_request
        self._range_size = range_size
        self._first = b""

    def open(self) -> StoredObject:
        """Read the properties and the first range of the object.

        Raises:
            Superseded: If the object was overwritten.
            Gone: If it does not exist.
            botocore.exceptions.BotoCoreError: If S3 is unreachable.
            botocore.exceptions.ClientError: If S3 returns another error.
        """
        try:
            found, self._first = self._get(0, self._request.etag)
        except ClientError as error:
            if code_of(error) not in INVALID_RANGE:
                raise
            found, self._first = self._call({}, self._request.etag)
        total = found.get("ContentRange", "").rpartition("/")[2]
        self._found = StoredObject(
            bucket=self._request.bucket,
            key=self._request.key,
            etag=found["ETag"],
            size=int(total) if total.isdigit() else len(self._first),
            received_at=found["LastModified"],
            metadata=found["Metadata"],
        )
        return self._found

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in chunks from the beginning; callable repeatedly.

        Raises:
            Superseded: If the object was overwritten since `open`.
            Gone: If it was deleted since `open`.
            botocore.exceptions.BotoCoreError: If S3 is unreachable.
            botocore.exceptions.ClientError: If S3 returns another error.
        """
        body, start = self._first, 0
        while body:
            view = memoryview(body)
            for place in range(0, len(body), CHUNK):
                yield bytes(view[place : place + CHUNK])
            start += len(body)
            if start >= self._found.size:
                return
            _, body = self._get(start, self._found.etag)

    def _get(self, start: int, etag: str | None) -> tuple[GetObjectOutputTypeDef, bytes]:
        return self._call({"Range": f"bytes={start}-{start + self._range_size - 1}"}, etag)

    def _call(self, options: dict[str, Any], etag: str | None) -> tuple[GetObjectOutputTypeDef, bytes]:
        object_request = self._request
        if object_request.version_id is not None:
            options = {**options, "VersionId": object_request.version_id}
        elif etag is not None:
            options = {**options, "IfMatch": etag}
        for attempt in range(1, _MAX_ATTEMPTS + 1):
            try:
                found = self._s3.get_object(Bucket=object_request.bucket, Key=object_request.key, **options)
                with closing(found["Body"]) as stream:
                    return found, stream.read()
            except ClientError as error:
                if code_of(error) in PRECONDITION_FAILED:
                    raise Superseded(object_request.key) from error
                if code_of(error) in _GONE:
                    raise Gone(object_request.key) from error
                raise
            except BotoCoreError:  # connection lost within the body, which botocore does not retry
                if attempt == _MAX_ATTEMPTS:
                    raise
        raise AssertionError
