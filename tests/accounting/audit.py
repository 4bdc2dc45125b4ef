"""Audit: compares table, conflicts, quarantine, ledger, data lake and metrics with the expected state."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from smarterise_lambdas.shared import clients

from .books import Conflict, Key, Place, agree
from .cloud import BUCKET, STREAM
from .delivery import FILE_COUNTS
from .sent import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cloud import Cloud
    from .run import Run

_AT_ONCE = 8


def everything(run: Run) -> None:
    """Check that every reading is where it is expected, and that all reports agree."""
    _check_files_in_data_lake(run)
    _check_table(run)
    _check_ledger(run)
    _check_quarantine(run)
    _check_messages_in_data_lake(run)
    _check_sums(run)


def state(cloud: Cloud) -> dict[str, str]:
    """Return a hash of each part of the state that must not change."""
    parts: dict[str, Iterable[object]] = {
        "readings": cloud.query("SELECT readings::text FROM readings ORDER BY 1"),
        "conflicts": cloud.query("SELECT reading_conflicts::text FROM reading_conflicts ORDER BY 1"),
        "quarantine": cloud.query("SELECT quarantine::text FROM quarantine ORDER BY 1"),
        "ledger": cloud.query("SELECT ingest_files::text FROM ingest_files ORDER BY 1"),
        "files": _listed("ftp-backups/"),
        "rejected": _listed("quarantine/"),
    }
    return {name: hashlib.sha256(repr(list(part)).encode()).hexdigest() for name, part in parts.items()}


def summary(run: Run) -> str:
    """Return the equation and the number of occurrences of each fault."""
    sums = run.books.sums()
    terms = " + ".join(f"{sums[place]} {place}" for place in Place)
    faults = ", ".join(f"{fault} {count}" for fault, count in sorted(run.occurred.items()))
    return f"{sum(sums.values())} sent = {terms}\n{faults}\n{dict(run.books.reported)}"


def _check_files_in_data_lake(run: Run) -> None:
    stored = {(run.content_of(key).site.serial, run.content_of(key).digest) for key in run.files.objects}
    finals = {(serial, content.digest) for (serial, _), content in run.finals.items()}
    agree("files in the data lake", finals - stored, ())


def _check_table(run: Run) -> None:
    columns = ", ".join(COLUMNS)
    rows = run.cloud.query(
        f"SELECT gateway_serial, device_serial, measured_at, source, {columns} FROM readings"
    )
    table = {(Key(*row[:3]), row[3], row[4:]) for row in rows}
    assert len(table) == len(rows)
    expected = {(key, kept.source, kept.values) for key, kept in run.books.table.items()}
    agree("rows", table, expected)
    values = ", ".join(f"(content->>'{column}')::float8" for column in COLUMNS)
    found = run.cloud.query(
        f"SELECT gateway_serial, device_serial, measured_at, source, {values} FROM reading_conflicts"
    )
    conflicts = [Conflict(Key(*row[:3]), row[3], row[4:]) for row in found]
    agree("conflicts", conflicts, run.books.conflicts)
    assert len(conflicts) == len(run.books.conflicts)


def _check_ledger(run: Run) -> None:
    counts = ", ".join(f"rows_{name}" for name in FILE_COUNTS)
    rows = run.cloud.query(f"SELECT key, gateway_serial, state, {counts} FROM ingest_files")
    expected = [
        (
            *(key, entry.content.site.serial, "rejected" if entry.content.reason else "loaded"),
            *(entry.counts[name] for name in FILE_COUNTS),
        )
        for key, entry in run.books.files.items()
    ]
    agree("the ledger", rows, expected)
    assert {key for key, *_ in rows} == set(run.files.objects)


def _check_quarantine(run: Run) -> None:
    """Check that each rejected reading is in the index with its reason, and its bytes at the recorded key."""
    index = run.cloud.query("SELECT source, origin, position, reason, rows, state, key FROM quarantine")
    bodies = _bodies([key for *_, key in index])
    found: set[tuple[Any, ...]] = set()
    for source, origin, position, reason, rows, kept, key in index:
        assert kept == "kept"
        if source == "iot":
            (line,) = _lines(bodies[key])
            assert rows == 1
            found.add((origin, position, reason, base64.b64decode(line["payload_base64"])))
        elif key.startswith("ftp-backups/"):
            content = run.content_of(key)
            assert (reason, rows, bodies[key]) == (content.reason, len(content.lines), content.data)
            found |= {(key, line.number, reason, line.text) for line in content.lines}
        else:
            lines = [line for line in _lines(bodies[key]) if "line" in line]
            assert rows == len(lines)
            key = origin.removeprefix(f"s3://{BUCKET}/").rpartition("#")[0]
            found |= {(key, line["line"], reason, line["text"]) for line in lines}
    expected: set[tuple[Any, ...]] = {
        (f"{STREAM}/{shard}", position, message.reason, message.payload)
        for (shard, position), message in run.books.rejected.items()
    }
    for key, entry in run.books.files.items():
        expected |= {
            (key, line.number, entry.content.reason or line.reason, line.text)
            for line in entry.content.lines
            if entry.content.reason or line.reading is None
        }
    agree("the quarantine", found, expected)


def _check_messages_in_data_lake(run: Run) -> None:
    lines = [line for body in _bodies([key for key, _ in _listed("raw/")]).values() for line in _lines(body)]
    found = {
        (line["shard"], line["sequence_number"] + ("" if line["part"] is None else f"-{line['part']}"))
        for line in lines
    }
    agree("messages in the data lake", found, run.books.accepted)


def _check_sums(run: Run) -> None:
    """Check the reports: readings sent = rows + quarantined + duplicates + dropped."""
    books, cloud = run.books, run.cloud
    reported, sums = books.reported, books.sums()
    lines = [(key, str(line.number)) for key in run.files.objects for line in run.content_of(key).lines]
    agree("readings in the expected state", books.places, [*run.stream.sent, *lines])
    ((rows,),) = cloud.query("SELECT count(*) FROM readings")
    ((quarantined,),) = cloud.query("SELECT sum(rows) FROM quarantine")
    duplicates = sum(sums[place] for place in (Place.IDENTICAL, Place.SUPERSEDED, Place.DIFFERING))
    assert len(run.stream.sent) + len(lines) == rows + quarantined + duplicates + sums[Place.DROPPED]
    # Each loaded reading is a row, or was reported as replaced by one.
    replaced = reported["iot replaced"] + sum(
        reported[f"named {name}"] for name in ("identical", "superseded", "differing")
    )
    assert rows == reported["iot loaded"] + reported["ftp loaded"] - replaced
    metrics = {
        "RowsLoaded": reported["iot loaded"] + reported["ftp loaded"],
        "RowsRejected": reported["iot quarantined"] + reported["ftp rejected"],
        "ReadingsDropped": reported["iot dropped"],
        "FilesLoaded": reported["ftp files_loaded"],
        "FilesRejected": reported["ftp files_rejected"],
        "RowsInDefaultPartition": 0,
    }
    assert {name: cloud.metric(name) for name in metrics} == metrics
    assert Counter(entry.content.reason != "" for entry in books.files.values()) == Counter(
        {False: metrics["FilesLoaded"], True: metrics["FilesRejected"]}
    )


def _listed(prefix: str) -> list[tuple[str, str]]:
    pages = clients.s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [(item["Key"], item["ETag"]) for page in pages for item in page.get("Contents", [])]


def _bodies(keys: Iterable[str]) -> dict[str, bytes]:
    def body(key: str) -> bytes:
        return clients.s3().get_object(Bucket=BUCKET, Key=key)["Body"].read()

    unique_keys = sorted(set(keys))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(unique_keys, pool.map(body, unique_keys), strict=True))


def _lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(body).splitlines()]
