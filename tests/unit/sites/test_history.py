"""Version history of the site file, and rollback changes."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.sites.document import new_site_tiers, render_site_tiers, site_tiers_of
from smarterise_sdk.domain.sites.history import (
    MAX_SERIALS,
    FileVersion,
    VersionKind,
    changes_between,
    history_of,
    rollback_changes,
    summary_of,
)
from smarterise_sdk.domain.sites.plans import SiteChange
from smarterise_sdk.domain.sites.updates import is_same_entry, replace_sites, with_metadata

if TYPE_CHECKING:
    from smarterise_sdk.domain.sites.history import VersionEntry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CRITICAL, FTP = {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"}
SERIALS = ["AAA1", "BBB2", "CCC3"]


class Bucket:
    """Versions of a file, the newest first, each a minute after the one before it."""

    def __init__(self) -> None:
        self.versions: list[FileVersion] = []
        self.bodies: dict[str, bytes | None] = {}
        self.read: list[str] = []

    def put(self, body: bytes | None, *, is_deletion: bool = False) -> None:
        number = len(self.versions)
        self.versions = [
            FileVersion(v.version_id, v.written_at, is_latest=False, is_deletion=v.is_deletion)
            for v in self.versions
        ]
        made = FileVersion(f"v{number}", NOON + number * timedelta(minutes=1), True, is_deletion)
        self.versions.insert(0, made)
        self.bodies[made.version_id] = body

    def write(
        self, sites: dict[str, Any], *, at: datetime = NOON, by: str = "anna", reason: str = ""
    ) -> None:
        self.put(render_site_tiers(with_metadata(new_site_tiers(sites), at=at, by=by, reason=reason)))

    def history(self, limit: int = 20) -> tuple[VersionEntry, ...]:
        def body_of(version: FileVersion) -> bytes | None:
            self.read.append(version.version_id)
            return self.bodies[version.version_id]

        return history_of(self.versions, body_of, limit=limit)


@pytest.fixture
def bucket() -> Bucket:
    """A file that was written once."""
    made = Bucket()
    made.write({"AAA1": CRITICAL, "BBB2": CRITICAL}, reason="start")
    return made


def test_who_why_and_what(bucket: Bucket) -> None:
    bucket.write({"AAA1": FTP, "BBB2": CRITICAL}, at=NOON + timedelta(hours=1), by="bob", reason="storm")
    latest, first = bucket.history()
    assert (first.kind, first.by, first.reason, first.summary) == (
        VersionKind.FIRST,
        "anna",
        "start",
        "no site changed",
    )
    assert (latest.kind, latest.by, latest.reason) == (VersionKind.CHANGE, "bob", "storm")
    assert latest.summary == "1 site: tier CRITICAL → NON_CRITICAL"
    assert latest.to_row() == {
        "version_id": "v1",
        "written_at": "2026-03-01T12:01:00Z",
        "is_latest": True,
        "kind": "change",
        "by": "bob",
        "reason": "storm",
        "changed": 1,
        "gateway_serials": ["AAA1"],
        "tiers": {"AAA1": "NON_CRITICAL"},
        "summary": "1 site: tier CRITICAL → NON_CRITICAL",
        "problems": [],
    }


def test_an_upload_by_hand_carries_the_stamp_of_the_version_before_or_none(bucket: Bucket) -> None:
    timestamp = {
        "schema_version": 1,
        "updated_at": "2026-03-01T12:00:00Z",
        "updated_by": "anna",
        "reason": "start",
    }
    edit = site_tiers_of({**timestamp, "sites": {"AAA1": FTP, "BBB2": CRITICAL}})
    bucket.put(render_site_tiers(edit))
    bucket.put(b'{"sites": {"AAA1": {"tier": "CRITICAL"}}}')
    unstamped, edited, _ = bucket.history()
    for entry in (unstamped, edited):
        assert (entry.kind, entry.by, entry.reason) == (VersionKind.HAND_EDIT, "", "")
    assert edited.summary == "1 site: tier CRITICAL → NON_CRITICAL"
    assert unstamped.summary == "1 site: tier NON_CRITICAL → CRITICAL; 1 site: removed"


def test_broken_deleted_and_gone_versions_are_reported_and_leaped_over(bucket: Bucket) -> None:
    bucket.put(b'{"sites": {\n"AAA1": {"tier": "CRITICL"}, "BBB2": {}}}')
    bucket.put(None, is_deletion=True)
    bucket.put(None)
    bucket.write({"AAA1": CRITICAL}, at=NOON + timedelta(minutes=9))
    latest, gone, deleted, broken, first = bucket.history()
    assert [entry.kind for entry in (latest, gone, deleted, broken, first)] == [
        VersionKind.CHANGE,
        VersionKind.GONE,
        VersionKind.DELETED,
        VersionKind.BROKEN,
        VersionKind.FIRST,
    ]
    assert [change.gateway_serial for change in latest.changes] == ["BBB2"], "compared with the last good one"
    assert broken.summary.startswith("cannot be used: line 2, site AAA1, field tier: tier is ")
    assert broken.summary.endswith(" and 1 more")
    assert (gone.summary, deleted.summary) == ("", "")
    assert "v2" not in bucket.read, "a deletion has nothing to read"


def test_one_version_beyond_the_limit_is_read_to_compare_with(bucket: Bucket) -> None:
    for number in range(1, 6):
        bucket.write({"AAA1": CRITICAL if number % 2 else FTP}, at=NOON + timedelta(hours=number))
    entries = bucket.history(limit=2)
    assert [entry.version.version_id for entry in entries] == ["v5", "v4"]
    assert bucket.read == ["v5", "v4", "v3"]
    assert entries[-1].kind is VersionKind.CHANGE


def test_the_order_is_that_of_s3_whatever_the_writers_clocks_say(bucket: Bucket) -> None:
    bucket.write({"AAA1": FTP}, at=NOON + timedelta(hours=1), by="fast")
    bucket.write({"AAA1": CRITICAL}, at=NOON - timedelta(hours=1), by="slow")
    assert [entry.by for entry in bucket.history()] == ["slow", "fast", "anna"]
    assert [entry.kind for entry in bucket.history()] == [
        VersionKind.CHANGE,
        VersionKind.CHANGE,
        VersionKind.FIRST,
    ]


def test_one_site_alone(bucket: Bucket) -> None:
    bucket.write({"AAA1": FTP, "BBB2": FTP}, at=NOON + timedelta(hours=1))
    bucket.write({"AAA1": FTP, "BBB2": CRITICAL}, at=NOON + timedelta(hours=2))
    assert [entry.about("AAA1") is not None for entry in bucket.history()] == [False, True, False]
    reported = history_of(
        bucket.versions, lambda version: bucket.bodies[version.version_id], limit=9, serial="AAA1"
    )
    assert [(entry.version.version_id, entry.to_row()["changed"]) for entry in reported] == [("v1", 1)]


def test_a_summary_stays_one_line() -> None:
    changes = [
        *(SiteChange(f"A{number:04}", CRITICAL, FTP) for number in range(300)),
        *(SiteChange(f"B{number:04}", None, FTP) for number in range(20)),
        SiteChange("C1", FTP, None),
        SiteChange("D1", FTP, {**FTP, "name": "x", "floor": 2}),
        SiteChange("E1", FTP, {**FTP, "floor": 2}),
    ]
    assert summary_of(changes) == (
        "300 sites: tier CRITICAL → NON_CRITICAL; 20 sites: added; 1 site: removed; "
        "and 2 other kinds of change"
    )
    assert summary_of([]) == "no site changed"


def test_a_row_names_the_first_few_sites_alone(bucket: Bucket) -> None:
    bucket.write({f"A{number:04}": CRITICAL for number in range(50)}, at=NOON + timedelta(hours=1))
    row = bucket.history()[0].to_row()
    assert row["changed"] == 52
    assert len(row["gateway_serials"]) == MAX_SERIALS  # type: ignore[arg-type]


# The way back ---------------------------------------------------------------------------------------


def fleet(**sites: Any) -> Any:
    return new_site_tiers(copy.deepcopy(sites))


TARGET = fleet(AAA1=CRITICAL, BBB2=CRITICAL, CCC3=CRITICAL)
WRONG = fleet(AAA1=FTP, BBB2=FTP, CCC3=CRITICAL)


def test_what_only_later_versions_changed_stays() -> None:
    current = fleet(AAA1=FTP, BBB2=FTP, CCC3=FTP, NEW1=CRITICAL)
    back = rollback_changes(TARGET, WRONG, current, whole=False)
    assert back.replacements == {"AAA1": CRITICAL, "BBB2": CRITICAL}
    assert set(back.kept) == {"CCC3", "NEW1"}
    assert back.superseded == ()


def test_what_was_changed_again_is_taken_back_and_said() -> None:
    current = fleet(AAA1={**FTP, "name": "x"}, BBB2=FTP, CCC3=CRITICAL)
    back = rollback_changes(TARGET, WRONG, current, whole=False)
    assert back.replacements == {"AAA1": CRITICAL, "BBB2": CRITICAL}
    assert back.superseded == ("AAA1",)


def test_what_is_back_already_is_left_alone() -> None:
    current = fleet(AAA1=CRITICAL, BBB2=FTP, CCC3=CRITICAL)
    assert rollback_changes(TARGET, WRONG, current, whole=False).replacements == {"BBB2": CRITICAL}


def test_sites_come_and_go() -> None:
    following = fleet(AAA1=CRITICAL, BBB2=CRITICAL, NEW1=FTP)
    back = rollback_changes(TARGET, following, following, whole=False)
    assert back.replacements == {"CCC3": CRITICAL, "NEW1": None}


def test_whole_takes_back_everything() -> None:
    current = fleet(AAA1=FTP, CCC3=FTP, NEW1=CRITICAL)
    back = rollback_changes(TARGET, WRONG, current, whole=True)
    assert back.replacements == {"AAA1": CRITICAL, "BBB2": CRITICAL, "CCC3": CRITICAL, "NEW1": None}
    assert (back.kept, back.superseded) == ((), ())
    assert rollback_changes(TARGET, None, TARGET, whole=False).replacements == {}


ENTRIES = st.fixed_dictionaries(
    {"tier": st.sampled_from(["CRITICAL", "NON_CRITICAL"])},
    optional={"floor": st.integers(0, 2) | st.booleans()},
)
FLEETS = st.dictionaries(st.sampled_from(SERIALS), ENTRIES)


@given(FLEETS, FLEETS)
def test_what_differs_leads_from_one_to_the_other_and_back(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    before, after = new_site_tiers(one), new_site_tiers(other)
    changes = changes_between(before, after)
    there = {change.gateway_serial: change.after for change in changes}
    back = {change.gateway_serial: change.inverse.after for change in changes}
    assert is_same_entry(replace_sites(before, there).document.site_objects, after.site_objects)
    assert is_same_entry(replace_sites(after, back).document.site_objects, before.site_objects)
    assert all(not is_same_entry(change.before, change.after) for change in changes)
    assert {change.gateway_serial for change in changes_between(after, before)} == set(there)


@given(FLEETS, FLEETS, FLEETS)
def test_going_back_undoes_the_one_change_and_touches_no_other_site(
    first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
) -> None:
    target, following, current = (new_site_tiers(sites) for sites in (first, second, third))
    back = rollback_changes(target, following, current, whole=False)
    after = replace_sites(current, back.replacements).document.site_objects
    wrong = {change.gateway_serial for change in changes_between(target, following)}
    for serial in SERIALS:
        source = first if serial in wrong else third
        assert is_same_entry(after.get(serial), source.get(serial))
    assert set(back.superseded) <= set(back.replacements)
    assert not set(back.kept) & set(back.replacements)
    whole = rollback_changes(target, following, current, whole=True)
    assert is_same_entry(replace_sites(current, whole.replacements).document.site_objects, first)
