"""Packed rows are in the table what they were in the file, whichever way they take."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smarterise_lambdas.s3_to_rds_lambda.copy_format import BEGINNING, END, Packer
from smarterise_lambdas.s3_to_rds_lambda.row_writer import copy_directly, has_rows, note_days
from smarterise_lambdas.shared.readings_table import Stage, ensure_months
from smarterise_sdk.domain.log_files.rows import RowBlock
from smarterise_sdk.domain.readings.model import Quantity
from smarterise_sdk.domain.readings.timestamps import count_of, datetime_at
from smarterise_sdk.domain.readings.voltage_quality import UnbalanceMethod

if TYPE_CHECKING:
    from smarterise_lambdas.s3_to_rds_lambda.copy_format import Packed
    from smarterise_lambdas.shared.database import Connection, Cursor

START = datetime(2025, 3, 20, 23, 59, 50, tzinfo=UTC)
QUANTITIES = (Quantity.VOLTAGE_A, Quantity.FREQUENCY, Quantity.ENERGY_IMPORT)
CONSTANTS = {"gateway_serial": "AN54101471", "device_serial": "ü1", "source": "ftp", "batch_id": "a'\\b"}
FLAGS = ("meter_unknown",)
COLUMNS = (
    *("measured_at", "voltage_a", "frequency", "energy_import", "voltage_unbalance", "unbalance_method"),
    *("flags", "device_online", *CONSTANTS),
)

values = st.one_of(st.none(), st.floats(-1e12, 1e12), st.sampled_from([0.0, -0.0, 5e-324]))
rows = st.tuples(
    st.tuples(values, values, values),
    st.one_of(st.none(), st.tuples(st.floats(0, 100), st.sampled_from(UnbalanceMethod))),
    st.one_of(st.just(()), st.sampled_from([("clock_fault",), ("ambiguous_hour", "conflicting_values")])),
)


def block_of(found: list[tuple[Any, Any, Any]]) -> RowBlock:
    columns = [[row[0][place] for row in found] for place in range(len(QUANTITIES))]
    return RowBlock(
        header="",
        lines=range(7, 7 + len(found)),
        timestamps=[count_of(START) + number * 1_000_001 for number in range(len(found))],
        values={
            quantity: column if None in column else array("d", column)
            for quantity, column in zip(QUANTITIES, columns, strict=True)
        },
        unbalances=[row[1] and row[1][0] for row in found],
        methods=[row[1] and row[1][1] for row in found],
        flags={place: row[2] for place, row in enumerate(found) if row[2]},
    )


def expected(found: list[tuple[Any, Any, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            START + number * timedelta(microseconds=1_000_001),
            *measured,
            *((unbalance[0], unbalance[1].value) if unbalance else (None, None)),
            [*FLAGS, *flags],
            True,
            *CONSTANTS.values(),
        )
        for number, (measured, unbalance, flags) in enumerate(found)
    ]


def straight(cursor: Cursor, packed: list[Packed]) -> None:
    copy_directly(cursor, packed)


def staged(cursor: Cursor, packed: list[Packed]) -> None:
    stage = Stage(cursor)
    for each in packed:
        with stage.copying(each.staged_columns) as copy:
            copy.write(BEGINNING + each.staged_rows + END)
    positions = cursor.execute(b"SELECT position FROM incoming ORDER BY measured_at").fetchall()
    assert [position for (position,) in positions] == [line for each in packed for line in each.block.lines]
    assert stage.flush().loaded == sum(len(each.rests) for each in packed)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(rows, min_size=1, max_size=6))
@example([((1.5, 2.5, 3.5), (0.4, UnbalanceMethod.U2), ())] * 3)
@example([((1.5, None, None), None, ()), ((None, None, 2.5), None, ("clock_fault",))])
@example(
    [((1.5, 2.5, 3.5), (0.4, UnbalanceMethod.U2), ()), ((1.5, 2.5, 3.5), (0.4, UnbalanceMethod.PVUR), ())]
)
def test_rows_come_through_both_ways_exactly(
    connection: Connection, found: list[tuple[Any, Any, Any]]
) -> None:
    packer = Packer(CONSTANTS, FLAGS, connection.info.encoding)
    packed = [packer.pack(block_of(found))]
    for put in (straight, staged):
        with connection.transaction(force_rollback=True), connection.cursor() as cursor:
            put(cursor, packed)
            select = f"SELECT {', '.join(COLUMNS)} FROM readings ORDER BY measured_at"
            assert cursor.execute(select.encode()).fetchall() == expected(found)


def test_a_block_of_nothing_but_rejected_rows_is_nothing() -> None:
    packed = Packer(CONSTANTS, FLAGS, "utf-8").pack(RowBlock("", (), [], {}))
    assert (packed.columns, packed.rests) == ((), ())


def test_blocks_of_other_columns_follow_each_other_straight(connection: Connection) -> None:
    packer = Packer(CONSTANTS, (), connection.info.encoding)
    blocks = []
    for number, name in enumerate(("voltage_a", "voltage_a", "frequency", "voltage_a")):
        at = [count_of(START) + number]
        blocks.append(RowBlock("", [number], at, {Quantity(name): array("d", [number])}, [None], [None]))
    with connection.cursor() as cursor:
        copy_directly(cursor, map(packer.pack, blocks))
        cursor.execute(b"SELECT voltage_a, frequency FROM readings ORDER BY measured_at")
        assert cursor.fetchall() == [(0.0, None), (1.0, None), (None, 2.0), (3.0, None)]


def test_what_is_there_is_found_to_the_microsecond_and_of_the_same_meter_alone(
    connection: Connection,
) -> None:
    packer = Packer(CONSTANTS, (), connection.info.encoding)
    at = count_of(START)
    block = RowBlock("", [1], [at], {Quantity.FREQUENCY: array("d", [50])}, [None], [None])
    meter = (CONSTANTS["gateway_serial"], CONSTANTS["device_serial"])
    with connection.cursor() as cursor:
        ensure_months(cursor, [START])
        copy_directly(cursor, [packer.pack(block)])
        assert has_rows(cursor, *meter, at, at)
        assert has_rows(cursor, *meter, at - 9, at + 9)
        assert not has_rows(cursor, *meter, at + 1, at + 9)
        assert not has_rows(cursor, *meter, at - 9, at - 1)
        assert not has_rows(cursor, meter[0], "", at, at)
        assert not has_rows(cursor, "AN54101472", meter[1], at, at)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(st.integers(0, 400_000), min_size=1, max_size=30))
def test_each_day_is_marked_for_maintenance_from_first_to_last_reading(
    connection: Connection, seconds: set[int]
) -> None:
    timestamps = [count_of(START) + second * 1_000_000 for second in sorted(seconds)]
    days: dict[Any, list[datetime]] = {}
    for timestamp in map(datetime_at, timestamps):
        days.setdefault(timestamp.date(), []).append(timestamp)
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        note_days(cursor, "AN1", "M", timestamps)
        cursor.execute(
            b"SELECT gateway_serial, device_serial, first_measured_at, last_measured_at"
            b" FROM rollup_dirty ORDER BY 3"
        )
        assert cursor.fetchall() == [("AN1", "M", day[0], day[-1]) for day in days.values()]
