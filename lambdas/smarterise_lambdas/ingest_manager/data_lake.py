"""What lies in the lake's bucket: objects for a backfill, and the content of what is in the quarantine."""

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
"""S3 lists no more at once."""
LONGEST_FILE: Final = timedelta(days=2)
"""A file may begin so long before a span and reach into it."""
GIVEN_UP_WITHIN: Final = timedelta(days=8)
"""A stream keeps records for a day, or a week; no batch is given up later."""
_HOUR: Final = timedelta(hours=1)
_DAY: Final = re.compile(r"/([0-9]{4})/([0-9]{2})/([0-9]{2})/")
_SEARCH_S: Final = 20.0


class ObjectGone(Exception):
    """What the quarantine's index tells of is not there any more."""

    code = OBJECT_GONE


@dataclass(frozen=True, slots=True)
class _Found:
    """An object of the lake."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class _Listing:
    """Where objects may be: they are listed by prefix, and begin after a key."""

    prefix: str
    start: str
    wants: Callable[[str], bool]


class DataLake:
    """The lake's bucket.

    Args:
        s3: The client.
        bucket: Its name.
        clock: Seconds that only rise.
    """

    def __init__(self, s3: S3Client, bucket: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._s3 = s3
        self.bucket = bucket
        self._clock = clock

    def piece(self, bucket: str, key: str, offset: int, length: int) -> dict[str, Any]:
        """Return some bytes of an object, and how many it has in all.

        Raises:
            ObjectGone: If it is not there.
            botocore.exceptions.ClientError: If S3 does not let us look.
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
        """Return a JSON object of the lake's bucket; `None` if there is none, or it is not one.

        Raises:
            botocore.exceptions.ClientError: If S3 does not let us look.
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
        """Return a page of the objects that may hold readings of a span, and where the next one begins.

        Raises:
            InvalidInput: If it is asked for files without gateways, or after what is no end of a page.
            botocore.exceptions.ClientError: If S3 does not let us look.
        """
        since, until = request.time_range
        listings = list(
            _of_files(request, since, until) if request.source is Source.FTP else _of_stream(request)
        )
        number, start = _place(request, len(listings))
        found: list[_Found] = []
        ends_at = self._clock() + _SEARCH_S
        while number < len(listings):
            listing = listings[number]
            for page in self._pages(listing.prefix, start or listing.start):
                start = page[-1].key
                found += (each for each in page if listing.wants(each.key))
                if len(found) + PAGE > request.limit or self._clock() >= ends_at:
                    return found, [str(number), start]
            number, start = number + 1, ""
        return found, None

    def _pages(self, prefix: str, start: str) -> Iterator[list[_Found]]:
        while True:
            told = self._s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, StartAfter=start, MaxKeys=PAGE)
            page = [
                _Found(each["Key"], each["ETag"].strip('"'), each["Size"])
                for each in told.get("Contents", [])
            ]
            if page:
                yield page
            if not told["IsTruncated"]:
                return
            start = page[-1].key


def _of_stream(request: Request) -> Iterator[_Listing]:
    """Yield where raw readings lie: by the hour they were measured in, then by gateway."""
    since, until = request.time_range
    hour = since.replace(minute=0, second=0, microsecond=0)
    while hour < until:
        of_hour = f"{STREAM_PREFIX}dt={hour:%Y-%m-%d}/hour={hour:%H}/"
        for folder in [f"{serial}/" for serial in _serials(request)] or [""]:
            yield _Listing(of_hour + folder, "", lambda key: key.endswith(".json.gz"))
        hour += _HOUR
    # Batches are of several gateways, and are named for when they were given up: days later, at the most.
    first, last = since.date(), (until + GIVEN_UP_WITHIN).date()
    yield _Listing(GIVEN_UP_PREFIX, "", lambda key: first <= (_day_in(key) or date.min) <= last)


def _of_files(request: Request, since: datetime, until: datetime) -> Iterator[_Listing]:
    """Yield where files lie: by gateway, then by the day they begin, or as people have put them there."""
    serials = _serials(request)
    if not serials:
        told = "files are looked for by gateway"
        raise InvalidInput("the request", [Problem("BAD_REQUEST", told, "Name gateways.", field="gateways")])
    for serial in serials:
        prefix = f"{FTP_PREFIX}{serial}/"
        # Names of people begin with letters, which come after the digits of days.
        start = f"{prefix}{since - LONGEST_FILE:%Y/%m/%d}"
        yield _Listing(prefix, start, lambda key: not key.endswith("/") and _may_hold(key, since, until))


def _may_hold(key: str, since: datetime, until: datetime) -> bool:
    """Return whether a file may hold readings of a span, as far as its name tells."""
    name = read_log_name(key.rpartition("/")[2])
    if name.start is None:
        return True
    started = name.started_at
    if started is not None:
        return since - LONGEST_FILE < started < until
    # Local time, of a zone that is not told: half a day to both sides.
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
        told = f"{bad[0]!r:.80} is no gateway serial"
        raise InvalidInput("the request", [Problem("BAD_REQUEST", told, field="gateways")])
    return list(request.gateways)


def _place(request: Request, listings: int) -> tuple[int, str]:
    if not request.after:
        return 0, ""
    try:
        number, start = request.after
        if not 0 <= int(number) < listings:
            raise ValueError
        return int(number), start
    except ValueError:
        told = "it is not where a page ended"
        problem = Problem("BAD_REQUEST", told, "Send what the page before told as next.", field="after")
        raise InvalidInput("the request", [problem]) from None
