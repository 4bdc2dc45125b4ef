"""The demo's report when readings do not arrive: what there is, what is lacking, and that it is not whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from smarterise_ops.local.client import DEFAULT_SEED
from smarterise_ops.local.report import await_first_values, live_report
from smarterise_ops.local.simulation.fleet import simulated_fleet
from smarterise_ops.local.testing import running_stack
from smarterise_sdk.settings import load_settings
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack


def test_a_mute_fleet_is_reported_as_such_and_no_console_waits_for_it_for_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with running_stack(tmp_path, sites=2, simulator=False) as stack:
        for name, value in stack.exports.items():
            monkeypatch.setenv(name, value)
        report = live_report(load_settings(), stack, timeout=0.0)
        with Stack(load_settings()) as sdk:
            started = time.monotonic()
            await_first_values(sdk, stack, timeout=1.0)
            waited = time.monotonic() - started
    assert 1.0 <= waited < 10.0
    assert not report.is_complete
    assert [row["state"] for row in report.rows] == ["∅ no data", "∅ no data"]
    assert all(row["voltage_a"] is None and row["age"] is None for row in report.rows)
    assert report.summary[0] == "2 sites, 2 of them expected to have readings by now: 2 by stream, 0 by file"
    assert "0 of 2" in report.summary[1]
    assert "0 of 0" in report.summary[2]
    assert report.summary[-1] == "not complete yet: AN54101471, ehm21120333"


def test_the_console_opens_on_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with running_stack(tmp_path, sites=8) as stack:
        for name, value in stack.exports.items():
            monkeypatch.setenv(name, value)
        with Stack(load_settings()) as sdk:
            await_first_values(sdk, stack, timeout=120.0)  # a busy machine takes longer than people wait
            sites = sdk.sites.fetch().sites
            have = {serial for serial, points in sdk.metrics.latest(sites).value.items() if points}
    healthy = {site.gateway_serial for site in simulated_fleet(8, DEFAULT_SEED) if site.fault is None}
    assert healthy & {site.gateway_serial for site in sites if site.enabled} <= have
