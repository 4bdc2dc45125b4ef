"""CPU time to parse and validate, against bare `json.loads`: a meter's message, and a file of 10,000 sites.

Exits with 1 when a figure is over its limit. The best of alternating rounds counts, so that a busy machine
affects both sides.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks._report import Report, argument_parser
from smarterise_sdk.domain.readings.mqtt import parse_mqtt
from smarterise_sdk.domain.sites.document import parse_site_tiers

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE_SHARE = 0.25
"""Minimum ratio of the parsing speed to `json.loads`."""
DOCUMENT_RATIO = 20.0
"""Maximum ratio of the time for a site file to `json.loads`."""
ROUNDS = 20
NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


def message() -> bytes:
    """Create a payload of 293 readings, 40 of them known."""
    known: list[dict[str, str]] = [
        {"param": param, "value": "230.4", "unit": unit}
        for unit, params in (
            ("V", "V1 V2 V3 Vnavg_V V12 V23 V31 Vlavg_V"),
            ("A", "I1 I2 I3 In Iavg_A"),
            ("kW", "P1 P2 P3 Psum_kW DMD_P_kW"),
            ("kvar", "Q1 Q2 Q3 Qsum_kvar"),
            ("kVA", "S1 S2 S3 Ssum_kVA"),
            ("", "PF1 PF2 PF3 PF"),
            ("Hz", "Freq_Hz"),
            ("%", "Unbl_U Unbl_I"),
            ("kWh", "EP_IMP_kWh EP_EXP_kWh"),
            ("kvarh", "EQ_IMP_kvarh EQ_EXP_kvarh"),
            ("kVAh", "ES_kVAh"),
        )
        for param in params.split()
    ]
    fillers = [
        {"param": f"Har{number}_Va", "value": "0.12", "unit": "%"} for number in range(293 - len(known))
    ]
    device: dict[str, Any] = {"serial": "CLD00000001", "online": True, "readings": known + fillers}
    gateway = {"name": "AXM-WEB2", "model": "AXM-WEB2", "serial": "AN54101471"}
    return json.dumps({"timestamp": int(NOW.timestamp()), "gateway": gateway, "device": device}).encode()


def document() -> bytes:
    """Return a site file of 10,000 sites, about 3 MB."""
    entry = {
        "tier": "CRITICAL",
        "enabled": True,
        "name": "Transformer by the market",
        "asset_id": "C001",
        "nominal_voltage": 230,
        "capacity_kva": 500,
        "timezone": "Africa/Lagos",
        "quality_profile": "en50160",
        "remark": {"installed": "2024-05-01"},
    }
    sites = {f"AN{number:08d}": entry for number in range(10_000)}
    return json.dumps({"schema_version": 1, "sites": sites}, indent=2).encode()


def best(*works: Callable[[], object], rounds: int, repeats: int) -> list[float]:
    """Return the minimum CPU time of each function, seconds per run, in alternating rounds."""
    least = [float("inf")] * len(works)
    for _ in range(rounds):
        for position, work in enumerate(works):
            start = time.process_time()
            for _ in range(repeats):
                work()
            least[position] = min(least[position], (time.process_time() - start) / repeats)
    return least


def main() -> int:
    """Measure, print and evaluate."""
    options = argument_parser(__doc__).parse_args()
    report = Report("domain", ("smarterise-ops",), options.append)
    payload, source = message(), document()
    bare, parsed = best(
        lambda: json.loads(payload), lambda: parse_mqtt(payload, received_at=NOW), rounds=ROUNDS, repeats=20
    )
    report.add(
        "json.loads / parse_mqtt",
        bare / parsed,
        at_least=MESSAGE_SHARE,
        json_loads_us=bare * 1e6,
        parse_mqtt_us=parsed * 1e6,
    )
    bare, parsed = best(lambda: json.loads(source), lambda: parse_site_tiers(source), rounds=3, repeats=1)
    report.add(
        "parse_site_tiers / json.loads",
        parsed / bare,
        at_most=DOCUMENT_RATIO,
        parse_site_tiers_ms=parsed * 1e3,
        json_loads_ms=bare * 1e3,
        file_mb=len(source) / 1e6,
    )
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
