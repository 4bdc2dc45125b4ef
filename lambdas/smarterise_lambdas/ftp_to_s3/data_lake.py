"""The lake's bucket: files are written once, never over one another, and can be asked after."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_from_bytes

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.ftp_to_s3.listing_parser import bytes_of
from smarterise_lambdas.shared.s3_errors import CONFLICT, NOT_FOUND, PRECONDITION_FAILED, code_of
from smarterise_sdk.domain.log_files.names import data_lake_key, read_log_name

if TYPE_CHECKING:
    from datetime import date

    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

    from smarterise_lambdas.ftp_to_s3.file_source import RemoteFile
    from smarterise_lambdas.ftp_to_s3.spool import SpooledFile

FAULTS: Final = (ClientError, BotoCoreError)
MOST_FAULTS: Final = 5
"""So many in a row, and it is S3 that is ill and not a key."""

_DENIED: Final = frozenset({"AccessDenied", "403"})
_RACES_AT_MOST = 5
_FIRST_YEAR = 1970
_STEM = 80
_LONGEST_NAME = 1200
_LONGEST_TIMESTAMP = 64
"""Metadata of an object have 2 KB in all."""


class StoreFault(Exception):
    """S3 did not take a file, or does not let us look.

    Attributes:
        code: `S3_DENIED` or `S3_FAULT`.
    """

    def __init__(self, key: str, error: Exception) -> None:
        super().__init__(f"{key}: {error}")
        is_denied = isinstance(error, ClientError) and code_of(error) in _DENIED
        self.code = "S3_DENIED" if is_denied else "S3_FAULT"


class StoreDown(Exception):
    """S3 has refused so often in a row that there is no use in going on."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a file is now.

    Attributes:
        key: Its key.
        is_new: Whether it was not there already.
    """

    key: str
    is_new: bool


class DataLake:
    """The bucket of the raw lake."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        s3.meta.events.register_last("before-call.s3.PutObject", _send_at_once, unique_id="send-at-once")
        self._faults = 0
        self._lock = threading.Lock()

    def store(
        self, gateway_serial: str, file: RemoteFile, spooled: SpooledFile, *, server: str, now: date
    ) -> Stored:
        """Put a file where its gateway, its name and its content say; what is there already stays.

        Args:
            gateway_serial: Whose it is.
            file: As its server lists it.
            spooled: Its content.
            server: Name of the server.
            now: Today, UTC; files are filed under their own day as far as that is known.

        Raises:
            StoreFault: If S3 does not take it.
            StoreDown: If it has taken none for a while.
        """
        if self._faults >= MOST_FAULTS:
            raise StoreDown
        metadata = metadata_of(file, spooled, server)
        keys = keys_of(gateway_serial, file, spooled.sha256, now)
        key = keys[0]
        try:
            for key in keys:
                if self._put(key, spooled, metadata):
                    self._note(is_fault=False)
                    return Stored(key, is_new=True)
                if self._is_same(key, metadata):
                    self._note(is_fault=False)
                    return Stored(key, is_new=False)
        except FAULTS as error:
            self._note(is_fault=True)
            raise StoreFault(key, error) from error
        raise StoreFault(key, RuntimeError("another object is there"))

    def holds(self, key: str, *, size: int, sha256: str) -> bool:
        """Return whether the bucket has an object for certain.

        Raises:
            StoreFault: If S3 does not let us look.
        """
        try:
            found = self._head(key)
        except FAULTS as error:
            raise StoreFault(key, error) from error
        if found is None:
            return False
        return found["ContentLength"] == size and found["Metadata"].get("sha256") == sha256

    def _put(self, key: str, spooled: SpooledFile, metadata: dict[str, str]) -> bool:
        """Write an object unless there is one; return whether it was written."""
        for attempt in range(_RACES_AT_MOST):
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=spooled.content(),
                    ContentType="application/gzip" if key.endswith(".gz") else "text/csv",
                    ChecksumSHA256=base64.b64encode(spooled.digest).decode("ascii"),
                    Metadata=metadata,
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) in PRECONDITION_FAILED:
                    return False
                if code_of(error) not in CONFLICT or attempt == _RACES_AT_MOST - 1:
                    raise
            else:
                return True
        raise AssertionError

    def _is_same(self, key: str, metadata: dict[str, str]) -> bool:
        found = self._head(key)
        if found is None:  # deleted just now
            return False
        return all(
            found["Metadata"].get(name) == metadata[name] for name in ("sha256", "size", "original-name")
        )

    def _head(self, key: str) -> HeadObjectOutputTypeDef | None:
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if code_of(error) in NOT_FOUND:
                return None
            raise

    def _note(self, *, is_fault: bool) -> None:
        with self._lock:
            self._faults = self._faults + 1 if is_fault else 0


def _send_at_once(params: dict[str, Any], **_more: Any) -> None:
    """Send what is in memory without asking first: the question costs a small file half of its time."""
    if isinstance(params["body"], BytesIO):
        params["headers"].pop("Expect", None)


def keys_of(gateway_serial: str, file: RemoteFile, sha256: str, now: date) -> tuple[str, str]:
    """Return under which key a file belongs, and under which if another file has that one.

    The day is that of its name, so that a file which is sent again comes to the same key; else that of its
    last change.
    """
    start = read_log_name(file.name).start
    changed = file.modified_at
    on = start.date() if start and start.year >= _FIRST_YEAR else changed.date() if changed else now
    # Two names can become one when they are made safe, and twelve digits of a hash can be the same.
    stem, dot, suffix = file.name.rpartition(".") if "." in file.name else (file.name, "", "")
    other = hashlib.sha256(bytes_of(file.name) + sha256.encode("ascii")).hexdigest()[:16]
    return (
        data_lake_key(gateway_serial, on, file.name, sha256),
        data_lake_key(gateway_serial, on, f"{stem[:_STEM]}-x{other}{dot}{suffix}", sha256),
    )


def metadata_of(file: RemoteFile, spooled: SpooledFile, server: str) -> dict[str, str]:
    """Return what is kept beside the bytes. Metadata are ASCII: names are percent-encoded."""
    return {
        "original-name": quote_from_bytes(bytes_of(file.name), safe="")[:_LONGEST_NAME],
        "size": str(spooled.size),
        "sha256": spooled.sha256,
        "server": server,
        "modified": quote(file.modified, safe=" :.-")[:_LONGEST_TIMESTAMP],
    }
