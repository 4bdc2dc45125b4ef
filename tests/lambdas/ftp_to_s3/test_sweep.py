"""Files swept from real servers into the data lake: whole, once, under their gateway, and written down."""

from __future__ import annotations

import hashlib
import time
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from smarterise_lambdas.ftp_to_s3.event import BadRequest
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.site_cache import NoSites

NAME = "AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv"
NOT_MEASURED = "ehm21120333-logger1-2025-03-20T08-00-00-0400-1min.csv"


def test_a_file_lands_whole_under_its_gateway_its_day_and_its_content(sweeps: Any, server: Any) -> None:
    content = server.put(NAME, b"\xef\xbb\xbfTime,V1\r\n2025-03-20 08:00:00,230.4\r\n")
    sweeps.visit(server)

    response = sweeps.sweep(site_tier="CRITICAL")

    digest = hashlib.sha256(content).hexdigest()
    (key,) = sweeps.stored_keys()
    stem = NAME.removesuffix(".csv")
    assert key == f"ftp-backups/AN54101471/2025/03/20/{stem}--{digest[:12]}.csv"
    assert sweeps.body(key) == content
    metadata = sweeps.metadata(key)
    assert metadata["sha256"] == digest
    assert metadata["original-name"] == NAME
    assert (metadata["size"], metadata["server"]) == (str(len(content)), "main")
    assert (response["sites"], response["stored"], response["bytes"]) == (2, 1, len(content))
    assert response["is_complete"]
    assert response["errors"] == []
    entry = sweeps.manifest("AN54101471")["files"][f"main:{NAME}"]
    assert (entry["state"], entry["key"], entry["sha256"]) == ("stored", key, digest)


def test_what_is_known_is_neither_fetched_nor_written_again(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    sweeps.visit(server)
    sweeps.sweep()
    written = sweeps.versions(), sweeps.versions("ftp-manifests/AN54101471")

    response = sweeps.sweep()

    assert (response["stored"], response["unchanged"]) == (0, 1)
    assert server.fetched == [NAME]
    assert (sweeps.versions(), sweeps.versions("ftp-manifests/AN54101471")) == written
    assert server.deleted == []


def test_a_longer_file_under_the_same_name_is_another_object(sweeps: Any, server: Any) -> None:
    first = server.put(NAME, b"Time,V1\n1,2\n")
    sweeps.visit(server)
    sweeps.sweep()
    second = server.put(NAME, first + b"2,3\n", at=time.time() - 1800)

    response = sweeps.sweep()

    assert response["stored"] == 1
    assert sweeps.bodies() == sorted([first, second])
    assert sweeps.versions() == 2


def test_the_same_file_sent_again_is_one_object_with_one_version(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    sweeps.visit(server)
    sweeps.sweep()
    server.put(NAME, at=time.time() - 1800)

    response = sweeps.sweep()

    assert (response["stored"], response["identical"]) == (0, 1)
    assert server.fetched == [NAME, NAME]
    assert sweeps.versions() == 1
    assert sweeps.sweep()["unchanged"] == 1


def test_a_manifest_that_is_lost_or_broken_costs_a_fetch_and_no_more(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    sweeps.visit(server)
    sweeps.sweep()
    manifest = "ftp-manifests/AN54101471.json"
    for broken in (b"{", b"[]", b'{"files": 3}', b'{"files": {"main:' + NAME.encode() + b'": 7}}'):
        clients.s3().put_object(Bucket=sweeps.bucket, Key=manifest, Body=broken)
        response = sweeps.sweep()
        assert (response["identical"], response["stored"]) == (1, 0)
        assert sweeps.manifest("AN54101471")["files"][f"main:{NAME}"]["state"] == "stored"
    assert sweeps.versions() == 1


@pytest.mark.parametrize(
    ("event", "sites", "taken"),
    [
        ({"site_tier": "CRITICAL"}, 2, {"AN54101471", "AN5410147"}),
        ({"site_tier": "NON_CRITICAL"}, 1, {"ehm21120333"}),
        ({"gateway_serial": "AN5410147"}, 1, {"AN5410147"}),
        ({}, 3, {"AN54101471", "AN5410147", "ehm21120333"}),
        (
            {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
            3,
            {"AN54101471", "AN5410147", "ehm21120333"},
        ),
    ],
    ids=["critical", "non-critical", "one", "all", "schedule without input"],
)
def test_serials_are_matched_whole_and_tiers_kept(
    sweeps: Any, server: Any, event: dict[str, Any], sites: int, taken: set[str]
) -> None:
    for serial in ("AN54101471", "AN5410147", "ehm21120333", "AN00000009", "an54101471"):
        server.put(f"{serial}-logger1-2025-03-20T08-00-00-0400-1min.csv", serial.encode())
    sweeps.visit(server)

    response = sweeps.sweep(event)

    assert response["sites"] == sites
    assert {key.split("/")[1] for key in sweeps.stored_keys()} == taken
    assert {body.decode() for body in sweeps.bodies()} == taken
    assert response["others"] == 4 - len(taken)
    (issue,) = response["errors"]
    assert issue["code"] == "UNKNOWN_GATEWAY"
    assert "an54101471-logger1" in issue["message"]


def test_a_folder_called_by_a_serial_holds_files_of_any_name(sweeps: Any, server: Any) -> None:
    server.put("ehm21120333/logger1.csv", b"fixed")
    server.put(f"ehm21120333/{NOT_MEASURED}", b"named")
    server.put(f"ehm21120333/{NAME}", b"another's")
    server.put("somewhere/else.csv", b"not listed")
    server.put(f"AN54101471/{NAME}", b"another tier's")
    sweeps.visit(server)

    response = sweeps.sweep(site_tier="NON_CRITICAL")

    assert sweeps.bodies() == [b"fixed", b"named"]
    assert all(key.startswith("ftp-backups/ehm21120333/") for key in sweeps.stored_keys())
    (issue,) = response["errors"]
    assert issue["code"] == "MISPLACED"
    assert f"ehm21120333/{NAME}" in issue["message"]
    assert response["is_complete"]


def test_an_undated_name_is_filed_under_the_day_of_its_last_change(sweeps: Any, server: Any) -> None:
    server.put("AN54101471/logger.csv", at=1_700_000_000)
    sweeps.visit(server)
    sweeps.sweep()
    assert [key.rpartition("/")[0] for key in sweeps.stored_keys()] == ["ftp-backups/AN54101471/2023/11/14"]


HARMLESS = [
    "AN54101471 logger 1 2025-03-20T08-00-00+0100.csv",
    "AN54101471-logger1-2025-03-20T08-00-00+0100.csv",
    "AN54101471-..-..-passwd.csv",
    "AN54101471-=cmd|'calc'!A1.csv",
    "AN54101471-'; DROP TABLE readings; --.csv",
    "AN54101471-\x1b[31mred\x07\t.csv",
    "AN54101471-${jndi:ldap}-%2e%2e-%n.csv",
    "AN54101471-häuser-\u202egnp.csv",
    "AN54101471-" + "long" * 50 + ".csv",
    "AN54101471-a.csv.gz",
    "AN54101471- trailing ",
]


def test_names_can_do_no_harm_and_are_kept(sweeps: Any, server: Any) -> None:
    names = [name.encode() for name in HARMLESS] + [b"AN54101471-\xff\xfe-latin.csv"]
    for name in names:
        server.put(name, name)
    sweeps.visit(server)

    response = sweeps.sweep()

    assert (response["stored"], response["errors"]) == (len(names), [])
    assert set(sweeps.bodies()) == set(names)
    for key in sweeps.stored_keys():
        assert key.isascii()
        assert key.isprintable()
        assert ".." not in key
        assert key.startswith("ftp-backups/AN54101471/")
        assert unquote_to_bytes(sweeps.metadata(key)["original-name"]) == sweeps.body(key)
    assert sweeps.sweep()["unchanged"] == len(names), "the manifest knows each by its own name"


def test_an_unusable_name_is_reported_and_stops_nothing(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    server.put("AN54101471-a\nRETR b.csv", b"never asked for")
    server.faults.extra_lines = (
        b"type=file;size=5;modify=20250101000000; ../../etc/passwd\r\n"
        b"type=file;size=5;modify=20250101000000; AN54101471-a\0b.csv\r\n"
        b"type=file;size=5;modify=20250101000000; AN54101471-" + b"x" * 2000 + b".csv\r\n"
        b"no facts at all\r\n"
        b"type=file;size=5;modify=20250101000000; AN54101471-gone.csv\r\n"
    )
    sweeps.visit(server)

    response = sweeps.sweep()

    assert response["stored"] == 1
    codes = {issue["code"]: issue["message"] for issue in response["errors"]}
    assert set(codes) == {"UNUSABLE_NAME", "FILE_REFUSED"}
    assert codes["UNUSABLE_NAME"].startswith("5 files skipped")
    assert "\\x0aRETR b.csv" in codes["UNUSABLE_NAME"]
    assert server.fetched.count("AN54101471-gone.csv") == 1
    assert sorted(set(server.fetched)) == ["AN54101471-gone.csv", NAME]


def test_an_invalid_timestamp_is_harmless(sweeps: Any, server: Any) -> None:
    server.put("elsewhere", b"of no gateway")
    server.put(NAME, b"12345")
    server.faults.has_modify = False
    timestamp = b"\xff\x1b[31m" + b"9" * 300
    server.faults.extra_lines = b"type=file;size=5;modify=" + timestamp + b"; " + NAME.encode() + b"\r\n"
    sweeps.visit(server)
    response = sweeps.sweep()
    assert response["is_complete"]
    (key,) = sweeps.stored_keys()
    assert sweeps.body(key) == b"12345"
    assert sweeps.metadata(key)["modified"].isascii()
    assert sweeps.sweep()["is_complete"]


def test_two_names_that_are_made_one_stay_two_objects(sweeps: Any, server: Any) -> None:
    for name in ("AN54101471-logger 1.csv", "AN54101471-logger_1.csv", "AN54101471-logger\x011.csv"):
        server.put(name, b"the same")
    sweeps.visit(server)
    assert sweeps.sweep()["stored"] == 3
    assert sweeps.bodies() == [b"the same"] * 3
    names = {unquote_to_bytes(sweeps.metadata(key)["original-name"]) for key in sweeps.stored_keys()}
    assert len(names) == 3


def test_what_is_still_being_written_is_left(sweeps: Any, server: Any) -> None:
    for ending in (".tmp", ".PART", ".filepart", "~"):
        server.put(NAME + ending)
    server.put("." + NAME)
    sweeps.visit(server)
    response = sweeps.sweep()
    assert (response["unfinished"], response["stored"], response["errors"]) == (5, 0, [])


def test_an_empty_file_is_fetched_once_and_leaves_no_object(sweeps: Any, server: Any) -> None:
    server.put(NAME, b"")
    sweeps.visit(server)
    assert sweeps.sweep()["empty"] == 1
    assert sweeps.sweep()["unchanged"] == 1
    assert sweeps.stored_keys() == []
    server.put(NAME, b"Time,V1\n", at=time.time() - 1800)
    assert sweeps.sweep()["stored"] == 1


def test_a_file_that_needs_the_disk_arrives_as_it_was(sweeps: Any, server: Any) -> None:
    content = server.put(NAME, hashlib.sha256(b"x").digest() * (9 * 1024 * 1024 // 32))
    sweeps.visit(server)
    assert sweeps.sweep()["bytes"] == len(content)
    (key,) = sweeps.stored_keys()
    assert hashlib.sha256(sweeps.body(key)).hexdigest() == sweeps.metadata(key)["sha256"]
    assert sweeps.metadata(key)["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ([], "not a JSON object"),
        ({"site_tier": "CRITICL"}, "CRITICAL, NON_CRITICAL"),
        ({"site_tier": ["CRITICAL"]}, "CRITICAL, NON_CRITICAL"),
        ({"tier": "CRITICAL"}, "allowed is one of site_tier and gateway_serial"),
        ({"site_tier": "CRITICAL", "gateway_serial": "AN54101471"}, "site_tier and gateway_serial"),
        ({"gateway_serial": 7}, "not a string"),
        ({"gateway_serial": "AN99999999"}, "AN99999999 is not in the site file"),
        ({"gateway_serial": "AN00000009"}, "AN00000009 is not enabled"),
    ],
)
def test_an_event_that_asks_for_nothing_there_is_fails(
    sweeps: Any, server: Any, event: Any, message: str
) -> None:
    sweeps.visit(server)
    with pytest.raises(BadRequest, match=message):
        sweeps.sweep(event)


def test_a_broken_site_file_takes_no_site_away(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    sweeps.visit(server)
    clients.s3().put_object(
        Bucket=sweeps.bucket, Key="site-tiers.json", Body=b'{"sites": {"AN54101471": {}}}'
    )
    assert sweeps.sweep()["stored"] == 1


def test_without_any_good_site_file_the_function_fails(sweeps: Any, server: Any) -> None:
    sweeps.visit(server)
    for version in clients.s3().list_object_versions(Bucket=sweeps.bucket)["Versions"]:
        clients.s3().delete_object(Bucket=sweeps.bucket, Key=version["Key"], VersionId=version["VersionId"])
    with pytest.raises(NoSites, match="does not exist; no earlier version is valid"):
        sweeps.sweep()
