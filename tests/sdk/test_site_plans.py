"""The words of a plan, and the comparison that decides whether it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from smarterise_sdk.domain.plans import Plan, ReceiptState, SiteChange, WritePath
from smarterise_sdk.domain.site_tiers import SiteTiers, site_tiers_of
from smarterise_sdk.services.identity import short_name
from smarterise_sdk.services.site_plans import causes_of, title_of
from smarterise_sdk.services.site_verification import changed_since, compare, last_written

CRITICAL, FTP = {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"}
OFF = {"tier": "CRITICAL", "enabled": False}


def change(before: dict[str, Any] | None, after: dict[str, Any], serial: str = "ehm21120333") -> SiteChange:
    return SiteChange(serial, before, after)


def plan_of(*changes: SiteChange) -> Plan:
    return Plan(
        plan_id="p",
        title="",
        environment="local",
        account="",
        region="",
        via=WritePath.S3,
        updates={},
        create=False,
        changes=changes,
        unchanged=(),
        causes=(),
        calls=(),
        base_etag="",
        reason="",
        planned_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


def document(sites: dict[str, Any], **keys: Any) -> SiteTiers:
    return site_tiers_of({"sites": sites, **keys})


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ([], "Change nothing"),
        ([change(CRITICAL, FTP)], "Switch 1 site to NON_CRITICAL"),
        ([change(CRITICAL, FTP), change(FTP, CRITICAL, "AN54101471")], "Update 2 sites"),
        ([change(None, FTP)], "Add 1 site"),
        ([change(None, FTP), change(CRITICAL, FTP, "AN54101471")], "Update 2 sites"),
        ([change(CRITICAL, OFF)], "Disable 1 site"),
        ([change(OFF, {**OFF, "enabled": True}), change(OFF, CRITICAL, "AN54101471")], "Enable 2 sites"),
        ([change(CRITICAL, {**CRITICAL, "name": "x"})], "Update 1 site"),
    ],
)
def test_titles(changes: list[SiteChange], title: str) -> None:
    assert title_of(changes) == title


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (CRITICAL, FTP, "readings expected every 60 min, stale after 120 min"),
        (FTP, CRITICAL, "readings expected every 1 min, stale after 2 min"),
        (CRITICAL, OFF, "disabled: no readings expected, not judged"),
        (FTP, {**FTP, "enabled": False}, "disabled: no readings expected, not judged"),
        (OFF, CRITICAL, "readings expected every 1 min, stale after 2 min"),
        (OFF, FTP, "readings expected every 60 min, stale after 120 min"),
        (None, CRITICAL, "new, readings expected every 1 min, stale after 2 min"),
        (None, FTP, "new, readings expected every 60 min, stale after 120 min"),
        (None, OFF, "new, disabled: no readings expected, not judged"),
        (CRITICAL, {**CRITICAL, "nominal_voltage": 240}, "voltage limits follow the new nominal voltage"),
        (CRITICAL, {**CRITICAL, "quality_profile": "c84.1"}, "voltage limits follow the new profile"),
        (CRITICAL, {**CRITICAL, "capacity_kva": 500}, "load is shown as a share of the new capacity"),
        (CRITICAL, {**CRITICAL, "name": "x"}, "the file alone; readings are judged as before"),
        (OFF, {**FTP, "enabled": False}, "the file alone; readings are judged as before"),
    ],
)
def test_causes(before: dict[str, Any] | None, after: dict[str, Any], words: str) -> None:
    assert causes_of([change(before, after)]) == (f"1 site: {words}",)


def test_causes_are_counted_and_all_told() -> None:
    told = causes_of(
        [
            change(CRITICAL, {**FTP, "nominal_voltage": 240}, "A1A"),
            change(CRITICAL, FTP, "B2B"),
            change(FTP, CRITICAL, "C3C"),
        ]
    )
    assert [line.split(":")[0] for line in told] == ["1 site", "2 sites", "1 site"]
    assert causes_of([]) == ()


def test_what_reads_as_asked_is_verified_whatever_else_changed() -> None:
    plan = plan_of(change(CRITICAL, FTP))
    verdict = compare(plan, document({"ehm21120333": {**FTP, "name": "changed by another"}}))
    assert (verdict.state, verdict.verified, verdict.unverified) == (
        ReceiptState.VERIFIED,
        ("ehm21120333",),
        {},
    )


def test_what_does_not_is_told_field_by_field() -> None:
    wanted = {**FTP, "enabled": True, "name": "Yaba"}
    plan = plan_of(change({**CRITICAL, "enabled": False}, wanted), change(FTP, CRITICAL, "AN54101471"))
    found = document({"ehm21120333": {**CRITICAL, "enabled": False}, "AN54101471": CRITICAL})
    verdict = compare(plan, found)
    assert verdict.state is ReceiptState.PARTLY_VERIFIED
    assert verdict.verified == ("AN54101471",)
    assert verdict.unverified == {
        "ehm21120333": "tier reads CRITICAL, asked for NON_CRITICAL; enabled reads false, asked for true; "
        "name reads absent, asked for Yaba"
    }


def test_a_removed_field_must_be_gone() -> None:
    plan = plan_of(change({**FTP, "name": "x"}, FTP))
    assert compare(plan, document({"ehm21120333": {**FTP, "name": None}})).unverified == {
        "ehm21120333": "name reads null, asked for absent"
    }


def test_a_site_that_is_gone_is_not_verified() -> None:
    verdict = compare(plan_of(change(None, FTP)), document({}))
    assert (verdict.state, verdict.unverified) == (
        ReceiptState.UNVERIFIED,
        {"ehm21120333": "is not in the file"},
    )


def test_true_is_not_one() -> None:
    plan = plan_of(change({**FTP, "flag": 1}, {**FTP, "flag": True}))
    assert compare(plan, document({"ehm21120333": {**FTP, "flag": 1}})).verified == ()


def test_who_changed_it_and_what() -> None:
    plan = plan_of(change(CRITICAL, FTP), change(None, FTP, "NEW1"), change(FTP, CRITICAL, "GONE1"))
    now = document(
        {"ehm21120333": {**CRITICAL, "name": "x" * 100}, "NEW1": FTP},
        updated_by="arn:bob",
        updated_at="2026-03-01T12:00:00Z",
        reason="works\x1b",
    )
    words = changed_since(plan, now)
    assert words.startswith("last written by arn:bob at 2026-03-01T12:00:00Z (works\\x1b); ")
    assert "ehm21120333 (name absent → xxx" in words
    assert "NEW1 (added meanwhile)" in words
    assert "GONE1 (gone)" in words
    assert "…" in words


def test_others_changed_and_nobody_says_who() -> None:
    words = changed_since(plan_of(change(CRITICAL, FTP)), document({"ehm21120333": CRITICAL}))
    assert words == "the file does not say who wrote it; other sites or keys changed"
    assert last_written(document({}, last_updated="2025")) == "last written at 2025"


def test_many_changed_are_counted() -> None:
    serials = [f"AN{number:08}" for number in range(13)]
    plan = plan_of(*(change(CRITICAL, FTP, serial) for serial in serials))
    assert "and 3 more" in changed_since(plan, document(dict.fromkeys(serials, FTP)))


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::111122223333:user/anna", "anna"),
        ("arn:aws:iam::111122223333:user/ops/team/anna", "anna"),
        ("arn:aws:sts::111122223333:assumed-role/ops/anna", "ops/anna"),
        ("arn:aws:iam::111122223333:root", "root"),
        ("", ""),
    ],
)
def test_short_names(arn: str, name: str) -> None:
    assert short_name(arn) == name
