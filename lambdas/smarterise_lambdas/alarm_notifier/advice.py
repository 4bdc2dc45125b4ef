"""The first step for each alarm: what whoever is woken up should look at, and the command for it."""

from __future__ import annotations

from typing import Final

_VOLTAGE: Final = (
    "Compare the three phases. One alone: a fuse, a joint or the meter's wiring at this site."
    " All three: the feeder or the transformer's tap."
)
_STEPS: Final = {
    "voltage": _VOLTAGE,
    "voltage-unbalance": (
        "See which phase is far from the others. Near zero: the phase is lost."
        " Else compare the currents: one phase may carry most of the load."
    ),
    "no-data": (
        "See how old the newest reading is. All else in order: the gateway has lost its power or its line."
    ),
}
_STEPS_FOR_MANY: Final = {
    "voltage": "Many sites at once: look at what they hang on, feeder or supply, before any one of them.",
    "no-data": (
        "Many sites at once: it is the pipeline or the network, hardly the gateways."
        " Look at the stream and at kinesis_to_s3_rds first."
    ),
}
_ELSE: Final = "Open the alarm and see what it watches."


def first_step(rule: str) -> str:
    """Return what to do first about a rule's alarm at one site."""
    return _STEPS.get(rule) or _STEPS.get(rule.partition("-")[0]) or _ELSE


def first_step_for_many(rule: str) -> str:
    """Return what to do first when many sites have the same alarm."""
    return _STEPS_FOR_MANY.get(rule) or _STEPS_FOR_MANY.get(rule.partition("-")[0]) or first_step(rule)


def commands(gateway_serial: str) -> tuple[str, ...]:
    """Return the commands that show a site."""
    return (
        f"smarterise-ops metrics show {gateway_serial} --since 1h",
        f"smarterise-ops sites show {gateway_serial}",
    )


COMMANDS_FOR_MANY: Final = ("smarterise-ops checks run", "smarterise-ops")
"""The checks, and the console."""
