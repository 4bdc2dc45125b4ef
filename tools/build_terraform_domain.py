"""Write terraform/meta/domain.json: the names, metrics and alarm rules of the domain, for Terraform to read.

Functions, console and Terraform use the same names. `--check` writes nothing and fails if the file is stale.
See docs/decisions/0080-terraform-reads-names-and-alarm-rules-from-domain.json.md.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.readings.metrics import METRICS, Metric, PipelineMetric
from smarterise_sdk.domain.readings.model import Quantity
from smarterise_sdk.domain.readings.voltage_quality import DEFAULT_PROFILE, PROFILES
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.stack.alarms import ALARM_NEWS, ALARM_RULES
from smarterise_sdk.domain.stack.functions import FUNCTIONS
from smarterise_sdk.domain.stack.names import GATEWAY_DIMENSION, StackNames

if TYPE_CHECKING:
    from smarterise_sdk.domain.stack.alarms import AlarmRule

TARGET = Path(__file__).resolve().parent.parent / "terraform" / "meta" / "domain.json"
_DIGITS = 9

LAKE_COLUMNS = {
    "gateway_serial": "string",
    "device_serial": "string",
    "measured_at": "string",
    "arrived_at": "string",
    "stream": "string",
    "shard": "string",
    "sequence_number": "string",
    "part": "int",
    "gateway_model": "string",
    "device_model": "string",
    "device_online": "boolean",
    "voltage_unbalance": "double",
    "unbalance_method": "string",
    "ignored": "int",
    "flags": "array<string>",
    **{quantity.value: "double" for quantity in Quantity},
    "payload": "string",
}
"""Columns of a line of raw readings in the data lake, with their Athena types."""


def domain() -> dict[str, Any]:
    """Return the names and rules that Terraform and the code share."""
    names = StackNames()
    return {
        "names": asdict(names),
        "functions": {
            key: {"handler": spec.handler, "timeout_seconds": spec.timeout_s, "memory_mb": spec.memory_mb}
            for key, spec in FUNCTIONS.items()
        },
        "log_groups": {function: names.log_group(function) for function in names.functions},
        "sweep_rules": {tier.value: names.sweep_rule(tier) for tier in Tier},
        "tiers": [tier.value for tier in Tier],
        "gateway_dimension": GATEWAY_DIMENSION,
        "metrics": {metric.value: METRICS[metric].unit for metric in Metric},
        "pipeline_metrics": [metric.value for metric in PipelineMetric],
        "quality_profiles": list(PROFILES),
        "default_quality_profile": DEFAULT_PROFILE,
        "alarm_paces": {
            tier.value: {"period": tier.policy.alarm_period_s, "is_single": tier.policy.is_one_period_enough}
            for tier in Tier
        },
        "alarm_news": dict(ALARM_NEWS),
        "lake_columns": LAKE_COLUMNS,
        "alarm_rules": {rule.name: _rule(rule) for rule in ALARM_RULES},
    }


def _rule(rule: AlarmRule) -> dict[str, Any]:
    return {
        "metric": rule.metric.value,
        "statistic": rule.statistic,
        "comparison": rule.comparison,
        "description": rule.text,
        "missing": rule.missing,
        "datapoints": {
            tier.value: dict(zip(("needed", "periods"), rule.points_for(tier), strict=True)) for tier in Tier
        },
        # Every threshold is linear in the nominal voltage, so Terraform needs two numbers per profile.
        "limits": {profile: _line(rule, profile) for profile in PROFILES},
    }


def _line(rule: AlarmRule, profile: str) -> dict[str, float]:
    at_one, at_two = (
        rule.limit(Site("PROBE", Tier.CRITICAL, nominal_voltage=volts, quality_profile=profile))
        for volts in (1.0, 2.0)
    )
    slope = round(at_two - at_one, _DIGITS)
    return {"per_volt": slope, "constant": round(at_one - slope, _DIGITS)}


def main() -> int:
    """Write the file, or check it; return the exit code."""
    text = json.dumps(domain(), indent=2) + "\n"
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    print(f"{TARGET.name} is not current. Fix: python tools/{Path(__file__).name}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
