"""The words of a plan, and the comparison that decides whether it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from smarterise_sdk.domain.sites.document import SiteTiers, site_tiers_of
from smarterise_sdk.domain.sites.history import RollbackChanges
from smarterise_sdk.domain.sites.plans import Plan, ReceiptState, SiteChange, WritePath
from smarterise_sdk.services.identity import short_name
from smarterise_sdk.services.sites.titles import rollback_notes, rollback_title, title_of
from smarterise_sdk.services.sites.verification import changed_since, compare, last_written

CRITICAL, FTP = {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"}
OFF = {"tier": "CRITICAL", "enabled": False}


def change(
    before: dict[str, Any] | None, after: dict[str, Any] | None, serial: str = "ehm21120333"
) -> SiteChange:
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
        effects=(),
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
        ([change(CRITICAL, None), change(OFF, None, "AN54101471")], "Remove 2 sites"),
        ([change(CRITICAL, None), change(CRITICAL, FTP, "AN54101471")], "Update 2 sites"),
    ],
)
def test_titles(changes: list[SiteChange], title: str) -> None:
    assert title_of(changes) == title


def test_a_way_back_is_named_with_its_version() -> None:
    changes = [change(FTP, CRITICAL), change(FTP, None, "AN54101471")]
    long = "3HL4kqtJvjVBH40Nrjfkd"
    assert rollback_title(changes, long) == "Roll back 2 sites to version 3HL4kqtJ…"
    assert rollback_title(changes[:1], "v\x1b1") == "Roll back 1 site to version v\\x1b1"
    assert rollback_title([], long) == "Change nothing"


def test_a_way_back_tells_what_stays_and_what_goes_with_it() -> None:
    many = tuple(f"AN{number}" for number in range(12))
    notes = rollback_notes(RollbackChanges({"A1A": None}, kept=("B2B",), superseded=many), "v1")
    assert notes[0] == "back to version v1"
    assert notes[1] == "1 site (B2B) changed later and stays as it is, unless all is taken back"
    assert notes[2].startswith("12 sites (AN0, AN1, ")
    assert "AN9 and 2 more) changed again since: that is taken back too" in notes[2]
    assert rollback_notes(RollbackChanges({}, (), ()), "v1")[1:] == (
        "what changed right after that version is as it was in it already",
    )


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
    text = changed_since(plan, now)
    assert text.startswith("last written by arn:bob at 2026-03-01T12:00:00Z (works\\x1b); ")
    assert "ehm21120333 (name absent → xxx" in text
    assert "NEW1 (added meanwhile)" in text
    assert "GONE1 (gone)" in text
    assert "…" in text


def test_others_changed_and_nobody_says_who() -> None:
    text = changed_since(plan_of(change(CRITICAL, FTP)), document({"ehm21120333": CRITICAL}))
    assert text == "the file does not say who wrote it; other sites or keys changed"
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


def test_words_on_a_secret_do_not_tell_it() -> None:
    before, after = (
        {"tier": "CRITICAL", "ftp_password": "hunter1"},
        {"tier": "CRITICAL", "ftp_password": "hunter2"},
    )
    plan = plan_of(change(before, after))
    found = document({"ehm21120333": {"tier": "CRITICAL", "ftp_password": "hunter3"}})
    [text] = compare(plan, found).unverified.values()
    assert "ftp_password reads ********" in text
    assert "hunter" not in text + changed_since(plan, found)
