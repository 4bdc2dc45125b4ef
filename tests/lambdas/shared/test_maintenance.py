"""Maintenance after loads: quality and aggregates, also for late readings, and partitions ahead."""

from __future__ import annotations

import math
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_lambdas.shared import meters
from smarterise_lambdas.shared.database import Connection, connect
from smarterise_lambdas.shared.maintenance import Maintenance, refresh
from smarterise_lambdas.shared.readings_table import Row, load_rows
from smarterise_lambdas.shared.rollups import MEANS, ROOT_MEAN_SQUARES, TimeRange, merged
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source
from smarterise_sdk.domain.readings.quality import QualityFlag
from smarterise_sdk.domain.readings.voltage_quality import Unbalance, UnbalanceMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
FOREVER = math.inf


def row(
    at: datetime,
    voltage: float = 230.0,
    energy: float | None = None,
    power: float = 60.0,
    source: Source = Source.IOT,
    gateway: str = "AN1",
    **more: Any,
) -> Row:
    values = {Quantity.VOLTAGE_A: voltage, Quantity.ACTIVE_POWER_TOTAL: power}
    if energy is not None:
        values[Quantity.ENERGY_IMPORT] = energy
    unbalance = Unbalance(1.0, UnbalanceMethod.U2)
    reading = Reading(gateway, "CLD1", at, source, values, unbalance, True, "", "")
    return Row(replace(reading, **more), "b")


def minutes(count: int, start: datetime = AT, energy: float = 1000.0) -> list[Row]:
    return [row(start + n * MINUTE, 230.0 + n, energy + n) for n in range(count)]


def query(connection: Connection, statement: str) -> Sequence[tuple[Any, ...]]:
    with connection.transaction():
        return connection.execute(statement.encode()).fetchall()


def flagged(connection: Connection) -> dict[datetime, list[str]]:
    found = query(connection, "SELECT measured_at, quality FROM readings WHERE quality <> '{}' ORDER BY 1")
    return dict(found)  # type: ignore[arg-type]


def everything(connection: Connection) -> list[Sequence[tuple[Any, ...]]]:
    columns = ", ".join(
        name for quantity in (*ROOT_MEAN_SQUARES, *MEANS) for name in (quantity, f"{quantity}_min")
    )
    tables = ("readings_10min", "readings_1h", "readings_1d")
    rollups = [
        query(
            connection,
            f"SELECT gateway_serial, device_serial, bucket, samples, flagged, covered_s, completeness,"
            f" {columns}, energy_import FROM {table} ORDER BY 1, 2, 3",
        )
        for table in tables
    ]
    return [*rollups, query(connection, "SELECT measured_at, quality FROM readings ORDER BY 1")]


def test_ten_minute_aggregates_are_rms_and_mean(connection: Connection) -> None:
    load_rows(connection, [row(AT + n * MINUTE, 220.0 + n, 100.0 + n, 10.0 * n) for n in range(10)])
    assert refresh(connection, until=FOREVER) == Maintenance(time_ranges=1, flagged=0, named=0)
    (found,) = query(
        connection,
        "SELECT gateway_serial, device_serial, bucket, samples, flagged, covered_s, completeness, voltage_a,"
        " voltage_a_min, voltage_a_max, voltage_b, active_power_total, active_power_total_min,"
        " active_power_total_max, voltage_unbalance, energy_import, energy_export FROM readings_10min",
    )
    root = math.sqrt(sum((220.0 + n) ** 2 for n in range(10)) / 10)
    assert found == (
        "AN1", "CLD1", AT, 10, 0, 600.0, 1.0, pytest.approx(root), 220.0, 229.0, None,
        pytest.approx(45.0), 0.0, 90.0, pytest.approx(1.0), 109.0, None,
    )  # fmt: skip


def test_longer_intervals_are_weighted_by_covered_time(connection: Connection) -> None:
    whole = [row(AT + n * MINUTE, 200.0) for n in range(10)]
    half = [row(AT + (10 + n) * MINUTE, 300.0, power=90.0) for n in range(5)]
    load_rows(connection, [*whole, *half])
    refresh(connection, until=FOREVER)
    columns = "bucket, samples, covered_s, completeness, voltage_a, voltage_a_min, active_power_total"
    root = math.sqrt((200**2 * 600 + 300**2 * 300) / 900)
    for table, seconds, start in (("1h", 3600, AT), ("1d", 86_400, AT.replace(hour=0))):
        (found,) = query(connection, f"SELECT {columns} FROM readings_{table}")
        power = (60 * 600 + 90 * 300) / 900
        assert found == (
            start, 15, 900.0, pytest.approx(900 / seconds), pytest.approx(root), 200.0, pytest.approx(power),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "count", "completeness"),
    [(10 * SECOND, 60, 1.0), (10 * SECOND, 15, 0.25), (15 * MINUTE, 1, 1.0)],
)
def test_completeness_depends_on_the_meters_interval(
    connection: Connection, step: timedelta, count: int, completeness: float
) -> None:
    before = [row(AT - n * step) for n in range(1, 10)]
    load_rows(connection, [*before, *(row(AT + n * step) for n in range(count))])
    refresh(connection, until=FOREVER)
    found = query(connection, f"SELECT completeness FROM readings_10min WHERE bucket = '{AT.isoformat()}'")
    assert found == [(pytest.approx(completeness),)]


def test_late_readings_update_all_their_aggregates(connection: Connection) -> None:
    rows = minutes(200)
    load_rows(connection, rows)
    refresh(connection, until=FOREVER)
    expected = everything(connection)
    connection.execute(b"TRUNCATE readings, readings_10min, readings_1h, readings_1d, rollup_dirty")
    connection.commit()
    late = rows[50:80]
    load_rows(connection, [each for each in rows if each not in late])
    refresh(connection, until=FOREVER)
    assert flagged(connection) == {AT + 80 * MINUTE: ["gap"]}
    load_rows(connection, late)
    refresh(connection, until=FOREVER)
    assert everything(connection) == expected
    assert flagged(connection) == {}


@pytest.mark.parametrize("seed", range(3))
def test_the_result_does_not_depend_on_the_order_of_arrival(database_url: str, seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        row(each.reading.measured_at, 230.0, each.reading.values[Quantity.ENERGY_IMPORT])
        for each in minutes(300)
    ]
    outcomes = []
    for _ in range(2):
        with connect(database_url) as connection:
            connection.execute(b"TRUNCATE readings, readings_10min, readings_1h, readings_1d, rollup_dirty")
            connection.commit()
            chance.shuffle(rows)
            for start in range(0, len(rows), 60):
                load_rows(connection, rows[start : start + 60])
                if chance.random() < 0.5:
                    refresh(connection, until=FOREVER)
            refresh(connection, until=FOREVER)
            outcomes.append(everything(connection))
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0][0]) == 30


def test_a_row_replaced_by_the_stream_is_recomputed(connection: Connection) -> None:
    load_rows(connection, [row(AT, 200.0, source=Source.FTP)])
    refresh(connection, until=FOREVER)
    load_rows(connection, [row(AT, 230.0)])
    assert refresh(connection, until=FOREVER).time_ranges == 1
    assert query(connection, "SELECT voltage_a FROM readings_10min") == [(230.0,)]


def test_a_load_without_changes_needs_no_maintenance(connection: Connection) -> None:
    load_rows(connection, minutes(3))
    refresh(connection, until=FOREVER)
    load_rows(connection, minutes(3))
    assert refresh(connection, until=FOREVER) == Maintenance()


def test_a_bucket_without_readings_is_deleted(connection: Connection) -> None:
    load_rows(connection, [row(AT), row(AT + 20 * MINUTE)])
    refresh(connection, until=FOREVER)
    assert len(query(connection, "SELECT FROM readings_10min")) == 2
    load_rows(connection, [row(AT + 2 * MINUTE)])
    connection.execute(b"DELETE FROM readings WHERE measured_at < %s", [AT + 10 * MINUTE])
    connection.commit()
    refresh(connection, until=FOREVER)
    assert query(connection, "SELECT bucket FROM readings_10min") == [(AT + 20 * MINUTE,)]


def test_offline_meters_and_wrong_clocks_are_excluded(connection: Connection) -> None:
    load_rows(
        connection,
        [
            row(AT, 230.0),
            row(AT + MINUTE, 1.0, device_online=False),
            row(AT + 2 * MINUTE, 1.0, flags=("clock_fault",)),
            row(AT + 3 * MINUTE, 230.0, flags=("ambiguous_hour",)),
        ],
    )
    refresh(connection, until=FOREVER)
    found = query(connection, "SELECT samples, flagged, voltage_a_min FROM readings_10min")
    assert found == [(2, 1, 230.0)]


def test_implausible_values_do_not_fail_maintenance(connection: Connection) -> None:
    load_rows(connection, [row(AT, 1e300), row(AT + MINUTE, 230.0)])
    refresh(connection, until=FOREVER)
    assert query(connection, "SELECT voltage_a, voltage_a_max FROM readings_10min") == [(230.0, 1e300)]


def test_a_clock_that_stepped_back_is_flagged_and_excluded(connection: Connection) -> None:
    load_rows(connection, minutes(60))
    refresh(connection, until=FOREVER)
    shifted = [
        row(AT + (52 + n) * MINUTE + 30 * SECOND, 1.0 if n < 7 else 300.0, 1060.0 + n) for n in range(20)
    ]
    for each in shifted:
        load_rows(connection, [each])
        refresh(connection, until=FOREVER)
    wrong = {each.reading.measured_at: ["clock_fault"] for each in shifted[:7]}
    # The time that was lost makes the register jump.
    assert flagged(connection) == {**wrong, shifted[7].reading.measured_at: ["spike"]}
    (lowest,) = query(connection, "SELECT voltage_a_min FROM readings_10min ORDER BY bucket LIMIT 1 OFFSET 5")
    assert lowest == (280.0,)


def test_a_clock_that_ran_ahead_is_flagged_when_detected(connection: Connection) -> None:
    load_rows(connection, minutes(10))
    ahead = [row(AT + (100 + n) * MINUTE, 1.0, 1010.0 + n) for n in range(2)]
    back = [row(AT + (12 + n) * MINUTE, 230.0, 1012.0 + n) for n in range(8)]
    for each in [*ahead, *back]:
        load_rows(connection, [each])
        refresh(connection, until=FOREVER)
    assert flagged(connection) == {each.reading.measured_at: ["clock_fault"] for each in ahead}
    found = query(connection, "SELECT bucket FROM readings_10min ORDER BY 1")
    assert found == [(AT,), (AT + 10 * MINUTE,)], "the buckets of the wrong timestamps are deleted"


def test_a_register_that_falls_and_a_gap_are_flagged(connection: Connection) -> None:
    load_rows(connection, [*minutes(10), *minutes(10, AT + 30 * MINUTE, energy=3.0)])
    refresh(connection, until=FOREVER)
    assert flagged(connection) == {AT + 30 * MINUTE: ["gap", "negative_consumption"]}


def test_a_gap_is_detected_from_the_previous_reading(connection: Connection) -> None:
    load_rows(connection, minutes(10))
    refresh(connection, until=FOREVER)
    later = AT + timedelta(days=20)
    load_rows(connection, minutes(10, later, energy=2000.0))
    refresh(connection, until=FOREVER)
    assert flagged(connection) == {later: ["gap"]}


def test_a_spike_is_flagged_when_the_next_reading_arrives(connection: Connection) -> None:
    load_rows(connection, [*minutes(10), row(AT + 10 * MINUTE, 900.0, 1010.0)])
    refresh(connection, until=FOREVER)
    assert flagged(connection) == {}
    load_rows(connection, [row(AT + 11 * MINUTE, 240.0, 1011.0)])
    refresh(connection, until=FOREVER)
    assert flagged(connection) == {AT + 10 * MINUTE: [QualityFlag.SPIKE.value]}


def test_each_meter_is_assessed_separately(connection: Connection) -> None:
    rows = [row(AT + n * MINUTE, energy=1000.0 * (n % 2) + n, gateway=f"AN{n % 2}") for n in range(60)]
    load_rows(connection, rows)
    refresh(connection, until=FOREVER)
    assert flagged(connection) == {}
    assert query(connection, "SELECT count(*), count(DISTINCT gateway_serial) FROM readings_10min") == [
        (12, 2)
    ]


def test_aggregates_follow_rows_assigned_to_a_meter(connection: Connection) -> None:
    load_rows(connection, [row(AT + n * MINUTE, source=Source.FTP, device_serial="") for n in range(3)])
    with connection.transaction():
        meters.note_unnamed(connection, "AN1")
    refresh(connection, until=FOREVER)
    assert query(connection, "SELECT device_serial, samples FROM readings_10min") == [("", 3)]
    with connection.transaction():
        meters.note_meters(connection, [("AN1", "CLD1")], seen_at=AT)
    assert refresh(connection, until=FOREVER).named == 1
    for table in ("10min", "1h", "1d"):
        assert query(connection, f"SELECT device_serial, samples FROM readings_{table}") == [("CLD1", 3)]


def test_it_stops_at_its_deadline_and_continues_later(connection: Connection) -> None:
    for day in range(10):
        load_rows(
            connection,
            [row(AT + timedelta(days=day), power=0), row(AT + timedelta(days=day, hours=11), power=0)],
        )
    times = iter([0.0, 0.0, 9.0])
    first = refresh(connection, until=5.0, clock=lambda: next(times))
    assert (first.is_done, first.time_ranges) == (False, 8), "two pieces of two days each"
    assert refresh(connection, until=FOREVER) == Maintenance(time_ranges=2, flagged=0, named=0)
    assert query(connection, "SELECT count(*) FROM readings_1d") == [(10,)]


def test_one_process_at_a_time_runs_maintenance(connection: Connection, database_url: str) -> None:
    load_rows(connection, minutes(3))
    with connect(database_url) as other, other.transaction():
        other.execute(b"SELECT pg_advisory_xact_lock(hashtext('smarterise.maintenance'))")
        assert refresh(connection, until=FOREVER) == Maintenance(is_done=False)
    assert refresh(connection, until=FOREVER).time_ranges == 1


def test_concurrent_loads_and_maintenance_miss_nothing(connection: Connection, database_url: str) -> None:
    def load(number: int) -> None:
        with connect(database_url) as other:
            for start in range(0, 60, 5):
                load_rows(other, [row(AT + (start + n) * MINUTE, gateway=f"AN{number}") for n in range(5)])

    def keep(_: int) -> None:
        with connect(database_url) as other:
            for _round in range(20):
                refresh(other, until=FOREVER)

    with ThreadPoolExecutor(4) as pool:
        for done in [
            *(pool.submit(load, number) for number in range(2)),
            *(pool.submit(keep, n) for n in range(2)),
        ]:
            done.result()
    refresh(connection, until=FOREVER)
    assert query(connection, "SELECT count(*), sum(samples), min(completeness) FROM readings_10min") == [
        (12, 120, 1)
    ]
    assert query(connection, "SELECT sum(samples) FROM readings_1d") == [(120,)]


def test_adjacent_time_ranges_are_merged() -> None:
    def time_range(first: int, last: int, meter: str = "CLD1") -> TimeRange:
        return TimeRange("AN1", meter, AT + first * MINUTE, AT + last * MINUTE)

    time_ranges = [
        time_range(30, 40),
        time_range(0, 10),
        time_range(5, 7),
        time_range(11, 12),
        time_range(0, 1, "CLD2"),
    ]
    assert merged(time_ranges, MINUTE) == [time_range(0, 12), time_range(30, 40), time_range(0, 1, "CLD2")]
    assert merged([], MINUTE) == []


def test_partitions_are_created_ahead(connection: Connection) -> None:
    connection.execute(b"SELECT ensure_readings_partitions_ahead(2)")
    found = query(
        connection,
        "SELECT count(*), min(relname), bool_and(relname > 'readings_2') FROM pg_class"
        " WHERE relname LIKE 'readings\\_2%' AND relkind = 'r'",
    )
    ((count, first, _),) = found
    assert count == 3
    assert first == datetime.now(UTC).strftime("readings_%Y_%m")
