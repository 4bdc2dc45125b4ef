"""MQTT messages of simulated gateways in the format of the real firmware, about 290 readings.

There are two generations of names and units. Every value is a string; a missing one is `----`.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_ops.local.simulation.fleet import Fault, Firmware, SimulatedSite
from smarterise_ops.local.simulation.measurements import Measurement, measure, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

NOT_THERE = "----"
PHASES = ("a", "b", "c")
LINES = ("12", "23", "31")
HARMONICS = range(2, 32)
GATEWAY_MODELS = {Firmware.WATTS: "AXM-WEB2", Firmware.KILOWATTS: "AcuLink 810"}
METER_MODELS = {Firmware.WATTS: "Acuvim IIR", Firmware.KILOWATTS: "Acuvim L"}


@dataclass(frozen=True, slots=True)
class _Names:
    """Parameter names and units of one firmware generation.

    Attributes:
        kilo: Whether powers are in kilo units.
        power_suffix: Whether names of total powers end in their unit.
        unbalance: Name of the voltage unbalance.
        line_average: Name of the average line-to-line voltage.
        energy: Name of an energy register, with placeholders for case and unit.
    """

    kilo: bool
    power_suffix: bool
    unbalance: str
    line_average: str
    energy: str

    def power(self, quantity: str) -> str:
        unit = {"P": "W", "Q": "var", "S": "VA"}[quantity]
        return f"k{unit}" if self.kilo else unit

    def total(self, name: str, unit: str) -> str:
        return f"{name}_{unit}" if self.power_suffix else name

    def scaled(self, kilowatts: float) -> str:
        return f"{kilowatts:.3f}" if self.kilo else f"{kilowatts * 1000:.1f}"


_NAMES = {
    Firmware.WATTS: _Names(
        kilo=False, power_suffix=False, unbalance="Unbl_U", line_average="Vlavg_V", energy="{lower}"
    ),
    Firmware.KILOWATTS: _Names(
        kilo=True, power_suffix=True, unbalance="Unbl_V", line_average="VIavg_V", energy="{upper}_{unit}"
    ),
}

Row = tuple[str, str, str]
"""Parameter, value, unit."""


def message(site: SimulatedSite, seed: int, simulated: datetime, now: datetime) -> bytes:
    """Return the MQTT payload of a gateway; deterministic.

    Args:
        site: The gateway.
        seed: Seed of the fleet.
        simulated: Simulated time of the values, UTC.
        now: Timestamp of the message, UTC.
    """
    measured = measure(site, seed, simulated)
    rng = random.Random(f"details:{seed}:{site.gateway_serial}:{int(simulated.timestamp())}")  # noqa: S311
    rows = [
        *logged_rows(site, measured),
        *_details(measured),
        *_waveform(measured, rng),
    ]
    return json.dumps(
        {
            "timestamp": int(timestamp(site, now).timestamp()),
            "gateway": {
                "name": site.name,
                "model": GATEWAY_MODELS[site.firmware],
                "serial": site.gateway_serial,
            },
            "device": {
                "name": "",
                "model": METER_MODELS[site.firmware],
                "serial": site.meter_serial,
                "online": site.fault is not Fault.METER_OFFLINE,
                "readings": [{"param": name, "value": value, "unit": unit} for name, value, unit in rows],
            },
        },
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def logged_rows(site: SimulatedSite, measured: Measurement) -> list[Row]:
    """Return the readings that are both published and logged: all except angles, switches and harmonics."""
    names = _NAMES[site.firmware]
    return [*_basic(measured, names), *_energy(measured, names), *_demand(measured, names)]


def _basic(measured: Measurement, names: _Names) -> Iterator[Row]:
    yield "Freq_Hz", f"{measured.frequency:.3f}", "Hz"
    for at, volts in enumerate(measured.line_to_neutral, 1):
        yield f"V{at}", f"{volts:.2f}", "V"
    yield "Vnavg_V", f"{_mean(measured.line_to_neutral):.2f}", "V"
    for line, volts in zip(LINES, measured.line_to_line, strict=True):
        yield f"V{line}", f"{volts:.2f}", "V"
    yield names.line_average, f"{_mean(measured.line_to_line):.2f}", "V"
    for at, amperes in enumerate(measured.currents, 1):
        yield f"I{at}", f"{amperes:.3f}", "A"
    yield "Iavg_A", f"{_mean(measured.currents):.3f}", "A"
    yield "In", f"{measured.neutral_current:.3f}", "A"
    for symbol, by_phase in (
        ("P", measured.active_power),
        ("Q", measured.reactive_power),
        ("S", measured.apparent_power),
    ):
        unit = names.power(symbol)
        for at, power in enumerate(by_phase, 1):
            yield f"{symbol}{at}", names.scaled(power), unit
        yield names.total(f"{symbol}sum", unit), names.scaled(sum(by_phase)), unit
    for at, (active, apparent) in enumerate(
        zip(measured.active_power, measured.apparent_power, strict=True), 1
    ):
        yield f"PF{at}", _ratio(active, apparent), ""
    yield "PF", _ratio(sum(measured.active_power), sum(measured.apparent_power)), ""
    yield names.unbalance, f"{_unbalance(measured.line_to_line):.2f}", "%"
    yield "Unbl_I", f"{_unbalance(measured.currents):.2f}", "%"


def _energy(measured: Measurement, names: _Names) -> Iterator[Row]:
    imported, exported, tan_phi = measured.energy_import, measured.energy_export, measured.tan_phi
    registers = (
        ("Ep", "imp", imported, "kWh"),
        ("Ep", "exp", exported, "kWh"),
        ("Ep", "total", imported + exported, "kWh"),
        ("Ep", "net", imported - exported, "kWh"),
        ("Eq", "imp", imported * tan_phi, "kvarh"),
        ("Eq", "exp", exported * tan_phi, "kvarh"),
        ("Eq", "total", (imported + exported) * tan_phi, "kvarh"),
        ("Eq", "net", (imported - exported) * tan_phi, "kvarh"),
        ("Es", "", math.hypot(imported, imported * tan_phi), "kVAh"),
    )
    for prefix, direction, value, unit in registers:
        name = f"{prefix}_{direction}" if direction else prefix
        yield names.energy.format(lower=name, upper=name.upper(), unit=unit), f"{value:.1f}", unit


def _demand(measured: Measurement, names: _Names) -> Iterator[Row]:
    reactive = measured.demand * measured.tan_phi
    apparent = math.hypot(measured.demand, reactive)
    for symbol, power in (("P", measured.demand), ("Q", reactive), ("S", apparent)):
        unit = names.power(symbol)
        yield names.total(f"DMD_{symbol}", unit), names.scaled(power), unit
    for at, amperes in enumerate(measured.currents, 1):
        yield f"DMD_I{at}", f"{amperes:.3f}", "A"


def _details(measured: Measurement) -> Iterator[Row]:
    for line, angle in zip(("b", "c"), measured.angles[1:], strict=True):
        yield f"Ang_V{line}", f"{angle % 360:.1f}", "deg"
    for phase, angle in zip(PHASES, measured.angles, strict=True):
        yield f"Ang_I{phase}", f"{(angle - math.degrees(math.atan(measured.tan_phi))) % 360:.1f}", "deg"
    yield "LoadType", "L", ""
    for module in ("AI", "AO"):
        for at in range(1, 5):
            yield f"{module}{at}", NOT_THERE, ""
    for at in range(1, 7):
        yield f"DI{at}", "0", ""
    for at in (1, 2):
        yield f"RO{at}", "0", ""
    for clock in ("Run_Hour", "Load_Hour"):
        yield clock, f"{measured.energy_import / 40:.1f}", "h"
    yield "Temp", NOT_THERE, "C"


def _waveform(measured: Measurement, rng: random.Random) -> Iterator[Row]:
    """Yield distortion and harmonics of six channels; a dead channel has none."""
    channels = [  # six: Va to Ic
        (f"{symbol}{phase}", alive)
        for symbol, by_phase, least in (("V", measured.line_to_neutral, 10.0), ("I", measured.currents, 0.1))
        for phase, alive in zip(PHASES, (value > least for value in by_phase), strict=True)
    ]
    scale = {"V": 1.0, "I": 3.5}
    for channel, alive in channels:
        sizes = [("THD", 3.0), ("OddTHD", 2.6), ("EvenTHD", 0.6)]
        sizes += [(f"Har{order}", (4.0 if order % 2 else 0.6) / order) for order in HARMONICS]
        for kind, size in sizes:
            drawn = rng.uniform(0.4, 1.0) * size * scale[channel[0]]
            yield f"{kind}_{channel}", f"{drawn:.2f}" if alive else NOT_THERE, "%"
    for line in LINES:
        yield f"THD_V{line}", f"{rng.uniform(1.0, 2.5):.2f}", "%"
    for symbol in ("V", "I"):
        for phase in PHASES:
            for kind, low, high in (("CF", 1.36, 1.48), ("KF", 1.0, 2.2), ("TIF", 10.0, 60.0)):
                yield f"{kind}_{symbol}{phase}", f"{rng.uniform(low, high):.2f}", ""


def _ratio(active: float, apparent: float) -> str:
    return f"{active / apparent:.3f}" if apparent > 0 else "0.000"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _unbalance(values: Sequence[float]) -> float:
    """Return the largest deviation from the mean, in percent of the mean."""
    mean = _mean(values)
    return 100 * max(abs(value - mean) for value in values) / mean if mean > 0 else 0.0
