"""How many calls a change takes, however many sites it is for; and what is too large for the function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import Denied, InvalidDocument
from smarterise_sdk.services.sites.transports import CHANGE_TOO_LARGE, FILE_TOO_LARGE

if TYPE_CHECKING:
    from smarterise_sdk.stack import Stack

MANY = 10_000
XML = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>'


def fleet(count: int, **fields: Any) -> dict[str, Any]:
    site = {"tier": "CRITICAL", "enabled": True, "name": "Site", "asset_id": "C1", "nominal_voltage": 230}
    return {f"AN{number:08}": {**site, **fields} for number in range(count)}


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_object(method: str, path: str) -> bool:
    return "site-tiers.json" in path


@pytest.mark.parametrize(
    ("via", "calls"),
    [
        (WritePath.LAMBDA, ["POST function", "POST function", "GET object"]),
        (WritePath.S3, ["GET object", "PUT object", "POST function"]),
    ],
)
def test_ten_thousand_sites_take_three_calls_by_either_road(
    frail: Stack, proxy: Any, home: Any, via: WritePath, calls: list[str]
) -> None:
    home.put_file({"schema_version": 1, "sites": fleet(MANY)})
    frail.identity()
    before, seen = frail.broker.stats().calls, len(proxy.seen)
    plan = frail.sites.plan_update({serial: {"tier": "NON_CRITICAL"} for serial in fleet(MANY)}, via=via)
    assert plan.title == "Switch 10000 sites to NON_CRITICAL"
    assert any("80000 alarms" in cause for cause in plan.effects)
    receipt = frail.sites.apply(plan)
    assert (receipt.state, len(receipt.verified)) == (ReceiptState.VERIFIED, MANY)
    assert frail.broker.stats().calls - before == 3
    assert [
        f"{method} {'function' if is_invocation(method, path) else 'object'}"
        for method, path in proxy.seen[seen:]
    ] == calls
    assert {site["tier"] for site in home.file()["sites"].values()} == {"NON_CRITICAL"}


def test_a_plan_of_another_process_is_applied_on_a_reading_of_its_own(
    stack: Stack, frail: Stack, home: Any
) -> None:
    plan = stack.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}}, via=WritePath.S3)
    assert frail.sites.apply(plan).state is ReceiptState.VERIFIED
    # And what was kept from planning something else is not taken for the file it is now.
    late = stack.sites.plan_update({"AN54101471": {"tier": "CRITICAL"}}, via=WritePath.S3)
    assert stack.sites.apply(late).state is ReceiptState.VERIFIED
    assert home.file()["sites"]["ehm21120333"]["tier"] == "NON_CRITICAL"


def test_a_file_too_large_for_the_function_goes_straight_to_s3(stack: Stack, home: Any) -> None:
    home.put_file({"schema_version": 1, "sites": fleet(3_000, note="storm " * 380)})
    snapshot = stack.sites.fetch()
    assert (len(snapshot.sites), snapshot.via) == (3_000, WritePath.S3)
    plan = stack.sites.plan_update({"AN00000007": {"tier": "NON_CRITICAL"}})
    assert plan.via is WritePath.S3
    assert FILE_TOO_LARGE in plan.notes
    assert [call.action for call in plan.calls] == ["s3:PutObject"]
    receipt = stack.sites.apply(plan)
    assert (receipt.state, receipt.verified) == (ReceiptState.VERIFIED, ("AN00000007",))
    assert receipt.verified_by == "read back from S3: for the other road the file is too large"
    first, latest = (entry.version_id for entry in reversed(stack.sites.history(limit=2).entries))
    assert len(stack.sites.version(first).document.sites) == 3_000
    assert [change.gateway_serial for change in stack.sites.diff(first, latest)] == ["AN00000007"]
    back = stack.sites.plan_rollback(first)
    assert back.via is WritePath.S3
    assert [change.gateway_serial for change in back.changes] == ["AN00000007"]


def test_a_change_too_large_for_an_invocation_goes_straight_to_s3(stack: Stack, home: Any) -> None:
    plan = stack.sites.plan_replace(fleet(3_000, note="storm " * 400))
    assert plan.via is WritePath.S3
    assert plan.notes == (CHANGE_TOO_LARGE,)
    receipt = stack.sites.apply(plan)
    assert (receipt.state, len(receipt.verified)) == (ReceiptState.VERIFIED, 3_000)
    assert len(home.file()["sites"]) == 3_003


def test_a_way_back_too_large_to_be_rehearsed_is_planned_from_s3(stack: Stack, home: Any) -> None:
    home.put_file({"schema_version": 1, "sites": fleet(2_000, note="storm " * 300)})
    good = str(stack.sites.fetch().version_id)
    home.put_file({"schema_version": 1, "sites": fleet(2_000, note="works " * 300)})
    plan = stack.sites.plan_rollback(good)
    assert plan.via is WritePath.S3
    assert len(plan.changes) == 2_000
    assert plan.notes[-1] == CHANGE_TOO_LARGE


def test_too_large_for_the_function_and_no_right_to_the_file(frail: Stack, proxy: Any, home: Any) -> None:
    home.put_file({"schema_version": 1, "sites": fleet(3_000, note="storm " * 380)})
    proxy.fail(is_object, status=403, body=XML)
    with pytest.raises(Denied) as caught:
        frail.sites.fetch()
    assert isinstance(caught.value.__context__, InvalidDocument) or caught.value.action == "s3:GetObject"


def test_lambda_itself_may_be_who_finds_it_too_large(frail: Stack, proxy: Any, home: Any) -> None:
    said = b'{"errorType": "Function.ResponseSizeTooLarge", "errorMessage": "Response payload size exceeded"}'
    proxy.fail(is_invocation, times=1, status=200, body=said, headers={"X-Amz-Function-Error": "Unhandled"})
    assert frail.sites.fetch().via is WritePath.S3
