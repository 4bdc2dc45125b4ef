"""A write whose answer is lost, or that cannot be read back: never more is said than is certain."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from smarterise_sdk.aws.session import ClientFactory, ClientTimeouts
from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import (
    RemoteFault,
)
from smarterise_sdk.stack import Stack

BOTH = pytest.mark.parametrize("via", list(WritePath))
SWITCH = {"ehm21120333": {"tier": "NON_CRITICAL"}}
XML = '<?xml version="1.0"?><Error><Code>{}</Code><Message>no</Message></Error>'


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_put(method: str, path: str) -> bool:
    return method == "PUT" and "site-tiers.json" in path


def is_get(method: str, path: str) -> bool:
    return method == "GET" and "site-tiers.json" in path


WRITE_OF = {WritePath.LAMBDA: is_invocation, WritePath.S3: is_put}


def tier(home: Any, serial: str = "ehm21120333") -> str:
    return str(home.file()["sites"][serial]["tier"])


def done(stack: Stack) -> dict[str, Any]:
    """Return the journal's end of the one change made."""
    [entry] = stack.journal.read().entries
    assert entry.done is not None
    return dict(entry.done)


# Lost answers -------------------------------------------------------------------------------------


def impatient(proxy: Any, settings_for: Any) -> Stack:
    """Return a stack that waits half a second for an answer."""
    stack = Stack(settings_for(proxy.url))
    stack.broker._factory._timeouts = lambda _: ClientTimeouts(0.5, 1)
    assert isinstance(stack.broker._factory, ClientFactory)
    return stack


@BOTH
def test_an_answer_lost_after_the_write_is_found_by_reading_back(
    frail: Stack, proxy: Any, home: Any, via: WritePath
) -> None:
    plan = frail.sites.plan_update(SWITCH, via=via)
    proxy.fail(WRITE_OF[via], times=1, status=None, forward=True)
    steps: list[str] = []
    receipt = frail.sites.apply(plan, on_step=steps.append)
    assert (receipt.state, receipt.verified) == (ReceiptState.VERIFIED, ("ehm21120333",))
    assert "no answer to" in receipt.verified_by
    assert "looking whether it was written all the same" in steps[-1]
    assert tier(home) == "NON_CRITICAL"
    assert receipt.etag == frail.sites.fetch().etag
    versions = home.client("s3").list_object_versions(Bucket="smarterise-site-config")["Versions"]
    assert len(versions) == 2, "the write was repeated"


@BOTH
def test_an_answer_lost_with_nothing_written_stays_open(
    frail: Stack, proxy: Any, home: Any, via: WritePath
) -> None:
    plan = frail.sites.plan_update(SWITCH, via=via)
    proxy.fail(WRITE_OF[via], times=1, status=None)
    receipt = frail.sites.apply(plan)
    assert (receipt.state, receipt.verified) == (ReceiptState.UNVERIFIED, ())
    assert "may still arrive" in receipt.unverified["ehm21120333"]
    assert receipt.applied_at is None
    assert done(frail)["outcome"] == "unverified"
    assert tier(home) == "CRITICAL"


def test_a_function_slower_than_our_patience(proxy: Any, home: Any, settings_for: Any) -> None:
    with Stack(settings_for(home.url)) as calm:
        plan = calm.sites.plan_update(SWITCH)
    with impatient(proxy, settings_for) as stack:
        proxy.fail(is_invocation, times=1, status=200, forward=True, delay=1.5)
        receipt = stack.sites.apply(plan)
    assert receipt.state is ReceiptState.VERIFIED
    assert len([seen for seen in proxy.seen if is_invocation(*seen)]) == 1


TIMED_OUT = {"errorMessage": "2026-03-01T12:00:00Z 1-2-3 Task timed out after 30.00 seconds"}
FAULT: dict[str, Any] = {
    "status": 200,
    "body": json.dumps(TIMED_OUT).encode(),
    "headers": {"X-Amz-Function-Error": "Unhandled"},
}


def test_a_function_that_timed_out_after_it_wrote(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH)
    proxy.fail(is_invocation, times=1, forward=True, **FAULT)
    receipt = frail.sites.apply(plan)
    assert receipt.state is ReceiptState.VERIFIED
    assert "function site-config-manager failed" in receipt.verified_by


def test_a_function_that_timed_out_before_it_wrote(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH)
    proxy.fail(is_invocation, times=1, **FAULT)
    with pytest.raises(RemoteFault) as caught:
        frail.sites.apply(plan)
    assert "timed out" in caught.value.why
    assert done(frail)["outcome"] == "failed"
    assert tier(home) == "CRITICAL"


def test_s3_failing_after_it_wrote(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH, via=WritePath.S3)
    proxy.fail(is_put, times=1, forward=True, status=500, body=XML.format("InternalError").encode())
    assert frail.sites.apply(plan).state is ReceiptState.VERIFIED
    assert len([seen for seen in proxy.seen if is_put(*seen)]) == 1


def test_a_lost_answer_and_another_writer(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH)
    proxy.fail(is_invocation, times=1, status=None)
    proxy.before = lambda method, path: (
        home.put_file({**home.file(), "owner": "bob"}) if is_invocation(method, path) else None
    )
    receipt = frail.sites.apply(plan)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert receipt.unverified == {"ehm21120333": "tier reads CRITICAL, asked for NON_CRITICAL"}


# Reading back -------------------------------------------------------------------------------------


@BOTH
def test_reading_back_that_is_denied_leaves_the_change_unverified(
    frail: Stack, proxy: Any, home: Any, via: WritePath
) -> None:
    plan = frail.sites.plan_update(SWITCH, via=via)
    other = is_get if via is WritePath.LAMBDA else is_invocation
    body = XML.format("AccessDenied").encode()
    proxy.fail(other, status=403, body=body, headers={"x-amzn-ErrorType": "AccessDenied"})
    receipt = frail.sites.apply(plan)
    assert (receipt.state, receipt.verified) == (ReceiptState.UNVERIFIED, ())
    assert "could not be read back" in receipt.unverified["ehm21120333"]
    assert "denied" in receipt.unverified["ehm21120333"]
    assert receipt.verified_at is None
    assert receipt.applied_at is not None
    assert receipt.etag
    assert tier(home) == "NON_CRITICAL"


def test_a_lost_answer_and_no_reading_back(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH)
    proxy.fail(is_invocation, status=None, forward=True)
    proxy.fail(is_get, status=403, body=XML.format("AccessDenied").encode())
    receipt = frail.sites.apply(plan)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert "no answer to" in receipt.unverified["ehm21120333"]
    assert "denied" in receipt.unverified["ehm21120333"]
    assert (receipt.etag, receipt.applied_at, receipt.verified_at) == ("", None, None)


def test_a_file_broken_right_after_the_write_is_no_verification(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH)

    def breaks(method: str, path: str) -> None:
        if is_get(method, path):
            proxy.before = lambda *_: None
            home.put_file(b"{ cut")

    proxy.before = breaks
    receipt = frail.sites.apply(plan)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert "is shown instead" in receipt.unverified["ehm21120333"]


def test_a_site_switched_back_right_after_is_told(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update({**SWITCH, "AN54101471": {"tier": "CRITICAL"}})

    def switches_back(method: str, path: str) -> None:
        if is_get(method, path):
            proxy.before = lambda *_: None
            file = home.file()
            file["sites"]["ehm21120333"]["tier"] = "CRITICAL"
            home.put_file(file)

    proxy.before = switches_back
    receipt = frail.sites.apply(plan)
    assert receipt.state is ReceiptState.PARTLY_VERIFIED
    assert receipt.verified == ("AN54101471",)
    assert receipt.unverified == {"ehm21120333": "tier reads CRITICAL, asked for NON_CRITICAL"}


def test_reading_back_does_not_share_a_read_from_before_the_write(
    frail: Stack, proxy: Any, home: Any
) -> None:
    plan = frail.sites.plan_update(SWITCH)
    held, release = threading.Event(), threading.Event()

    def hold_the_first_read(method: str, path: str) -> None:
        if is_get(method, path) and not held.is_set():
            held.set()
            release.wait(10)

    proxy.before = hold_the_first_read
    early = threading.Thread(target=lambda: frail.sites.fetch(via=WritePath.S3))
    early.start()
    assert held.wait(10)
    receipt = frail.sites.apply(plan)
    release.set()
    early.join(10)
    assert receipt.state is ReceiptState.VERIFIED
    assert frail.broker.stats().joined == 0
