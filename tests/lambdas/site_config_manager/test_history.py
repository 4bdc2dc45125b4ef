"""Versions of the site file against a real S3 API: history, reading and rollback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smarterise_lambdas.shared import clients
from smarterise_lambdas.site_config_manager.handler import handler

Invoke = Callable[..., dict[str, Any]]

KEY = "site-tiers.json"


def switch(invoke: Invoke, serial: str, tier: str, **fields: Any) -> dict[str, Any]:
    response = invoke("update_sites", updates={serial: {"tier": tier}}, **fields)
    assert response["ok"], response
    return response


def listed(file: Any) -> list[dict[str, Any]]:
    return list(clients.s3().list_object_versions(Bucket=file.bucket, Prefix=KEY).get("Versions", []))


def test_history_lists_author_time_reason_and_changes(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    switch(invoke, "ehm21120333", "NON_CRITICAL", reason="storm", changed_by="ada")
    by_hand = file.document()
    by_hand["sites"]["AN54101471"]["enabled"] = True
    file.upload(by_hand)
    file.upload(b'{"sites": {\n"ehm21120333": {"tier": "HIGH"}}}')
    last = file.upload(by_hand)

    response = invoke("history")

    assert (response["ok"], response["action"], response["count"]) == (True, "history", 5)
    assert (response["is_versioned"], response["is_complete"]) == (True, True)
    rows = response["versions"]
    assert [row["kind"] for row in rows] == ["hand edit", "broken", "hand edit", "change", "first"]
    assert [row["is_latest"] for row in rows] == [True, False, False, False, False]
    assert [row["changed"] for row in rows] == [0, 0, 1, 1, 0]
    change = rows[3]
    assert (change["by"], change["reason"]) == ("ada", "storm")
    assert change["summary"] == "1 site: tier CRITICAL → NON_CRITICAL"
    assert change["gateway_serials"] == ["ehm21120333"]
    (problem,) = rows[1]["problems"]
    assert (problem["line"], problem["site"]) == (2, "ehm21120333")
    assert [row["version_id"] for row in rows] == [one["VersionId"] for one in listed(file)]
    assert listed(file)[0]["ETag"] == last


def test_the_history_of_one_site_excludes_others(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    both = {"ehm21120333": {"tier": "NON_CRITICAL"}, "AN54101471": {"tier": "CRITICAL"}}
    assert invoke("update_sites", updates=both, reason="storm")["ok"]
    assert invoke("update_sites", updates={"AN54101471": {"name": "Ikeja"}})["ok"]

    response = invoke("history", gateway_serial="ehm21120333")

    (row,) = response["versions"]
    assert (response["count"], response["is_complete"]) == (1, True)
    assert (row["changed"], row["gateway_serials"]) == (1, ["ehm21120333"])
    assert (row["tiers"], row["reason"]) == ({"ehm21120333": "NON_CRITICAL"}, "storm")
    renamed, switched = invoke("history", gateway_serial="AN54101471")["versions"]
    assert (renamed["tiers"], switched["tiers"]) == ({}, {"AN54101471": "CRITICAL"})
    assert invoke("history", gateway_serial="unknown")["count"] == 0
    assert invoke("history", gateway_serial="")["error"]["code"] == "BAD_REQUEST"


def test_history_has_the_requested_length_and_is_complete_flag(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    for tier in ("NON_CRITICAL", "CRITICAL", "NON_CRITICAL"):
        switch(invoke, "ehm21120333", tier)
    two = invoke("history", limit=2)
    assert ([row["changed"] for row in two["versions"]], two["is_complete"]) == ([1, 1], False)
    assert invoke("history", limit=4)["is_complete"] is True
    assert invoke("history", limit=4)["versions"][-1]["kind"] == "first"
    assert invoke("history", limit=0)["error"]["code"] == "BAD_REQUEST"


def test_the_oldest_entry_is_compared_with_the_valid_version_before_it(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    file.upload(b"{")
    file.upload(b"[]")
    changed = file.sample | {"updated_at": "2026-03-02T12:00:00Z", "reason": "repaired"}
    changed["sites"] = {**file.sample["sites"], "ehm21120333": {"tier": "NON_CRITICAL"}}
    file.upload(changed)
    for limit in (1, 2, 3):
        response = invoke("history", limit=limit)
        assert (response["versions"][0]["kind"], response["versions"][0]["changed"]) == ("change", 1)
        assert (response["count"], response["is_complete"]) == (limit, False)


def test_history_stops_at_the_deadline_as_incomplete(
    file: Any, invoke: Invoke, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(file.sample)
    for tier in ("NON_CRITICAL", "CRITICAL", "NON_CRITICAL"):
        switch(invoke, "ehm21120333", tier)
    reads = []

    def get_object(**request: Any) -> Any:
        reads.append(request)
        if len(reads) == 3:
            context.ends_at = time.monotonic() + 1
        return get(**request)

    get = clients.s3().get_object
    monkeypatch.setattr(clients.s3(), "get_object", get_object)
    response = invoke("history")
    assert (response["count"], response["is_complete"], len(reads)) == (2, False, 3)


def test_a_deletion_is_in_the_history_and_the_file_missing(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    clients.s3().delete_object(Bucket=file.bucket, Key=KEY)
    rows = invoke("history")["versions"]
    assert [(row["kind"], row["is_latest"]) for row in rows] == [("deleted", True), ("first", False)]
    file.upload(file.sample)
    assert [row["kind"] for row in invoke("history")["versions"]] == ["hand edit", "deleted", "first"]
    marker = invoke("history")["versions"][1]["version_id"]
    assert invoke("get_config", version_id=marker)["error"]["code"] == "VERSION_NOT_FOUND"


def test_without_a_file_there_is_no_history(file: Any, invoke: Invoke) -> None:
    assert invoke("history")["error"]["code"] == "CONFIG_MISSING"


def test_objects_with_the_same_prefix_are_not_in_the_history(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    clients.s3().put_object(Bucket=file.bucket, Key=f"{KEY}.bak", Body=b"{}")
    assert invoke("history")["count"] == 1


def test_a_deleted_version_is_listed_as_gone(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version is deleted between listing and reading, e.g. by a lifecycle rule."""
    file.upload(file.sample)
    switch(invoke, "ehm21120333", "NON_CRITICAL")
    switch(invoke, "ehm21120333", "CRITICAL")
    gone = listed(file)[1]["VersionId"]
    get, deleted = clients.s3().get_object, []

    def get_object(**request: Any) -> Any:
        if not deleted:
            deleted.append(clients.s3().delete_object(Bucket=file.bucket, Key=KEY, VersionId=gone))
        return get(**request)

    monkeypatch.setattr(clients.s3(), "get_object", get_object)
    rows = invoke("history")["versions"]
    assert [row["kind"] for row in rows] == ["change", "gone", "first"]
    assert rows[0]["changed"] == 0  # compared with the last good one before it
    assert rows[1]["summary"] == ""


def test_a_bucket_without_versions_has_one(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = f"{file.bucket}-plain"
    clients.s3().create_bucket(Bucket=plain, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    monkeypatch.setenv("SITE_CONFIG_BUCKET", plain)
    for _ in range(2):
        clients.s3().put_object(Bucket=plain, Key=KEY, Body=json.dumps(file.sample).encode())
    response = invoke("history")
    assert (response["count"], response["is_versioned"], response["is_complete"]) == (1, False, True)
    error = invoke("rollback", version_id="3HL4kqtJlcpXroDTDmJ")["error"]
    assert error["code"] == "VERSION_NOT_FOUND"
    assert invoke("rollback", version_id=response["versions"][0]["version_id"])["changed"] == []


@pytest.mark.parametrize("versioned", [True, False])
def test_without_permission_versioning_is_derived_from_version_ids(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, versioned: bool
) -> None:
    if not versioned:
        monkeypatch.setenv("SITE_CONFIG_BUCKET", f"{file.bucket}-plain")
        file.bucket = f"{file.bucket}-plain"
        clients.s3().create_bucket(
            Bucket=file.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
        )
    file.upload(file.sample)

    def denied(**_request: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetBucketVersioning")

    monkeypatch.setattr(clients.s3(), "get_bucket_versioning", denied)
    assert invoke("history")["is_versioned"] is versioned


def test_any_version_can_be_read(file: Any, invoke: Invoke) -> None:
    etag = file.upload(file.sample)
    switch(invoke, "ehm21120333", "NON_CRITICAL")
    file.upload(b"{}")
    broken, changed, first = (one["VersionId"] for one in listed(file))
    response = invoke("get_config", version_id=first)
    assert (response["config"], response["etag"], response["version_id"]) == (file.sample, etag, first)
    assert response["degraded"] is None
    site = invoke("get_config", version_id=changed)["config"]["sites"]["ehm21120333"]
    assert site["tier"] == "NON_CRITICAL"
    error = invoke("get_config", version_id=broken)["error"]
    assert (error["code"], error["problems"][0]["field"]) == ("VERSION_INVALID", "sites")


@pytest.mark.parametrize("version_id", ["no-such-version", "3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", "a\x1b[2Jb"])
def test_an_unknown_version_is_not_found(file: Any, invoke: Invoke, version_id: str) -> None:
    file.upload(file.sample)
    for action in ("get_config", "rollback"):
        error = invoke(action, version_id=version_id)["error"]
        assert error["code"] == "VERSION_NOT_FOUND"
        assert "\x1b" not in error["message"]
    assert invoke("get_config", version_id="")["error"]["code"] == "BAD_REQUEST"


class Steps:
    """Three changes of the sample, one after the other; `at[n]` is the version after `n` of them."""

    def __init__(self, file: Any, invoke: Invoke) -> None:
        file.upload(file.sample)
        switch(invoke, "ehm21120333", "NON_CRITICAL")
        switch(invoke, "AN54101471", "CRITICAL")
        invoke("update_sites", updates={"ehm21120333": {"colour": "red"}})
        self.at = [one["VersionId"] for one in listed(file)][::-1]


def test_a_rollback_reverts_later_changes_and_keeps_the_rest(file: Any, invoke: Invoke) -> None:
    steps = Steps(file, invoke)
    response = invoke("rollback", version_id=steps.at[1], reason="too early", changed_by="ben")
    assert [row["gateway_serial"] for row in response["changed"]] == ["AN54101471"]
    assert (response["kept"], response["superseded"], response["dry_run"]) == (["ehm21120333"], [], False)
    stored = file.document()
    assert stored["sites"]["AN54101471"] == file.sample["sites"]["AN54101471"]
    assert stored["sites"]["ehm21120333"] == {"tier": "NON_CRITICAL", "asset_id": "C001", "colour": "red"}
    assert (stored["reason"], stored["updated_by"], stored["note"]) == (
        "too early", "ben", file.sample["note"],
    )  # fmt: skip
    assert response["version_id"] == listed(file)[0]["VersionId"]


def test_a_rollback_lists_superseded_sites(file: Any, invoke: Invoke) -> None:
    steps = Steps(file, invoke)
    response = invoke("rollback", version_id=steps.at[0], dry_run=True)
    assert (response["dry_run"], response["kept"], response["superseded"]) == (
        True, ["AN54101471"], ["ehm21120333"],
    )  # fmt: skip
    assert response["changed"][0]["after"] == file.sample["sites"]["ehm21120333"]
    assert file.versions() == 4


def test_a_whole_rollback_reverts_everything(file: Any, invoke: Invoke) -> None:
    steps = Steps(file, invoke)
    response = invoke("rollback", version_id=steps.at[0], whole=True, brief=True)
    assert (response["changed_count"], response["unchanged_count"], response["kept"]) == (2, 0, [])
    assert "changed" not in response
    assert file.document()["sites"] == file.sample["sites"]


def test_a_rollback_removes_new_sites(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    invoke("update_sites", updates={"AN00000001": {"tier": "CRITICAL"}}, create=True)
    invoke("rollback", version_id=listed(file)[1]["VersionId"])
    assert file.document()["sites"] == file.sample["sites"]


def test_a_rollback_to_the_current_version_does_nothing(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    response = invoke("rollback", version_id=listed(file)[0]["VersionId"])
    assert (response["ok"], response["changed"], file.versions()) == (True, [], 1)


def test_a_rollback_skips_invalid_versions_and_deletions(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    file.upload(b"{")
    clients.s3().delete_object(Bucket=file.bucket, Key=KEY)
    file.upload(file.sample)
    switch(invoke, "ehm21120333", "NON_CRITICAL")
    first = listed(file)[-1]["VersionId"]
    response = invoke("rollback", version_id=first)
    # What followed the first version, once it could be used again, changed no site.
    assert (response["changed"], response["kept"]) == ([], ["ehm21120333"])


def test_a_rollback_rejects_an_invalid_target_and_an_invalid_file(file: Any, invoke: Invoke) -> None:
    file.upload(b"{}")
    file.upload(file.sample)
    broken = listed(file)[1]["VersionId"]
    assert invoke("rollback", version_id=broken)["error"]["code"] == "VERSION_INVALID"
    good = listed(file)[0]["VersionId"]
    file.upload(b"{}")
    assert invoke("rollback", version_id=good)["error"]["code"] == "CONFIG_INVALID"
    assert file.read() == b"{}"


def test_a_rollback_planned_on_another_version_is_rejected(file: Any, invoke: Invoke) -> None:
    steps = Steps(file, invoke)
    response = invoke("rollback", version_id=steps.at[0], expected_etag='"other"')
    assert response["error"]["code"] == "CONFLICT"


def test_a_rollback_never_reverts_a_concurrent_change(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target is the latest version while the file is read; then another one is written."""
    file.upload(file.sample)
    target = listed(file)[0]["VersionId"]
    get, wrote = clients.s3().get_object, []

    def get_object(**request: Any) -> Any:
        found = get(**request)
        if not wrote:
            wrote.append(1)
            document = file.sample | {"sites": {**file.sample["sites"], "AN00000001": {"tier": "CRITICAL"}}}
            file.upload(document)
        return found

    monkeypatch.setattr(clients.s3(), "get_object", get_object)
    response = invoke("rollback", version_id=target)
    assert (response["ok"], response["changed"]) == (True, [])
    assert "AN00000001" in file.document()["sites"]


def test_whole_objects_are_replaced_and_removed(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    response = invoke(
        "update_sites",
        updates={"ehm21120333": {"tier": "NON_CRITICAL"}},
        replacements={"AN54101471": None, "AN00000001": {"tier": "CRITICAL", "made up": [1]}},
    )
    assert [(row["gateway_serial"], row["after"]) for row in response["changed"]] == [
        ("ehm21120333", {"tier": "NON_CRITICAL", "asset_id": "C001", "colour": "blue"}),
        ("AN54101471", None),
        ("AN00000001", {"tier": "CRITICAL", "made up": [1]}),
    ]
    assert list(file.document()["sites"]) == ["ehm21120333", "AN00000001"]


def test_an_invalid_replacement_is_rejected_with_all_problems(file: Any, invoke: Invoke) -> None:
    etag = file.upload(file.sample)
    error = invoke("update_sites", replacements={"AN1": {"tier": "HIGH"}, "AN54101471": {"enabled": 1}})[
        "error"
    ]
    assert [problem["site"] for problem in error["problems"]] == ["AN1", "AN54101471", "AN54101471"]
    assert invoke("get_config")["etag"] == etag
    assert invoke("update_sites")["error"]["code"] == "BAD_REQUEST"


def test_ten_thousand_sites_in_one_update_fit(file: Any, invoke: Invoke, context: Any) -> None:
    context.ends_at += 600  # how long it takes is a benchmark's business
    entry = {"enabled": True, "name": "Ikeja Substation", "asset_id": "C0000", "timezone": "Africa/Lagos",
             "nominal_voltage": 230, "capacity_kva": 500, "quality_profile": "en50160",
             "note": "x" * 100}  # fmt: skip
    sites = {f"AN{number:08d}": {"tier": "CRITICAL", **entry} for number in range(10_000)}
    file.upload({"sites": sites})
    updates = {serial: {"tier": "NON_CRITICAL"} for serial in sites}
    full = invoke("update_sites", updates=updates, dry_run=True)
    assert full["error"]["code"] == "TOO_LARGE"
    assert "brief" in full["error"]["remedy"]
    response = invoke("update_sites", updates=updates, brief=True)
    assert (response["changed_count"], response["unchanged_count"]) == (10_000, 0)
    assert invoke("rollback", version_id=listed(file)[1]["VersionId"], brief=True)["changed_count"] == 10_000
    assert [row["changed"] for row in invoke("history")["versions"]] == [10_000, 10_000, 0]


def test_concurrent_rollbacks_and_updates_lose_nothing(file: Any, invoke: Invoke, context: Any) -> None:
    others = [f"AN{number:08d}" for number in range(8)]
    file.upload({"sites": {serial: {"tier": "CRITICAL"} for serial in ("AN99999999", *others)}})
    switch(invoke, "AN99999999", "NON_CRITICAL")
    target = listed(file)[1]["VersionId"]
    together = threading.Barrier(len(others) + 1)

    def ask(event: dict[str, Any]) -> dict[str, Any]:
        together.wait()
        return handler(event, type(context)())

    events = [
        {"action": "rollback", "version_id": target},
        *({"action": "update_sites", "updates": {serial: {"tier": "NON_CRITICAL"}}} for serial in others),
    ]
    with ThreadPoolExecutor(len(events)) as pool:
        responses = list(pool.map(ask, events))
    assert [response for response in responses if not response["ok"]] == []
    tiers = {serial: site["tier"] for serial, site in file.document()["sites"].items()}
    assert tiers == {"AN99999999": "CRITICAL"} | dict.fromkeys(others, "NON_CRITICAL")
