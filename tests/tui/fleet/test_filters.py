"""What the operator types after `/`."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_tui.fleet.filters import FIELDS, FilterError, parse_filter
from smarterise_tui.fleet.rows import FleetRow

_SOME_DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def row(clock):
    row = FleetRow(Site("AN10220456", Tier.CRITICAL, name="Lekki Phase 1", capacity_kva=100, asset_id="TX-7"))
    at = clock() - timedelta(seconds=90)
    values = {Metric.VOLTAGE_UNBALANCE: 2.51, Metric.ACTIVE_POWER: 48.0, Metric.POWER_FACTOR: 0.96}
    row.take(values, {metric: MetricPoint(value, at) for metric, value in values.items()}, clock())
    return row


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("lekki", True),
        ("LEKKI phase", True),
        ("yaba", False),
        ("!yaba", True),
        ("!lekki", False),
        ('name="lekki phase"', True),
        ("name=phase tier=critical", True),
        ("tier=NON_CRITICAL", False),
        ("tier!=NON_CRITICAL", True),
        ("tier=CRIT", False),
        ("u2>1.5", True),
        ("u2>2.51", False),
        ("u2>=2.51", True),
        ("u2<1", False),
        ("u2=2.51", True),
        ("u2!=2.51", False),
        ("!u2>1.5", False),
        ("va>0", False),
        ("va<1000", False),
        ("load>49", True),
        ("load<=50", True),
        ("age>1m", True),
        ("age>2m", False),
        ("age<=90", True),
        ("age<1h", True),
        ("enabled=yes", True),
        ("state=unbalance", True),
        ("status=warn", True),
        ("tx-7", True),
        ("serial=an10220456", True),
        ("u2>1.5 yaba", False),
        ("!", False),
    ],
)
def test_meaning(row, clock, text, expected):
    assert parse_filter(text).matches(row, clock()) is expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("volt_a>1", "there are"),
        ("staus=red", "did you mean stat"),
        ("u2>much", "u2 is a number"),
        ("age>soon", "age is a time"),
        ("tier>CRITICAL", "tier is text"),
        ('name="lek', "quote"),
        ("!u3>1", "no field u3"),
    ],
)
def test_what_cannot_be_understood_is_said(text, word):
    with pytest.raises(FilterError, match=word):
        parse_filter(text)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_a_complaint(text):
    row = FleetRow(Site("AN1", Tier.CRITICAL))
    with suppress(FilterError):
        assert parse_filter(text).matches(row, _SOME_DAY) in (True, False)


@given(st.sampled_from(sorted(FIELDS)), st.sampled_from(["=", "!="]), st.integers(0, 9))
def test_every_field_can_be_asked_of_a_site_without_values(field, how, number):
    row = FleetRow(Site("AN1", Tier.CRITICAL))
    assert parse_filter(f"{field}{how}{number}").matches(row, _SOME_DAY) in (True, False)


@pytest.mark.parametrize("text", ["u2", "u2>", "!u2>", "tier", "tier=", "lekki u2"])
def test_the_beginning_of_a_condition_hides_nothing_while_it_is_typed(row, clock, text):
    assert parse_filter(text, is_being_typed=True).matches(row, clock())


def test_a_finished_word_counts_while_typing(row, clock):
    assert not parse_filter("yaba", is_being_typed=True).matches(row, clock())
    assert not parse_filter("u2 ", is_being_typed=True).matches(row, clock())
