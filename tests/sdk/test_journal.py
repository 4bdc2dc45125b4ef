"""The journal keeps every change, from several processes, through crashes, without secrets."""

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

from smarterise_sdk.domain.plans import Plan, Receipt, ReceiptState, SiteChange, StackChange, WritePath
from smarterise_sdk.errors import Conflict, SmarteriseError
from smarterise_sdk.journal import Journal, JournalOutcome, operator
from smarterise_sdk.processes import this_process

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
    causes=(),
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
def test_foreign_lines_are_told_and_skipped(journal: Journal, line: str) -> None:
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


def test_a_full_disk_is_told(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
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


# What a line means -------------------------------------------------------------------------------


def test_an_entry_tells_what_is_known(journal: Journal) -> None:
    plan = replace(PLAN, undoes="0000", document=b"{}", stack_changes=(ALARM,))
    journal.intended(plan, who="arn:aws:iam::111122223333:user/anna")
    [entry] = journal.read().entries
    assert (entry.at, entry.who, entry.operator) == (AT, "arn:aws:iam::111122223333:user/anna", operator())
    assert (entry.environment, entry.account, entry.region) == ("prod", "111122223333", "eu-west-2")
    assert (entry.title, entry.via, entry.base_etag) == (PLAN.title, WritePath.LAMBDA, '"before"')
    assert (entry.reason, entry.undoes) == ("transformer works, password=********", "0000")
    assert [change.fields[0].field for change in entry.changes] == ["tier"]
    assert entry.stack_changes == (ALARM,)
    assert entry.mends_file
    assert entry.intended["document"] == {
        "bytes": 2,
        "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }
    assert entry.intended["pid"] == os.getpid()
    journal.done(plan, RECEIPT)
    assert journal.read().entries[0].version_id == "v2"


def test_what_an_entry_lacks_is_empty(journal: Journal) -> None:
    write(journal, {"entry": "intended", "plan_id": "old", "at": "2026-03-01T12:00:00+00:00"})
    write(journal, {"entry": "done", "plan_id": "old", "at": "2026-03-01T12:00:00Z", "outcome": "odd"})
    [entry] = journal.read().entries
    assert (entry.title, entry.changes, entry.stack_changes, entry.version_id) == ("", (), (), "")
    assert entry.outcome is JournalOutcome.UNVERIFIED
    assert not entry.mends_file


ALARM = StackChange("alarm actions", "smartmeter-ehm21120333-voltage-low", "on", "off", "ehm21120333")
ERROR = Conflict("it has changed")


def write(journal: Journal, line: dict[str, object]) -> None:
    journal.path.parent.mkdir(parents=True, exist_ok=True)
    with journal.path.open("a") as stream:
        stream.write(json.dumps(line) + "\n")


def outcomes(journal: Journal) -> list[tuple[str, bool]]:
    return [(entry.outcome.value, entry.is_unsettled) for entry in journal.read().entries]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (ReceiptState.VERIFIED, ("verified", False)),
        (ReceiptState.PARTLY_VERIFIED, ("partly verified", True)),
        (ReceiptState.UNVERIFIED, ("unverified", True)),
    ],
)
def test_outcomes(journal: Journal, state: ReceiptState, told: tuple[str, bool]) -> None:
    journal.intended(PLAN, who="anna")
    assert outcomes(journal) == [("in progress", False)]
    journal.done(PLAN, replace(RECEIPT, state=state))
    assert outcomes(journal) == [told]
    journal.settled("8f31", RECEIPT, outcome=JournalOutcome(state.value))
    assert outcomes(journal) == [(state.value, False)]
    assert journal.read().entries[0].is_settled


def test_a_failed_change_wrote_nothing(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    journal.failed(PLAN, ERROR)
    assert outcomes(journal) == [("failed", False)]
    assert not journal.read().entries[0].may_have_written


def test_a_change_that_this_process_has_let_go_has_no_end(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    journal.let_go("8f31")
    assert outcomes(journal) == [("no end", True)]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"pid": 2**22 - 1}, "no end"),
        ({"pid_started": "another boot:1"}, "no end"),
        ({"pid": "odd"}, "no end"),
        ({"host": ""}, "no end"),
        ({"host": "elsewhere"}, "in progress"),
        ({"host": "elsewhere", "at": "2026-03-01T11:54:00Z"}, "no end"),
        ({"pid": os.getppid(), "pid_started": ""}, "in progress"),
    ],
)
def test_a_change_runs_as_long_as_its_process(
    journal: Journal, changes: dict[str, object], outcome: str
) -> None:
    mark = this_process()
    line: dict[str, object] = {"entry": "intended", "plan_id": "x", "at": "2026-03-01T12:00:00Z"}
    line |= {"host": mark.host, "pid": mark.pid, "pid_started": mark.started}
    write(journal, line | changes)
    assert outcomes(journal)[0][0] == outcome


def test_a_plan_applied_twice_is_two_changes(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    journal.done(PLAN, RECEIPT)
    journal.intended(PLAN, who="anna")
    journal.failed(PLAN, ERROR)
    assert outcomes(journal) == [("verified", False), ("failed", False)]


def make(journal: Journal, plan_id: str, undoes: str = "", *, failed: bool = False) -> None:
    plan = replace(PLAN, plan_id=plan_id, undoes=undoes)
    journal.intended(plan, who="anna")
    if failed:
        journal.failed(plan, ERROR)
    else:
        journal.done(plan, RECEIPT)


def test_who_took_what_back(journal: Journal) -> None:
    def undone_by() -> dict[str, str]:
        return {entry.plan_id: entry.undone_by for entry in journal.read().entries}

    make(journal, "a")
    make(journal, "b", undoes="a")
    assert undone_by() == {"a": "b", "b": ""}
    make(journal, "c", undoes="b")
    assert undone_by() == {"a": "", "b": "c", "c": ""}, "an undo that was undone does not count"
    make(journal, "d", undoes="a", failed=True)
    assert undone_by() == {"a": "", "b": "c", "c": "", "d": ""}, "nor one that failed"
    make(journal, "e", undoes="a")
    assert undone_by()["a"] == "e"


# Long lines --------------------------------------------------------------------------------------


def big(count: int = 2000) -> Plan:
    changes = tuple(
        SiteChange(
            f"AN{number:05}", {"tier": "CRITICAL", "note": '], "changes": ['}, {"tier": "NON_CRITICAL"}
        )
        for number in range(count)
    )
    return replace(PLAN, plan_id="big", changes=changes, reason=', "stack_changes": [')


def test_the_changes_of_a_long_line_are_read_when_they_are_asked_for(journal: Journal) -> None:
    make(journal, "first")
    journal.intended(big(), who="anna")
    make(journal, "last")
    entries = {entry.plan_id: entry for entry in journal.read().entries}
    assert "changes" not in entries["big"].intended
    assert entries["big"].reason == ', "stack_changes": ['
    assert len(entries["big"].changes) == 2000
    assert entries["big"].changes[7].before == {"tier": "CRITICAL", "note": '], "changes": ['}
    assert entries["big"].stack_changes == ()
    assert "changes" in entries["first"].intended


def test_a_long_line_that_was_cut_is_told(journal: Journal) -> None:
    journal.intended(big(), who="anna")
    with journal.path.open("r+b") as stream:
        stream.truncate(journal.path.stat().st_size - 1000)
    make(journal, "next")
    reading = journal.read()
    assert [entry.plan_id for entry in reading.entries] == ["next"]
    assert reading.damaged_lines == (1,)


def test_a_journal_that_goes_away_is_told_when_its_changes_are_asked_for(journal: Journal) -> None:
    journal.intended(big(), who="anna")
    [entry] = journal.read().entries
    journal.path.unlink()
    with pytest.raises(SmarteriseError) as caught:
        _ = entry.changes
    assert caught.value.code == "JOURNAL"
    journal.path.write_bytes(b"x" * 1_000_000)
    with pytest.raises(SmarteriseError, match="cannot be read"):
        _ = entry.changes
    journal.path.write_bytes(b"3" + b" " * 1_000_000)
    with pytest.raises(SmarteriseError, match="no object"):
        _ = entry.changes


def test_a_stamp_is_on_every_intention(tmp_path: Path) -> None:
    journal = Journal(tmp_path, stamp={"endpoint_url": "http://127.0.0.1:1", "unlock": {"reason": "outage"}})
    journal.intended(PLAN, who="anna")
    [entry] = journal.read().entries
    assert entry.endpoint_url == "http://127.0.0.1:1"
    assert entry.intended["unlock"] == {"reason": "outage"}
