"""Meters of gateways: known from the stream, applied to files and to earlier rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from smarterise_lambdas.shared import meters
from smarterise_lambdas.shared.database import Connection, connect
from smarterise_lambdas.shared.meters import MeterChoice, meter_of_file
from smarterise_lambdas.shared.readings_table import Row, load_rows
from smarterise_sdk.domain.readings.model import METER_UNKNOWN, Quantity, Reading, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def row(voltage: float, at: datetime = AT, source: Source = Source.FTP, device: str = "") -> Row:
    values = {Quantity.VOLTAGE_A: voltage}
    return Row(Reading("AN1", device, at, source, values, None, True, "", ""), "b")


def unnamed(connection: Connection, *rows: Row) -> None:
    load_rows(connection, rows)
    with connection.transaction():
        meters.note_unnamed(connection, "AN1")


def heard(connection: Connection, *devices: str) -> None:
    with connection.transaction():
        meters.note_meters(connection, [("AN1", device) for device in devices], seen_at=AT)


def stored(connection: Connection) -> Sequence[tuple[object, ...]]:
    statement = b"SELECT device_serial, measured_at, source, voltage_a FROM readings ORDER BY 1, 2"
    with connection.transaction():
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize(
    ("known", "loggers", "choice"),
    [
        ((), {}, MeterChoice("")),
        (("CLD1",), {}, MeterChoice("CLD1")),
        (("CLD1",), {"logger1": "CLD2"}, MeterChoice("CLD2")),
        (("CLD1", "CLD2"), {"logger1": "CLD2"}, MeterChoice("CLD2")),
        (("CLD1", "CLD2"), {"logger2": "CLD2"}, MeterChoice("", (METER_UNKNOWN,))),
        (("CLD1", "CLD2"), {"logger1": ["CLD2"]}, MeterChoice("", (METER_UNKNOWN,))),
        (("CLD1", "CLD2"), {"logger1": ""}, MeterChoice("", (METER_UNKNOWN,))),
        (("CLD1", "CLD2"), {"logger1": "a\0\ud800"}, MeterChoice("", (METER_UNKNOWN,))),
    ],
)
def test_the_meter_of_a_file(known: tuple[str, ...], loggers: dict[str, object], choice: MeterChoice) -> None:
    assert meter_of_file(known, "logger1", loggers) == choice


def test_meters_are_listed_in_order_of_first_message(connection: Connection) -> None:
    heard(connection, "CLD2", "CLD2", "")
    with connection.transaction():
        meters.note_meters(connection, [("AN1", "CLD1"), ("AN2", "CLD3")], seen_at=AT + timedelta(1))
        meters.note_meters(connection, [], seen_at=AT)
    assert meters.known_meters(connection, "AN1") == ("CLD2", "CLD1")
    assert meters.known_meters(connection, "AN9") == ()


def test_rows_are_assigned_when_the_gateway_has_one_meter(connection: Connection) -> None:
    months = [row(230 + month, AT.replace(month=month)) for month in (1, 2, 3)]
    unnamed(connection, *months)
    arrived = connection.execute(b"SELECT ingested_at FROM readings ORDER BY 1").fetchall()
    connection.commit()
    assert len(meters.name_rows(connection)) == 0
    heard(connection, "CLD1")
    assert len(meters.name_rows(connection)) == 1
    assert stored(connection) == [
        ("CLD1", AT.replace(month=month), "ftp", 230.0 + month) for month in (1, 2, 3)
    ]
    assert connection.execute(b"SELECT ingested_at FROM readings ORDER BY 1").fetchall() == arrived
    connection.commit()
    assert len(meters.name_rows(connection)) == 0


def test_assigned_rows_follow_the_conflict_rule(connection: Connection) -> None:
    later = AT + timedelta(minutes=1)
    latest = AT + timedelta(minutes=2)
    unnamed(connection, row(229, AT), row(228, later), row(227, latest), row(226, latest))
    load_rows(connection, [row(230, AT, Source.IOT, "CLD1"), row(231, latest, Source.FTP, "CLD1")])
    heard(connection, "CLD1")
    assert len(meters.name_rows(connection)) == 1
    assert stored(connection) == [
        ("CLD1", AT, "iot", 230.0),
        ("CLD1", later, "ftp", 228.0),
        ("CLD1", latest, "ftp", 231.0),
    ]
    conflicts = b"SELECT device_serial, content->>'voltage_a' FROM reading_conflicts ORDER BY 2"
    assert connection.execute(conflicts).fetchall() == [("CLD1", "226"), ("CLD1", "227")]


def test_rows_of_a_gateway_with_several_meters_are_unchanged(connection: Connection) -> None:
    unnamed(connection, row(230))
    heard(connection, "CLD1", "CLD2")
    assert len(meters.name_rows(connection)) == 0
    assert stored(connection) == [("", AT, "ftp", 230.0)]


def test_a_few_gateways_are_processed_at_a_time(connection: Connection) -> None:
    for number in range(3):
        gateway = f"AN{number}"
        load_rows(connection, [Row(replace(row(230).reading, gateway_serial=gateway), "b")])
        with connection.transaction():
            meters.note_unnamed(connection, gateway)
            meters.note_meters(connection, [(gateway, "CLD1")], seen_at=AT)
    assert [len(meters.name_rows(connection, at_most=2)) for _ in range(3)] == [2, 1, 0]


def test_rows_of_a_concurrent_load_are_assigned_later(connection: Connection, database_url: str) -> None:
    unnamed(connection, row(230))
    heard(connection, "CLD1")
    with connect(database_url) as loader:
        with loader.transaction():
            # The loader has looked up the meters before the first was heard of, and is not done.
            meters.note_unnamed(loader, "AN1")
            assert len(meters.name_rows(connection)) == 0
            late = [row(229, AT + timedelta(hours=1))]
            loader.execute(
                b"INSERT INTO readings (gateway_serial, measured_at, source, batch_id)"
                b" VALUES ('AN1', %s, 'ftp', 'b')",
                [late[0].reading.measured_at],
            )
        assert len(meters.name_rows(connection)) == 1
    assert [device for device, *_ in stored(connection)] == ["CLD1", "CLD1"]


def test_concurrent_assignments_do_not_interfere(connection: Connection, database_url: str) -> None:
    unnamed(connection, *(row(230, AT + timedelta(minutes=number)) for number in range(200)))
    heard(connection, "CLD1")

    def name(_: int) -> int:
        with connect(database_url) as other:
            return len(meters.name_rows(other))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(name, range(4))) == 1
    assert {device for device, *_ in stored(connection)} == {"CLD1"}
