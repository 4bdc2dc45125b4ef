"""Voltage quality: unbalance by three definitions, and the limits of the quality profiles.

Four different quantities are called "voltage unbalance". They cannot be compared with each other, so each
value includes its method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Voltages: TypeAlias = "Sequence[float | None]"
"""A column of voltages: of one phase, or between two phases."""
Phases: TypeAlias = "tuple[float | None, float | None, float | None]"
"""One value for each phase, A B C (or AB BC CA); `None` if not measured."""

OUTAGE_SHARE: Final = 0.10
"""Below this share of the nominal voltage there is an outage, and unbalance is undefined."""

_MIN_FOURTH_POWER: Final = 1e-70
_MAX_FOURTH_POWER: Final = 1e70
"""Between these values a fourth power neither underflows nor overflows."""
_ROUNDING_MARGIN: Final = 1.001
"""Factor that keeps a sum above a limit despite rounding."""


class UnbalanceMethod(StrEnum):
    """Definition by which an unbalance is computed."""

    U2 = "u2"
    """Negative over positive sequence (IEC 61000-4-30), from line-to-line voltages."""
    LVUR = "lvur"
    """Largest deviation from the mean (NEMA MG 1), of line-to-line voltages."""
    PVUR = "pvur"
    """Largest deviation from the mean (IEEE), of line-to-neutral voltages; ignores phase angles."""
    METER = "meter"
    """Reported by the meter; its definition is unknown."""


@dataclass(frozen=True, slots=True)
class Unbalance:
    """A voltage unbalance in percent, and its method."""

    value: float
    method: UnbalanceMethod


def u2(v12: float, v23: float, v31: float) -> float:
    """Return |V2|/|V1| in percent, from the magnitudes of the three line-to-line voltages.

    Args:
        v12: Volts between phase A and B.
        v23: Volts between phase B and C.
        v31: Volts between phase C and A.

    Raises:
        ValueError: If all three are zero.
    """
    largest = _largest(v12, v23, v31)
    if not _MIN_FOURTH_POWER < largest < _MAX_FOURTH_POWER:
        v12, v23, v31 = v12 / largest, v23 / largest, v31 / largest
    return _u2(v12, v23, v31)


def lvur(v12: float, v23: float, v31: float) -> float:
    """Return the line voltage unbalance rate in percent (NEMA MG 1).

    Raises:
        ValueError: If all three are zero.
    """
    return _largest_deviation_percent(v12, v23, v31)


def pvur(v1: float, v2: float, v3: float) -> float:
    """Return the phase voltage unbalance rate in percent (IEEE), from line-to-neutral voltages.

    Raises:
        ValueError: If all three are zero.
    """
    return _largest_deviation_percent(v1, v2, v3)


def voltage_unbalance(
    line_to_line: Phases, line_to_neutral: Phases, nominal_voltage: float
) -> Unbalance | None:
    """Return the best available unbalance: u2 from line-to-line voltages, else PVUR.

    Args:
        line_to_line: Volts AB, BC, CA.
        line_to_neutral: Volts A, B, C.
        nominal_voltage: Nominal line-to-neutral voltage of the site, V.

    Returns:
        The value with its method; `None` if voltages are missing or their average is below 10 % of nominal
        (outage).
    """
    lines = _energized(line_to_line, math.sqrt(3) * nominal_voltage)
    if lines is not None:
        return Unbalance(u2(*lines), UnbalanceMethod.U2)
    phases = _energized(line_to_neutral, nominal_voltage)
    return None if phases is None else Unbalance(pvur(*phases), UnbalanceMethod.PVUR)


def unbalance_columns(
    line_to_line: tuple[Voltages, Voltages, Voltages],
    line_to_neutral: tuple[Voltages, Voltages, Voltages],
    nominal_voltage: float,
) -> tuple[list[float | None], list[UnbalanceMethod | None]]:
    """Return `voltage_unbalance` of each row of columns, as a column of values and one of methods.

    Args:
        line_to_line: Volts AB, BC, CA of each row.
        line_to_neutral: Volts A, B, C of each row.
        nominal_voltage: Nominal line-to-neutral voltage of the site, V.
    """
    values: list[float | None] = []
    methods: list[UnbalanceMethod | None] = []
    # Fast path for sums between the limits: no outage, and fourth powers within range.
    least = max(3 * OUTAGE_SHARE * math.sqrt(3) * nominal_voltage * _ROUNDING_MARGIN, 3 * _MIN_FOURTH_POWER)
    for place, (first, second, third) in enumerate(zip(*line_to_line, strict=True)):
        if first and second and third:
            total = first + second + third
            if first > 0 < second and third > 0 and least < total < _MAX_FOURTH_POWER:
                values.append(_u2(first, second, third))
                methods.append(UnbalanceMethod.U2)
                continue
        a, b, c = line_to_neutral
        found = voltage_unbalance((first, second, third), (a[place], b[place], c[place]), nominal_voltage)
        values.append(found.value if found else None)
        methods.append(found.method if found else None)
    return values, methods


def _u2(v12: float, v23: float, v31: float) -> float:
    """Return `u2` of voltages whose fourth powers neither underflow nor overflow."""
    x, y, z = v12 * v12, v23 * v23, v31 * v31
    total = x + y + z
    # 3 − 6β. It can be outside 0…1 by rounding, or if the magnitudes do not form a triangle.
    square = 3 - 6 * (x * x + y * y + z * z) / (total * total)
    root = math.sqrt(square) if 0 < square < 1 else float(square >= 1)
    return 100 * math.sqrt((1 - root) / (1 + root))


def _energized(voltages: Phases, nominal: float) -> tuple[float, float, float] | None:
    first, second, third = voltages
    if first is None or second is None or third is None or min(first, second, third) < 0:
        return None
    total = first + second + third
    return (first, second, third) if total > 0 and total / 3 >= OUTAGE_SHARE * nominal else None


def _largest(*voltages: float) -> float:
    largest = max(voltages)
    if largest <= 0:
        raise ValueError("unbalance is undefined: all three voltages are zero")
    return largest


def _largest_deviation_percent(*voltages: float) -> float:
    largest = _largest(*voltages)
    # Scaling by a power of two prevents underflow of the mean without rounding.
    _, exponent = math.frexp(largest)
    scaled = [math.ldexp(voltage, -exponent) for voltage in voltages]
    mean = sum(scaled) / len(scaled)
    return 100 * max(abs(voltage - mean) for voltage in scaled) / mean


@dataclass(frozen=True, slots=True)
class QualityProfile:
    """Voltage limits of a site.

    Attributes:
        name: Value of `quality_profile` in the site file.
        tolerance_share: Allowed deviation from the nominal voltage, as a share of it.
        unbalance_warn_percent: Lower limit of a warning.
        unbalance_critical_percent: Lower limit of a failure.
        outage_share: Outage if every phase is below this share of nominal.
        phase_loss_share: Phase loss if one phase is below this share of nominal.
    """

    name: str
    tolerance_share: float
    unbalance_warn_percent: float
    unbalance_critical_percent: float
    outage_share: float = OUTAGE_SHARE
    phase_loss_share: float = 0.50

    def band(self, nominal: float) -> tuple[float, float]:
        """Return the lowest and highest allowed voltage for a nominal voltage, V."""
        return nominal * (1 - self.tolerance_share), nominal * (1 + self.tolerance_share)


DEFAULT_PROFILE: Final = "en50160"
PROFILES: Final = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            QualityProfile("en50160", 0.10, 2.0, 3.0),
            # The standard's only limit is 3 %; at 5 % NEMA MG 1 requires motors to be switched off.
            QualityProfile("c84.1", 0.05, 3.0, 5.0),
            # Site-specific limits are set in the alarms of the site; the limits here are those of EN 50160.
            QualityProfile("custom", 0.10, 2.0, 3.0),
        )
    }
)
"""All profiles by name, as allowed in the site file."""


def profile_of(name: str) -> QualityProfile:
    """Return a profile by name, EN 50160 for an unknown name (which validation of the site file rejects)."""
    return PROFILES.get(name, PROFILES[DEFAULT_PROFILE])
