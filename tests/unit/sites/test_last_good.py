"""The fallback version of the site file: order, skipped versions, limit, and errors passed on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.history import FileVersion
from smarterise_sdk.domain.sites.last_good import MAX_FALLBACK_READS, first_valid, last_good, latest_first

if TYPE_CHECKING:
    from collections.abc import Iterable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VALID, INVALID, GONE = "valid", "invalid", "gone"


def version(name: str, age: int = 0, *, is_latest: bool = False, is_deletion: bool = False) -> FileVersion:
    return FileVersion(name, NOON - timedelta(minutes=age), is_latest, is_deletion)


class Bucket:
    """The content of versions by id, and which of them were read."""

    def __init__(self, states: dict[str, str]) -> None:
        self.states = states
        self.reads: list[str] = []

    def read(self, listed: FileVersion) -> str | None:
        assert not listed.is_deletion
        self.reads.append(listed.version_id)
        state = self.states[listed.version_id]
        if state == INVALID:
            raise InvalidInput("site-tiers.json", [Problem("CONFIG_INVALID", "not a tier")])
        return None if state == GONE else listed.version_id


def listing(names: Iterable[str]) -> list[FileVersion]:
    return [version(name, age, is_latest=age == 0) for age, name in enumerate(names)]


def test_the_first_valid_version_is_taken_and_no_other_is_read() -> None:
    bucket = Bucket({"c": INVALID, "b": VALID, "a": VALID})
    assert first_valid(listing("cba"), bucket.read) == "b"
    assert bucket.reads == ["c", "b"]


def test_deleted_and_unreadable_versions_are_skipped() -> None:
    bucket = Bucket({"d": INVALID, "c": GONE, "a": VALID})
    versions = [version("d"), version("c", 1), version("b", 2, is_deletion=True), version("a", 3)]
    assert first_valid(versions, bucket.read) == "a"
    assert bucket.reads == ["d", "c", "a"]


def test_without_a_valid_version_there_is_none() -> None:
    assert first_valid([], Bucket({}).read) is None
    assert first_valid(listing("ba"), Bucket({"b": INVALID, "a": GONE}).read) is None


def test_other_errors_are_passed_on() -> None:
    def denied(_: FileVersion) -> str:
        raise PermissionError("AccessDenied")

    with pytest.raises(PermissionError):
        last_good(listing("ba"), denied)


def test_content_that_is_false_is_valid() -> None:
    assert first_valid(listing("a"), lambda _: {}) == {}


def test_the_latest_version_is_skipped() -> None:
    bucket = Bucket({"c": VALID, "b": VALID, "a": VALID})
    assert last_good(listing("cba"), bucket.read) == "b"
    assert bucket.reads == ["b"]


def test_the_version_known_to_be_invalid_is_skipped_by_its_id() -> None:
    """A version written since the current one was read is a fallback too."""
    bucket = Bucket({"d": VALID, "c": INVALID, "b": VALID})
    assert last_good(listing("dcb"), bucket.read, current_id="c") == "d"
    bucket.states["d"] = INVALID
    assert last_good(listing("dcb"), bucket.read, current_id="c") == "b"
    assert "c" not in bucket.reads


def test_a_deleted_file_has_its_last_version_as_fallback() -> None:
    versions = [version("marker", is_latest=True, is_deletion=True), version("a", 1)]
    assert last_good(versions, Bucket({"a": VALID}).read) == "a"


def test_at_most_fifty_versions_are_read() -> None:
    names = [f"v{number}" for number in range(MAX_FALLBACK_READS + 2)]
    bucket = Bucket(dict.fromkeys(names, INVALID) | {names[-1]: VALID})
    assert last_good(listing(names), bucket.read) is None
    assert bucket.reads == names[1:-1]
    assert len(bucket.reads) == MAX_FALLBACK_READS == 50


def test_delete_markers_do_not_count_towards_the_limit() -> None:
    markers = [version(f"m{age}", age, is_deletion=True) for age in range(1, 100)]
    versions = [version("b", is_latest=True), *markers, version("a", 100)]
    assert last_good(versions, Bucket({"a": VALID}).read) == "a"


def test_later_versions_of_the_listing_are_not_requested() -> None:
    def endless() -> Iterable[FileVersion]:
        yield version("b", is_latest=True)
        yield version("a", 1)
        raise AssertionError("a further page was listed")

    assert last_good(endless(), Bucket({"a": VALID}).read) == "a"


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12))
def test_versions_and_delete_markers_are_merged_by_time(rows: list[tuple[int, bool]]) -> None:
    rows = sorted(rows)
    every = [version(str(number), age, is_deletion=gone) for number, (age, gone) in enumerate(rows)]
    merged = list(
        latest_first(
            [each for each in every if not each.is_deletion], [each for each in every if each.is_deletion]
        )
    )
    assert sorted(merged, key=lambda each: each.version_id) == sorted(every, key=lambda each: each.version_id)
    assert [each.written_at for each in merged] == sorted((each.written_at for each in every), reverse=True)


def test_the_latest_version_is_first_within_the_same_second() -> None:
    body, marker = version("a"), version("m", is_latest=True, is_deletion=True)
    assert list(latest_first([body], [marker])) == [marker, body]
    body, marker = version("a", is_latest=True), version("m", is_deletion=True)
    assert list(latest_first([body], [marker])) == [body, marker]
