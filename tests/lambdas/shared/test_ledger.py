"""The file ledger and the quarantine index: idempotence, locks and states."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from smarterise_lambdas.shared import ledger, quarantine
from smarterise_lambdas.shared.database import Connection, connect
from smarterise_lambdas.shared.ledger import FileState, IngestFile, RowCounts
from smarterise_lambdas.shared.quarantine import QuarantineEntry, QuarantineState
from smarterise_lambdas.shared.readings_table import LoadOutcome
from smarterise_sdk.domain.readings.model import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FILE = IngestFile("lake", "ftp-backups/AN1/a b+c.csv", '"abc"', 1234, Source.FTP, "AN1", AT)
COUNTS = RowCounts(loaded=5, identical=4, superseded=3, differing=2, rejected=1)


def load(connection: Connection, file: IngestFile = FILE, state: FileState = FileState.LOADED) -> None:
    ledger.begin(connection, file)
    with connection.transaction():
        assert ledger.claim(connection, file)
        ledger.finalize(
            connection, file, state, COUNTS, time_range=(AT, AT + timedelta(hours=1)), reason="odd\n"
        )


def test_a_file_is_visible_while_it_is_loading(connection: Connection, database_url: str) -> None:
    assert ledger.begin(connection, FILE) == ledger.LedgerEntry(
        FileState.LOADING, 1, RowCounts(), None, None, ""
    )
    with connect(database_url) as other:
        seen = other.execute(
            b"SELECT bucket, key, etag, size, source, gateway_serial, state FROM ingest_files"
        )
        assert seen.fetchall() == [("lake", FILE.key, "abc", 1234, "ftp", "AN1", "loading")]


@pytest.mark.parametrize("state", [FileState.LOADED, FileState.REJECTED])
def test_a_final_state_is_kept(connection: Connection, state: FileState) -> None:
    load(connection, state=state)
    found = ledger.begin(connection, replace(FILE, etag="abc"))
    assert found == ledger.LedgerEntry(state, 1, COUNTS, AT, AT + timedelta(hours=1), "odd\\x0a")
    assert found.state.is_final
    ledger.fail(connection, FILE, "too late")
    with connection.transaction():
        assert not ledger.claim(connection, FILE)
        assert ledger.entry(connection, FILE) == found


def test_another_content_of_one_name_is_another_file(connection: Connection) -> None:
    load(connection)
    assert ledger.begin(connection, replace(FILE, etag="def")).state is FileState.LOADING


def test_a_final_file_is_loaded_again_on_request(connection: Connection) -> None:
    load(connection)
    assert ledger.begin(connection, FILE, reload=True).state is FileState.LOADING
    with connection.transaction():
        assert ledger.claim(connection, FILE)
        ledger.finalize(connection, FILE, FileState.LOADED, RowCounts(identical=15))
    with connection.transaction():
        found = ledger.entry(connection, FILE)
    assert found is not None
    assert (found.attempts, found.counts.identical, found.counts.loaded) == (2, 15, 0)


def test_a_failed_file_is_retried_and_its_attempts_counted(connection: Connection) -> None:
    ledger.begin(connection, FILE)
    ledger.fail(connection, FILE, "the database is down\x00" * 100)
    with connection.transaction():
        found = ledger.entry(connection, FILE)
    assert found is not None
    assert found.state is FileState.FAILED
    assert found.reason.startswith("the database is down\\x00")
    assert len(found.reason) == ledger.REASON_LENGTH
    assert ledger.begin(connection, FILE).attempts == 2


def test_an_interrupted_load_is_not_recorded_as_loaded(connection: Connection) -> None:
    ledger.begin(connection, FILE)
    ledger.claim(connection, FILE)
    ledger.finalize(connection, FILE, FileState.LOADED, COUNTS)
    connection.rollback()
    assert ledger.begin(connection, FILE) == ledger.LedgerEntry(
        FileState.LOADING, 2, RowCounts(), None, None, ""
    )


def test_concurrent_loads_of_a_file_run_once(connection: Connection, database_url: str) -> None:
    ledger.begin(connection, FILE)
    with connect(database_url) as other:
        with connection.transaction():
            assert ledger.claim(connection, FILE)
            other.execute(b"SET lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                ledger.claim(other, FILE)
            other.rollback()
            ledger.finalize(connection, FILE, FileState.LOADED, COUNTS)
        with other.transaction():
            assert not ledger.claim(other, FILE)


def test_row_counts_add_up_to_the_total() -> None:
    outcome = LoadOutcome(loaded=5, identical=4, superseded=3, differing=(7, 9))
    assert RowCounts.of(outcome, rejected=1) == COUNTS
    assert COUNTS.total == 15


ENTRY = QuarantineEntry(
    source=Source.FTP,
    gateway_serial="AN1",
    bucket="lake",
    key="quarantine/x.json.gz",
    origin=FILE.origin,
    position="",
    reason="BAD_TIME",
    detail="line 3: \x1b[31m'; DROP TABLE readings; --",
    seen_at=AT,
    rows=7,
)


def kept(connection: Connection) -> Sequence[tuple[object, ...]]:
    return connection.execute(
        b"SELECT id, source, gateway_serial, bucket, key, origin, position, reason, detail, rows, seen_at,"
        b" state, replayed_at FROM quarantine ORDER BY reason"
    ).fetchall()


def test_input_rejected_twice_has_one_entry(connection: Connection) -> None:
    for _ in range(2):
        quarantine.note(connection, [ENTRY, replace(ENTRY, reason="NO_TIME")])
    first, second = kept(connection)
    assert first == (
        ENTRY.id, "ftp", "AN1", "lake", ENTRY.key, "s3://lake/ftp-backups/AN1/a b+c.csv#abc", "", "BAD_TIME",
        "line 3: \\x1b[31m'; DROP TABLE readings; --", 7, AT, "kept", None,
    )  # fmt: skip
    assert second[7] == "NO_TIME"


def test_the_entry_id_depends_on_origin_and_reason() -> None:
    text = f"{FILE.origin}\0\0BAD_TIME"
    assert ENTRY.id == hashlib.sha256(text.encode()).hexdigest()[:32]
    others = {replace(ENTRY, origin="x").id, replace(ENTRY, position="1").id, replace(ENTRY, reason="X").id}
    assert len(others | {ENTRY.id}) == 4
    assert replace(ENTRY, detail="y", key="z", seen_at=AT + timedelta(1)).id == ENTRY.id


def test_a_replayed_entry_stays_replayed_after_redelivery(connection: Connection) -> None:
    quarantine.note(connection, [ENTRY])
    later = AT + timedelta(days=1)
    assert quarantine.mark(connection, [ENTRY.id, "none"], QuarantineState.REPLAYED, at=later) == {ENTRY.id}
    quarantine.note(connection, [replace(ENTRY, rows=8)])
    ((*_, rows, _seen, state, replayed_at),) = kept(connection)
    assert (rows, state, replayed_at) == (8, "replayed", later)


def test_without_entries_no_statement_is_run(connection: Connection) -> None:
    quarantine.note(connection, [])
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
