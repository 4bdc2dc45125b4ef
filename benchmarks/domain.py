"""What understanding costs over bare JSON: a meter's message, and a site file of 10,000 sites.

Prints each figure; ends with 1 when one is beyond its limit. The best of interleaved rounds counts, in CPU
time, so that a busy machine meets both sides.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.mqtt import parse_mqtt
from smarterise_sdk.domain.site_tiers import parse_site_tiers

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE_SHARE = 0.25
"""Least share of the speed of `json.loads` at which messages are understood."""
DOCUMENT_SECONDS = 1.0
ROUNDS = 20
NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


def message() -> bytes:
    """Return a payload of 293 readings, of which 40 are ours."""
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
    """Return the least CPU time of each, in seconds a run, measured by turns."""
    least = [float("inf")] * len(works)
    for _ in range(rounds):
        for position, work in enumerate(works):
            start = time.process_time()
            for _ in range(repeats):
                work()
            least[position] = min(least[position], (time.process_time() - start) / repeats)
    return least


def main() -> int:
    """Measure, print and judge."""
    payload, source = message(), document()
    bare, understood = best(
        lambda: json.loads(payload), lambda: parse_mqtt(payload, received_at=NOW), rounds=ROUNDS, repeats=20
    )
    share = bare / understood
    print(
        f"json.loads / parse_mqtt            {share:5.2f}  "
        f"({understood * 1e6:.0f} µs a message, at least {MESSAGE_SHARE:.2f})"
    )
    bare, understood = best(lambda: json.loads(source), lambda: parse_site_tiers(source), rounds=3, repeats=1)
    print(
        f"parse_site_tiers / json.loads      {understood / bare:5.1f}  for {len(source) / 1e6:.1f} MB "
        f"({understood:.2f} s, at most {DOCUMENT_SECONDS:.1f} s)"
    )
    return int(share < MESSAGE_SHARE or understood > DOCUMENT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
