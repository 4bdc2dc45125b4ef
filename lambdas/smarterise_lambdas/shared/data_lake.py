"""Objects in the data lake's bucket: what came, kept raw, and what was rejected, kept whole.

Keys and bytes depend on the input alone, so that a replay writes the same object again.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from smarterise_lambdas.shared.codecs import compressed, dump_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from types_boto3_s3.client import S3Client


class Archive:
    """The bucket of the raw lake and the quarantine."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """Its name."""
        return self._bucket

    def put_lines(self, key: str, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write one gzipped object of JSON lines.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        self.put(key, packed(lines))

    def put_file(self, key: str, body: IO[bytes]) -> None:
        """Write one object of a file of gzipped JSON lines.

        Args:
            key: Of the object.
            body: Stands at its beginning: from there it is sent again if S3 fails in the middle.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/gzip")

    def put(self, key: str, body: bytes) -> None:
        """Write one object of what `packed` returned.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/gzip")


def packed(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Return gzipped JSON lines."""
    return compressed(b"".join(map(dump_line, lines)))
