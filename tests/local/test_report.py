"""The demo's report when readings do not arrive: what there is, what is lacking, and that it is not whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from smarterise_ops.local.report import live_report
from smarterise_ops.local.testing import running_stack
from smarterise_sdk.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack


def test_a_mute_fleet_is_reported_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with running_stack(tmp_path, sites=2, simulator=False) as stack:
        for name, value in stack.exports.items():
            monkeypatch.setenv(name, value)
        report = live_report(load_settings(), stack, patience=0.0)
    assert not report.is_complete
    assert [row["state"] for row in report.rows] == ["∅ no data", "∅ no data"]
    assert all(row["voltage_a"] is None and row["age"] is None for row in report.rows)
    assert report.summary[-1] == "not everywhere yet: AN54101471, ehm21120333"
    assert "0 of 2" in report.summary[1]
