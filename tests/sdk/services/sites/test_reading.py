"""Sites read by both roads against the real function: fresh, broken, missing, and odd answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import WritePath
from smarterise_sdk.errors import (
    Conflict,
    Denied,
    InvalidDocument,
    NotFound,
    RemoteFault,
    SmarteriseError,
    Unreachable,
    UsageError,
)
from smarterise_sdk.stack import Stack

BOTH = pytest.mark.parametrize("via", list(WritePath))
BROKEN = b'{"sites": {\n  "ehm21120333": {"tier": "CRITICALLY"},\n  "AN54101471": {"tier": 3}}}'
NO = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>'


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_file(method: str, path: str) -> bool:
    return method == "GET" and "site-tiers.json" in path and "versions" not in path


def is_versions(method: str, path: str) -> bool:
    return method == "GET" and "versions" in path


def is_earlier(method: str, path: str) -> bool:
    return is_file(method, path) and "versionId" in path


@BOTH
def test_both_roads_tell_the_same(stack: Stack, via: WritePath) -> None:
    snapshot = stack.sites.fetch(via=via)
    assert [site.gateway_serial for site in snapshot.sites] == ["ehm21120333", "AN54101471", "AN10220456"]
    yaba, other, disabled = snapshot.sites
    assert (yaba.tier, yaba.name, dict(yaba.extra)) == (Tier.CRITICAL, "Yaba Market", {"note": "kept"})
    assert other.nominal_voltage == 240
    assert not disabled.enabled
    assert snapshot.via is via
    assert snapshot.degraded is None
    assert snapshot.etag.startswith('"')
    assert snapshot.version_id


def test_both_roads_agree_on_version(stack: Stack) -> None:
    one, other = stack.sites.fetch(), stack.sites.fetch(via=WritePath.S3)
    assert (one.etag, one.version_id, one.sites) == (other.etag, other.version_id, other.sites)


@BOTH
def test_one_site(stack: Stack, via: WritePath) -> None:
    site = stack.sites.get("AN54101471", via=via)
    assert site == next(s for s in stack.sites.fetch().sites if s.gateway_serial == "AN54101471")
    snapshot = stack.sites.fetch_one("AN54101471", via=via)
    assert snapshot.sites == (site,)
    assert snapshot.etag == stack.sites.fetch().etag


@BOTH
def test_an_unknown_site_comes_with_a_suggestion(stack: Stack, via: WritePath) -> None:
    with pytest.raises(NotFound) as caught:
        stack.sites.get("an54101417", via=via)
    assert caught.value.code == "SITE_NOT_FOUND"
    assert "AN54101471" in caught.value.remedy


@BOTH
def test_a_broken_file_is_stood_in_for_by_the_last_good_version(
    stack: Stack, home: Any, via: WritePath
) -> None:
    good = stack.sites.fetch(via=WritePath.S3)
    home.put_file(BROKEN)
    home.put_file(b"{ cut")
    home.put_file(BROKEN)
    snapshot = stack.sites.fetch(via=via)
    assert snapshot.sites == good.sites
    assert snapshot.version_id == good.version_id
    assert snapshot.degraded is not None
    assert snapshot.degraded.version_id == good.version_id
    assert [(p.code, p.site, p.line) for p in snapshot.degraded.problems] == [
        ("INVALID_TIER", "ehm21120333", 2),
        ("INVALID_TIER", "AN54101471", 3),
    ]
    assert stack.sites.fetch_one("ehm21120333", via=via).degraded is not None


@BOTH
def test_writers_refuse_a_broken_file(stack: Stack, home: Any, via: WritePath) -> None:
    home.put_file(BROKEN)
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.plan_update({"ehm21120333": {"tier": "CRITICAL"}}, via=via)
    assert len(caught.value.problems) == 2
    assert "nothing is written" in caught.value.what
    assert "--version-id" in caught.value.remedy


@BOTH
def test_a_file_with_no_good_version(stack: Stack, home: Any, via: WritePath) -> None:
    home.forget_file()
    home.put_file(BROKEN)
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.fetch(via=via)
    assert len(caught.value.problems) == 2
    assert caught.value.remedy


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b'{"sites": {"ehm21120333": {"tier": "CRITICAL"}, "ehm21120333": {"tier": "NON_CRITICAL"}}}',
        b'// by hand\n{"sites": {}}',
        b'{"sites": {"a": "' + b"x" * (20 * 1024 * 1024) + b'"}}',
    ],
    ids=["empty", "not text", "duplicate", "comment", "20 MB"],
)
def test_every_kind_of_broken_file_is_told(stack: Stack, home: Any, content: bytes) -> None:
    home.put_file(content)
    snapshot = stack.sites.fetch(via=WritePath.S3)
    assert snapshot.degraded is not None
    assert snapshot.degraded.problems
    assert len(snapshot.sites) == 3


@BOTH
def test_no_file(stack: Stack, home: Any, via: WritePath) -> None:
    home.forget_file()
    with pytest.raises(NotFound) as caught:
        stack.sites.fetch(via=via)
    assert caught.value.code == "CONFIG_MISSING"
    assert caught.value.remedy
    with pytest.raises(NotFound):
        stack.sites.plan_update({"NEW1": {"tier": "CRITICAL"}}, via=via)


def test_a_deleted_file_tells_how_to_find_its_versions(stack: Stack, home: Any) -> None:
    home.client("s3").delete_object(Bucket="smarterise-site-config", Key="site-tiers.json")
    with pytest.raises(NotFound) as caught:
        stack.sites.fetch(via=WritePath.S3)
    assert "aws s3api list-object-versions" in caught.value.remedy


def test_files_with_a_longer_name_are_not_taken_for_versions(stack: Stack, home: Any) -> None:
    home.forget_file()
    home.client("s3").put_object(
        Bucket="smarterise-site-config", Key="site-tiers.json.bak", Body=b'{"sites": {}}'
    )
    home.put_file(BROKEN)
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.fetch(via=WritePath.S3)
    assert "no earlier version can" in caught.value.what


def test_a_denied_read_is_denied_and_nothing_else(frail: Stack, proxy: Any) -> None:
    proxy.fail(is_file, status=403, body=NO)
    with pytest.raises(Denied) as caught:
        frail.sites.fetch(via=WritePath.S3)
    assert caught.value.action == "s3:GetObject"


@pytest.mark.parametrize(
    ("matches", "action"), [(is_versions, "s3:ListBucketVersions"), (None, "s3:GetObjectVersion")]
)
def test_a_closed_history_does_not_hide_what_is_wrong(
    frail: Stack, proxy: Any, home: Any, matches: Any, action: str
) -> None:
    home.put_file(BROKEN)
    proxy.fail(
        matches or (lambda method, path: is_file(method, path) and "versionId" in path), status=403, body=NO
    )
    with pytest.raises(InvalidDocument) as caught:
        frail.sites.fetch(via=WritePath.S3)
    assert len(caught.value.problems) == 2
    assert action in caught.value.why


def test_a_missing_bucket_and_a_missing_function(stack: Stack, home: Any, settings_for: Any) -> None:
    from smarterise_sdk.domain.stack.names import StackNames

    names = StackNames(site_config_bucket="no-such-bucket", site_config_manager="nobody")
    with Stack(settings_for(home.url, names=names)) as elsewhere:
        with pytest.raises(NotFound) as caught:
            elsewhere.sites.fetch(via=WritePath.S3)
        assert caught.value.code == "NoSuchBucket"
        with pytest.raises(NotFound) as caught:
            elsewhere.sites.fetch()
        assert "function nobody" in caught.value.what


# The function's answers -----------------------------------------------------------------------------


def respond(proxy: Any, response: Any, **headers: str) -> None:
    proxy.fail(is_invocation, status=200, body=json.dumps(response).encode(), headers=headers)


def test_a_function_that_fails(frail: Stack, proxy: Any) -> None:
    said = {"errorType": "ClientError", "errorMessage": "AccessDenied when calling GetObject"}
    respond(proxy, said, **{"X-Amz-Function-Error": "Unhandled"})
    with pytest.raises(RemoteFault) as caught:
        frail.sites.fetch()
    assert "AccessDenied when calling GetObject" in caught.value.why
    assert "/aws/lambda/site-config-manager" in caught.value.remedy


@pytest.mark.parametrize(
    "response",
    [
        {"statusCode": 200, "body": "{}"},
        {"ok": "yes"},
        {"ok": False},
        {"ok": True},
        {"ok": True, "config": []},
        {"ok": True, "config": {"sites": {}}},
        {"ok": True, "config": {"sites": {}}, "etag": None},
        {"ok": True, "config": {"sites": {}}, "etag": '"e"', "degraded": "yes"},
        {"ok": True, "config": {"sites": {}}, "etag": '"e"', "degraded": {}},
    ],
)
def test_a_function_of_another_make_is_recognised(frail: Stack, proxy: Any, response: Any) -> None:
    respond(proxy, response)
    with pytest.raises(RemoteFault) as caught:
        frail.sites.fetch()
    assert caught.value.code == "UNKNOWN_REPLY"
    assert "aws lambda get-function-configuration" in caught.value.remedy


def test_a_function_that_tells_an_invalid_document(frail: Stack, proxy: Any) -> None:
    respond(proxy, {"ok": True, "config": {"sites": {"ehm21120333": {}}}, "etag": '"e"'})
    with pytest.raises(InvalidDocument) as caught:
        frail.sites.fetch()
    assert caught.value.problems[0].site == "ehm21120333"


@pytest.mark.parametrize("site", [{}, {"tier": "TOP"}])
def test_a_site_in_an_unknown_shape(frail: Stack, proxy: Any, site: Any) -> None:
    respond(proxy, {"ok": True, "site": site, "etag": '"e"'})
    with pytest.raises(InvalidDocument):
        frail.sites.get("ehm21120333")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("CONFLICT", Conflict),
        ("CONFIG_MISSING", NotFound),
        ("BAD_REQUEST", InvalidDocument),
        ("SOMETHING_NEW", InvalidDocument),
        ("", InvalidDocument),
    ],
)
def test_refusals_of_the_function_keep_their_code(
    frail: Stack, proxy: Any, code: str, kind: type[SmarteriseError]
) -> None:
    problem = {"code": code, "message": "wrong", "line": 3, "site": "ehm21120333", "field": "tier"}
    error = {"code": code, "message": "it is so\x1b", "remedy": "mend it", "problems": [problem, "odd"]}
    respond(proxy, {"ok": False, "error": error})
    with pytest.raises(kind) as caught:
        frail.sites.fetch()
    assert caught.value.code == (code or "CONFIG_INVALID")
    assert caught.value.what == "it is so\\x1b"
    assert caught.value.remedy == "mend it"
    if isinstance(caught.value, InvalidDocument):
        assert [str(p) for p in caught.value.problems] == ["line 3, site ehm21120333, field tier: wrong"]


def test_a_refusal_without_problems(frail: Stack, proxy: Any) -> None:
    respond(proxy, {"ok": False, "error": {"code": "BAD_REQUEST", "message": "m", "problems": None}})
    with pytest.raises(InvalidDocument) as caught:
        frail.sites.fetch()
    assert caught.value.problems == ()


def test_a_slow_function_is_asked_once(frail: Stack, proxy: Any) -> None:
    proxy.fail(is_invocation, status=None)
    with pytest.raises(Unreachable):
        frail.sites.fetch()
    assert len([seen for seen in proxy.seen if is_invocation(*seen)]) == 1


# Planning ---------------------------------------------------------------------------------------


@BOTH
def test_a_plan_tells_all_and_writes_nothing(stack: Stack, home: Any, via: WritePath) -> None:
    before = home.file()
    plan = stack.sites.plan_update(
        {"ehm21120333": {"tier": "NON_CRITICAL"}, "AN54101471": {"tier": "NON_CRITICAL"}},
        reason="transformer works",
        via=via,
    )
    assert home.file() == before
    assert plan.title == "Switch 1 site to NON_CRITICAL"
    assert plan.unchanged == ("AN54101471",)
    assert [field.field for field in plan.changes[0].fields] == ["tier"]
    assert "1 site: readings expected every 60 min, stale after 120 min" in plan.effects
    assert plan.monthly_usd == -0.22
    assert plan.base_etag == stack.sites.fetch().etag
    assert (plan.environment, plan.account, plan.region) == ("local", "111122223333", "eu-west-2")
    [call] = plan.calls
    assert (call.action, call.target) == (
        ("lambda:InvokeFunction", "function site-config-manager")
        if via is WritePath.LAMBDA
        else ("s3:PutObject", "s3://smarterise-site-config/site-tiers.json")
    )


def schedules_of(plan: Any) -> str:
    return next(cause for cause in plan.effects if "FTP" in cause and "metrics" not in cause)


def test_a_plan_tells_the_next_collection_from_the_stack_s_own_schedules(stack: Stack) -> None:
    told = schedules_of(stack.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}}))
    assert re.fullmatch(r"1 site: FTP every 60 min, next (\d{4}-\d\d-\d\d )?\d\d:00Z", told)
    straight = stack.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}}, via=WritePath.S3)
    assert schedules_of(straight).endswith("the schedules could not be told"), "S3 knows none"


@pytest.mark.parametrize(
    "schedules",
    [
        {"schedules": [], "schedules_error": "events:ListRules: AccessDenied"},
        {"schedules": [{"tier": "TOP", "rule": "r", "schedule": "s", "enabled": True}]},
        {"schedules": [{"tier": "CRITICAL"}]},
        {"schedules": "none"},
        {},
    ],
)
def test_schedules_that_could_not_be_looked_up_are_not_taken_for_none(
    frail: Stack, proxy: Any, schedules: Any
) -> None:
    config = {"sites": {"ehm21120333": {"tier": "CRITICAL"}}}
    respond(proxy, {"ok": True, "config": config, "etag": '"e"', **schedules})
    told = schedules_of(frail.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}}))
    assert told == "1 site: FTP when NON_CRITICAL sites have it; the schedules could not be told"


def test_no_schedule_at_all_is_said(frail: Stack, proxy: Any) -> None:
    config = {"sites": {"ehm21120333": {"tier": "CRITICAL"}}}
    respond(
        proxy,
        {"ok": True, "config": config, "etag": '"e"', "schedules": [], "schedules_error": ""},
    )
    told = schedules_of(frail.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}}))
    assert told == "1 site: no FTP: there is no schedule for NON_CRITICAL sites"


@BOTH
def test_every_problem_of_an_update_at_once(stack: Stack, via: WritePath) -> None:
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.plan_update(
            {"ehm21120333": {"tier": "TOP", "colour": "red"}, "ehm21120334": {"tier": "CRITICAL"}}, via=via
        )
    assert [problem.code for problem in caught.value.problems] == [
        "INVALID_TIER",
        "INVALID_FIELD",
        "SITE_NOT_FOUND",
    ]


def test_an_expected_etag(stack: Stack) -> None:
    etag = stack.sites.fetch().etag
    updates = {"ehm21120333": {"tier": "NON_CRITICAL"}}
    assert stack.sites.plan_update(updates, expect_etag=etag).base_etag == etag
    assert stack.sites.plan_update(updates, expect_etag=etag.strip('"')).base_etag == etag
    with pytest.raises(Conflict) as caught:
        stack.sites.plan_update(updates, expect_etag='"another"')
    assert "last written by the test" in caught.value.why


def test_a_reason_that_is_too_long(stack: Stack) -> None:
    with pytest.raises(UsageError):
        stack.sites.plan_update({"ehm21120333": {"tier": "CRITICAL"}}, reason="x" * 1001)


def test_a_plan_is_made_even_when_nobody_says_who_we_are(frail: Stack, proxy: Any) -> None:
    proxy.fail(lambda method, path: method == "POST" and path == "/", status=403, body=NO)
    plan = frail.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}})
    assert plan.account == ""
    receipt = frail.sites.apply(plan)
    assert receipt.verified == ("ehm21120333",)
    assert str(frail.journal.read().entries[0].intended["who"]).startswith("unknown (")
