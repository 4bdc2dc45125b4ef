"""Unbalance against reference values and phasors; quality profiles."""

from __future__ import annotations

import cmath
import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.voltage_quality import (
    PROFILES,
    Phases,
    Unbalance,
    UnbalanceMethod,
    lvur,
    profile_of,
    pvur,
    u2,
    unbalance_columns,
    voltage_unbalance,
)

ALIVE = st.floats(150, 300)


def phasors(v1: float, v2: float, v3: float, angle: float = 0.0) -> tuple[complex, complex, complex]:
    """Line-to-neutral phasors 120° apart, the second one turned by `angle` degrees."""
    return (
        cmath.rect(v1, 0),
        cmath.rect(v2, math.radians(-120 + angle)),
        cmath.rect(v3, math.radians(120)),
    )


def lines(a: complex, b: complex, c: complex) -> tuple[float, float, float]:
    return abs(a - b), abs(b - c), abs(c - a)


@pytest.mark.parametrize(
    ("magnitudes", "angle", "expected_u2", "expected_lvur", "expected_pvur"),
    [
        ((240, 230, 220), 0, 2.510, 2.181, 4.348),
        ((230, 230, 200), 0, 4.545, 4.490, 9.091),
        ((230, 230, 230), 5, 2.910, 2.552, 0.0),
        ((230, 230, 0), 0, 50.0, 39.2, 100.0),
        ((230, 230, 230), 0, 0.0, 0.0, 0.0),
    ],
)
def test_the_check_values(
    magnitudes: tuple[float, float, float],
    angle: float,
    expected_u2: float,
    expected_lvur: float,
    expected_pvur: float,
) -> None:
    between = lines(*phasors(*magnitudes, angle))
    assert u2(*between) == pytest.approx(expected_u2, abs=0.0006)
    assert lvur(*between) == pytest.approx(expected_lvur, abs=0.05 if expected_u2 == 50 else 0.0006)
    assert pvur(*magnitudes) == pytest.approx(expected_pvur, abs=0.0006)


def test_a_shift_of_the_neutral_is_seen_by_pvur_alone() -> None:
    shifted = [phasor - 12 for phasor in phasors(230, 230, 230)]
    assert u2(*lines(*shifted)) == pytest.approx(0, abs=1e-4)
    assert pvur(*(abs(phasor) for phasor in shifted)) > 5


@given(ALIVE, ALIVE, ALIVE, st.floats(-20, 20))
def test_u2_is_negative_over_positive_sequence(v1: float, v2: float, v3: float, angle: float) -> None:
    a, b, c = phasors(v1, v2, v3, angle)
    turn = cmath.rect(1, math.radians(120))
    positive, negative = a + turn * b + turn**2 * c, a + turn**2 * b + turn * c
    # The closed form goes through a fourth power, so near zero it keeps half the digits.
    assert u2(*lines(a, b, c)) == pytest.approx(100 * abs(negative) / abs(positive), rel=1e-5, abs=1e-4)


@given(*[st.floats(0, 1e300)] * 3)
@example(0.0, 0.0, 5e-324)
def test_it_is_a_percentage_for_any_three_magnitudes(v12: float, v23: float, v31: float) -> None:
    assume(max(v12, v23, v31) > 0)
    assert 0 <= u2(v12, v23, v31) <= 100
    assert 0 <= lvur(v12, v23, v31) <= 200.0001


@given(ALIVE, ALIVE, ALIVE, st.floats(0.001, 1000))
def test_the_unit_does_not_matter(v12: float, v23: float, v31: float, scale: float) -> None:
    for formula in (u2, lvur, pvur):
        scaled = formula(v12 * scale, v23 * scale, v31 * scale)
        assert scaled == pytest.approx(formula(v12, v23, v31), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("formula", [u2, lvur, pvur])
def test_nothing_cannot_be_compared(formula: object) -> None:
    assert callable(formula)
    with pytest.raises(ValueError, match="zero"):
        formula(0, 0, 0)


LINES: Phases = (400.0, 400.0, 380.0)
PHASES: Phases = (240.0, 230.0, 220.0)
NONE: Phases = (None, None, None)


@pytest.mark.parametrize(
    ("between", "to_neutral", "method"),
    [
        (LINES, PHASES, UnbalanceMethod.U2),
        (LINES, NONE, UnbalanceMethod.U2),
        ((400.0, None, 380.0), PHASES, UnbalanceMethod.PVUR),
        (NONE, PHASES, UnbalanceMethod.PVUR),
        ((0.0, 0.0, 0.0), PHASES, UnbalanceMethod.PVUR),
        ((-400.0, 400.0, 400.0), PHASES, UnbalanceMethod.PVUR),
        (NONE, (230.0, None, 230.0), None),
        (NONE, NONE, None),
        ((30.0, 40.0, 20.0), (22.0, 23.0, 22.0), None),
        (NONE, (0.0, 0.0, 0.0), None),
    ],
)
def test_it_takes_the_best_method_that_the_values_allow(
    between: Phases, to_neutral: Phases, method: UnbalanceMethod | None
) -> None:
    found = voltage_unbalance(between, to_neutral, 230)
    assert (found.method if found else None) == method
    if method is UnbalanceMethod.PVUR:
        assert found is not None
        assert found.value == pytest.approx(4.348, abs=0.001)


def test_a_lost_phase_is_unbalance_and_not_an_outage() -> None:
    assert voltage_unbalance(NONE, (230.0, 230.0, 0.0), 230) == Unbalance(100.0, UnbalanceMethod.PVUR)


def test_outage_is_evaluated_by_the_sites_own_nominal_voltage() -> None:
    assert voltage_unbalance(NONE, (230.0, 230.0, 230.0), 11_000) is None


def test_profiles_hold_their_limits() -> None:
    en50160, c84 = profile_of("en50160"), profile_of("c84.1")
    assert list(en50160.band(230)) == pytest.approx([207, 253])
    assert (en50160.unbalance_warn_percent, en50160.unbalance_critical_percent) == (2, 3)
    assert list(c84.band(120)) == pytest.approx([114, 126])
    assert c84.unbalance_warn_percent == 3


def test_every_profile_is_found_by_its_name_and_another_is_the_standard() -> None:
    assert {profile_of(name).name for name in PROFILES} == {"en50160", "c84.1", "custom"}
    assert profile_of("no such profile").name == "en50160"


VOLTAGES = st.one_of(
    st.none(), st.floats(-10, 450), st.sampled_from([0.0, 22.9, 23.0, 39.83, 39.84, 1e300, 5e-324])
)


@given(st.lists(st.tuples(*[VOLTAGES] * 6), max_size=20), st.sampled_from([230.0, 120.0, 11_000.0]))
def test_columns_have_the_unbalance_of_their_rows(
    rows: list[tuple[float | None, ...]], nominal: float
) -> None:
    columns = [[row[place] for row in rows] for place in range(6)]
    values, methods = unbalance_columns(
        (columns[0], columns[1], columns[2]), (columns[3], columns[4], columns[5]), nominal
    )
    for row, value, method in zip(rows, values, methods, strict=True):
        found = voltage_unbalance((row[0], row[1], row[2]), (row[3], row[4], row[5]), nominal)
        assert (value, method) == ((found.value, found.method) if found else (None, None))
