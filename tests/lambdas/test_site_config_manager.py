"""site-config-manager against a real S3 API: its answers, its refusals, and many writers at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smarterise_lambdas.shared import aws
from smarterise_lambdas.site_config_manager.handler import handler

DOCUMENT = {
    "schema_version": 1,
    "updated_at": "2026-03-01T12:00:00Z",
    "updated_by": "hand",
    "reason": "",
    "note": {"kept": [1, 2.5, None]},
    "sites": {
        "ehm21120333": {"tier": "CRITICAL", "asset_id": "C001", "colour": "blue"},
        "AN54101471": {"tier": "NON_CRITICAL", "enabled": False},
    },
}

Invoke = Callable[..., dict[str, Any]]


class SiteFile:
    """The site file as an operator with the AWS CLI sees it."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket

    def upload(self, content: object) -> str:
        body = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
        return aws.s3().put_object(Bucket=self.bucket, Key="site-tiers.json", Body=body)["ETag"]

    def read(self) -> bytes:
        return aws.s3().get_object(Bucket=self.bucket, Key="site-tiers.json")["Body"].read()

    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.read()))

    def versions(self) -> int:
        return len(aws.s3().list_object_versions(Bucket=self.bucket).get("Versions", []))


@pytest.fixture
def file(bucket: str) -> SiteFile:
    """The site file; there is none yet."""
    return SiteFile(bucket)


@pytest.fixture
def invoke(bucket: str, context: Any) -> Invoke:
    """Invoke the handler; what it answers must survive JSON, as it does on AWS."""

    def call(action: str | None = None, **fields: Any) -> dict[str, Any]:
        event = fields if action is None else {"action": action, **fields}
        return dict(json.loads(json.dumps(handler(event, context))))

    return call


def test_get_config_answers_the_whole_file(file: SiteFile, invoke: Invoke) -> None:
    etag = file.upload(DOCUMENT)
    answer = invoke("get_config")
    assert (answer["ok"], answer["action"], answer["config"]) == (True, "get_config", DOCUMENT)
    assert (answer["etag"], answer["degraded"]) == (etag, None)
    assert answer["version_id"]


def test_get_site_answers_the_files_own_object_with_the_defaults(file: SiteFile, invoke: Invoke) -> None:
    file.upload(DOCUMENT)
    answer = invoke("get_site", gateway_serial="ehm21120333")
    assert answer["gateway_serial"] == "ehm21120333"
    assert answer["site"] == {"tier": "CRITICAL", "enabled": True, "asset_id": "C001", "colour": "blue"}
    assert invoke("get_site", gateway_serial="AN54101471")["site"]["enabled"] is False


def test_an_unknown_site_is_an_error_with_the_one_probably_meant(file: SiteFile, invoke: Invoke) -> None:
    file.upload(DOCUMENT)
    error = invoke("get_site", gateway_serial="an54101417")["error"]
    assert error["code"] == "SITE_NOT_FOUND"
    assert "AN54101471" in error["remedy"]


def test_list_sites_answers_rows_of_one_tier_or_all(file: SiteFile, invoke: Invoke) -> None:
    file.upload(DOCUMENT)
    answer = invoke("list_sites")
    assert (answer["count"], [row["gateway_serial"] for row in answer["sites"]]) == (
        2,
        ["ehm21120333", "AN54101471"],
    )
    assert answer["sites"][0]["nominal_voltage"] == 230
    assert [row["gateway_serial"] for row in invoke("list_sites", tier="CRITICAL")["sites"]] == [
        "ehm21120333"
    ]


def test_update_changes_what_was_asked_and_keeps_the_rest(file: SiteFile, invoke: Invoke) -> None:
    before_etag = file.upload(DOCUMENT)
    answer = invoke(
        "update_sites",
        updates={"ehm21120333": {"tier": "NON_CRITICAL"}, "AN54101471": {"tier": "NON_CRITICAL"}},
        reason="maintenance",
        changed_by="arn:aws:iam::111122223333:user/ada",
    )
    assert answer["ok"] is True
    assert answer["changed"] == [
        {
            "gateway_serial": "ehm21120333",
            "before": DOCUMENT["sites"]["ehm21120333"],  # type: ignore[index]
            "after": {"tier": "NON_CRITICAL", "asset_id": "C001", "colour": "blue"},
        }
    ]
    assert answer["unchanged"] == ["AN54101471"]
    assert answer["etag"] != before_etag
    stored = file.document()
    assert stored["sites"]["ehm21120333"]["tier"] == "NON_CRITICAL"
    assert (stored["note"], stored["reason"]) == (DOCUMENT["note"], "maintenance")
    assert stored["updated_by"] == "arn:aws:iam::111122223333:user/ada"
    assert stored["updated_at"] > "2026-03-01T12:00:00Z"
    assert invoke("get_config")["etag"] == answer["etag"]


def test_an_update_by_nobody_is_by_unknown(file: SiteFile, invoke: Invoke) -> None:
    file.upload(DOCUMENT)
    invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})
    assert file.document()["updated_by"] == "unknown"


@pytest.mark.parametrize("fields", [{"dry_run": True}, {}])
def test_nothing_is_written_when_nothing_is_to_be(
    file: SiteFile, invoke: Invoke, fields: dict[str, Any]
) -> None:
    etag = file.upload(DOCUMENT)
    tier = "NON_CRITICAL" if fields else "CRITICAL"
    answer = invoke("update_sites", updates={"ehm21120333": {"tier": tier}}, **fields)
    assert (len(answer["changed"]), answer["etag"]) == (len(fields), etag)
    assert file.versions() == 1


def test_every_problem_of_every_site_is_told_and_nothing_is_written(file: SiteFile, invoke: Invoke) -> None:
    file.upload(DOCUMENT)
    answer = invoke(
        "update_sites",
        updates={
            "ehm21120333": {"tier": "URGENT", "enabled": "yes"},
            "ghost999": {"tier": "CRITICAL"},
            "AN54101471": {"tier": "CRITICAL"},
        },
    )
    assert answer["ok"] is False
    told = [(problem["code"], problem["site"], problem["field"]) for problem in answer["error"]["problems"]]
    assert told == [
        ("INVALID_TIER", "ehm21120333", "tier"),
        ("INVALID_FIELD", "ehm21120333", "enabled"),
        ("SITE_NOT_FOUND", "ghost999", None),
    ]
    assert file.document() == DOCUMENT


def test_create_means_a_new_site(file: SiteFile, invoke: Invoke) -> None:
    file.upload(DOCUMENT)
    assert (
        invoke("update_sites", updates={"AN00000001": {"tier": "CRITICAL"}})["error"]["code"]
        == "SITE_NOT_FOUND"
    )
    answer = invoke("update_sites", updates={"AN00000001": {"tier": "CRITICAL"}}, create=True)
    assert answer["changed"] == [
        {"gateway_serial": "AN00000001", "before": None, "after": {"tier": "CRITICAL"}}
    ]


def test_without_a_file_reading_and_updating_say_so_and_create_makes_it(
    file: SiteFile, invoke: Invoke
) -> None:
    update = {"updates": {"AN00000001": {"tier": "CRITICAL"}}}
    assert invoke("get_config")["error"]["code"] == "CONFIG_MISSING"
    assert invoke("update_sites", **update)["error"]["code"] == "CONFIG_MISSING"
    assert invoke("update_sites", **update, create=True, dry_run=True)["etag"] is None
    assert invoke("update_sites", **update, create=True)["ok"] is True
    assert file.document()["sites"] == {"AN00000001": {"tier": "CRITICAL"}}


def test_the_first_write_does_not_overwrite_a_file_that_came_meanwhile(
    file: SiteFile, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, uploads = aws.s3().put_object, iter([DOCUMENT])

    def put_object(**request: Any) -> Any:
        for document in uploads:
            put(Bucket=file.bucket, Key="site-tiers.json", Body=json.dumps(document).encode())
        return put(**request)

    monkeypatch.setattr(aws.s3(), "put_object", put_object)
    assert invoke("update_sites", updates={"AN00000001": {"tier": "CRITICAL"}}, create=True)["ok"] is True
    assert set(file.document()["sites"]) == {"ehm21120333", "AN54101471", "AN00000001"}


def test_a_write_planned_on_another_version_is_refused(file: SiteFile, invoke: Invoke) -> None:
    planned_on = file.upload(DOCUMENT)
    file.upload(DOCUMENT | {"reason": "somebody else"})
    answer = invoke(
        "update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}}, expected_etag=planned_on
    )
    assert answer["error"]["code"] == "CONFLICT"
    assert file.document()["reason"] == "somebody else"
    current = invoke("get_config")["etag"]
    assert invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}}, expected_etag=current)[
        "ok"
    ]


BAD_FILES = {
    "cut": (b'{"sites": {\n"ehm21120333": {"tier": "CRIT', 2, None, "cut"),
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
def test_a_bad_file_is_told_served_around_and_never_overwritten(
    file: SiteFile, invoke: Invoke, kind: str
) -> None:
    bad, line, site, word = BAD_FILES[kind]
    good_etag = file.upload(DOCUMENT)
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


def test_a_file_that_never_was_good_cannot_be_served(file: SiteFile, invoke: Invoke) -> None:
    file.upload(b"[]")
    file.upload(b"{}")
    error = invoke("get_config")["error"]
    assert (error["code"], error["problems"][0]["field"]) == ("CONFIG_INVALID", "sites")


def test_a_history_that_may_not_be_read_does_not_hide_the_bad_file(
    file: SiteFile, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(DOCUMENT)
    file.upload(b"{}")

    def denied(_operation: str) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectVersions")

    monkeypatch.setattr(aws.s3(), "get_paginator", denied)
    error = invoke("get_config")["error"]
    assert error["code"] == "CONFIG_INVALID"
    assert "AccessDenied" in error["remedy"]


def test_a_deleted_file_is_missing_not_empty(file: SiteFile, invoke: Invoke) -> None:
    file.upload(DOCUMENT)
    aws.s3().delete_object(Bucket=file.bucket, Key="site-tiers.json")
    assert invoke("get_config")["error"]["code"] == "CONFIG_MISSING"


def test_the_older_shape_is_read_and_gains_todays_keys_on_writing(file: SiteFile, invoke: Invoke) -> None:
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
    ("event", "field", "words"),
    [
        ({}, "action", "get_config, get_site, list_sites, update_sites"),
        ({"action": "drop"}, "action", "get_config, get_site, list_sites, update_sites"),
        ({"action": "get_site"}, "gateway_serial", "gateway_serial"),
        ({"action": "get_config", "verbose": True}, "verbose", "action"),
        ({"action": "update_sites", "updates": {}}, "updates", "updates"),
        ({"action": "update_sites", "updates": {"AN54101471": "CRITICAL"}}, "updates.AN54101471", "updates"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_how(
    invoke: Invoke, event: dict[str, Any], field: str, words: str
) -> None:
    answer = invoke(**event)
    assert (answer["ok"], answer["error"]["code"]) == (False, "BAD_REQUEST")
    (problem,) = answer["error"]["problems"]
    assert problem["field"] == field
    assert words in problem["remedy"]


@pytest.mark.parametrize("event", [None, [], "get_config", 7])
def test_an_event_that_is_no_object_is_a_bad_request(bucket: str, context: Any, event: object) -> None:
    answer = handler(event, context)
    assert (answer["ok"], answer["action"], answer["error"]["code"]) == (False, None, "BAD_REQUEST")


def test_an_answer_too_large_to_send_says_what_to_do(file: SiteFile, invoke: Invoke) -> None:
    sites = {f"AN{number:08d}": {"tier": "CRITICAL", "note": "x" * 1000} for number in range(7000)}
    file.upload({"sites": sites})
    error = invoke("get_config")["error"]
    assert error["code"] == "TOO_LARGE"
    assert f"s3://{file.bucket}/site-tiers.json" in error["remedy"]
    assert invoke("get_site", gateway_serial="AN00006999")["ok"] is True


def test_a_write_whose_answer_could_not_be_sent_is_not_made(file: SiteFile, invoke: Invoke) -> None:
    sites = {f"AN{number:08d}": {"tier": "CRITICAL", "note": "x" * 1000} for number in range(3500)}
    etag = file.upload({"sites": sites})
    updates = {serial: {"tier": "NON_CRITICAL"} for serial in sites}
    assert invoke("update_sites", updates=updates)["error"]["code"] == "TOO_LARGE"
    assert invoke("get_config")["etag"] == etag


def test_a_fault_of_s3_is_a_fault_of_the_function(
    bucket: str, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_CONFIG_BUCKET", f"{bucket}-gone")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        handler({"action": "get_config"}, context)


def test_a_write_that_is_denied_is_a_fault_of_the_function(
    file: SiteFile, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(DOCUMENT)

    def denied(**_request: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    monkeypatch.setattr(aws.s3(), "put_object", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})


def test_objects_beside_the_file_are_none_of_its_versions(file: SiteFile, invoke: Invoke) -> None:
    other = json.dumps({"sites": {"AN00000009": {"tier": "CRITICAL"}}}).encode()
    for _ in range(2):
        aws.s3().put_object(Bucket=file.bucket, Key="site-tiers.json.bak", Body=other)
    file.upload(b"{}")
    error = invoke("get_config")["error"]
    assert error["code"] == "CONFIG_INVALID"
    assert "No earlier version" in error["remedy"]


def test_a_write_whose_answer_was_lost_is_not_taken_for_anothers(
    file: SiteFile, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(DOCUMENT)
    put = aws.s3().put_object
    sent = []

    def put_twice(**request: Any) -> Any:
        """As botocore does when the first answer does not arrive."""
        sent.append(request)
        put(**request)
        return put(**request)

    monkeypatch.setattr(aws.s3(), "put_object", put_twice)
    answer = invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})
    assert [change["gateway_serial"] for change in answer["changed"]] == ["ehm21120333"]
    assert (len(sent), file.versions()) == (1, 2)


def test_a_write_under_way_is_waited_for(
    file: SiteFile, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(DOCUMENT)
    put = aws.s3().put_object
    busy = iter(["ConditionalRequestConflict", "PreconditionFailed"])

    def put_object(**request: Any) -> Any:
        for code in busy:
            raise ClientError({"Error": {"Code": code, "Message": "busy"}}, "PutObject")
        return put(**request)

    monkeypatch.setattr(aws.s3(), "put_object", put_object)
    assert invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})["ok"] is True


def test_it_gives_up_while_there_is_time_to_say_so(
    file: SiteFile, invoke: Invoke, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(DOCUMENT)

    def busy(**_request: Any) -> Any:
        raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": "busy"}}, "PutObject")

    monkeypatch.setattr(aws.s3(), "put_object", busy)
    context.ends_at -= 28
    error = invoke("update_sites", updates={"ehm21120333": {"tier": "NON_CRITICAL"}})["error"]
    assert error["code"] == "CONFLICT"
    assert context.get_remaining_time_in_millis() > 1000


def test_sixteen_writers_lose_nothing(file: SiteFile, context: Any) -> None:
    writers, each = 16, 25
    serials = [[f"AN{writer:04d}{number:04d}" for number in range(each)] for writer in range(writers)]
    file.upload({"sites": {serial: {"tier": "CRITICAL"} for row in serials for serial in row}})
    together = threading.Barrier(writers)

    def write(row: list[str]) -> list[dict[str, Any]]:
        together.wait()
        patient = type(context)()
        patient.ends_at += 60
        return [
            handler({"action": "update_sites", "updates": {serial: {"tier": "NON_CRITICAL"}}}, patient)
            for serial in row
        ]

    with ThreadPoolExecutor(writers) as pool:
        answers = [answer for answers in pool.map(write, serials) for answer in answers]

    assert [answer for answer in answers if not answer["ok"]] == []
    assert {site["tier"] for site in file.document()["sites"].values()} == {"NON_CRITICAL"}
    assert len({answer["etag"] for answer in answers}) == writers * each
    assert file.versions() == writers * each + 1
