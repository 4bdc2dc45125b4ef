"""Objects in S3, read a piece at a time: no connection outlasts a piece, and a piece is all that is kept."""

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

PIECE: Final = 4 * 1024 * 1024
CHUNK: Final = 128 * 1024
"""What is handed on at once: some hundred rows, few enough to stay in the processor's cache."""

_TRIES: Final = 3
_GONE: Final = NOT_FOUND | DELETE_MARKER | {"NoSuchBucket"}
"""A deleted bucket is final too: another attempt at its event cannot succeed."""


class Superseded(Exception):
    """Under the key is another content by now; its own event tells of that."""


class Gone(Exception):
    """There is no such object any more."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was found.

    Attributes:
        bucket: Where it is.
        key: As S3 knows it.
        etag: Which content it is.
        size: Bytes.
        received_at: When S3 took it, UTC.
        metadata: What was kept beside it.
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
        s3: The client.
        object_request: Which object.
        piece: Bytes asked for at once.
    """

    def __init__(self, s3: S3Client, object_request: ObjectRequest, *, piece: int = PIECE) -> None:
        self._s3 = s3
        self._wanted = object_request
        self._piece = piece
        self._first = b""

    def open(self) -> StoredObject:
        """Find the object, and read its first piece.

        Raises:
            Superseded: If it is another content by now.
            Gone: If it is not there.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 does not let us look.
        """
        try:
            found, self._first = self._get(0, self._wanted.etag)
        except ClientError as error:
            if code_of(error) not in INVALID_RANGE:
                raise
            found, self._first = self._call({}, self._wanted.etag)
        total = found.get("ContentRange", "").rpartition("/")[2]
        self._found = StoredObject(
            bucket=self._wanted.bucket,
            key=self._wanted.key,
            etag=found["ETag"],
            size=int(total) if total.isdigit() else len(self._first),
            received_at=found["LastModified"],
            metadata=found["Metadata"],
        )
        return self._found

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes from the beginning; may be done again.

        Raises:
            Superseded: If it became another content meanwhile.
            Gone: If it was deleted meanwhile.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 does not let us look.
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
        return self._call({"Range": f"bytes={start}-{start + self._piece - 1}"}, etag)

    def _call(self, options: dict[str, Any], etag: str | None) -> tuple[GetObjectOutputTypeDef, bytes]:
        object_request = self._wanted
        if object_request.version_id is not None:
            options = {**options, "VersionId": object_request.version_id}
        elif etag is not None:
            options = {**options, "IfMatch": etag}
        for attempt in range(1, _TRIES + 1):
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
            except BotoCoreError:  # cut off in the middle of the body, which the client does not try again
                if attempt == _TRIES:
                    raise
        raise AssertionError
