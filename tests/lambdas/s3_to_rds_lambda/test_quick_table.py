"""Numbers read quickly are those that are read slowly."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smarterise_lambdas.s3_to_rds_lambda.quick_table import quick_table
from smarterise_sdk.domain.readings.number_text import table

CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e4, 1e4).map(lambda value: f"{value:.3f}"),
    st.integers(-(2**70), 2**70).map(str),
    st.text("0123456789.,eE+- ", max_size=6),
    st.sampled_from(
        ["true", "null", "[1", "2]", '"a', 'b"', "1e999", "-0", "007", ".5", "5.", "1,2", "", " ", "٣"]
    ),
)


@given(st.lists(CELLS, min_size=1, max_size=30))
@example(["1,2"])
@example(["true"])
@example(["false", "1"])
@example(["[1", "2]"])
@example(["1", '"a', 'b"'])
@example(["1" + "0" * 400])
def test_what_it_returns_is_what_float_returns(cells: list[str]) -> None:
    text = ",".join(cells)
    try:
        quick = quick_table(text)
    except ValueError:
        return
    assert quick == table(text)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_every_number_comes_through_exactly(values: list[float]) -> None:
    assert quick_table(",".join(map(repr, values))).tolist() == values


@pytest.mark.parametrize(
    "text", ["", " ", "1,", ",1", "1,,2", "----", "1,true", "1,null", "{}", '"1"', "\udcff"]
)
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        quick_table(text)
