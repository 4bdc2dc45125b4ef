"""Journal store: concurrent processes, crashes, and masking of secrets."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from smarterise_sdk.domain.sites.plans import Plan, Receipt, ReceiptState, SiteChange, WritePath
from smarterise_sdk.errors import Conflict, SmarteriseError
from smarterise_sdk.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 3, 1, 12, 5, 2, tzinfo=UTC)
PLAN = Plan(
    plan_id="8f31",
    title="Switch 1 site to NON_CRITICAL",
    environment="prod",
    account="111122223333",
    region="eu-west-2",
    via=WritePath.LAMBDA,
    updates={"ehm21120333": {"tier": "NON_CRITICAL"}},
    create=False,
    changes=(
        SiteChange(
            "ehm21120333",
            {"tier": "CRITICAL", "ftp_password": "hunter2"},
            {"tier": "NON_CRITICAL", "ftp_password": "hunter2"},
        ),
    ),
    unchanged=(),
    effects=(),
    calls=(),
    base_etag='"before"',
    reason="transformer works, password=hunter2",
    planned_at=AT,
)
RECEIPT = Receipt(
    PLAN,
    ReceiptState.VERIFIED,
    ("ehm21120333",),
    {},
    '"after"',
    "v2",
    ("req-1",),
    AT,
    AT,
    "read back from S3",
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal in a folder that does not exist yet, with a clock that stands."""
    return Journal(tmp_path / "state" / "journal", now=lambda: AT)


def lines_of(journal: Journal) -> list[dict[str, object]]:
    return [json.loads(line) for line in journal.path.read_text().splitlines()]


def test_before_and_after(journal: Journal) -> None:
    journal.intended(PLAN, who="arn:aws:sts::111122223333:assumed-role/ops/anna")
    [entry] = journal.read().entries
    assert (entry.plan_id, entry.done) == ("8f31", None)
    journal.done(PLAN, RECEIPT)
    [entry] = journal.read().entries
    assert entry.intended["who"] == "arn:aws:sts::111122223333:assumed-role/ops/anna"
    assert entry.intended["at"] == "2026-03-01T12:05:02Z"
    assert entry.intended["base_etag"] == '"before"'
    assert entry.done is not None
    assert entry.done["outcome"] == "verified"
    assert entry.done["version_id"] == "v2"
    assert entry.done["request_ids"] == ["req-1"]


def test_a_change_that_failed(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    journal.failed(PLAN, Conflict("it has changed", why="by bob", request_id="req-2"))
    [entry] = journal.read().entries
    assert entry.done is not None
    assert entry.done["outcome"] == "failed"
    assert entry.done["error"] == {"code": "CONFLICT", "what": "it has changed", "why": "by bob"}
    assert entry.done["request_ids"] == ["req-2"]


def test_secrets_are_masked_and_the_file_is_private(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    assert "hunter2" not in journal.path.read_text()
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_nothing_written_yet(journal: Journal) -> None:
    assert journal.read().entries == ()
    assert not journal.path.parent.exists()


def test_a_line_cut_by_a_crash_swallows_no_other(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    with journal.path.open("ab") as stream:
        stream.write(b'{"entry": "intended", "plan_id": "cut')
    journal.intended(replace(PLAN, plan_id="next"), who="anna")
    reading = journal.read()
    assert [entry.plan_id for entry in reading.entries] == ["8f31", "next"]
    assert reading.damaged_lines == (2,)


@pytest.mark.parametrize("line", ["[]", "{}", '{"entry": "other", "plan_id": "x"}', "\x00", "[" * 100_000])
def test_foreign_lines_are_reported_and_skipped(journal: Journal, line: str) -> None:
    journal.intended(PLAN, who="anna")
    with journal.path.open("a") as stream:
        stream.write(line + "\n")
    reading = journal.read()
    assert len(reading.entries) == 1
    assert reading.damaged_lines == (2,)


def test_an_end_without_a_beginning_is_no_entry(journal: Journal) -> None:
    journal.done(PLAN, RECEIPT)
    assert journal.read().entries == ()


def test_odd_characters_survive(journal: Journal) -> None:
    plan = replace(PLAN, reason="Trafo Straße\n\x1b \ud800", title="日本")
    journal.intended(plan, who="anna")
    assert len(journal.path.read_bytes().splitlines()) == 1
    assert journal.read().entries[0].intended["title"] == "日本"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal")
    with pytest.raises(SmarteriseError) as caught:
        journal.intended(PLAN, who="anna")
    assert caught.value.code == "JOURNAL"
    assert caught.value.why
    assert "df -h" in caught.value.remedy


def test_a_full_disk_is_reported(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(SmarteriseError, match="No space left"):
        journal.intended(PLAN, who="anna")


def test_a_file_that_cannot_be_read(journal: Journal) -> None:
    journal.path.mkdir(parents=True)
    with pytest.raises(SmarteriseError) as caught:
        journal.read()
    assert caught.value.code == "JOURNAL"


def test_a_user_without_a_name(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    journal.intended(PLAN, who="anna")
    assert str(lines_of(journal)[0]["operator"]).startswith(f"{os.getuid()}@")


def test_a_writer_waits_for_another(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    second = threading.Thread(target=lambda: journal.done(PLAN, RECEIPT))
    with journal.path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        second.start()
        second.join(0.2)
        assert second.is_alive()
        assert len(lines_of(journal)) == 1
    second.join(10)
    assert len(lines_of(journal)) == 2


def write_many(directory: Path, writer: int) -> None:
    journal = Journal(directory)
    for number in range(6):
        plan_id = f"{writer}-{number}"
        journal.intended(replace(PLAN, plan_id=plan_id, reason="x" * 5000), who="anna")
        journal.done(replace(PLAN, plan_id=plan_id), RECEIPT)


def test_processes_may_write_side_by_side(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, number)) for number in range(3)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    reading = Journal(tmp_path).read()
    assert reading.damaged_lines == ()
    assert len(reading.entries) == 18
    assert all(entry.done is not None for entry in reading.entries)
