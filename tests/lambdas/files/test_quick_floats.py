"""Numbers read quickly are those that are read slowly."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from smarterise_lambdas.s3_to_rds_lambda.quick_floats import quick_floats, quick_table
from smarterise_sdk.domain.numerals import floats, numbers, table

CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e4, 1e4).map(lambda value: f"{value:.3f}"),
    st.integers(-(2**70), 2**70).map(str),
    st.text("0123456789.,eE+- ", max_size=6),
    st.sampled_from(
        ["true", "null", "[1", "2]", '"a', 'b"', "1e999", "-0", "007", ".5", "5.", "1,2", "", " ", "٣"]
    ),
)


@given(st.lists(CELLS, max_size=30))
@example(["1,2"])
@example(["true"])
@example(["[1", "2]"])
@example(["1", '"a', 'b"'])
def test_they_take_and_refuse_the_same(cells: list[str]) -> None:
    try:
        slow: list[float] | None = floats(cells)
    except ValueError:
        slow = None
    try:
        quick: list[float] | None = quick_floats(cells)
    except ValueError:
        quick = None
    assert quick == slow
    assert numbers(cells, read=quick_floats) == numbers(cells)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=50))
def test_every_number_comes_through_exactly(values: list[float]) -> None:
    assert quick_floats([repr(value) for value in values]) == values


@given(st.lists(CELLS, min_size=1, max_size=5))
@example(["true"])
@example(["[1", "2]"])
@example(["1" + "0" * 400])
def test_a_table_that_is_read_is_read_alike(cells: list[str]) -> None:
    text = ",".join(cells)
    try:
        quick = quick_table(text)
    except ValueError:
        return
    assert quick == table(text)
