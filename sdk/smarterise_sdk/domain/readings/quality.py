"""How far a meter's readings can be trusted, told by the meter's own sequence and its energy register.

A register counts what went through, whatever the clock says: where time steps back and the register goes on
rising, the clock is wrong; where time goes on and the register falls, the register is. Nothing is dropped or
corrected here: readings are flagged, and people decide.
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
    """What is odd about a reading, seen beside the ones before and after it."""

    CLOCK_FAULT = "clock_fault"
    """Stamped earlier than a reading of which the register says that it came before."""
    FROZEN_REGISTER = "frozen_register"
    """Power is drawn, and the register has not moved for it."""
    NEGATIVE_CONSUMPTION = "negative_consumption"
    """The register fell: it was reset, ran over, or is another meter's."""
    GAP = "gap"
    """Before it, readings are missing."""
    SPIKE = "spike"
    """Far above what was measured just before and just after it."""


NEAR: Final = timedelta(minutes=30)
"""How far a reading bears on others but by its stamp: what is farther away says nothing of it."""
FROZEN_ENERGY_KWH: Final = 2.0
FROZEN_AFTER: Final = timedelta(minutes=10)
"""A register is frozen once power says that it should have moved by so much, over so long."""
INTEGRABLE: Final = timedelta(minutes=15)
"""Over a longer interval two powers do not tell the energy between them."""
GAP_FACTOR: Final = 3.0
"""A gap is longer than so many usual intervals."""
SPIKE_POWER_FACTOR: Final = 5.0
SPIKE_POWER_KW: Final = 10.0
SPIKE_VOLTAGE_FACTOR: Final = 1.5
SPIKE_ENERGY_FACTOR: Final = 3.0
SPIKE_ENERGY_KWH: Final = 5.0
"""A spike is so many times its neighbours and so much more; of energy, so many times what power tells."""
RESET_SHARE: Final = 0.5
"""A register that falls below this share of what it was begins anew."""

_LEAST_DELTAS = 3  # fewer say nothing of what is usual


class Sample(NamedTuple):
    """The part of a reading that its trustworthiness is told by.

    Attributes:
        measured_at: When it was measured, as the meter's clock says, UTC.
        arrived_at: When it came to us, UTC.
        energy: The import register, kWh.
        power: Active power, kW.
        voltages: Line to neutral, V.
        is_sound: Whether it counts: not of a meter that is offline, nor of a clock known to be wrong.
    """

    measured_at: datetime
    arrived_at: datetime
    energy: float | None
    power: float | None
    voltages: tuple[float | None, ...]
    is_sound: bool = True


def clock_faults(timestamps: Sequence[datetime], registers: Sequence[float | None]) -> frozenset[int]:
    """Return the positions of readings whose stamps contradict the register: the fewest that explain it.

    Old readings that come late are none: their register is as old as their stamp.

    Args:
        timestamps: Stamps, in the order in which the readings came (of a file, of a shard).
        registers: The energy register of each, kWh; where there is none the last one is taken to hold.
    """
    if all(map(lt, timestamps, islice(timestamps, 1, None))):
        return frozenset()
    return frozenset(
        position for epoch in _epochs(timestamps, registers) for position in _contradicting(timestamps, epoch)
    )


def assess(samples: Sequence[Sample]) -> list[tuple[QualityFlag, ...]]:
    """Return the flags of each of a meter's samples. The first and the last are judged by one side alone.

    Args:
        samples: In the order of their stamps, no stamp twice.
    """
    flags: list[list[QualityFlag]] = [[] for _ in samples]
    sound = [position for position, sample in enumerate(samples) if sample.is_sound]
    came = sorted(sound, key=lambda position: (samples[position].arrived_at, position))
    faults = clock_faults(
        [samples[position].measured_at for position in came], [samples[position].energy for position in came]
    )
    faulty = {came[position] for position in faults}
    for position in faulty:
        flags[position].append(QualityFlag.CLOCK_FAULT)
    chain = [position for position in sound if position not in faulty]
    _flag_gaps(samples, chain, flags)
    _flag_registers(samples, chain, flags)
    _flag_spikes(samples, chain, flags)
    return [tuple(found) for found in flags]


def usual_interval(timestamps: Sequence[datetime]) -> timedelta | None:
    """Return the median time between readings; `None` if they are too few to say.

    Args:
        timestamps: Stamps in their order.
    """
    deltas = sorted(after - before for before, after in pairwise(timestamps))
    return deltas[len(deltas) // 2] if len(deltas) >= _LEAST_DELTAS else None


def _epochs(
    timestamps: Sequence[datetime], registers: Sequence[float | None]
) -> list[list[tuple[float, int]]]:
    """Return (register, position) of each reading, anew from where the register began anew."""
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
    """Return what must be left out for stamps to rise with the register, at the least."""
    order = [position for _, _, position in sorted((known, timestamps[at], at) for known, at in epoch)]
    # The longest falling sequence from the end: of two that contradict each other, the later one is left out.
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
    last: Sample | None = None  # the last with a register
    standing: deque[tuple[datetime, float]] = deque()  # since when, and what power says of each interval, kWh
    owed = 0.0
    for position in chain:
        sample = samples[position]
        if sample.energy is None:
            continue
        if last is not None and last.energy is not None:
            risen = sample.energy - last.energy
            between = _energy_between(last, sample)
            if risen < 0:
                flags[position].append(QualityFlag.NEGATIVE_CONSUMPTION)
            elif between is not None and risen > between * SPIKE_ENERGY_FACTOR + SPIKE_ENERGY_KWH:
                flags[position].append(QualityFlag.SPIKE)
            if risen:
                standing.clear()
                owed = 0.0
            else:
                standing.append((last.measured_at, between or 0.0))
                owed += between or 0.0
                while standing and sample.measured_at - standing[0][0] > NEAR:
                    owed -= standing.popleft()[1]
                if (
                    standing
                    and owed >= FROZEN_ENERGY_KWH
                    and sample.measured_at - standing[0][0] >= FROZEN_AFTER
                ):
                    flags[position].append(QualityFlag.FROZEN_REGISTER)
        last = sample


def _energy_between(first: Sample, second: Sample) -> float | None:
    """Return the energy that two powers tell, kWh; `None` if they do not."""
    elapsed = second.measured_at - first.measured_at
    if first.power is None or second.power is None or elapsed > INTEGRABLE:
        return None
    return max(0.0, (first.power + second.power) / 2) * elapsed / timedelta(hours=1)


def _flag_spikes(samples: Sequence[Sample], chain: Sequence[int], flags: list[list[QualityFlag]]) -> None:
    for before, position, after in zip(chain, chain[1:], chain[2:], strict=False):
        found = flags[position]
        if samples[after].measured_at - samples[before].measured_at > NEAR:
            continue
        if QualityFlag.SPIKE not in found and _stands_out(samples[before], samples[position], samples[after]):
            found.append(QualityFlag.SPIKE)


def _stands_out(before: Sample, sample: Sample, after: Sample) -> bool:
    powers = before.power, sample.power, after.power
    if powers[0] is not None and powers[1] is not None and powers[2] is not None:
        beside = max(abs(powers[0]), abs(powers[2]))
        if abs(powers[1]) > beside * SPIKE_POWER_FACTOR + SPIKE_POWER_KW:
            return True
    return any(
        first is not None
        and here is not None
        and last is not None
        # From a dead phase it is no spike to come back.
        and here > max(first, last) * SPIKE_VOLTAGE_FACTOR > 0
        and min(first, last) * SPIKE_VOLTAGE_FACTOR > max(first, last)
        for first, here, last in zip(before.voltages, sample.voltages, after.voltages, strict=True)
    )
