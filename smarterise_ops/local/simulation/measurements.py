"""Measurements of the simulated meters: pure functions of site, seed and time.

The load of a transformer is a sum of sines (24 h, 12 h and two short periods), so that its energy has a
closed form. The noise of a second is seeded by it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from smarterise_ops.local.simulation.fleet import NOMINAL_VOLTAGE, Fault, SimulatedSite

if TYPE_CHECKING:
    from collections.abc import Sequence

REGISTERS_START = datetime(2024, 1, 1, tzinfo=UTC)
"""Time of the initial values of all energy registers."""
OFFLINE_SINCE = datetime(2026, 1, 15, 13, 20, tzinfo=UTC)
"""Time of the values that a gateway with an offline meter repeats."""
FACTORY_CLOCK = datetime(2000, 1, 1, tzinfo=UTC)
"""Start time of a clock without battery."""
SILENT_CYCLE = timedelta(hours=1)
SILENT_FOR = timedelta(minutes=50)

_PERIODS = (86_400.0, 43_200.0, 1_740.0, 420.0)
_PHASE_ANGLES = (0.0, -120.0, 120.0)
_DEMAND_DELAY = timedelta(minutes=8)
_GRID_PERIODS = ((1_380.0, 0.06), (310.0, 0.04), (97.0, 0.02))


@dataclass(frozen=True, slots=True)
class SimulatedTime:
    """Simulated time: equals real time at the start, and runs `speed` times as fast.

    Attributes:
        started: Start, UTC.
        speed: Factor.
    """

    started: datetime
    speed: float

    def at(self, now: datetime) -> datetime:
        """Return the simulated time at a real time, also before the start."""
        return self.started + (now - self.started) * self.speed


@dataclass(frozen=True, slots=True)
class Character:
    """Parameters of a site, derived from seed and serial.

    Attributes:
        supply_voltage: Phase voltages without load, V.
        droop: Share of the voltage lost at full load.
        phase_share: Share of the load per phase; sums to 1.
        mean_load: Mean load as a share of the rating.
        waves: (share of the mean, phase in radians) for each of the periods.
        tan_phi: Reactive over active power.
        registers: Initial value of the import register, kWh.
        angle_error: Errors of the phase angles, degrees.
    """

    supply_voltage: tuple[float, ...]
    droop: float
    phase_share: tuple[float, ...]
    mean_load: float
    waves: tuple[tuple[float, float], ...]
    tan_phi: float
    registers: float
    angle_error: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """All values of a meter at one time. Tuples are by phase A, B, C; power in kW, kvar; energy in kWh.

    Attributes:
        line_to_neutral: V.
        angles: Of the phase voltages, degrees.
        currents: A.
        active_power: kW.
        reactive_power: kvar.
        frequency: Hz.
        demand: Active power averaged over the last demand interval, kW.
        energy_import: kWh.
        energy_export: kWh.
        tan_phi: Reactive over active energy.
    """

    line_to_neutral: tuple[float, ...]
    angles: tuple[float, ...]
    currents: tuple[float, ...]
    active_power: tuple[float, ...]
    reactive_power: tuple[float, ...]
    frequency: float
    demand: float
    energy_import: float
    energy_export: float
    tan_phi: float

    @property
    def line_to_line(self) -> tuple[float, ...]:
        """Voltages AB, BC, CA, from the phasors."""
        phasors = [_phasor(*each) for each in zip(self.line_to_neutral, self.angles, strict=True)]
        return tuple(abs(phasors[at] - phasors[(at + 1) % 3]) for at in range(3))

    @property
    def neutral_current(self) -> float:
        """Neutral current, the sum of the phase currents, A."""
        return abs(sum(_phasor(*each) for each in zip(self.currents, self.angles, strict=True)))

    @property
    def apparent_power(self) -> tuple[float, ...]:
        """By phase, kVA."""
        return tuple(math.hypot(p, q) for p, q in zip(self.active_power, self.reactive_power, strict=True))


def measure(site: SimulatedSite, seed: int, at: datetime) -> Measurement:
    """Return the measurement of a site's meter; deterministic.

    Args:
        site: The site, with its fault.
        seed: Seed of the fleet.
        at: Simulated time, UTC.
    """
    if site.fault is Fault.METER_OFFLINE:
        at = OFFLINE_SINCE
    character = character_of(site, seed)
    noise = _rng("noise", seed, site.gateway_serial, int(at.timestamp()))
    load = site.capacity_kva * load_share(character, at) * (1 + noise.gauss(0, 0.01))
    connected = [0.0 if dead else 1.0 for dead in _dead_phases(site, seed)]
    voltages = tuple(
        volts * (1 - character.droop * load / site.capacity_kva) * bend * alive
        + noise.gauss(0, 0.15) * alive
        + (1 - alive) * abs(noise.gauss(0, 0.4))  # residual voltage of a dead phase
        for volts, bend, alive in zip(
            character.supply_voltage, _voltage_bend(site, seed), connected, strict=True
        )
    )
    active = tuple(
        load * share * alive for share, alive in zip(character.phase_share, connected, strict=True)
    )
    reactive = tuple(power * character.tan_phi for power in active)
    delivered = sum(share * alive for share, alive in zip(character.phase_share, connected, strict=True))
    return Measurement(
        line_to_neutral=voltages,
        angles=tuple(
            angle + error for angle, error in zip(_PHASE_ANGLES, character.angle_error, strict=True)
        ),
        currents=tuple(
            1000 * math.hypot(p, q) / volts if p else 0.0
            for p, q, volts in zip(active, reactive, voltages, strict=True)
        ),
        active_power=active,
        reactive_power=reactive,
        frequency=grid_frequency(seed, at),
        demand=site.capacity_kva * load_share(character, at - _DEMAND_DELAY) * delivered,
        energy_import=character.registers + energy_kwh(site, character, at) * delivered,
        energy_export=round(character.registers * 1e-4, 3),
        tan_phi=character.tan_phi,
    )


def character_of(site: SimulatedSite, seed: int) -> Character:
    """Return the parameters of a site."""
    rng = _rng("character", seed, site.gateway_serial)
    supply = NOMINAL_VOLTAGE * rng.uniform(1.0, 1.035)
    shares = [rng.uniform(0.9, 1.1) for _ in range(3)]
    evening = 2 * math.pi * rng.gauss(20.5, 1.2) / 24  # the day's peak, UTC+1 homes
    midday = 2 * math.pi * rng.gauss(13, 1.5) / 12
    return Character(
        supply_voltage=tuple(supply + rng.gauss(0, 0.7) for _ in range(3)),
        droop=rng.uniform(0.02, 0.045),
        phase_share=tuple(share / sum(shares) for share in shares),
        mean_load=rng.uniform(0.28, 0.6),
        waves=(
            (rng.uniform(0.2, 0.38), evening),
            (rng.uniform(0.06, 0.14), midday),
            (0.03, rng.uniform(0, 2 * math.pi)),
            (0.02, rng.uniform(0, 2 * math.pi)),
        ),
        tan_phi=math.tan(math.acos(rng.uniform(0.86, 0.97))),
        registers=round(rng.uniform(2e4, 4e6), 1),
        angle_error=tuple(rng.gauss(0, 0.12) for _ in range(3)),
    )


def load_share(character: Character, at: datetime) -> float:
    """Return the load without noise, as a share of the rating; always above zero."""
    seconds = (at - REGISTERS_START).total_seconds()
    swing = sum(
        share * math.cos(2 * math.pi * seconds / period - phase)
        for period, (share, phase) in zip(_PERIODS, character.waves, strict=True)
    )
    return character.mean_load * (1 + swing)


def energy_kwh(site: SimulatedSite, character: Character, at: datetime) -> float:
    """Return the energy since `REGISTERS_START`: the integral of the load, in closed form."""
    seconds = (at - REGISTERS_START).total_seconds()
    swing = sum(
        share * period / (2 * math.pi) * (math.sin(2 * math.pi * seconds / period - phase) + math.sin(phase))
        for period, (share, phase) in zip(_PERIODS, character.waves, strict=True)
    )
    return site.capacity_kva * character.mean_load * (seconds + swing) / 3600


def grid_frequency(seed: int, at: datetime) -> float:
    """Return the frequency of the grid, the same for every site, Hz."""
    seconds = at.timestamp()
    return 50 + sum(size * math.sin(2 * math.pi * seconds / period + seed) for period, size in _GRID_PERIODS)


def speaks(site: SimulatedSite, seed: int, at: datetime) -> bool:
    """Return whether the gateway publishes at a time; a silent one pauses most of each hour."""
    if site.fault is not Fault.SILENT_GATEWAY:
        return True
    offset = _rng("silence", seed, site.gateway_serial).uniform(0, SILENT_CYCLE.total_seconds())
    return (at.timestamp() + offset) % SILENT_CYCLE.total_seconds() >= SILENT_FOR.total_seconds()


def timestamp(site: SimulatedSite, now: datetime) -> datetime:
    """Return the time of the gateway's clock: real time, or factory time with a clock fault."""
    if site.fault is not Fault.CLOCK_FAULT:
        return now
    return FACTORY_CLOCK + timedelta(seconds=now.timestamp() % 86_400)


def _dead_phases(site: SimulatedSite, seed: int) -> Sequence[bool]:
    if site.fault is not Fault.DEAD_PHASE:
        return (False, False, False)
    dead = _rng("dead phase", seed, site.gateway_serial).randrange(3)
    return [phase == dead for phase in range(3)]


def _voltage_bend(site: SimulatedSite, seed: int) -> Sequence[float]:
    if site.fault is Fault.LOW_VOLTAGE:
        return (0.86, 0.86, 0.86)
    if site.fault is Fault.UNBALANCE:
        bent = [1.045, 1.0, 0.94]
        _rng("unbalance", seed, site.gateway_serial).shuffle(bent)
        return bent
    return (1.0, 1.0, 1.0)


def _phasor(size: float, degrees: float) -> complex:
    angle = math.radians(degrees)
    return complex(size * math.cos(angle), size * math.sin(angle))


def _rng(*about: object) -> random.Random:
    return random.Random(":".join(map(str, about)))  # noqa: S311 -- a simulation, no secret
