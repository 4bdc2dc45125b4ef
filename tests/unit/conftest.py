"""Shared inputs of the domain tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """A moment at which everything in these tests happens."""
    return NOW


def _readings() -> list[dict[str, str]]:
    """293 parameters as firmware names them: those we know, and fillers that we do not."""
    phases = ("1", "2", "3")
    known = [
        *({"param": f"V{phase}", "value": f"{229 + int(phase)}.4", "unit": "V"} for phase in phases),
        {"param": "Vnavg_V", "value": "231.4", "unit": "V"},
        *({"param": f"V{pair}", "value": "400.8", "unit": "V"} for pair in ("12", "23", "31")),
        {"param": "Vlavg_V", "value": "400.8", "unit": "V"},
        *({"param": f"I{phase}", "value": "15.3", "unit": "A"} for phase in (*phases, "n")),
        *({"param": f"P{phase}", "value": "3.5", "unit": "kW"} for phase in phases),
        {"param": "Psum_kW", "value": "10.53", "unit": "kW"},
        {"param": "Qsum_kvar", "value": "1.25", "unit": "kvar"},
        {"param": "Ssum_kVA", "value": "10.604", "unit": "kVA"},
        {"param": "PF", "value": "0.993", "unit": ""},
        {"param": "Freq_Hz", "value": "50.01", "unit": "Hz"},
        {"param": "Unbl_U", "value": "0.4", "unit": "%"},
        {"param": "EP_IMP_kWh", "value": "12530.5", "unit": "kWh"},
        {"param": "LoadType", "value": "L", "unit": ""},
    ]
    fillers = [
        {"param": f"Har{number}_Va", "value": "0.12", "unit": "%"} for number in range(293 - len(known))
    ]
    return known + fillers


@pytest.fixture
def nested() -> Callable[..., bytes]:
    """Make payloads of the real firmware's dialect; keywords replace parts of the document."""

    def make(*, device: dict[str, Any] | None = None, **parts: Any) -> bytes:
        document = {
            "timestamp": int(NOW.timestamp()) - 10,
            "gateway": {"name": "AXM-WEB2", "model": "AXM-WEB2", "serial": "AN54101471"},
            "device": {
                "name": "",
                "model": "Acuvim-L",
                "serial": "CLD00000001",
                "online": True,
                "readings": _readings(),
                **(device or {}),
            },
            **parts,
        }
        return json.dumps(document).encode()

    return make


@pytest.fixture
def flat() -> Callable[..., bytes]:
    """Make payloads of the manual's dialect."""

    def make(**parts: Any) -> bytes:
        document = {
            "timestamp": "2026-03-01T12:04:50Z",
            "gateway": {"name": "AXM-WEB2", "model": "AXM-WEB2", "serial": "ehm21120333"},
            "device": {"name": "", "model": "Acuvim-L"},
            "readings": [
                *({"param": f"V{phase}", "value": "230.5", "unit": "V"} for phase in (1, 2, 3)),
                {"param": "Psum", "value": "10530", "unit": "W"},
                {"param": "Ep_imp", "value": "12530.5", "unit": "kWh"},
            ],
            **parts,
        }
        return json.dumps(document).encode()

    return make
