"""Data quality flags: positive and negative cases, and invariants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.quality import QualityFlag, Sample, assess, clock_faults, usual_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KW_FOR_A_KWH_A_MINUTE = 60.0


def at(minutes: float) -> datetime:
    return AT + minutes * MINUTE


def sample(
    minutes: float,
    energy: float | None = None,
    power: float | None = None,
    voltage: float | None = 230.0,
    arrived: float | None = None,
    is_sound: bool = True,
) -> Sample:
    came = at(minutes if arrived is None else arrived)
    return Sample(at(minutes), came, energy, power, (voltage, 230.0, 230.0), is_sound)


def flagged(samples: Sequence[Sample]) -> dict[int, tuple[str, ...]]:
    return {position: flags for position, flags in enumerate(assess(samples)) if flags}


def test_a_steady_meter_has_no_flags() -> None:
    samples = [sample(n, 1000.0 + n, KW_FOR_A_KWH_A_MINUTE) for n in range(120)]
    assert flagged(samples) == {}


def test_no_samples_have_no_flags() -> None:
    assert assess([]) == []


# Clock faults, in the order in which readings came.


def faults(*came: tuple[float, float | None]) -> set[int]:
    return set(clock_faults([at(minutes) for minutes, _ in came], [energy for _, energy in came]))


def test_time_that_steps_back_while_the_register_rises_is_a_clock_fault() -> None:
    first = [(float(n), 100.0 + n) for n in range(60)]
    shifted = [(n - 7 + 0.5, 100.0 + n) for n in range(60, 120)]
    assert faults(*first, *shifted) == set(range(60, 66)), "those before 59"


def test_a_clock_that_ran_ahead_for_a_while_is_the_one_at_fault() -> None:
    came = [
        (0.0, 100.0),
        (1.0, 101.0),
        (92.0, 102.0),
        (93.0, 103.0),
        (4.0, 104.0),
        (5.0, 105.0),
        (6.0, 106.0),
    ]
    assert faults(*came) == {2, 3}


def test_old_readings_that_come_late_are_no_clock_fault() -> None:
    live = [(60.0 + n, 160.0 + n) for n in range(3)]
    backlog = [(10.0 + n, 110.0 + n) for n in range(3)]
    assert faults(*live, *backlog, (63.0, 163.0)) == set()


def test_readings_in_no_order_at_all_are_no_clock_fault() -> None:
    assert faults((5.0, 105.0), (3.0, 103.0), (9.0, 109.0), (1.0, 101.0)) == set()


def test_of_two_that_contradict_each_other_the_later_one_is_at_fault() -> None:
    assert faults((10.0, 100.0), (3.0, 101.0)) == {1}


def test_a_register_that_stands_still_reports_nothing_of_the_clock() -> None:
    assert faults((10.0, 100.0), (3.0, 100.0)) == set()
    assert faults((10.0, None), (3.0, None)) == set()


def test_without_a_register_of_its_own_a_reading_has_the_last_one() -> None:
    assert faults((9.0, None), (10.0, 100.0), (3.0, 101.0), (4.0, None)) == {2, 3}


def test_a_register_that_began_anew_is_not_taken_for_a_clock_fault() -> None:
    before = [(float(n), 5000.0 + n) for n in range(5)]
    after = [(10.0 + n, 0.5 + n) for n in range(5)]
    assert faults(*before, *after) == set()
    assert faults(*before, *after, (12.5, 90.0)) == {10}


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=7))
def test_what_is_left_agrees_with_the_register_and_nothing_less_need_be_left_out(
    came: list[tuple[int, int]],
) -> None:
    # Registers above half of each other: one epoch.
    rows = [(float(minutes), 100.0 + step) for minutes, step in came]
    timestamps = [minutes for minutes, _ in rows]
    found = faults(*rows)

    def agrees(positions: Sequence[int]) -> bool:
        kept = sorted((rows[p][1], rows[p][0]) for p in positions)
        return all(first[1] <= second[1] for first, second in pairwise(kept))

    everything = range(len(rows))
    if all(first < second for first, second in pairwise(timestamps)):
        assert found == set()  # then the register is at fault, if any is
    else:
        assert agrees([p for p in everything if p not in found])
        fewer = (set(everything) - set(kept) for kept in combinations(everything, len(rows) - len(found) + 1))
        assert not any(agrees([p for p in everything if p not in out]) for out in fewer)


def test_a_row_that_came_later_and_is_stamped_earlier_is_flagged_in_the_table() -> None:
    samples = [sample(n, 100.0 + n, 60.0) for n in range(60)]
    shifted = sample(52.5, 160.0, 60.0, arrived=60)
    assert flagged([*samples[:53], shifted, *samples[53:]]) == {53: (QualityFlag.CLOCK_FAULT,)}


# The register.


def test_a_register_that_falls_is_negative_consumption() -> None:
    samples = [sample(0, 100), sample(1, 101), sample(2, 3), sample(3, 4)]
    assert flagged(samples) == {2: (QualityFlag.NEGATIVE_CONSUMPTION,)}


def test_a_register_that_stands_while_power_is_drawn_is_frozen() -> None:
    moving = [sample(n, 100.0 + n, 60.0) for n in range(3)]
    standing = [sample(n, 102.0, 60.0) for n in range(3, 16)]
    found = flagged([*moving, *standing, sample(16, 103.0, 60.0)])
    assert found == dict.fromkeys(range(12, 16), (QualityFlag.FROZEN_REGISTER,)), "from ten minutes on"


@pytest.mark.parametrize("power", [0.0, 1.0, -500.0, None])
def test_a_register_that_stands_while_little_is_drawn_is_not(power: float | None) -> None:
    assert flagged([sample(n, 100.0, power) for n in range(60)]) == {}


def test_without_registers_nothing_is_said_of_them() -> None:
    assert flagged([sample(n, None, 60.0) for n in range(60)]) == {}


# Gaps.


def test_a_gap_is_reported_at_its_end() -> None:
    minutes = [*range(10), *range(14, 20)]
    assert flagged([sample(n) for n in minutes]) == {10: (QualityFlag.GAP,)}


def test_a_jitter_is_no_gap_and_two_readings_report_of_none() -> None:
    assert flagged([sample(n) for n in (0, 1, 2, 4, 5, 7.5, 8)]) == {}
    assert flagged([sample(0), sample(600)]) == {}


def test_the_usual_interval_is_the_median() -> None:
    assert usual_interval([at(n) for n in (0, 1, 2, 3, 60)]) == MINUTE
    assert usual_interval([at(n) for n in (0, 1, 2)]) is None


# Spikes.


def test_power_that_jumps_for_one_reading_is_a_spike() -> None:
    powers = [60.0, 60.0, 400.0, 60.0, 60.0]
    assert flagged([sample(n, None, power) for n, power in enumerate(powers)]) == {2: (QualityFlag.SPIKE,)}
    steps = [60.0, 60.0, 400.0, 400.0, 60.0]
    assert flagged([sample(n, None, power) for n, power in enumerate(steps)]) == {}


def test_a_voltage_that_jumps_for_one_reading_is_a_spike_and_an_outage_is_none() -> None:
    def of(*voltages: float | None) -> dict[int, tuple[str, ...]]:
        return flagged([sample(n, voltage=voltage) for n, voltage in enumerate(voltages)])

    assert of(230, 231, 400, 229, 230) == {2: (QualityFlag.SPIKE,)}
    assert of(230, 231, 0, 229, 230) == {}
    assert of(230, 0, 231, 229, 230) == {}
    assert of(0, 0, 231, 0, 0) == {}
    assert of(230, None, 400, 229, 230) == {}


def test_a_register_that_jumps_beyond_what_power_explains_is_a_spike() -> None:
    samples = [sample(0, 100, 60), sample(1, 101, 60), sample(2, 150, 60), sample(3, 151, 60)]
    assert flagged(samples) == {2: (QualityFlag.SPIKE,)}
    samples = [sample(0, 100, 60), sample(1, 101, 60), sample(60, 180, 60), sample(61, 181, 60)]
    assert QualityFlag.SPIKE not in flagged(samples).get(2, ())


def test_what_is_not_sound_is_neither_evaluated_nor_evaluated_by() -> None:
    samples = [sample(n, 100.0 + n, 60.0) for n in range(10)]
    old = sample(4.5, 3.0, 9000.0, is_sound=False)
    assert flagged([*samples[:5], old, *samples[5:]]) == {}


ENERGY = st.none() | st.integers(0, 20).map(float)
POWER = st.none() | st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 200), ENERGY, POWER, POWER, st.booleans())))
def test_every_sample_is_evaluated_and_each_flag_is_there_once(
    steps: list[tuple[int, int, float | None, float | None, float | None, bool]],
) -> None:
    minutes = 0
    samples = []
    for step, arrived, energy, power, voltage, is_sound in steps:
        minutes += step
        samples.append(sample(minutes, energy, power, voltage, arrived, is_sound))
    found = assess(samples)
    assert len(found) == len(samples)
    for one, flags in zip(samples, found, strict=True):
        assert len(set(flags)) == len(flags)
        assert one.is_sound or not flags


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 3)), min_size=1))
def test_time_and_register_that_rise_together_have_no_fault_in_whatever_order_they_come(
    steps: list[tuple[int, int]],
) -> None:
    minutes, energy, samples = 0, 100.0, []
    for step, risen in steps:
        minutes, energy = minutes + step, energy + risen
        samples.append(sample(minutes, energy, arrived=(minutes * 7919) % 101))
    kinds = {flag for flags in assess(samples) for flag in flags}
    assert not kinds & {QualityFlag.CLOCK_FAULT, QualityFlag.NEGATIVE_CONSUMPTION}
