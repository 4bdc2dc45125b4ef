"""Parameter table: known spellings, and unknown pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.model import Quantity
from smarterise_sdk.domain.readings.parameters import ALIASES, meaning_of


@pytest.mark.parametrize(
    ("param", "unit", "quantity", "scale"),
    [
        ("V1", "V", Quantity.VOLTAGE_A, 1.0),
        ("V12", "kV", Quantity.VOLTAGE_AB, 1000.0),
        ("Vlavg_V", "V", Quantity.VOLTAGE_LL_AVG, 1.0),
        ("VIavg_V", "V", Quantity.VOLTAGE_LL_AVG, 1.0),
        ("Vnavg_V", "", Quantity.VOLTAGE_AVG, 1.0),
        ("Iavg_A", "A", Quantity.CURRENT_AVG, 1.0),
        ("In", "A", Quantity.CURRENT_N, 1.0),
        ("Psum", "W", Quantity.ACTIVE_POWER_TOTAL, 0.001),
        ("Psum", "kW", Quantity.ACTIVE_POWER_TOTAL, 1.0),
        ("Psum_kW", "kW", Quantity.ACTIVE_POWER_TOTAL, 1.0),
        ("Psum_kW", "", Quantity.ACTIVE_POWER_TOTAL, 1.0),
        ("P1", "", Quantity.ACTIVE_POWER_A, 1.0),
        ("P1", "W", Quantity.ACTIVE_POWER_A, 0.001),
        ("Qsum_kvar", "kvar", Quantity.REACTIVE_POWER_TOTAL, 1.0),
        ("Qsum", "var", Quantity.REACTIVE_POWER_TOTAL, 0.001),
        ("Ssum", "VA", Quantity.APPARENT_POWER_TOTAL, 0.001),
        ("PF", "", Quantity.POWER_FACTOR_TOTAL, 1.0),
        ("Freq_Hz", "Hz", Quantity.FREQUENCY, 1.0),
        ("Unbl_U", "%", Quantity.VOLTAGE_UNBALANCE_METER, 1.0),
        ("Unbl_V", "%", Quantity.VOLTAGE_UNBALANCE_METER, 1.0),
        ("DMD_P_kW", "kW", Quantity.DEMAND_ACTIVE_POWER, 1.0),
        ("Ep_imp", "kWh", Quantity.ENERGY_IMPORT, 1.0),
        ("EP_IMP_kWh", "", Quantity.ENERGY_IMPORT, 1.0),
        ("Ep_imp", "MWh", Quantity.ENERGY_IMPORT, 1000.0),
        ("EQ_IMP_kvarh", "kvarh", Quantity.REACTIVE_ENERGY_IMPORT, 1.0),
        ("ES_kVAh", "", Quantity.APPARENT_ENERGY, 1.0),
        (" psum_kw ", " kW ", Quantity.ACTIVE_POWER_TOTAL, 1.0),
    ],
)
def test_spellings_that_occur_in_the_field(param: str, unit: str, quantity: Quantity, scale: float) -> None:
    assert meaning_of(param, unit) == (quantity, scale)


@pytest.mark.parametrize(
    ("param", "unit"),
    [
        ("Psum", ""),
        ("Psum_kW", "W"),
        ("Psum", "kvar"),
        ("V1", "A"),
        ("Ep_imp", ""),
        ("THD_Va", "%"),
        ("LoadType", ""),
        ("", ""),
        ("V1", "mW"),
    ],
)
def test_what_is_not_in_the_table_is_not_guessed(param: str, unit: str) -> None:
    assert meaning_of(param, unit) is None


def test_every_quantity_can_be_had() -> None:
    assert {quantity for quantity, _ in ALIASES.values()} == set(Quantity)


def test_one_name_never_means_two_quantities() -> None:
    meanings: dict[str, set[Quantity]] = {}
    for (name, _), (quantity, _) in ALIASES.items():
        meanings.setdefault(name, set()).add(quantity)
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


@given(st.text(max_size=20), st.text(max_size=5))
def test_any_pair_is_looked_up_the_same_twice(param: str, unit: str) -> None:
    assert meaning_of(param, unit) == meaning_of(param, unit)


def test_what_is_remembered_is_bounded() -> None:
    from smarterise_sdk.domain.readings import parameters

    for number in range(10_000):
        meaning_of(f"made up {number}", "")
        meaning_of("V1", f"made up {number}")
    assert len(parameters.PARAMETERS) <= 4096
    assert len(parameters.PARAMETERS["V1"] or ()) <= 64
    assert meaning_of("V2", "kV") == (Quantity.VOLTAGE_B, 1000.0)
    assert meaning_of(" v2 ", " kV ") == (Quantity.VOLTAGE_B, 1000.0)
