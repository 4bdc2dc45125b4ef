"""Checks: a good, a bad and an undeterminable example of each; and the whole runbook on a real server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.checks.alarm_coverage import ALARMS_A_CALL, WatchingFacts
from smarterise_sdk.checks.drift import DriftFacts
from smarterise_sdk.checks.model import REGISTRY, FindingStatus, Severity, check
from smarterise_sdk.checks.registry import COLLECTORS, all_checks, find_check
from smarterise_sdk.checks.runner import run_checks
from smarterise_sdk.checks.site_config_facts import SiteConfigFacts
from smarterise_sdk.checks.unresolved_changes import ChangesFacts
from smarterise_sdk.domain.outcome import Missing
from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.document import site_tiers_of
from smarterise_sdk.domain.sites.plans import StackChange
from smarterise_sdk.domain.stack.drift import DriftItem
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import (
    Denied,
    InvalidDocument,
    NotFound,
    RemoteFault,
    SmarteriseError,
    Unreachable,
)
from smarterise_sdk.journal.entries import JournalEntry
from smarterise_sdk.services.reconciliation import Drift
from smarterise_sdk.services.sites.file import Degraded, SiteFile
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = StackNames()
BUCKET, FUNCTION = NAMES.site_config_bucket, NAMES.site_config_manager
ROLE_ARN = f"arn:aws:iam::111122223333:role/{FUNCTION}-role"
FILE = SiteFile(site_tiers_of({"sites": {"ehm21120333": {"tier": "CRITICAL"}}}), '"e1"', "v1")
PROBLEM = Problem("INVALID_TIER", "tier is TOP", line=4, site="ehm21120333", field="tier")
DEGRADED = replace(FILE, degraded=Degraded("it is broken", (PROBLEM,), "v0"))


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: Any, resource: str = "*", condition: Any = None) -> dict[str, Any]:
    said = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return said | ({"Condition": condition} if condition else {})


def deny(actions: Any, principal: Any, condition: Any = None) -> dict[str, Any]:
    on_objects = f"arn:aws:s3:::{BUCKET}/*"
    said = {"Effect": "Deny", "Action": actions, "Principal": principal, "Resource": on_objects}
    return said | ({"Condition": condition} if condition else {})


INSECURE = {"Bool": {"aws:SecureTransport": "false"}}
NO_PUT = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
CONFIGURATION = {
    "State": "Active",
    "LastUpdateStatus": "Successful",
    "Role": ROLE_ARN,
    "Environment": {"Variables": {"SITE_CONFIG_BUCKET": BUCKET, "SITE_CONFIG_KEY": "site-tiers.json"}},
}
GOOD_FILE = SiteConfigFacts(
    names=NAMES,
    at=AT,
    bucket=True,
    versioning="Enabled",
    bucket_policy=policy(deny("s3:*", "*", condition=INSECURE)),
    file=FILE,
    function=CONFIGURATION,
    role_policy=policy(allow(["s3:GetObject*", "s3:PutObject", "s3:ListBucketVersions"])),
    manager=FILE,
    file_after=FILE,
)


ALARM = "smartmeter-ehm21120333-voltage-low"
SWITCHED_OFF = StackChange("alarm actions", ALARM, "off", "on", "ehm21120333")
STRAY = StackChange(
    "alarm without a site", "smartmeter-AN1-voltage-low", "exists, actions on", "does not exist"
)
NO_RULE = StackChange("schedule", "critical-sites-ftp-sweep", "no rule", "a rule")
NO_DRIFT = Drift((), (), (), 16, 2, AT)
GOOD_FOLLOWING = DriftFacts(FUNCTION, AT, NO_DRIFT)
GOOD_CHANGES = ChangesFacts("prod", AT, ())
TOPIC = "arn:aws:sns:eu-west-2:111122223333:smartmeter-alerts"
SILENCE = "smartmeter-ehm21120333-no-data"
GOOD_WATCHING = WatchingFacts(NAMES, AT, FILE, {SILENCE: True})
NOBODY_LIVE = replace(FILE, document=site_tiers_of({"sites": {"AN1": {"tier": "NON_CRITICAL"}}}))
SEVEN_LIVE = replace(
    FILE, document=site_tiers_of({"sites": {f"AN{n}": {"tier": "CRITICAL"} for n in range(7)}})
)
GOOD: dict[str, Any] = {
    "site-config": GOOD_FILE,
    "following": GOOD_FOLLOWING,
    "watching": GOOD_WATCHING,
    "changes": GOOD_CHANGES,
}


def entry(plan_id: str = "8f31", **done: Any) -> JournalEntry:
    intended = {"at": "2026-03-01T11:00:00Z", "title": "Switch 1 site to NON_CRITICAL"}
    return JournalEntry(plan_id, intended, done or None)  # type: ignore[arg-type]


def missing(error: SmarteriseError, action: str = "s3:GetObject") -> Missing:
    return Missing(action, error, ("what was asked",))


DENIED = missing(Denied("s3:X is denied", action="s3:X", remedy="have it allowed"))

OF_THIS_MACHINE = "changes-settled"
"""Asks nobody."""
OK, WARN, FAIL, SKIP, UNKNOWN = FindingStatus
EXAMPLES: dict[str, list[tuple[FindingStatus, dict[str, Any], str]]] = {
    "site-config-bucket": [
        (OK, {}, "is there"),
        (FAIL, {"bucket": False}, "no such bucket"),
        (UNKNOWN, {"bucket": DENIED}, "denied"),
        (UNKNOWN, {"bucket": missing(Unreachable("nobody answers"))}, "nobody answers"),
    ],
    "site-config-file": [
        (OK, {}, "1 sites, all valid"),
        (FAIL, {"file": DEGRADED}, "line 4, site ehm21120333, field tier: tier is TOP; version v1 stands in"),
        (FAIL, {"file": missing(InvalidDocument("bad", problems=[PROBLEM] * 7))}, "and 2 more"),
        (FAIL, {"file": missing(NotFound("gone", code="CONFIG_MISSING", remedy="put it"))}, "no such file"),
        (SKIP, {"bucket": False, "file": missing(NotFound("gone"))}, "no bucket"),
        (UNKNOWN, {"file": DENIED}, "denied"),
        (UNKNOWN, {"file": missing(InvalidDocument("too large", code="TOO_LARGE"))}, "too large"),
    ],
    "site-config-versioning": [
        (OK, {}, "enabled"),
        (FAIL, {"versioning": ""}, "off"),
        (FAIL, {"versioning": "Suspended"}, "suspended"),
        (SKIP, {"bucket": False}, "no bucket"),
        (UNKNOWN, {"versioning": DENIED}, "denied"),
    ],
    "site-config-bucket-policy": [
        (OK, {}, "denies nothing"),
        (WARN, {"bucket_policy": None}, "NoSuchBucketPolicy"),
        (FAIL, {"bucket_policy": policy(deny("s3:PutObject", "*"))}, "denies s3:PutObject"),
        (FAIL, {"bucket_policy": policy(deny("s3:Get*", {"AWS": [ROLE_ARN]}))}, "denies s3:GetObject"),
        (
            FAIL,
            {"bucket_policy": policy(deny("s3:*", {"AWS": "111122223333"}))},
            "s3:GetObject and s3:PutObject",
        ),
        (FAIL, {"bucket_policy": policy(deny("s3:*", "*")), "function": DENIED}, "to all"),
        (OK, {"bucket_policy": policy(deny("s3:*", {"AWS": "arn:aws:iam::999900001111:root"}))}, "nothing"),
        (WARN, {"function": None}, "no function to ask for"),
        (SKIP, {"bucket": False}, "no bucket"),
        (UNKNOWN, {"bucket_policy": DENIED}, "denied"),
        (UNKNOWN, {"function": DENIED}, "denied"),
    ],
    "site-config-manager-function": [
        (OK, {}, "active"),
        (OK, {"function": {"Role": ROLE_ARN}}, "active"),
        (FAIL, {"function": None}, "no such function"),
        (FAIL, {"function": {**CONFIGURATION, "State": "Failed", "StateReason": "no image"}}, "no image"),
        (FAIL, {"function": {**CONFIGURATION, "LastUpdateStatus": "Failed"}}, "Failed"),
        (
            FAIL,
            {"function": {"Environment": {"Variables": {"SITE_CONFIG_BUCKET": "another"}}}},
            "SITE_CONFIG_BUCKET is another",
        ),
        (WARN, {"function": {**CONFIGURATION, "LastUpdateStatus": "InProgress"}}, "InProgress"),
        (UNKNOWN, {"function": DENIED}, "denied"),
    ],
    "site-config-manager-role": [
        (OK, {}, "s3:GetObject, s3:PutObject"),
        (FAIL, {"role_policy": None}, "no role of that name"),
        (FAIL, {"role_policy": policy(allow("s3:GetObject"))}, "does not allow s3:PutObject"),
        (
            FAIL,
            {
                "role_policy": policy(
                    allow("s3:*"), {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
                )
            },
            "does not allow s3:PutObject",
        ),
        (
            FAIL,
            {"role_policy": policy(allow("s3:*", "arn:aws:s3:::another/*"))},
            "s3:GetObject and s3:PutObject",
        ),
        (WARN, {"role_policy": policy(allow("s3:*", condition=INSECURE))}, "under a condition"),
        (WARN, {"role_policy": policy(allow(["s3:GetObject", "s3:PutObject"]))}, "no falling back"),
        (UNKNOWN, {"role_policy": DENIED}, "denied"),
    ],
    "site-config-manager-answers": [
        (OK, {}, "tells the file in S3"),
        (OK, {"manager": replace(FILE, etag='"e2"'), "file_after": replace(FILE, etag='"e2"')}, "tells"),
        (FAIL, {"manager": replace(FILE, etag='"e2"')}, 'it tells ETag "e2"'),
        (
            FAIL,
            {"manager": missing(RemoteFault("the function failed", remedy="see its log"))},
            "function failed",
        ),
        (FAIL, {"manager": missing(InvalidDocument("broken"))}, "broken"),
        (WARN, {"manager": DEGRADED}, "it is broken"),
        (SKIP, {"function": None, "manager": missing(NotFound("gone"))}, "no function"),
        (UNKNOWN, {"manager": DENIED}, "denied"),
        (UNKNOWN, {"manager": missing(Unreachable("no answer"))}, "no answer"),
        (UNKNOWN, {"file": DENIED}, "denied"),
    ],
    "stack-follows-file": [
        (OK, {}, "16 alarms and 2 scheduled rules follow"),
        (FAIL, {"drift": replace(NO_DRIFT, changes=(SWITCHED_OFF,))}, f"{ALARM} is off, should be on"),
        (FAIL, {"drift": replace(NO_DRIFT, changes=(SWITCHED_OFF,) * 7)}, "and 2 more"),
        (FAIL, {"drift": replace(NO_DRIFT, left=(DriftItem(NO_RULE, "apply Terraform"),))}, "no rule"),
        (FAIL, {"drift": replace(NO_DRIFT, changes=(SWITCHED_OFF,), unseen=("denied",))}, "should be on"),
        (WARN, {"drift": replace(NO_DRIFT, left=(DriftItem(STRAY, "remove it"),))}, "exists, actions on"),
        (SKIP, {"drift": missing(NotFound("no function"))}, "nothing to follow"),
        (SKIP, {"drift": missing(InvalidDocument("broken"))}, "cannot be used"),
        (
            UNKNOWN,
            {"drift": missing(InvalidDocument("no action reconcile", code="BAD_REQUEST"))},
            "no action",
        ),
        (UNKNOWN, {"drift": replace(NO_DRIFT, unseen=("cloudwatch:DescribeAlarms: denied",))}, "denied"),
        (UNKNOWN, {"drift": DENIED}, "denied"),
    ],
    "live-sites-watched": [
        (OK, {}, "an alarm for each of 1 live site"),
        (OK, {"file": NOBODY_LIVE, "tells": {}}, "of 0 live sites"),
        (FAIL, {"tells": {}}, "no alarm for ehm21120333 (1 of 1 live site)"),
        (FAIL, {"tells": {SILENCE: False}}, "an alarm without an action for ehm21120333"),
        (FAIL, {"file": SEVEN_LIVE, "tells": {}}, "AN4 and 2 more (7 of 7 live sites)"),
        (SKIP, {"file": missing(NotFound("no such bucket")), "tells": DENIED}, "no sites to watch"),
        (SKIP, {"file": missing(InvalidDocument("broken")), "tells": DENIED}, "cannot be used"),
        (UNKNOWN, {"file": missing(InvalidDocument("too large", code="TOO_LARGE"))}, "too large"),
        (UNKNOWN, {"file": DENIED, "tells": DENIED}, "denied"),
        (UNKNOWN, {"tells": DENIED}, "denied"),
    ],
    "changes-settled": [
        (OK, {}, "every change has an end"),
        (FAIL, {"unresolved": (entry(),)}, "8f31 of 2026-03-01T11:00:00Z (Switch 1 site to NON_CRITICAL)"),
        (FAIL, {"unresolved": (entry(),)}, "no end"),
        (FAIL, {"unresolved": (entry(outcome="unverified"),)}, "unverified"),
        (FAIL, {"unresolved": tuple(entry(f"8f3{number}") for number in range(7))}, "and 2 more"),
        (UNKNOWN, {"unresolved": missing(SmarteriseError("the journal cannot be read"))}, "cannot be read"),
    ],
}


@pytest.mark.parametrize(
    ("check_id", "status", "changes", "text"),
    [(check_id, *example) for check_id, examples in EXAMPLES.items() for example in examples],
)
def test_examples(check_id: str, status: FindingStatus, changes: dict[str, Any], text: str) -> None:
    one = find_check(check_id)
    facts = replace(GOOD[one.subject], **changes)
    finding = one.run(facts, facts.at)
    assert finding.status is status, finding.observed
    assert text in finding.observed
    assert finding.subject
    assert finding.expected
    assert all(line.endswith("2026-03-01T12:00:00Z") for line in finding.evidence)
    assert finding.evidence
    assert bool(finding.remedy) is (status not in (OK, SKIP))


@pytest.mark.parametrize(("tells", "text"), [({}, "smart_device_names"), ({SILENCE: False}, "its action")])
def test_who_lacks_an_alarm_is_told_another_remedy_than_whose_alarm_is_mute(
    tells: dict[str, bool], text: str
) -> None:
    finding = find_check("live-sites-watched").run(replace(GOOD_WATCHING, tells=tells), AT)
    assert [word for word in ("smart_device_names", "its action") if word in finding.remedy] == [text]


def test_every_check_is_whole_and_has_its_examples() -> None:
    assert [check.meta.id for check in all_checks()] == list(EXAMPLES)
    for one in all_checks():
        meta = one.meta
        assert all((meta.title, meta.rationale, meta.expected, meta.remedy, meta.reads)), meta.id
        assert isinstance(meta.severity, Severity)
        assert one.subject in COLLECTORS
        seen = {status for status, _, _ in EXAMPLES[meta.id]}
        assert {OK, FAIL, UNKNOWN} <= seen, meta.id


def test_a_denied_fact_is_never_well() -> None:
    nothing_but_gaps = replace(
        GOOD_FILE,
        bucket=DENIED,
        versioning=DENIED,
        bucket_policy=DENIED,
        file=DENIED,
        function=DENIED,
        role_policy=DENIED,
        manager=DENIED,
        file_after=DENIED,
    )
    denied: dict[str, Any] = {
        "site-config": nothing_but_gaps,
        "following": replace(GOOD_FOLLOWING, drift=DENIED),
        "watching": replace(GOOD_WATCHING, tells=DENIED),
        "changes": replace(GOOD_CHANGES, unresolved=DENIED),
    }
    findings = [one.run(denied[one.subject], AT) for one in all_checks()]
    assert {finding.status for finding in findings} == {UNKNOWN}
    assert {finding.remedy for finding in findings} == {"have it allowed"}


def test_an_id_is_never_given_twice() -> None:
    again = check(
        "site-config-bucket",
        subject="x",
        title="t",
        severity=Severity.LOW,
        rationale="r",
        expected="e",
        remedy="m",
        reads=["a:B"],
    )
    before = dict(REGISTRY)
    with pytest.raises(ValueError, match="taken"):
        again(lambda _: pytest.fail("never run"))
    assert before == REGISTRY


# On a real server -------------------------------------------------------------------------------


def statuses(stack: Stack, only: list[str] | None = None) -> dict[str, FindingStatus]:
    return {finding.check_id: finding.status for finding in stack.checks.run(only).findings}


@pytest.mark.usefixtures("no_alarms_left")
def test_the_runbook_on_a_sound_stack(stack: Stack, home: Any) -> None:
    watch(home, [site.gateway_serial for site in stack.sites.fetch().sites if site.has_alarm_actions])
    home.client("s3").put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps(policy(deny("s3:*", "*", condition=INSECURE)))
    )
    try:
        report = stack.checks.run()
    finally:
        home.client("s3").delete_bucket_policy(Bucket=BUCKET)
    assert [(f.check_id, f.status, f.observed) for f in report.findings if f.status is not OK] == []
    assert len(report.findings) == len(EXAMPLES)
    assert report.counts[OK] == len(EXAMPLES)
    assert report.counts[UNKNOWN] == 0
    assert report.started_at <= report.finished_at


def watch(home: Any, serials: Iterable[str], *, actions: tuple[str, ...] = (TOPIC,)) -> None:
    """Make the alarms on silence of sites."""
    for serial in serials:
        home.put_alarm(NAMES.alarm(serial, "no-data"), actions=actions)


@pytest.fixture
def no_alarms_left(home: Any) -> Iterator[None]:
    yield
    home.forget_alarms()


@pytest.mark.usefixtures("no_alarms_left")
def test_live_sites_that_nobody_is_called_for_are_found_among_many(stack: Stack, home: Any) -> None:
    serials = [f"AN{number:08d}" for number in range(ALARMS_A_CALL + 2)]
    home.put_file({"sites": {serial: {"tier": "CRITICAL"} for serial in serials}})
    watch(home, serials[2:])
    watch(home, serials[1:2], actions=())
    (finding,) = stack.checks.run(["live-sites-watched"]).findings
    assert finding.status is FAIL
    assert finding.observed == (
        "no alarm for AN00000000 (1 of 102 live sites); "
        "an alarm without an action for AN00000001 (1 of 102 live sites)"
    )
    assert "smart_device_names" in finding.remedy
    watch(home, serials[:2])
    assert statuses(stack, ["live-sites-watched"]) == {"live-sites-watched": OK}


def test_no_policy_is_a_finding(stack: Stack) -> None:
    assert statuses(stack, ["site-config-bucket-policy"]) == {"site-config-bucket-policy": WARN}


def test_a_broken_file_is_found_and_degrades_the_function(stack: Stack, home: Any) -> None:
    home.put_file(b'{"sites": {"ehm21120333": {"tier": "TOP"}}}')
    found = {finding.check_id: finding for finding in stack.checks.run().findings}
    assert found["site-config-file"].status is FAIL
    assert "line 1, site ehm21120333, field tier" in found["site-config-file"].observed
    assert "smarterise-ops sites repair" in found["site-config-file"].remedy
    assert found["site-config-manager-answers"].status is WARN
    assert "smarterise-ops sites repair" in found["site-config-manager-answers"].remedy


def test_an_empty_account(home: Any, settings_for: Callable[..., Any]) -> None:
    names = StackNames(site_config_bucket="no-such-bucket", site_config_manager="nobody")
    with Stack(settings_for(home.url, names=names)) as stack:
        assert statuses(stack) == {
            "site-config-bucket": FAIL,
            "site-config-file": SKIP,
            "site-config-versioning": SKIP,
            "site-config-bucket-policy": SKIP,
            "site-config-manager-function": FAIL,
            "site-config-manager-role": FAIL,
            "site-config-manager-answers": SKIP,
            "stack-follows-file": SKIP,
            "live-sites-watched": SKIP,
            "changes-settled": OK,
        }


def test_everything_denied_is_unknown_and_says_which_permission(frail: Stack, proxy: Any) -> None:
    xml = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>'
    proxy.fail(lambda *_: True, status=403, body=xml, headers={"x-amzn-ErrorType": "AccessDeniedException"})
    findings = frail.checks.run([check_id for check_id in EXAMPLES if check_id != OF_THIS_MACHINE]).findings
    assert {finding.status for finding in findings} == {UNKNOWN}
    told = " ".join(finding.observed for finding in findings)
    for action in ("s3:ListBucket", "s3:GetObject", "s3:GetBucketPolicy", "lambda:GetFunctionConfiguration"):
        assert f"{action} is denied" in told
    assert not any("NoSuch" in finding.observed for finding in findings)


def test_an_unreachable_service_is_unknown_and_not_asked_again_and_again(frail: Stack, proxy: Any) -> None:
    proxy.fail(lambda method, path: "/functions/" in path, status=None)
    found = statuses(frail)
    assert found["site-config-manager-function"] is UNKNOWN
    assert found["site-config-manager-answers"] is UNKNOWN
    assert found["site-config-file"] is OK
    assert len([path for _, path in proxy.seen if "/functions/" in path]) == 1


def test_without_credentials_nobody_is_asked(settings_for: Callable[..., Any]) -> None:
    with Stack(settings_for("http://127.0.0.1:1")) as stack:
        asked = [check_id for check_id in EXAMPLES if check_id != OF_THIS_MACHINE]
        findings = stack.checks.run(asked).findings
    assert {finding.status for finding in findings} == {UNKNOWN}
    assert all("credentials" in finding.observed for finding in findings)


def test_a_write_between_the_two_readings_is_no_disagreement(frail: Stack, proxy: Any, home: Any) -> None:
    def write_meanwhile(method: str, path: str) -> None:
        if method == "POST" and path.endswith("/invocations"):
            proxy.before = lambda *_: None
            home.put_file({**home.file(), "owner": "bob"})

    proxy.before = write_meanwhile
    assert statuses(frail, ["site-config-manager-answers"]) == {"site-config-manager-answers": OK}


def test_only_some_and_explained(stack: Stack) -> None:
    chosen = ["site-config-versioning", "site-config-bucket"]
    assert list(statuses(stack, chosen)) == ["site-config-bucket", "site-config-versioning"]
    assert [meta.id for meta in stack.checks.list()] == list(EXAMPLES)
    assert stack.checks.explain("site-config-bucket").severity is Severity.CRITICAL
    assert run_checks(stack, []).findings == ()
    with pytest.raises(NotFound) as caught:
        stack.checks.explain("site-config-bukcet")
    assert "did you mean site-config-bucket?" in caught.value.remedy
    with pytest.raises(NotFound) as caught:
        stack.checks.run(["zzz"])
    assert "smarterise-ops checks list" in caught.value.remedy
