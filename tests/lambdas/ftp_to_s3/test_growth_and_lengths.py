"""Files that grow, and servers that lie about lengths: taken when it is certain what they are."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from smarterise_lambdas.ftp_to_s3 import spool
from smarterise_lambdas.shared import clients

NAME = "AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv"
OTHER = "AN54101471-logger1-2025-03-20T09-00-00-0400-1min.csv"


def test_a_young_file_that_rests_is_taken_in_the_same_sweep(sweeps: Any, server: Any) -> None:
    server.put(NAME, at=time.time())
    sweeps.visit(server)
    response = sweeps.sweep()
    assert (response["stored"], response["waiting"]) == (1, 0)


def test_a_file_that_grows_is_taken_when_it_rests(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_STABILITY_SECONDS", "0.5")
    server.put(OTHER)
    content = server.put(NAME, b"Time,V1\n", at=time.time())
    sweeps.visit(server)
    stop = threading.Event()

    def grow() -> None:
        number = 0
        while not stop.wait(0.1):
            number += 1
            with (server.root / NAME).open("ab") as file:
                file.write(b"%d,230\n" % number)

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        response = sweeps.sweep()
    finally:
        stop.set()
        growing.join()
    assert (response["stored"], response["waiting"], response["errors"]) == (1, 1, [])
    assert server.fetched == [OTHER]

    whole = (server.root / NAME).read_bytes()
    assert whole.startswith(content)
    assert sweeps.sweep()["stored"] == 1
    assert whole in sweeps.bodies()


def test_a_file_that_grows_while_it_is_fetched_is_left_until_it_rests(sweeps: Any, server: Any) -> None:
    server.put(NAME, b"Time,V1\n" + b"1,230\n" * 1000)
    server.put(OTHER)
    server.faults.grows = {NAME: b"2,231\n"}
    sweeps.visit(server)

    response = sweeps.sweep()

    assert (response["stored"], response["waiting"]) == (1, 1)
    assert sweeps.manifest("AN54101471")["files"][f"main:{NAME}"]["state"] == "seen"
    server.faults.grows.clear()
    assert sweeps.sweep()["stored"] == 1
    assert (server.root / NAME).read_bytes() in sweeps.bodies()


def test_without_time_for_a_second_look_the_next_sweep_takes_it(
    sweeps: Any, server: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_STABILITY_SECONDS", "20")
    server.put(NAME, at=time.time())
    sweeps.visit(server)
    context.ends_at = time.monotonic() + 10
    response = sweeps.sweep()
    assert (response["stored"], response["waiting"]) == (0, 1)
    monkeypatch.setenv("FTP_STABILITY_SECONDS", "0")
    assert sweeps.sweep()["stored"] == 1


@pytest.mark.parametrize("lie", [7, -7, -100_000, 5_000_000])
def test_a_listing_that_lies_about_a_length_costs_one_question(sweeps: Any, server: Any, lie: int) -> None:
    content = server.put(NAME, b"x" * 100_001)
    server.faults.lies, server.faults.lies_always = {NAME: lie}, False
    sweeps.visit(server)
    response = sweeps.sweep()
    assert (response["stored"], response["disputed"], response["errors"]) == (1, 0, [])
    assert sweeps.bodies() == [content]
    assert server.fetched == [NAME]
    assert sweeps.sweep()["unchanged"] == 1


@pytest.mark.parametrize("lie", [7, -7, 5_000_000])
def test_a_wrong_listed_size_is_disputed_and_the_content_sent_twice_is_stored(
    sweeps: Any, server: Any, lie: int
) -> None:
    content = server.put(NAME, b"x" * 1001)
    server.faults.lies = {NAME: lie}
    sweeps.visit(server, delete=True)

    response = sweeps.sweep()

    assert (response["stored"], response["disputed"], response["deleted"]) == (1, 1, 0)
    assert sweeps.bodies() == [content]
    (issue,) = response["errors"]
    assert issue["code"] == "LENGTH_DISPUTED"
    assert f"lists {1001 + lie} bytes but sends the same 1001" in issue["message"]
    assert response["is_complete"]
    assert server.fetched == [NAME, NAME]
    assert sweeps.sweep()["deleted"] == 0


def test_files_without_times_are_listed_twice(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    server.faults.has_modify = False
    sweeps.visit(server)
    assert sweeps.sweep()["stored"] == 1
    server.put(NAME, b"Time,V1\nand longer\n")
    assert sweeps.sweep()["stored"] == 1
    assert sweeps.versions() == 2


def test_a_file_larger_than_the_spool_budget_is_reported_and_stops_nothing(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", 1000)
    monkeypatch.setattr(spool, "_STEP", 500)
    room = spool.SpoolBudget.__init__
    monkeypatch.setattr(spool.SpoolBudget, "__init__", lambda self: room(self, 5000))
    server.put(NAME, b"x" * 5001)
    server.put(OTHER, b"y" * 4999)
    liar = "AN54101471-liar.csv"
    server.put(liar, b"z" * 9000)
    server.faults.lies = {liar: -8999}
    sweeps.visit(server)

    response = sweeps.sweep()

    assert sweeps.bodies() == [b"y" * 4999]
    assert [issue["code"] for issue in response["errors"]] == ["TOO_LARGE", "TOO_LARGE"]
    assert NAME not in server.fetched
    again = sweeps.sweep()
    assert (again["unchanged"], again["errors"]) == (3, [])
    server.put(NAME, b"x" * 4000, at=time.time() - 1800)
    assert sweeps.sweep()["stored"] == 1


def test_files_are_deleted_only_if_configured_and_stored(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = server.put(NAME)
    sweeps.visit(server)
    sweeps.sweep()
    assert (server.root / NAME).exists()

    sweeps.visit(server, delete=True)
    (key,) = sweeps.stored_keys()
    head = clients.s3().head_object

    def another(**request: Any) -> Any:
        return {**head(**request), "ContentLength": 3}

    with monkeypatch.context() as patch:
        patch.setattr(clients.s3(), "head_object", another)
        assert sweeps.sweep()["deleted"] == 0
    assert (server.root / NAME).exists()

    assert sweeps.sweep()["deleted"] == 1
    assert not (server.root / NAME).exists()
    assert sweeps.body(key) == content
    assert sweeps.manifest("AN54101471")["files"] == {}


def test_a_file_that_grew_after_it_was_stored_is_not_deleted(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(NAME)
    sweeps.visit(server, delete=True)
    put = clients.s3().put_object

    def put_and_grow(**request: Any) -> Any:
        response = put(**request)
        if request["Key"].startswith("ftp-backups/"):
            with (server.root / NAME).open("ab") as file:
                file.write(b"1,230\n")
        return response

    with monkeypatch.context() as patch:
        patch.setattr(clients.s3(), "put_object", put_and_grow)
        response = sweeps.sweep()
    assert (response["stored"], response["deleted"]) == (1, 0)
    assert server.deleted == []
    whole = (server.root / NAME).read_bytes()
    assert sweeps.sweep()["deleted"] == 1
    assert whole in sweeps.bodies()
