"""Error codes of S3: distinct meanings, and errors without a code."""

from __future__ import annotations

from itertools import combinations

from botocore.exceptions import ClientError

from smarterise_lambdas.shared import s3_errors

SETS = [
    s3_errors.NOT_FOUND,
    s3_errors.DELETE_MARKER,
    s3_errors.INVALID_VERSION_ID,
    s3_errors.NOT_MODIFIED,
    s3_errors.INVALID_RANGE,
    s3_errors.PRECONDITION_FAILED,
    s3_errors.CONFLICT,
]


def test_a_code_has_one_meaning() -> None:
    assert all(one.isdisjoint(other) for one, other in combinations(SETS, 2))


def test_each_meaning_has_its_http_status() -> None:
    """A HEAD response has no body: its code is the status."""
    statuses = [next(code for code in codes if code.isdigit()) for codes in SETS]
    assert statuses == ["404", "405", "400", "304", "416", "412", "409"]


def test_the_code_is_read_from_the_response() -> None:
    assert s3_errors.code_of(ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")) == "NoSuchKey"
    assert s3_errors.code_of(ClientError({}, "GetObject")) == ""
