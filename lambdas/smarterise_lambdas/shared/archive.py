"""Objects in the data lake's bucket: what came, kept raw, and what was rejected, kept whole.

Keys and bytes depend on the input alone, so that a replay writes the same object again.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

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
        text = "".join(f"{json.dumps(line, ensure_ascii=False, allow_nan=False)}\n" for line in lines)
        # No time in the header of the archive, and no lone surrogate that UTF-8 could not carry.
        body = gzip.compress(text.encode(errors="backslashreplace"), mtime=0)
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/gzip")
