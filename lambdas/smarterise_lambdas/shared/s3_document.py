"""JSON document in S3 with several writers: changed by compare-and-swap, so that no update is lost."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.s3_errors import CONFLICT, NOT_FOUND, PRECONDITION_FAILED, code_of
from smarterise_sdk.domain.backoff import full_jitter

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3.client import S3Client

MAX_ATTEMPTS: Final = 30

_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 1.0


class Contended(RuntimeError):
    """Every attempt to write conflicted with another writer."""


@dataclass(frozen=True, slots=True)
class Found:
    """The document as it was read.

    Attributes:
        value: The JSON object; empty if there is none, or it is invalid.
        etag: ETag; `None` if there is no document.
        is_broken: Whether there is a document that is not a JSON object.
    """

    value: dict[str, Any]
    etag: str | None = None
    is_broken: bool = False


class SharedDocument:
    """A JSON object in S3 under one key."""

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    @property
    def location(self) -> str:
        """S3 URL, for messages."""
        return f"s3://{self._bucket}/{self._key}"

    def read(self) -> Found:
        """Return the current document.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if code_of(error) in NOT_FOUND:
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
        """Write the document if it is unchanged since it was read; return whether it was written.

        Args:
            value: New content.
            etag: ETag that was read; `None` if there was no document.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses for another reason.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        # ASCII escapes preserve lone surrogates, which external names may contain.
        body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            # Not found: the document was deleted since it was read.
            if code_of(error) in PRECONDITION_FAILED | CONFLICT | NOT_FOUND:
                return False
            raise
        return True

    def change(
        self, edit: Callable[[Found], dict[str, Any] | None], *, pause: Callable[[float], None] = time.sleep
    ) -> dict[str, Any]:
        """Change the document, reading it again after each conflict; return the resulting content.

        Args:
            edit: Returns the new content, or `None` to leave it unchanged; called once per attempt.
            pause: Sleeps for so many seconds.

        Raises:
            Contended: If every attempt conflicted with another writer.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                pause(
                    full_jitter(attempt, first=_FIRST_PAUSE_S, longest=_LONGEST_PAUSE_S, chance=random.random)
                )
            found = self.read()
            value = edit(found)
            if value is None:
                return found.value
            if self.write(value, found.etag):
                return value
        raise Contended(f"{self.location} not written: {MAX_ATTEMPTS} attempts conflicted with other writers")
