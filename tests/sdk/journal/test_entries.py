"""Journal entries: authors, outcomes, and undone changes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from smarterise_sdk.domain.sites.plans import Plan, Receipt, ReceiptState, SiteChange, StackChange, WritePath
from smarterise_sdk.errors import Conflict, SmarteriseError
from smarterise_sdk.journal import Journal, JournalOutcome, operator
from smarterise_sdk.journal.process import this_process

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


def test_an_entry_reports_what_is_known(journal: Journal) -> None:
    plan = replace(PLAN, undoes="0000", document=b"{}", stack_changes=(ALARM,))
    journal.intended(plan, who="arn:aws:iam::111122223333:user/anna")
    [entry] = journal.read().entries
    assert (entry.at, entry.who, entry.operator) == (AT, "arn:aws:iam::111122223333:user/anna", operator())
    assert (entry.environment, entry.account, entry.region) == ("prod", "111122223333", "eu-west-2")
    assert (entry.title, entry.via, entry.base_etag) == (PLAN.title, WritePath.LAMBDA, '"before"')
    assert (entry.reason, entry.undoes) == ("transformer works, password=********", "0000")
    assert [change.fields[0].field for change in entry.changes] == ["tier"]
    assert entry.stack_changes == (ALARM,)
    assert entry.repairs_file
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
    assert not entry.repairs_file


ALARM = StackChange("alarm actions", "smartmeter-ehm21120333-voltage-low", "on", "off", "ehm21120333")
ERROR = Conflict("it has changed")


def write(journal: Journal, line: dict[str, object]) -> None:
    journal.path.parent.mkdir(parents=True, exist_ok=True)
    with journal.path.open("a") as stream:
        stream.write(json.dumps(line) + "\n")


def outcomes(journal: Journal) -> list[tuple[str, bool]]:
    return [(entry.outcome.value, entry.is_unresolved) for entry in journal.read().entries]


@pytest.mark.parametrize(
    ("state", "reported"),
    [
        (ReceiptState.VERIFIED, ("verified", False)),
        (ReceiptState.PARTLY_VERIFIED, ("partly verified", True)),
        (ReceiptState.UNVERIFIED, ("unverified", True)),
    ],
)
def test_outcomes(journal: Journal, state: ReceiptState, reported: tuple[str, bool]) -> None:
    journal.intended(PLAN, who="anna")
    assert outcomes(journal) == [("in progress", False)]
    journal.done(PLAN, replace(RECEIPT, state=state))
    assert outcomes(journal) == [reported]
    journal.resolved("8f31", RECEIPT, outcome=JournalOutcome(state.value))
    assert outcomes(journal) == [(state.value, False)]
    assert journal.read().entries[0].is_resolved


def test_a_failed_change_wrote_nothing(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    journal.failed(PLAN, ERROR)
    assert outcomes(journal) == [("failed", False)]
    assert not journal.read().entries[0].may_have_written


def test_a_change_that_this_process_has_let_go_has_no_end(journal: Journal) -> None:
    journal.intended(PLAN, who="anna")
    journal.release("8f31")
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


@pytest.mark.parametrize(
    ("ends", "reported"),
    [
        (["done", "failed"], ("verified", False)),
        (["failed", "done"], ("verified", False)),
        ([None, "failed"], ("no end", True)),
        ([None, "done"], ("verified", False)),
        (["failed", "failed"], ("failed", False)),
        ([None, "failed", "resolved"], ("failed", False)),
        ([None, None, "resolved"], ("failed", False)),
        (["resolved", None], ("no end", True)),
    ],
)
def test_a_plan_applied_more_than_once_is_one_change(
    journal: Journal, ends: list[str | None], reported: tuple[str, bool]
) -> None:
    for end in ends:
        if end != "resolved" or end == ends[0]:
            journal.intended(PLAN, who="anna")
        if end == "done":
            journal.done(PLAN, RECEIPT)
        elif end == "failed":
            journal.failed(PLAN, ERROR)
        elif end == "resolved":
            journal.resolved(PLAN.plan_id, RECEIPT, outcome=JournalOutcome.FAILED)
        journal.release(PLAN.plan_id)
    assert outcomes(journal) == [reported]


def test_a_change_stands_where_the_try_stands_that_reports_of_it(journal: Journal) -> None:
    make(journal, "a", failed=True)
    make(journal, "b")
    make(journal, "a")
    make(journal, "b", failed=True)
    assert [entry.plan_id for entry in journal.read().entries] == ["b", "a"]


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


def test_a_long_line_that_was_cut_is_reported(journal: Journal) -> None:
    journal.intended(big(), who="anna")
    with journal.path.open("r+b") as stream:
        stream.truncate(journal.path.stat().st_size - 1000)
    make(journal, "next")
    reading = journal.read()
    assert [entry.plan_id for entry in reading.entries] == ["next"]
    assert reading.damaged_lines == (1,)


def test_a_journal_that_goes_away_is_reported_when_its_changes_are_asked_for(journal: Journal) -> None:
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
    with pytest.raises(SmarteriseError, match="not an object"):
        _ = entry.changes


def test_a_stamp_is_on_every_intention(tmp_path: Path) -> None:
    journal = Journal(tmp_path, extra={"endpoint_url": "http://127.0.0.1:1", "unlock": {"reason": "outage"}})
    journal.intended(PLAN, who="anna")
    [entry] = journal.read().entries
    assert entry.endpoint_url == "http://127.0.0.1:1"
    assert entry.intended["unlock"] == {"reason": "outage"}
