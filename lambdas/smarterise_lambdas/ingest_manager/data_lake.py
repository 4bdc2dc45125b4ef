"""Reads the data lake's bucket: lists objects for a backfill and reads the content of quarantine entries."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.s3_errors import INVALID_RANGE, NOT_FOUND, code_of
from smarterise_sdk.domain.ingest.manager_api import GIVEN_UP_PREFIX, OBJECT_GONE, STREAM_PREFIX
from smarterise_sdk.domain.log_files.names import FTP_PREFIX, read_log_name
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.readings.model import Source
from smarterise_sdk.domain.serials import GATEWAY_SERIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ingest_manager.event import Request

PAGE: Final = 1000
"""Maximum number of keys of one ListObjectsV2 call."""
LONGEST_FILE: Final = timedelta(days=2)
"""Longest time range of one log file."""
GIVEN_UP_WITHIN: Final = timedelta(days=8)
"""Stream retention is at most a week, so a batch fails for good within this time."""
_HOUR: Final = timedelta(hours=1)
_DAY: Final = re.compile(r"/([0-9]{4})/([0-9]{2})/([0-9]{2})/")
_SEARCH_S: Final = 20.0


class ObjectGone(Exception):
    """The object of a quarantine entry no longer exists."""

    code = OBJECT_GONE


@dataclass(frozen=True, slots=True)
class _Found:
    """An object of the data lake."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class _Listing:
    """One S3 listing: key prefix, key to start after, and key filter."""

    prefix: str
    start: str
    matches: Callable[[str], bool]


class DataLake:
    """Reads the data lake's bucket.

    Args:
        s3: S3 client.
        bucket: Bucket name.
        clock: Monotonic clock, seconds.
    """

    def __init__(self, s3: S3Client, bucket: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._s3 = s3
        self.bucket = bucket
        self._clock = clock

    def read_range(self, bucket: str, key: str, offset: int, length: int) -> dict[str, Any]:
        """Read a byte range of an object; return it with the size of the object.

        Raises:
            ObjectGone: If the object does not exist.
            botocore.exceptions.ClientError: If S3 returns another error.
        """
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={offset}-{offset + length - 1}")
        except ClientError as error:
            code = code_of(error)
            if code in NOT_FOUND:
                raise ObjectGone(key) from error
            if code not in INVALID_RANGE:
                raise
            size = self._s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
            return {"content_base64": "", "size": size}
        body = found["Body"].read()
        total = found.get("ContentRange", "").rpartition("/")[2]
        size = int(total) if total.isdigit() else len(body)
        return {"content_base64": base64.b64encode(body).decode("ascii"), "size": size}

    def document(self, key: str) -> dict[str, Any] | None:
        """Read a JSON document of the data lake; `None` if it does not exist or is not a JSON object.

        Raises:
            botocore.exceptions.ClientError: If S3 returns another error.
        """
        try:
            found = json.loads(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except ValueError:
            return None
        except ClientError as error:
            if code_of(error) in NOT_FOUND:
                return None
            raise
        return found if isinstance(found, dict) else None

    def objects(self, request: Request) -> tuple[list[_Found], list[str] | None]:
        """List a page of the objects that may have readings of a time range, with the next page token.

        Raises:
            InvalidInput: If files are requested without gateways, or the page token is invalid.
            botocore.exceptions.ClientError: If S3 returns an error.
        """
        since, until = request.time_range
        listings = list(
            _file_listings(request, since, until)
            if request.source is Source.FTP
            else _stream_listings(request)
        )
        number, start = _parse_page_token(request, len(listings))
        found: list[_Found] = []
        ends_at = self._clock() + _SEARCH_S
        while number < len(listings):
            listing = listings[number]
            for page in self._pages(listing.prefix, start or listing.start):
                start = page[-1].key
                found += (each for each in page if listing.matches(each.key))
                if len(found) + PAGE > request.limit or self._clock() >= ends_at:
                    return found, [str(number), start]
            number, start = number + 1, ""
        return found, None

    def _pages(self, prefix: str, start: str) -> Iterator[list[_Found]]:
        while True:
            response = self._s3.list_objects_v2(
                Bucket=self.bucket, Prefix=prefix, StartAfter=start, MaxKeys=PAGE
            )
            page = [
                _Found(each["Key"], each["ETag"].strip('"'), each["Size"])
                for each in response.get("Contents", [])
            ]
            if page:
                yield page
            if not response["IsTruncated"]:
                return
            start = page[-1].key


def _stream_listings(request: Request) -> Iterator[_Listing]:
    """Yield the listings of raw readings: by hour of measurement, then by gateway."""
    since, until = request.time_range
    hour = since.replace(minute=0, second=0, microsecond=0)
    while hour < until:
        hour_prefix = f"{STREAM_PREFIX}dt={hour:%Y-%m-%d}/hour={hour:%H}/"
        for folder in [f"{serial}/" for serial in _serials(request)] or [""]:
            yield _Listing(hour_prefix + folder, "", lambda key: key.endswith(".json.gz"))
        hour += _HOUR
    # Failed batches have records of several gateways and are named by the day of the failure, days later.
    first, last = since.date(), (until + GIVEN_UP_WITHIN).date()
    yield _Listing(GIVEN_UP_PREFIX, "", lambda key: first <= (_day_in(key) or date.min) <= last)


def _file_listings(request: Request, since: datetime, until: datetime) -> Iterator[_Listing]:
    """Yield the listings of log files: by gateway, then by the day of their first row."""
    serials = _serials(request)
    if not serials:
        problem = Problem("BAD_REQUEST", "source ftp requires gateways", "Name gateways.", field="gateways")
        raise InvalidInput("the request", [problem])
    for serial in serials:
        prefix = f"{FTP_PREFIX}{serial}/"
        # Manually uploaded files have names that begin with A-Z or a-z, which sort after the digits of dates.
        start = f"{prefix}{since - LONGEST_FILE:%Y/%m/%d}"
        yield _Listing(prefix, start, lambda key: not key.endswith("/") and _may_hold(key, since, until))


def _may_hold(key: str, since: datetime, until: datetime) -> bool:
    """Return whether a file, by its name, may have readings of a time range."""
    name = read_log_name(key.rpartition("/")[2])
    if name.start is None:
        return True
    started = name.started_at
    if started is not None:
        return since - LONGEST_FILE < started < until
    # Local time of an unknown time zone: 14 hours tolerance in both directions.
    started = name.start.replace(tzinfo=since.tzinfo)
    return since - LONGEST_FILE - 14 * _HOUR < started < until + 14 * _HOUR


def _day_in(key: str) -> date | None:
    found = _DAY.search(key)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _serials(request: Request) -> list[str]:
    bad = [serial for serial in request.gateways if not GATEWAY_SERIAL.match(serial)]
    if bad:
        message = f"{bad[0]!r:.80} is not a gateway serial"
        raise InvalidInput("the request", [Problem("BAD_REQUEST", message, field="gateways")])
    return list(request.gateways)


def _parse_page_token(request: Request, listings: int) -> tuple[int, str]:
    if not request.after:
        return 0, ""
    try:
        number, start = request.after
        if not 0 <= int(number) < listings:
            raise ValueError
        return int(number), start
    except ValueError:
        remedy = "Send `next` of the previous page."
        problem = Problem("BAD_REQUEST", "it is not a page token", remedy, field="after")
        raise InvalidInput("the request", [problem]) from None
