"""Number parsing: single values and columns give equal results."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.number_text import (
    LARGEST_VALUE,
    are_plausible,
    has_decimal_comma,
    number,
    numbers,
    table,
)

CELLS = st.one_of(
    st.floats().map(str),
    st.floats(-1000, 1000).map(lambda value: f"{value:.3f}"),
    st.sampled_from(
        ["----", "", "L", "nan", "inf", "-Infinity", "1_000", "1e13", "1e400", " 5 ", "0", "230,4"]
    ),
    st.text(max_size=8),
)


@given(st.lists(CELLS, max_size=150))
def test_a_column_is_what_each_cell_is(cells: list[str]) -> None:
    assert numbers(cells) == [number(cell) for cell in cells]
    if not any("_" in cell for cell in cells):
        assert numbers(cells, underscores=False) == [number(cell) for cell in cells]


@given(st.lists(st.sampled_from(["0.000", "230.4", "230.5"]), min_size=3, max_size=500))
def test_a_column_that_repeats_itself_is_the_same(cells: list[str]) -> None:
    assert numbers(cells) == [float(cell) for cell in cells]


@given(
    st.lists(st.one_of(st.floats(), st.floats(-1e4, 1e4), st.sampled_from([2.0**33, -1e12, 1e12, 1.1e12])))
)
def test_a_table_is_plausible_when_each_of_its_cells_is_a_number(values: list[float]) -> None:
    assert are_plausible(array("d", values)) == all(number(value) is not None for value in values)


@given(st.lists(CELLS.filter(lambda cell: "," not in cell), min_size=1, max_size=5))
def test_a_table_is_taken_only_when_each_of_its_cells_is_a_number(cells: list[str]) -> None:
    try:
        found: list[float | None] | None = [*table(",".join(cells))]
    except ValueError:
        found = None
    expected = [number(cell) for cell in cells]
    if found is not None and are_plausible(array("d", found)):
        assert found == expected
    else:
        assert None in expected


@pytest.mark.parametrize("cell", [str(LARGEST_VALUE), str(-LARGEST_VALUE)])
def test_the_largest_value_is_one(cell: str) -> None:
    assert numbers([cell] * 5) == [float(cell)] * 5
    assert numbers(["1.5", cell, "2.5"]) == [1.5, float(cell), 2.5]


def test_a_decimal_comma_is_taken_only_where_it_is_meant() -> None:
    cells = ["230,4", " -0,5 ", "+12,25", "7", "1.5", "1,234,5", "1.234,5", ",5", "5,"]
    assert numbers(cells, decimal_comma=True) == [230.4, -0.5, 12.25, 7.0, 1.5, None, None, None, None]
    assert numbers(cells) == [None, None, None, 7.0, 1.5, None, None, None, None]
    assert [has_decimal_comma(cell) for cell in cells] == [True, True, True, *[False] * 6]
