"""Whole sites put in place and taken out, versions told and gone back to: by both roads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import InvalidDocument, NotFound, UsageError

if TYPE_CHECKING:
    from smarterise_sdk.stack import Stack

BOTH = pytest.mark.parametrize("via", list(WritePath))
YABA, OTHER = "ehm21120333", "AN54101471"
SWITCH = {YABA: {"tier": "NON_CRITICAL"}}
BROKEN = b'{"sites": {\n  "ehm21120333": {"tier": "CRITICALLY"}}}'
XML = '<?xml version="1.0"?><Error><Code>{}</Code><Message>no</Message></Error>'


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_put(method: str, path: str) -> bool:
    return method == "PUT" and "site-tiers.json" in path


def changed(stack: Stack, updates: dict[str, dict[str, Any]], via: WritePath, reason: str = "") -> str:
    """Make a change and return the id of its version."""
    receipt = stack.sites.apply(stack.sites.plan_update(updates, via=via, reason=reason))
    assert receipt.state is ReceiptState.VERIFIED
    assert receipt.version_id
    return receipt.version_id


# Replacing ------------------------------------------------------------------------------------------


@BOTH
def test_sites_are_put_in_place_added_and_taken_out_at_once(stack: Stack, home: Any, via: WritePath) -> None:
    entry = {"tier": "NON_CRITICAL", "colour": "red", "deep": {"a": [1, None]}}
    plan = stack.sites.plan_replace(
        {YABA: entry, OTHER: None, "NEW1": {"tier": "CRITICAL"}, "GONE9": None}, reason="import", via=via
    )
    assert plan.title == "Update 3 sites"
    assert [(change.gateway_serial, change.after) for change in plan.changes] == [
        (YABA, entry),
        (OTHER, None),
        ("NEW1", {"tier": "CRITICAL"}),
    ]
    assert plan.unchanged == ("GONE9",)
    receipt = stack.sites.apply(plan)
    assert (receipt.state, receipt.unverified) == (ReceiptState.VERIFIED, {})
    file = home.file()
    assert file["sites"] == {
        YABA: entry,
        "AN10220456": {"tier": "CRITICAL", "enabled": False},
        "NEW1": {"tier": "CRITICAL"},
    }
    assert (file["owner"], file["reason"]) == ("ops", "import")


@BOTH
def test_taking_sites_out_has_its_own_title_and_is_taken_back(
    stack: Stack, home: Any, via: WritePath
) -> None:
    before = home.file()["sites"]
    plan = stack.sites.plan_replace({YABA: None, OTHER: None}, via=via)
    assert plan.title == "Remove 2 sites"
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    assert list(home.file()["sites"]) == ["AN10220456"]
    back = {change.gateway_serial: change.inverse.after for change in plan.changes}
    undo = stack.sites.plan_replace(back, title="Undo", undoes=plan.plan_id, notes=("as it was",), via=via)
    assert (undo.title, undo.undoes, undo.notes) == ("Undo", plan.plan_id, ("as it was",))
    stack.sites.apply(undo)
    assert home.file()["sites"] == before


@BOTH
def test_every_problem_of_a_replacement_at_once(stack: Stack, via: WritePath) -> None:
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.plan_replace({YABA: {"tier": "TOP"}, "no!": {"tier": "CRITICAL"}, OTHER: {}}, via=via)
    assert [(problem.code, problem.site) for problem in caught.value.problems] == [
        ("INVALID_TIER", YABA),
        ("INVALID_FIELD", "no!"),
        ("INVALID_TIER", OTHER),
    ]


@BOTH
def test_a_first_file_must_be_meant(stack: Stack, home: Any, via: WritePath) -> None:
    home.forget_file()
    with pytest.raises(NotFound):
        stack.sites.plan_replace({"NEW1": {"tier": "CRITICAL", "x": 1}}, via=via)
    plan = stack.sites.plan_replace({"NEW1": {"tier": "CRITICAL", "x": 1}}, create=True, via=via)
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    assert home.file()["sites"] == {"NEW1": {"tier": "CRITICAL", "x": 1}}


# History --------------------------------------------------------------------------------------------


@BOTH
def test_history_tells_who_why_and_what(stack: Stack, home: Any, via: WritePath) -> None:
    changed(stack, SWITCH, via, reason="storm")
    by_hand = home.file()
    by_hand["sites"][OTHER]["name"] = "Ikeja"
    home.put_file(by_hand)
    home.put_file(BROKEN)
    told = stack.sites.history(via=via)
    assert [entry.kind for entry in told.entries] == ["broken", "hand edit", "change", "first"]
    broken, edit, change, first = told.entries
    assert broken.is_latest
    assert not broken.is_usable
    assert broken.problems[0].line == 2
    assert (edit.by, edit.changed, edit.gateway_serials) == ("", 1, (OTHER,))
    assert (change.reason, change.summary) == ("storm", "1 site: tier CRITICAL → NON_CRITICAL")
    assert change.by.startswith("arn:aws:")
    assert first.by == "the test"
    assert (told.is_versioned, told.is_complete) == (True, True)


def test_both_roads_tell_the_same_history(stack: Stack, home: Any) -> None:
    changed(stack, SWITCH, WritePath.S3)
    home.client("s3").delete_object(Bucket="smarterise-site-config", Key="site-tiers.json")
    home.put_file({"sites": {}})
    by_function, straight = (stack.sites.history(via=via) for via in WritePath)
    assert by_function == straight
    assert [entry.kind for entry in straight.entries] == ["hand edit", "deleted", "change", "first"]
    assert [entry.to_row() for entry in straight.entries] == [entry.to_row() for entry in by_function.entries]


@BOTH
def test_the_history_of_one_site(stack: Stack, home: Any, via: WritePath) -> None:
    changed(stack, SWITCH, via, reason="storm")
    by_hand = home.file()
    by_hand["sites"][OTHER]["name"] = "Ikeja"
    home.put_file(by_hand)
    (serial,) = SWITCH
    [switched] = stack.sites.history(gateway_serial=serial, via=via).entries
    assert (switched.tiers, switched.changed) == ({serial: SWITCH[serial]["tier"]}, 1)
    [renamed] = stack.sites.history(gateway_serial=OTHER, via=via).entries
    assert (renamed.tiers, renamed.kind) == ({}, "hand edit")


@BOTH
def test_a_limit_leaves_older_versions_out_and_says_so(stack: Stack, home: Any, via: WritePath) -> None:
    for number in range(4):
        home.put_file({**home.file(), "number": number})
    told = stack.sites.history(limit=2, via=via)
    assert len(told.entries) == 2
    assert not told.is_complete
    assert told.entries[-1].kind == "hand edit", "the last one told is compared with the one before it"
    assert stack.sites.history(limit=5, via=via).is_complete
    for limit in (0, 201):
        with pytest.raises(UsageError):
            stack.sites.history(limit=limit, via=via)


@BOTH
def test_a_history_without_a_file(stack: Stack, home: Any, via: WritePath) -> None:
    home.forget_file()
    with pytest.raises(NotFound) as caught:
        stack.sites.history(via=via)
    assert caught.value.code == "CONFIG_MISSING"


@BOTH
def test_versions_and_what_differs(stack: Stack, home: Any, via: WritePath) -> None:
    first = stack.sites.fetch().version_id
    assert first
    second = changed(stack, SWITCH, via)
    assert stack.sites.version(first, via=via).document.sites[YABA].tier == "CRITICAL"
    assert stack.sites.version("current", via=via).version_id == second
    [change] = stack.sites.diff(first, "current", via=via)
    assert [field.field for field in change.fields] == ["tier"]
    assert stack.sites.diff("current", first, via=via) == (change.inverse,)
    assert stack.sites.diff(second, "current", via=via) == ()


@BOTH
def test_versions_that_are_not_to_be_had(stack: Stack, home: Any, via: WritePath) -> None:
    first = stack.sites.fetch().version_id
    home.put_file(BROKEN)
    home.client("s3").delete_object(Bucket="smarterise-site-config", Key="site-tiers.json")
    [deletion, broken, _] = stack.sites.history(via=WritePath.S3).entries
    for missing in ("3HL4kqtJvjVBH40Nrjfkd", deletion.version_id):
        with pytest.raises(NotFound) as caught:
            stack.sites.version(missing, via=via)
        assert caught.value.code == "VERSION_NOT_FOUND"
        assert caught.value.remedy
    with pytest.raises(InvalidDocument) as refused:
        stack.sites.diff(str(first), broken.version_id, via=via)
    assert (refused.value.code, refused.value.problems[0].line) == ("VERSION_INVALID", 2)


@BOTH
def test_a_broken_current_file_is_not_compared(stack: Stack, home: Any, via: WritePath) -> None:
    first = stack.sites.fetch().version_id
    home.put_file(BROKEN)
    assert stack.sites.version("current", via=via).degraded is not None
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.diff(str(first), "current", via=via)
    assert caught.value.problems
    assert "sites repair" in caught.value.remedy


# Listings of S3 -------------------------------------------------------------------------------------


def is_listing(method: str, path: str) -> bool:
    return method == "GET" and "versions" in path


def test_a_listing_of_several_pages_is_followed_to_its_end(frail: Stack, proxy: Any, home: Any) -> None:
    for number in range(3):
        home.put_file({**home.file(), "number": number})
    listed = frail.sites.history(via=WritePath.S3)
    latest = listed.entries[0]
    page = f"""<?xml version="1.0"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
      <IsTruncated>true</IsTruncated><NextKeyMarker>site-tiers.json</NextKeyMarker>
      <NextVersionIdMarker>{latest.version_id}</NextVersionIdMarker>
      <Version><Key>site-tiers.json</Key><VersionId>{latest.version_id}</VersionId><IsLatest>true</IsLatest>
      <LastModified>{latest.written_at}</LastModified><ETag>"e"</ETag><Size>1</Size></Version>
    </ListVersionsResult>"""
    seen = len(proxy.seen)
    proxy.fail(is_listing, times=1, status=200, body=page.encode())
    again = frail.sites.history(via=WritePath.S3)
    assert [entry.version_id for entry in again.entries] == [entry.version_id for entry in listed.entries]
    asked = [path for method, path in proxy.seen[seen:] if is_listing(method, path)]
    assert len(asked) == 2
    assert f"version-id-marker={latest.version_id}" in asked[1]


def test_who_may_not_ask_about_versioning_is_told_by_what_is_listed(
    frail: Stack, proxy: Any, home: Any
) -> None:
    def asks(method: str, path: str) -> bool:
        return method == "GET" and "versioning" in path

    proxy.fail(asks, status=403, body=XML.format("AccessDenied").encode())
    assert frail.sites.history(via=WritePath.S3).is_versioned
