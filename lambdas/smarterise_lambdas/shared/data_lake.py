"""Writes objects to the data lake bucket: raw readings and quarantined input.

Keys and bytes depend only on the input, so that a replay writes the same object.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from smarterise_lambdas.shared.codecs import compressed, dump_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from types_boto3_s3.client import S3Client


class Archive:
    """The bucket of the data lake and the quarantine."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self._bucket

    def put_lines(self, key: str, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write JSON lines as one gzipped object.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        self.put(key, packed_lines(lines))

    def put_file(self, key: str, body: IO[bytes]) -> None:
        """Write a file of gzipped JSON lines as one object.

        Args:
            key: Key of the object.
            body: File at its start; on a retry it is read again from there.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/gzip")

    def put(self, key: str, body: bytes) -> None:
        """Write bytes returned by `packed_lines` as one object.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/gzip")


def packed_lines(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Return gzipped JSON lines."""
    return compressed(b"".join(map(dump_line, lines)))
