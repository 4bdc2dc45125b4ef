"""Columns: which are shown how wide, and that a cell never spills over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_tui.fleet.columns import COLUMNS, GAP, fitted, lay_out
from smarterise_tui.fleet.rows import FleetRow

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def shown(width):
    layout = lay_out(width, ["ehm21120333"])
    return [column.key for column in layout.columns[: layout.shown]]


def test_eighty_columns_show_what_an_operator_needs_most():
    assert shown(77) == ["tier", "worst", "va", "vb", "vc", "u2", "kw", "age"]


def test_a_wide_terminal_shows_everything_with_a_longer_sparkline():
    layout = lay_out(158, ["ehm21120333"])
    assert layout.shown == len(COLUMNS)
    assert {column.key: column.width for column in layout.columns}["spark"] == 30


@pytest.mark.parametrize("width", [20, 40, 60, 77, 100, 120, 158, 300])
def test_what_is_shown_fits_and_nothing_is_lost(width):
    layout = lay_out(width, ["AN1"])
    used = layout.serial.width + sum(len(GAP) + c.width for c in layout.columns[: layout.shown])
    assert used <= width
    assert {column.key for column in layout.columns} == {column.key for column in COLUMNS}


def test_the_serial_column_is_as_wide_as_the_serials():
    assert lay_out(77, ["AN1"]).serial.width == 10
    assert lay_out(77, ["A" * 13]).serial.width == 13
    assert lay_out(77, ["A" * 64]).serial.width == 16


def row_of(name: str, value: float) -> FleetRow:
    row = FleetRow(Site("AN1", Tier.CRITICAL, name=name, capacity_kva=100))
    points = {metric: MetricPoint(value, NOW - timedelta(seconds=3)) for metric in Metric}
    row.take(list(Metric), points, NOW)
    return row


@given(st.text(max_size=60), st.floats(allow_nan=False, allow_infinity=False))
def test_every_cell_is_exactly_as_wide_as_its_column(name, value):
    row = row_of(name, value)
    layout = lay_out(158, ["AN1"])
    for column in (layout.serial, *layout.columns):
        text, _ = column.cell(row, NOW)
        assert cell_len(text) == column.width
        assert "\x1b" not in text
        assert "\n" not in text


def test_what_is_made_of_old_values_is_as_dim_as_they_are():
    row = row_of("x", 1.0)
    row.evaluate(NOW + timedelta(hours=1))
    styles = {column.key: column.cell(row, NOW)[1] for column in COLUMNS if column.metrics}
    assert {key: style for key, style in styles.items() if key != "spark"} == dict.fromkeys(
        ("va", "vb", "vc", "u2", "kw", "load"), "dim"
    )


@given(st.text(max_size=40), st.integers(2, 30), st.booleans())
def test_fitted_text_has_its_width(text, width, to_right):
    printable = "".join(character for character in text if cell_len(character) in (1, 2))
    assert cell_len(fitted(printable, width, to_right=to_right)) == width


@pytest.mark.parametrize(
    ("value", "text"),
    [(231.44, "231.4"), (0.0, "  0.0"), (1000.0, " 1000"), (11000.2, "11000"), (-3.0, " -3.0")],
)
def test_a_number_loses_decimals_before_it_is_cut(value, text):
    column = next(column for column in COLUMNS if column.key == "va")
    assert column.cell(row_of("x", value), NOW)[0] == text


def test_an_impossible_number_keeps_its_size():
    column = next(column for column in COLUMNS if column.key == "va")
    assert column.cell(row_of("x", 12345678.0), NOW)[0].strip() == "1e7"
