"""A JSON document in S3 that several write: read, change and write it back, and nobody's change is lost."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.site_file import NOT_THERE, code_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3.client import S3Client

TRIES_AT_MOST: Final = 30

_SUPERSEDED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0


class Contended(RuntimeError):
    """Others wrote it each time that we wanted to."""


@dataclass(frozen=True, slots=True)
class Found:
    """The document as it was read.

    Attributes:
        value: Its object; empty if there is none, or it is not one.
        etag: Its ETag; `None` if there is no document.
        is_broken: Whether there is a document that is no JSON object.
    """

    value: dict[str, Any]
    etag: str | None = None
    is_broken: bool = False


class SharedDocument:
    """One JSON object under one key."""

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    @property
    def location(self) -> str:
        """Its S3 URL, for messages."""
        return f"s3://{self._bucket}/{self._key}"

    def read(self) -> Found:
        """Return it as it is now.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if code_of(error) in NOT_THERE:
                return Found({})
            raise
        with found["Body"] as stream:
            body = stream.read()
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            return Found({}, found["ETag"], is_broken=True)
        return Found(value, found["ETag"])

    def write(self, value: dict[str, Any], etag: str | None) -> bool:
        """Write it if it still is what was read; return whether it was.

        Args:
            value: What it is to be.
            etag: Of what was read; `None` for when there was nothing.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses for another reason.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        # Names from outside may hold lone surrogates: escaped, every text there is comes back as it was.
        body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            # What is to be replaced may have been deleted since: then, too, it is not what was read.
            if code_of(error) in _SUPERSEDED | NOT_THERE:
                return False
            raise
        return True

    def change(
        self, edit: Callable[[Found], dict[str, Any] | None], *, pause: Callable[[float], None] = time.sleep
    ) -> dict[str, Any]:
        """Change it, reading it anew as often as somebody else was quicker; return what it is then.

        Args:
            edit: Returns what it is to be, or `None` to leave it; called once a try.
            pause: Waits so many seconds.

        Raises:
            Contended: If others were quicker each time.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        for attempt in range(TRIES_AT_MOST):
            if attempt:
                # Full jitter: writers that met once must not meet again.
                pause(random.random() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))  # noqa: S311
            found = self.read()
            value = edit(found)
            if value is None:
                return found.value
            if self.write(value, found.etag):
                return value
        raise Contended(f"{self.location} was written by others {TRIES_AT_MOST} times in a row")
