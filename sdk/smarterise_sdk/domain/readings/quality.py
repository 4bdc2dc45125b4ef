"""Data quality checks of a meter's readings, based on their order and on the energy register.

The energy register rises independently of the clock. If time steps back while the register rises, the clock
is wrong; if time advances while the register falls, the register was reset or replaced. Readings are only
flagged, never dropped or corrected.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from datetime import timedelta
from enum import StrEnum
from itertools import islice, pairwise
from operator import lt
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class QualityFlag(StrEnum):
    """A data quality flag of a reading, relative to its neighbours."""

    CLOCK_FAULT = "clock_fault"
    """The timestamp is earlier than that of a reading with a lower register."""
    FROZEN_REGISTER = "frozen_register"
    """Power is drawn, but the register does not rise."""
    NEGATIVE_CONSUMPTION = "negative_consumption"
    """The register fell: reset, overflow, or another meter."""
    GAP = "gap"
    """Readings are missing before this one."""
    SPIKE = "spike"
    """The value is far above those just before and just after it."""


NEAR: Final = timedelta(minutes=30)
"""Maximum time between readings that are compared with each other."""
FROZEN_ENERGY_KWH: Final = 2.0
FROZEN_AFTER: Final = timedelta(minutes=10)
"""A register is frozen if it should have risen by this energy, according to power, over this time."""
INTEGRABLE: Final = timedelta(minutes=15)
"""Maximum interval over which energy is estimated from two power values."""
GAP_FACTOR: Final = 3.0
"""A gap is longer than this number of usual intervals."""
SPIKE_POWER_FACTOR: Final = 5.0
SPIKE_POWER_KW: Final = 10.0
SPIKE_VOLTAGE_FACTOR: Final = 1.5
SPIKE_ENERGY_FACTOR: Final = 3.0
SPIKE_ENERGY_KWH: Final = 5.0
"""A spike exceeds factor times its neighbours plus offset; energy: factor times the estimate from power."""
RESET_SHARE: Final = 0.5
"""A register that falls below this share of its previous value was reset."""

_MIN_INTERVALS = 3  # fewer do not show the usual interval


class Sample(NamedTuple):
    """The part of a reading that the quality checks use.

    Attributes:
        measured_at: Time of measurement by the meter's clock, UTC.
        arrived_at: Arrival time, UTC.
        energy: The import register, kWh.
        power: Active power, kW.
        voltages: Line-to-neutral voltages, V.
        is_sound: Whether it is checked: False for an offline meter or a clock known to be wrong.
    """

    measured_at: datetime
    arrived_at: datetime
    energy: float | None
    power: float | None
    voltages: tuple[float | None, ...]
    is_sound: bool = True


def clock_faults(timestamps: Sequence[datetime], registers: Sequence[float | None]) -> frozenset[int]:
    """Return the positions of readings whose timestamps contradict the register (the smallest such set).

    Old readings that arrive late are not clock faults: their register is as old as their timestamp.

    Args:
        timestamps: Timestamps, in order of arrival (in a file or a shard).
        registers: Energy register of each reading, kWh; a missing one is assumed unchanged.
    """
    if all(map(lt, timestamps, islice(timestamps, 1, None))):
        return frozenset()
    return frozenset(
        position for epoch in _epochs(timestamps, registers) for position in _contradicting(timestamps, epoch)
    )


def assess(samples: Sequence[Sample]) -> list[tuple[QualityFlag, ...]]:
    """Return the flags of each sample of a meter. The first and last are compared with one neighbour only.

    Args:
        samples: In order of timestamp, without duplicate timestamps.
    """
    flags: list[list[QualityFlag]] = [[] for _ in samples]
    sound = [position for position, sample in enumerate(samples) if sample.is_sound]
    arrival_order = sorted(sound, key=lambda position: (samples[position].arrived_at, position))
    faults = clock_faults(
        [samples[position].measured_at for position in arrival_order],
        [samples[position].energy for position in arrival_order],
    )
    faulty = {arrival_order[position] for position in faults}
    for position in faulty:
        flags[position].append(QualityFlag.CLOCK_FAULT)
    chain = [position for position in sound if position not in faulty]
    _flag_gaps(samples, chain, flags)
    _flag_registers(samples, chain, flags)
    _flag_spikes(samples, chain, flags)
    return [tuple(found) for found in flags]


def usual_interval(timestamps: Sequence[datetime]) -> timedelta | None:
    """Return the median time between readings; `None` if there are too few readings.

    Args:
        timestamps: Timestamps in ascending order.
    """
    intervals = sorted(after - before for before, after in pairwise(timestamps))
    return intervals[len(intervals) // 2] if len(intervals) >= _MIN_INTERVALS else None


def _epochs(
    timestamps: Sequence[datetime], registers: Sequence[float | None]
) -> list[list[tuple[float, int]]]:
    """Return (register, position) of each reading, in one list for each run between register resets."""
    epochs: list[list[tuple[float, int]]] = [[]]
    last = next((register for register in registers if register is not None), 0.0)
    for position, register in enumerate(registers):
        known = last if register is None else register
        if position and known < last * RESET_SHARE and timestamps[position] > timestamps[position - 1]:
            epochs.append([])
        epochs[-1].append((known, position))
        last = known
    return epochs


def _contradicting(timestamps: Sequence[datetime], epoch: list[tuple[float, int]]) -> list[int]:
    """Return the smallest set of positions without which timestamps rise with the register."""
    order = [position for _, _, position in sorted((known, timestamps[at], at) for known, at in epoch)]
    # Longest decreasing subsequence from the end: of two contradicting readings, the later one is returned.
    tails: list[float] = []
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for position in reversed(order):
        value = -timestamps[position].timestamp()
        length = bisect_right(tails, value)
        before[position] = ends[length - 1] if length else None
        tails[length : length + 1] = [value]
        ends[length : length + 1] = [position]
    kept = set()
    step = ends[-1] if ends else None
    while step is not None:
        kept.add(step)
        step = before[step]
    return [position for position in order if position not in kept]


def _flag_gaps(samples: Sequence[Sample], chain: Sequence[int], flags: list[list[QualityFlag]]) -> None:
    usual = usual_interval([samples[position].measured_at for position in chain])
    if usual is None:
        return
    longest = usual * GAP_FACTOR
    for before, after in pairwise(chain):
        if samples[after].measured_at - samples[before].measured_at > longest:
            flags[after].append(QualityFlag.GAP)


def _flag_registers(samples: Sequence[Sample], chain: Sequence[int], flags: list[list[QualityFlag]]) -> None:
    last: Sample | None = None  # the last sample with a register
    unchanged: deque[tuple[datetime, float]] = deque()  # start and estimated energy (kWh) of each interval
    expected = 0.0  # kWh since the register last rose
    for position in chain:
        sample = samples[position]
        if sample.energy is None:
            continue
        if last is not None and last.energy is not None:
            increase = sample.energy - last.energy
            estimate = _energy_between(last, sample)
            if increase < 0:
                flags[position].append(QualityFlag.NEGATIVE_CONSUMPTION)
            elif estimate is not None and increase > estimate * SPIKE_ENERGY_FACTOR + SPIKE_ENERGY_KWH:
                flags[position].append(QualityFlag.SPIKE)
            if increase:
                unchanged.clear()
                expected = 0.0
            else:
                unchanged.append((last.measured_at, estimate or 0.0))
                expected += estimate or 0.0
                while unchanged and sample.measured_at - unchanged[0][0] > NEAR:
                    expected -= unchanged.popleft()[1]
                if (
                    unchanged
                    and expected >= FROZEN_ENERGY_KWH
                    and sample.measured_at - unchanged[0][0] >= FROZEN_AFTER
                ):
                    flags[position].append(QualityFlag.FROZEN_REGISTER)
        last = sample


def _energy_between(first: Sample, second: Sample) -> float | None:
    """Estimate the energy between two samples from their power, kWh; `None` if not possible."""
    elapsed = second.measured_at - first.measured_at
    if first.power is None or second.power is None or elapsed > INTEGRABLE:
        return None
    return max(0.0, (first.power + second.power) / 2) * elapsed / timedelta(hours=1)


def _flag_spikes(samples: Sequence[Sample], chain: Sequence[int], flags: list[list[QualityFlag]]) -> None:
    for before, position, after in zip(chain, chain[1:], chain[2:], strict=False):
        found = flags[position]
        if samples[after].measured_at - samples[before].measured_at > NEAR:
            continue
        if QualityFlag.SPIKE not in found and _is_spike(samples[before], samples[position], samples[after]):
            found.append(QualityFlag.SPIKE)


def _is_spike(before: Sample, sample: Sample, after: Sample) -> bool:
    powers = before.power, sample.power, after.power
    if powers[0] is not None and powers[1] is not None and powers[2] is not None:
        neighbour = max(abs(powers[0]), abs(powers[2]))
        if abs(powers[1]) > neighbour * SPIKE_POWER_FACTOR + SPIKE_POWER_KW:
            return True
    return any(
        first is not None
        and here is not None
        and last is not None
        # The return of a dead phase is not a spike.
        and here > max(first, last) * SPIKE_VOLTAGE_FACTOR > 0
        and min(first, last) * SPIKE_VOLTAGE_FACTOR > max(first, last)
        for first, here, last in zip(before.voltages, sample.voltages, after.voltages, strict=True)
    )
