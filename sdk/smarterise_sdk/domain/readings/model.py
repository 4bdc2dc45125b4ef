"""One reading of a meter, independent of data path and payload dialect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from smarterise_sdk.domain.readings.voltage_quality import Unbalance


class Source(StrEnum):
    """The data path of a reading."""

    IOT = "iot"
    FTP = "ftp"


class Quantity(StrEnum):
    """A measured quantity. The value is the column name in the table `readings`; the unit is fixed.

    V, A, kW, kvar, kVA, Hz, percent, kWh, kvarh, kVAh; power factors have no unit.
    """

    VOLTAGE_A = "voltage_a"
    VOLTAGE_B = "voltage_b"
    VOLTAGE_C = "voltage_c"
    VOLTAGE_AVG = "voltage_avg"
    VOLTAGE_AB = "voltage_ab"
    VOLTAGE_BC = "voltage_bc"
    VOLTAGE_CA = "voltage_ca"
    VOLTAGE_LL_AVG = "voltage_ll_avg"
    CURRENT_A = "current_a"
    CURRENT_B = "current_b"
    CURRENT_C = "current_c"
    CURRENT_N = "current_n"
    CURRENT_AVG = "current_avg"
    ACTIVE_POWER_A = "active_power_a"
    ACTIVE_POWER_B = "active_power_b"
    ACTIVE_POWER_C = "active_power_c"
    ACTIVE_POWER_TOTAL = "active_power_total"
    REACTIVE_POWER_A = "reactive_power_a"
    REACTIVE_POWER_B = "reactive_power_b"
    REACTIVE_POWER_C = "reactive_power_c"
    REACTIVE_POWER_TOTAL = "reactive_power_total"
    APPARENT_POWER_A = "apparent_power_a"
    APPARENT_POWER_B = "apparent_power_b"
    APPARENT_POWER_C = "apparent_power_c"
    APPARENT_POWER_TOTAL = "apparent_power_total"
    POWER_FACTOR_A = "power_factor_a"
    POWER_FACTOR_B = "power_factor_b"
    POWER_FACTOR_C = "power_factor_c"
    POWER_FACTOR_TOTAL = "power_factor_total"
    FREQUENCY = "frequency"
    VOLTAGE_UNBALANCE_METER = "voltage_unbalance_meter"
    CURRENT_UNBALANCE_METER = "current_unbalance_meter"
    DEMAND_ACTIVE_POWER = "demand_active_power"
    ENERGY_IMPORT = "energy_import"
    ENERGY_EXPORT = "energy_export"
    REACTIVE_ENERGY_IMPORT = "reactive_energy_import"
    REACTIVE_ENERGY_EXPORT = "reactive_energy_export"
    APPARENT_ENERGY = "apparent_energy"


LINE_TO_LINE = (Quantity.VOLTAGE_AB, Quantity.VOLTAGE_BC, Quantity.VOLTAGE_CA)
LINE_TO_NEUTRAL = (Quantity.VOLTAGE_A, Quantity.VOLTAGE_B, Quantity.VOLTAGE_C)

METER_OFFLINE = "meter_offline"
"""Flag: the gateway works but has no connection to the meter; the values are old."""
CONFLICTING_VALUES = "conflicting_values"
"""Flag: a quantity occurred twice with different values; the first value was kept."""
AMBIGUOUS_HOUR = "ambiguous_hour"
"""Flag: local time in the hour that occurs twice when summer time ends; read as summer time."""
METER_UNKNOWN = "meter_unknown"
"""Flag: the gateway has several meters, and the row does not identify its meter."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one meter.

    Attributes:
        gateway_serial: The site.
        device_serial: The meter behind the gateway; empty if the dialect does not include it.
        measured_at: Time of measurement, UTC.
        source: The data path.
        values: Measured values in the unit of the quantity; finite numbers only.
        unbalance: Voltage unbalance computed from the voltages, if possible.
        device_online: False if the gateway has no connection to the meter.
        gateway_model: Model name reported by the gateway.
        device_model: Model name reported by the meter.
        ignored: Number of known quantities without a usable value.
        flags: Data quality flags, e.g. `meter_offline`.
    """

    gateway_serial: str
    device_serial: str
    measured_at: datetime
    source: Source
    values: Mapping[Quantity, float]
    unbalance: Unbalance | None
    device_online: bool
    gateway_model: str
    device_model: str
    ignored: int = 0
    flags: tuple[str, ...] = ()
