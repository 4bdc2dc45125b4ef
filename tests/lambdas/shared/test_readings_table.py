"""The table `readings`: which row wins, what is counted, partitions, and several loaders at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import psycopg
import pytest

from smarterise_lambdas.shared.database import Connection, connect
from smarterise_lambdas.shared.readings_table import COLUMNS, LoadOutcome, Row, load_rows
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source
from smarterise_sdk.domain.readings.voltage_quality import Unbalance, UnbalanceMethod

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def row(voltage: float = 230.0, at: datetime = AT, source: Source = Source.IOT, batch: str = "b") -> Row:
    reading = Reading(
        gateway_serial="AN54101471",
        device_serial="CLD1",
        measured_at=at,
        source=source,
        values={Quantity.VOLTAGE_A: voltage},
        unbalance=Unbalance(1.25, UnbalanceMethod.U2),
        device_online=True,
        gateway_model="",
        device_model="",
        flags=("conflicting_values",),
    )
    return Row(reading, batch)


def stored(connection: Connection) -> list[tuple[object, ...]]:
    statement = b"SELECT measured_at, source, voltage_a, batch_id FROM readings ORDER BY 1"
    rows = connection.execute(statement).fetchall()
    connection.commit()
    return rows


def test_every_column_is_loaded_and_read_back(connection: Connection) -> None:
    every = {quantity: number + 0.1 for number, quantity in enumerate(Quantity)}
    load_rows(connection, [replace(row(), reading=replace(row().reading, values=every))])
    names = ", ".join(COLUMNS).encode()
    (found,) = connection.execute(b"SELECT " + names + b" FROM readings").fetchall()
    expected = (
        "AN54101471",
        "CLD1",
        AT,
        "iot",
        *every.values(),
        1.25,
        "u2",
        True,
        ["conflicting_values"],
        "b",
    )
    assert found == expected


def test_the_first_row_of_a_source_wins_and_the_rest_is_counted(connection: Connection) -> None:
    outcome = load_rows(connection, [row(230), row(230), row(231), row(232)])
    assert outcome == LoadOutcome(loaded=1, identical=1, superseded=0, differing=(2, 3))
    again = load_rows(connection, [row(231), row(230, batch="later")])
    assert again == LoadOutcome(loaded=0, identical=1, superseded=0, differing=(0,))
    assert stored(connection) == [(AT, "iot", 230.0, "b")]
    conflicts = connection.execute(
        b"SELECT content->>'voltage_a' FROM reading_conflicts ORDER BY 1"
    ).fetchall()
    assert conflicts == [("231",), ("232",)], "each contradiction once"


@pytest.mark.parametrize("order", permutations([Source.IOT, Source.FTP, Source.FTP]))
def test_the_stream_wins_over_files_in_any_order(connection: Connection, order: tuple[Source, ...]) -> None:
    voltages = {Source.IOT: 230.0, Source.FTP: 229.0}
    for source in order:
        load_rows(connection, [row(voltages[source], source=source)])
    assert stored(connection) == [(AT, "iot", 230.0, "b")]


def test_the_stream_wins_over_files_within_a_batch_too(connection: Connection) -> None:
    outcome = load_rows(connection, [row(229, source=Source.FTP), row(230)])
    assert outcome == LoadOutcome(loaded=1, identical=0, superseded=1, differing=())
    assert stored(connection) == [(AT, "iot", 230.0, "b")]


def test_a_replaced_row_counts_as_loaded_and_replaced(connection: Connection) -> None:
    later = AT + timedelta(minutes=1)
    load_rows(connection, [row(229, source=Source.FTP)])
    outcome = load_rows(connection, [row(230), row(230), row(231, later)])
    assert outcome == LoadOutcome(loaded=2, identical=1, superseded=0, differing=(), replaced=1)
    assert load_rows(connection, [row(229, source=Source.FTP)]) == LoadOutcome(0, 0, 1, ())


def test_a_value_missing_in_both_is_equal_and_in_one_is_not(connection: Connection) -> None:
    with_current = row()
    values = {**with_current.reading.values, Quantity.CURRENT_A: 1.0}
    more = Row(replace(with_current.reading, values=values), "b")
    assert load_rows(connection, [row(), row(), more]).differing == (2,)


def test_rows_of_many_months_create_their_partitions(connection: Connection) -> None:
    edge = datetime(2026, 1, 1, tzinfo=UTC)
    load_rows(connection, [row(at=edge), row(at=edge - timedelta(microseconds=1))])
    counted = b"SELECT tableoid::regclass::text, count(*) FROM readings GROUP BY 1 ORDER BY 1"
    assert connection.execute(counted).fetchall() == [("readings_2025_12", 1), ("readings_2026_01", 1)]


def test_rows_of_the_default_partition_move_to_their_month(connection: Connection) -> None:
    insert = (
        b"INSERT INTO readings (gateway_serial, measured_at, source, batch_id) VALUES ('AN1', %s, 'ftp', 'x')"
    )
    connection.execute(insert, [AT + timedelta(days=1)])
    connection.commit()
    load_rows(connection, [row()])
    assert connection.execute(b"SELECT count(*) FROM readings_default").fetchall() == [(0,)]
    assert connection.execute(b"SELECT count(*) FROM readings_2026_03").fetchall() == [(2,)]


def test_a_load_that_fails_loads_nothing(connection: Connection) -> None:
    invalid = replace(row().reading, gateway_serial="bad\x00")
    with pytest.raises((psycopg.Error, ValueError)):
        load_rows(connection, [row(), Row(invalid, "b")])
    connection.rollback()
    assert stored(connection) == []


def test_many_loaders_of_the_same_rows_load_each_once(database_url: str) -> None:
    rows = [row(at=AT + timedelta(days=number)) for number in range(0, 200, 2)]

    def load(number: int) -> LoadOutcome:
        # Each in another order: without a common one they would deadlock.
        with connect(database_url) as connection:
            return load_rows(connection, rows if number % 2 else rows[::-1])

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(load, range(4)))

    assert sum(outcome.loaded for outcome in outcomes) == len(rows)
    assert sum(outcome.identical for outcome in outcomes) == 3 * len(rows)
    assert [outcome.differing for outcome in outcomes] == [()] * 4
