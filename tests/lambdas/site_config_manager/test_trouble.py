"""site-config-manager with invalid files, concurrent writers and faults of S3."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smarterise_lambdas.shared import clients
from smarterise_lambdas.site_config_manager.handler import handler

Invoke = Callable[..., dict[str, Any]]


def test_the_first_write_does_not_overwrite_a_concurrent_file(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, uploads = clients.s3().put_object, iter([file.sample])

    def put_object(**request: Any) -> Any:
        for document in uploads:
            put(Bucket=file.bucket, Key="site-tiers.json", Body=json.dumps(document).encode())
        return put(**request)

    monkeypatch.setattr(clients.s3(), "put_object", put_object)
    assert invoke("update_sites", updates={"AN00000001": {"tier": "CRITICAL"}}, create=True)["ok"] is True
    assert set(file.document()["sites"]) == {"ehm21120333", "AN54101471", "AN00000001"}


def test_a_write_planned_on_another_version_is_rejected(file: Any, invoke: Invoke) -> None:
    planned_on = file.upload(file.sample)
    file.upload(file.sample | {"reason": "another operator"})
    response = invoke(
        "update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}}, expected_etag=planned_on
    )
    assert response["error"]["code"] == "CONFLICT"
    assert file.document()["reason"] == "another operator"
    current = invoke("get_config")["etag"]
    assert invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}}, expected_etag=current)[
        "ok"
    ]


BAD_FILES = {
    "cut": (b'{"sites": {\n"ehm21120333": {"tier": "CRIT', 2, None, "truncated"),
    "comment": (b'{"sites": {\n"ehm21120333": {"tier": "CRITICAL"} // live\n}}', 2, None, "comments"),
    "wrong tier": (b'{"sites": {\n\n"ehm21120333": {"tier": "HIGH"}}}', 3, "ehm21120333", "HIGH"),
    "duplicate": (
        b'{"sites": {"A54": {"tier": "CRITICAL"},\n"A54": {"tier": "CRITICAL"}}}',
        2,
        "A54",
        "twice",
    ),
    "empty": (b"", None, None, "empty"),
    "20 MB": (b" " * 20_000_000, None, None, "19.1 MiB"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_an_invalid_file_has_a_fallback_and_is_not_overwritten(file: Any, invoke: Invoke, kind: str) -> None:
    bad, line, site, word = BAD_FILES[kind]
    good_etag = file.upload(file.sample)
    file.upload(bad)

    read = invoke("get_site", gateway_serial="ehm21120333")
    assert (read["ok"], read["etag"], read["site"]["asset_id"]) == (True, good_etag, "C001")
    (problem,) = read["degraded"]["problems"]
    assert (problem["line"], problem["site"]) == (line, site)
    assert word in problem["message"]
    assert read["degraded"]["version_id"] == read["version_id"]

    write = invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})
    assert write["error"]["code"] == "CONFIG_INVALID"
    assert write["error"]["problems"] == [problem]
    assert file.read() == bad


def test_a_file_without_a_valid_version_is_an_error(file: Any, invoke: Invoke) -> None:
    file.upload(b"[]")
    file.upload(b"{}")
    error = invoke("get_config")["error"]
    assert (error["code"], error["problems"][0]["field"]) == ("CONFIG_INVALID", "sites")


def test_a_denied_history_does_not_hide_the_invalid_file(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(file.sample)
    file.upload(b"{}")

    def denied(_operation: str) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectVersions")

    monkeypatch.setattr(clients.s3(), "get_paginator", denied)
    error = invoke("get_config")["error"]
    assert error["code"] == "CONFIG_INVALID"
    assert "AccessDenied" in error["remedy"]


def test_a_deleted_file_is_missing_not_empty(file: Any, invoke: Invoke) -> None:
    file.upload(file.sample)
    clients.s3().delete_object(Bucket=file.bucket, Key="site-tiers.json")
    assert invoke("get_config")["error"]["code"] == "CONFIG_MISSING"


def test_a_write_with_too_large_a_response_is_not_made(file: Any, invoke: Invoke) -> None:
    sites = {f"AN{number:08d}": {"tier": "CRITICAL", "note": "x" * 1000} for number in range(3500)}
    etag = file.upload({"sites": sites})
    updates = {serial: {"tier": "NON_CRITICAL"} for serial in sites}
    assert invoke("update_sites", updates=updates)["error"]["code"] == "TOO_LARGE"
    assert invoke("get_config")["etag"] == etag


def test_an_s3_fault_is_a_function_error(bucket: str, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_CONFIG_BUCKET", f"{bucket}-gone")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        handler({"action": "get_config"}, context)


def test_a_denied_write_is_a_function_error(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(file.sample)

    def denied(**_request: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    monkeypatch.setattr(clients.s3(), "put_object", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})


def test_objects_with_the_same_prefix_are_not_versions_of_the_file(file: Any, invoke: Invoke) -> None:
    other = json.dumps({"sites": {"AN00000009": {"tier": "CRITICAL"}}}).encode()
    for _ in range(2):
        clients.s3().put_object(Bucket=file.bucket, Key="site-tiers.json.bak", Body=other)
    file.upload(b"{}")
    error = invoke("get_config")["error"]
    assert error["code"] == "CONFIG_INVALID"
    assert "No earlier version" in error["remedy"]


def test_a_write_with_a_lost_response_is_recognized(
    file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(file.sample)
    put = clients.s3().put_object
    sent = []

    def put_twice(**request: Any) -> Any:
        """Send twice, as botocore does when the first response is lost."""
        sent.append(request)
        put(**request)
        return put(**request)

    monkeypatch.setattr(clients.s3(), "put_object", put_twice)
    response = invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})
    assert [change["gateway_serial"] for change in response["changed"]] == ["ehm21120333"]
    assert (len(sent), file.versions()) == (1, 2)


def test_a_concurrent_write_is_retried(file: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    file.upload(file.sample)
    put = clients.s3().put_object
    busy = iter(["ConditionalRequestConflict", "PreconditionFailed"])

    def put_object(**request: Any) -> Any:
        for code in busy:
            raise ClientError({"Error": {"Code": code, "Message": "busy"}}, "PutObject")
        return put(**request)

    monkeypatch.setattr(clients.s3(), "put_object", put_object)
    assert invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})["ok"] is True


def test_it_stops_retrying_in_time_for_a_response(
    file: Any, invoke: Invoke, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(file.sample)

    def busy(**_request: Any) -> Any:
        raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": "busy"}}, "PutObject")

    monkeypatch.setattr(clients.s3(), "put_object", busy)
    context.ends_at -= 28
    error = invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})["error"]
    assert error["code"] == "CONFLICT"
    assert context.get_remaining_time_in_millis() > 1000


def test_sixteen_concurrent_writers_lose_nothing(file: Any, context: Any) -> None:
    writers, each = 16, 6  # as many of each as make races; 25 in tests/local/test_many_writers.py
    serials = [[f"AN{writer:04d}{number:04d}" for number in range(each)] for writer in range(writers)]
    file.upload({"sites": {serial: {"tier": "CRITICAL"} for row in serials for serial in row}})
    together = threading.Barrier(writers)

    def write(row: list[str]) -> list[dict[str, Any]]:
        together.wait()
        return [until_taken(serial) for serial in row]

    def until_taken(serial: str) -> dict[str, Any]:
        request = {"action": "update_sites", "updates": {serial: {"tier": "NON_CRITICAL"}}}
        while True:
            response = handler(request, type(context)())
            if response["ok"] or response["error"]["code"] != "CONFLICT":
                return response  # CONFLICT: the caller retries

    with ThreadPoolExecutor(writers) as pool:
        responses = [response for responses in pool.map(write, serials) for response in responses]

    assert [response for response in responses if not response["ok"]] == []
    assert {site["tier"] for site in file.document()["sites"].values()} == {"NON_CRITICAL"}
    assert len({response["etag"] for response in responses}) == writers * each
    assert file.versions() == writers * each + 1
