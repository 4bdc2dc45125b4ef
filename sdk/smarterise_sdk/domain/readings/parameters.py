"""Table of meter parameters: (name, unit) to (quantity, scale).

Names vary with the firmware (`Psum` in W, `Psum_kW`) and installers choose units, so a parameter is
identified by name and unit. A pair that is not in the table, such as `Psum_kW` with unit W, is unknown.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from smarterise_sdk.domain.readings.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Meaning: TypeAlias = "tuple[Quantity, float]"
"""A quantity, and the factor that converts the meter's number to the unit of the quantity."""

_VOLTS: Final = {"V": 1.0, "kV": 1e3, "KV": 1e3, "": 1.0}
_AMPERES: Final = {"A": 1.0, "kA": 1e3, "KA": 1e3, "mA": 1e-3, "": 1.0}
_ACTIVE: Final = {"W": 1e-3, "kW": 1.0, "KW": 1.0, "MW": 1e3}
_REACTIVE: Final = {
    **dict.fromkeys(("var", "Var", "VAR", "VAr"), 1e-3),
    **dict.fromkeys(("kvar", "kVar", "kVAR", "kVAr", "Kvar", "KVAR"), 1.0),
    **dict.fromkeys(("Mvar", "MVar", "MVAR", "MVAr"), 1e3),
}
_APPARENT: Final = {"VA": 1e-3, "kVA": 1.0, "KVA": 1.0, "MVA": 1e3}
_HERTZ: Final = {"Hz": 1.0, "HZ": 1.0, "hz": 1.0, "": 1.0}
_RATIO: Final = {"": 1.0}
_PERCENT: Final = {"%": 1.0, "": 1.0}


def _with_hours(power_units: Mapping[str, float]) -> dict[str, float]:
    return {unit + hours: scale for unit, scale in power_units.items() for hours in ("h", "H")}


def _or_kilo(units: Mapping[str, float]) -> dict[str, float]:
    """Return units for per-phase CSV columns, which have no unit and use the kilo unit of the total."""
    return {**units, "": 1.0}


_DECLARATIONS: Final[tuple[tuple[Quantity, Mapping[str, float], str], ...]] = (
    (Quantity.VOLTAGE_A, _VOLTS, "V1 Va Van V1N"),
    (Quantity.VOLTAGE_B, _VOLTS, "V2 Vb Vbn V2N"),
    (Quantity.VOLTAGE_C, _VOLTS, "V3 Vc Vcn V3N"),
    (Quantity.VOLTAGE_AVG, _VOLTS, "Vnavg Vlnavg"),
    (Quantity.VOLTAGE_AB, _VOLTS, "V12 Vab"),
    (Quantity.VOLTAGE_BC, _VOLTS, "V23 Vbc"),
    (Quantity.VOLTAGE_CA, _VOLTS, "V31 Vca"),
    (Quantity.VOLTAGE_LL_AVG, _VOLTS, "Vlavg VIavg Vllavg"),  # firmware mistakes the l for a capital I
    (Quantity.CURRENT_A, _AMPERES, "I1 Ia"),
    (Quantity.CURRENT_B, _AMPERES, "I2 Ib"),
    (Quantity.CURRENT_C, _AMPERES, "I3 Ic"),
    (Quantity.CURRENT_N, _AMPERES, "In"),
    (Quantity.CURRENT_AVG, _AMPERES, "Iavg"),
    (Quantity.ACTIVE_POWER_A, _or_kilo(_ACTIVE), "P1 Pa"),
    (Quantity.ACTIVE_POWER_B, _or_kilo(_ACTIVE), "P2 Pb"),
    (Quantity.ACTIVE_POWER_C, _or_kilo(_ACTIVE), "P3 Pc"),
    (Quantity.ACTIVE_POWER_TOTAL, _ACTIVE, "Psum"),
    (Quantity.REACTIVE_POWER_A, _or_kilo(_REACTIVE), "Q1 Qa"),
    (Quantity.REACTIVE_POWER_B, _or_kilo(_REACTIVE), "Q2 Qb"),
    (Quantity.REACTIVE_POWER_C, _or_kilo(_REACTIVE), "Q3 Qc"),
    (Quantity.REACTIVE_POWER_TOTAL, _REACTIVE, "Qsum"),
    (Quantity.APPARENT_POWER_A, _or_kilo(_APPARENT), "S1 Sa"),
    (Quantity.APPARENT_POWER_B, _or_kilo(_APPARENT), "S2 Sb"),
    (Quantity.APPARENT_POWER_C, _or_kilo(_APPARENT), "S3 Sc"),
    (Quantity.APPARENT_POWER_TOTAL, _APPARENT, "Ssum"),
    (Quantity.POWER_FACTOR_A, _RATIO, "PF1 PFa"),
    (Quantity.POWER_FACTOR_B, _RATIO, "PF2 PFb"),
    (Quantity.POWER_FACTOR_C, _RATIO, "PF3 PFc"),
    (Quantity.POWER_FACTOR_TOTAL, _RATIO, "PF"),
    (Quantity.FREQUENCY, _HERTZ, "Freq F"),
    (Quantity.VOLTAGE_UNBALANCE_METER, _PERCENT, "Unbl_U Unbl_V"),
    (Quantity.CURRENT_UNBALANCE_METER, _PERCENT, "Unbl_I"),
    (Quantity.DEMAND_ACTIVE_POWER, _ACTIVE, "DMD_P"),
    (Quantity.ENERGY_IMPORT, _with_hours(_ACTIVE), "Ep_imp"),
    (Quantity.ENERGY_EXPORT, _with_hours(_ACTIVE), "Ep_exp"),
    (Quantity.REACTIVE_ENERGY_IMPORT, _with_hours(_REACTIVE), "Eq_imp"),
    (Quantity.REACTIVE_ENERGY_EXPORT, _with_hours(_REACTIVE), "Eq_exp"),
    (Quantity.APPARENT_ENERGY, _with_hours(_APPARENT), "Es"),
)


def _rows() -> Iterator[tuple[tuple[str, str], Meaning]]:
    for quantity, units, names in _DECLARATIONS:
        for name in names.casefold().split():
            for unit, scale in units.items():
                yield (name, unit), (quantity, scale)
                if unit:  # the unit may be part of the name: `Psum_kW`, with or without a separate unit
                    named = f"{name}_{unit.casefold()}"
                    yield (named, unit), (quantity, scale)
                    yield (named, ""), (quantity, scale)


ALIASES: Final[Mapping[tuple[str, str], Meaning]] = MappingProxyType(dict(_rows()))
"""Meanings by (casefolded name, unit); the unit is `""` if there is none."""

_MAX_CACHED_NAMES = 4096
_MAX_CACHED_UNITS = 64
_NAMES: Final = frozenset(name for name, _ in ALIASES)


class Units(dict[str, "Meaning | None"]):
    """Meanings of one parameter by unit, as spelled in the input; `None` for unknown pairs.

    Results are cached on first use. Spellings come from untrusted input, so the cache size is limited.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __missing__(self, unit: str) -> Meaning | None:
        meaning = ALIASES.get((self._name, unit.strip()))
        if len(self) < _MAX_CACHED_UNITS:
            self[unit] = meaning
        return meaning


class Parameters(dict[str, "Units | None"]):
    """Units of each parameter, as spelled in the input; `None` for unknown parameters.

    Most parameters of a message are unknown: one lookup skips them.
    """

    def __missing__(self, param: str) -> Units | None:
        name = param.strip().casefold()
        units = Units(name) if name in _NAMES else None
        if len(self) < _MAX_CACHED_NAMES:
            self[param] = units
        return units


PARAMETERS: Final = Parameters()
"""Meanings by parameter and then by unit (`""` if there is none)."""


def meaning_of(param: str, unit: str) -> Meaning | None:
    """Return the meaning of a parameter, or `None` if the pair is unknown.

    Args:
        param: The parameter's name in any case, e.g. `Psum`, `EP_IMP_kWh`.
        unit: The unit, e.g. `W`; `""` if there is none.
    """
    units = PARAMETERS[param]
    return None if units is None else units[unit]


def scaled(value: float, scale: float) -> float:
    """Return a number in the unit of the quantity.

    Args:
        value: The meter's number.
        scale: The factor of the meaning.
    """
    # Division is exact where multiplication is not: 10530 * 0.001 is 10.530000000000001.
    return value * scale if scale >= 1 else value / (1 / scale)


def scaled_column(values: Iterable[float], scale: float) -> list[float]:
    """Return `scaled` of each number."""
    if scale >= 1:
        return [value * scale for value in values]
    divisor = 1 / scale
    return [value / divisor for value in values]
