"""site-config-manager against a real S3 API: responses and rejections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smarterise_lambdas.site_config_manager.handler import handler

Invoke = Callable[..., dict[str, Any]]


def test_get_config_returns_the_whole_file(file: Any, invoke: Invoke) -> None:
    etag = file.upload(file.sample)
    response = invoke("get_config")
    assert (response["ok"], response["action"], response["config"]) == (True, "get_config", file.sample)
    assert (response["etag"], response["degraded"]) == (etag, None)
    assert response["version_id"]


def test_get_site_returns_the_site_object_with_defaults(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    response = invoke("get_site", gateway_serial="ehm21120333")
    assert response["gateway_serial"] == "ehm21120333"
    assert response["site"] == {"tier": "CRITICAL", "enabled": True, "asset_id": "C001", "colour": "blue"}
    assert invoke("get_site", gateway_serial="AN54101471")["site"]["enabled"] is False


def test_an_unknown_site_is_an_error_with_a_suggestion(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    error = invoke("get_site", gateway_serial="an54101417")["error"]
    assert error["code"] == "SITE_NOT_FOUND"
    assert "AN54101471" in error["remedy"]


def test_list_sites_returns_rows_of_one_tier_or_all(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    response = invoke("list_sites")
    assert (response["count"], [row["gateway_serial"] for row in response["sites"]]) == (
        2,
        ["ehm21120333", "AN54101471"],
    )
    assert response["sites"][0]["nominal_voltage"] == 230
    assert [row["gateway_serial"] for row in invoke("list_sites", tier="CRITICAL")["sites"]] == [
        "ehm21120333"
    ]


def test_an_update_changes_the_requested_fields_only(file: Any, invoke: Invoke) -> None:
    before_etag = file.upload(file.sample)
    response = invoke(
        "update_sites",
        updates={"ehm21120333": {"tier": "NON_CRITICAL"}, "AN54101471": {"tier": "NON_CRITICAL"}},
        reason="maintenance",
        changed_by="arn:aws:iam::111122223333:user/ada",
    )
    assert response["ok"] is True
    assert response["changed"] == [
        {
            "gateway_serial": "ehm21120333",
            "before": file.sample["sites"]["ehm21120333"],
            "after": {"tier": "NON_CRITICAL", "asset_id": "C001", "colour": "blue"},
        }
    ]
    assert response["unchanged"] == ["AN54101471"]
    assert response["etag"] != before_etag
    stored = file.document()
    assert stored["sites"]["ehm21120333"]["tier"] == "NON_CRITICAL"
    assert (stored["note"], stored["reason"]) == (file.sample["note"], "maintenance")
    assert stored["updated_by"] == "arn:aws:iam::111122223333:user/ada"
    assert stored["updated_at"] > "2026-03-01T12:00:00Z"
    assert invoke("get_config")["etag"] == response["etag"]


def test_an_update_without_author_is_by_unknown(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})
    assert file.document()["updated_by"] == "unknown"


@pytest.mark.parametrize("fields", [{"dry_run": True}, {}])
def test_an_update_without_changes_writes_nothing(file: Any, invoke: Invoke, fields: dict[str, Any]) -> None:
    etag = file.upload(file.sample)
    tier = "NON_CRITICAL" if fields else "CRITICAL"
    response = invoke("update_sites", updates={"ehm21120333": {"tier": tier}}, **fields)
    assert (len(response["changed"]), response["etag"]) == (len(fields), etag)
    assert file.versions() == 1


def test_every_problem_is_reported_and_nothing_written(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    response = invoke(
        "update_sites",
        updates={
            "ehm21120333": {"tier": "URGENT", "enabled": "yes"},
            "ghost999": {"tier": "CRITICAL"},
            "AN54101471": {"tier": "CRITICAL"},
        },
    )
    assert response["ok"] is False
    problems = [
        (problem["code"], problem["site"], problem["field"]) for problem in response["error"]["problems"]
    ]
    assert problems == [
        ("INVALID_TIER", "ehm21120333", "tier"),
        ("INVALID_FIELD", "ehm21120333", "enabled"),
        ("SITE_NOT_FOUND", "ghost999", None),
    ]
    assert file.document() == file.sample


def test_create_means_a_new_site(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    assert (
        invoke("update_sites", updates={"AN00000001": {"tier": "CRITICAL"}})["error"]["code"]
        == "SITE_NOT_FOUND"
    )
    response = invoke("update_sites", updates={"AN00000001": {"tier": "CRITICAL"}}, create=True)
    assert response["changed"] == [
        {"gateway_serial": "AN00000001", "before": None, "after": {"tier": "CRITICAL"}}
    ]


def test_a_missing_file_is_an_error_and_create_creates_it(file: Any, invoke: Invoke) -> None:
    update = {"updates": {"AN00000001": {"tier": "CRITICAL"}}}
    assert invoke("get_config")["error"]["code"] == "CONFIG_MISSING"
    assert invoke("update_sites", **update)["error"]["code"] == "CONFIG_MISSING"
    assert invoke("update_sites", **update, create=True, dry_run=True)["etag"] is None
    assert invoke("update_sites", **update, create=True)["ok"] is True
    assert file.document()["sites"] == {"AN00000001": {"tier": "CRITICAL"}}


def test_the_older_format_is_read_and_upgraded_on_writing(file: Any, invoke: Invoke) -> None:
    older = {
        "version": "1.2",
        "last_updated": "2025-01-01T00:00:00Z",
        "sites": {"AN54101471": {"asset_id": "C002", "tier": "CRITICAL", "enabled": True}},
    }
    file.upload(older)
    assert invoke("get_site", gateway_serial="AN54101471")["site"]["asset_id"] == "C002"
    assert invoke("update_sites", updates={"AN54101471": {"tier": "NON_CRITICAL"}})["ok"] is True
    stored = file.document()
    assert (stored["schema_version"], stored["version"]) == (1, "1.2")
    assert stored["sites"]["AN54101471"] == {"asset_id": "C002", "tier": "NON_CRITICAL", "enabled": True}


@pytest.mark.parametrize(
    ("event", "field", "text"),
    [
        ({}, "action", "get_config, get_site, list_sites, update_sites"),
        ({"action": "drop"}, "action", "get_config, get_site, list_sites, update_sites"),
        ({"action": "get_site"}, "gateway_serial", "gateway_serial"),
        ({"action": "get_config", "verbose": True}, "verbose", "action"),
        ({"action": "update_sites", "updates": {}}, "updates", "updates"),
        ({"action": "update_sites", "updates": {"AN54101471": "CRITICAL"}}, "updates.AN54101471", "updates"),
    ],
)
def test_an_invalid_request_is_reported_with_its_problems(
    invoke: Invoke, event: dict[str, Any], field: str, text: str
) -> None:
    response = invoke(**event)
    assert (response["ok"], response["error"]["code"]) == (False, "BAD_REQUEST")
    (problem,) = response["error"]["problems"]
    assert problem["field"] == field
    assert text in problem["remedy"]


@pytest.mark.parametrize("event", [None, [], "get_config", 7])
def test_an_event_that_is_no_object_is_a_bad_request(bucket: str, context: Any, event: object) -> None:
    response = handler(event, context)
    assert (response["ok"], response["action"], response["error"]["code"]) == (False, None, "BAD_REQUEST")


def test_a_response_too_large_has_a_remedy(file: Any, invoke: Invoke) -> None:
    sites = {f"AN{number:08d}": {"tier": "CRITICAL", "note": "x" * 1000} for number in range(7000)}
    file.upload({"sites": sites})
    error = invoke("get_config")["error"]
    assert error["code"] == "TOO_LARGE"
    assert f"s3://{file.bucket}/site-tiers.json" in error["remedy"]
    assert invoke("get_site", gateway_serial="AN00006999")["ok"] is True
