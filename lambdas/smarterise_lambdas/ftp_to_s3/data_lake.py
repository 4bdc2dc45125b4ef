"""Stores log files in the data lake's bucket; existing objects are never overwritten."""

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
MAX_CONSECUTIVE_FAULTS: Final = 5
"""After this many failures in a row, S3 is taken to be unavailable."""

_DENIED: Final = frozenset({"AccessDenied", "403"})
_MAX_CONFLICTS = 5
_FIRST_YEAR = 1970
_MAX_STEM = 80
_MAX_NAME_LENGTH = 1200
_MAX_TIMESTAMP_LENGTH = 64
"""Together with the name it fits into the 2 KB of an object's metadata."""


class StoreFault(Exception):
    """Writing or reading an object in S3 failed.

    Attributes:
        code: `S3_DENIED` or `S3_FAULT`.
    """

    def __init__(self, key: str, error: Exception) -> None:
        super().__init__(f"{key}: {error}")
        is_denied = isinstance(error, ClientError) and code_of(error) in _DENIED
        self.code = "S3_DENIED" if is_denied else "S3_FAULT"


class StoreDown(Exception):
    """Too many S3 requests in a row have failed; the sweep stops."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored file.

    Attributes:
        key: Key of the object.
        is_new: Whether the object was created now.
    """

    key: str
    is_new: bool


class DataLake:
    """Stores log files in the data lake; thread-safe."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        s3.meta.events.register_last(
            "before-call.s3.PutObject", _skip_expect_continue, unique_id="skip-expect-continue"
        )
        self._faults = 0
        self._lock = threading.Lock()

    def store(
        self, gateway_serial: str, file: RemoteFile, spooled: SpooledFile, *, server: str, now: date
    ) -> Stored:
        """Store a file under a key made of its gateway, name and content; keep an existing object.

        Args:
            gateway_serial: Serial of its gateway.
            file: The file as listed.
            spooled: Its content.
            server: Name of the server.
            now: Current date, UTC; used in the key if the date of the file is unknown.

        Raises:
            StoreFault: If S3 fails.
            StoreDown: If S3 has failed too often in a row.
        """
        if self._faults >= MAX_CONSECUTIVE_FAULTS:
            raise StoreDown
        metadata = metadata_of(file, spooled, server)
        keys = keys_of(gateway_serial, file, spooled.sha256, now)
        key = keys[0]
        try:
            for key in keys:
                if self._put(key, spooled, metadata):
                    self._count_fault(is_fault=False)
                    return Stored(key, is_new=True)
                if self._is_same(key, metadata):
                    self._count_fault(is_fault=False)
                    return Stored(key, is_new=False)
        except FAULTS as error:
            self._count_fault(is_fault=True)
            raise StoreFault(key, error) from error
        raise StoreFault(key, RuntimeError("the key has another object"))

    def holds(self, key: str, *, size: int, sha256: str) -> bool:
        """Return whether the bucket has an object of this size and hash.

        Raises:
            StoreFault: If S3 fails.
        """
        try:
            found = self._head(key)
        except FAULTS as error:
            raise StoreFault(key, error) from error
        if found is None:
            return False
        return found["ContentLength"] == size and found["Metadata"].get("sha256") == sha256

    def _put(self, key: str, spooled: SpooledFile, metadata: dict[str, str]) -> bool:
        """Create an object; return whether it was created, `False` if the key exists."""
        for attempt in range(_MAX_CONFLICTS):
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
                if code_of(error) not in CONFLICT or attempt == _MAX_CONFLICTS - 1:
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

    def _count_fault(self, *, is_fault: bool) -> None:
        with self._lock:
            self._faults = self._faults + 1 if is_fault else 0


def _skip_expect_continue(params: dict[str, Any], **_more: Any) -> None:
    """Drop the `Expect: 100-continue` header for bodies in memory: it doubles the time of a small upload."""
    if isinstance(params["body"], BytesIO):
        params["headers"].pop("Expect", None)


def keys_of(gateway_serial: str, file: RemoteFile, sha256: str, now: date) -> tuple[str, str]:
    """Return the key of a file, and an alternative key in case another file has the first.

    The date in the key is that of the file's name, so a file that is uploaded again has the same key; without
    one, the date of its last change, else `now`.
    """
    start = read_log_name(file.name).start
    changed = file.modified_at
    on = start.date() if start and start.year >= _FIRST_YEAR else changed.date() if changed else now
    # Distinct names can become equal when unsafe characters are replaced, and short hashes can collide.
    stem, dot, suffix = file.name.rpartition(".") if "." in file.name else (file.name, "", "")
    other = hashlib.sha256(bytes_of(file.name) + sha256.encode("ascii")).hexdigest()[:16]
    return (
        data_lake_key(gateway_serial, on, file.name, sha256),
        data_lake_key(gateway_serial, on, f"{stem[:_MAX_STEM]}-x{other}{dot}{suffix}", sha256),
    )


def metadata_of(file: RemoteFile, spooled: SpooledFile, server: str) -> dict[str, str]:
    """Return the object metadata of a file; names are percent-encoded, as metadata are ASCII."""
    return {
        "original-name": quote_from_bytes(bytes_of(file.name), safe="")[:_MAX_NAME_LENGTH],
        "size": str(spooled.size),
        "sha256": spooled.sha256,
        "server": server,
        "modified": quote(file.modified, safe=" :.-")[:_MAX_TIMESTAMP_LENGTH],
    }
