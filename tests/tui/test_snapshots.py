"""One picture of every screen, to catch what no assertion looks for. Behaviour is tested elsewhere.

After a change that is meant: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at them.
"""

from __future__ import annotations

import pytest

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.plans import SiteChange


@pytest.fixture
def keys_then_settle(settled):
    """Return a `run_before` that presses keys and waits for the answers to each."""

    def keys(*names: str):
        async def run(pilot) -> None:
            await settled(pilot)
            for name in names:
                await pilot.press(name)
                await settled(pilot)

        return run

    return keys


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
def test_fleet(make_console, snap_compare, keys_then_settle, size):
    keys = keys_then_settle("down", "space")
    assert snap_compare(make_console(), terminal_size=size, run_before=keys)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
def test_site(make_console, snap_compare, keys_then_settle, size):
    assert snap_compare(make_console(), terminal_size=size, run_before=keys_then_settle("enter"))


def test_tier_switch(make_console, snap_compare, keys_then_settle):
    keys = keys_then_settle("space", "down", "space", "slash", "i", "k", "e", "enter", "t")
    assert snap_compare(make_console(), terminal_size=(80, 24), run_before=keys)


def test_checks(make_console, stack, make_finding, snap_compare, keys_then_settle):
    stack.findings = tuple(
        make_finding(f"config.{status}", f"A check that is {status}", "high", status, "site-tiers.json")
        for status in ("ok", "warn", "fail", "skip", "unknown")
    )
    assert snap_compare(make_console(), terminal_size=(80, 24), run_before=keys_then_settle("c", "down"))


def test_help(make_console, snap_compare, keys_then_settle):
    assert snap_compare(make_console(), terminal_size=(80, 24), run_before=keys_then_settle("question_mark"))


def test_details(make_console, snap_compare, keys_then_settle):
    assert snap_compare(make_console(), terminal_size=(80, 24), run_before=keys_then_settle("e"))


@pytest.fixture
def told(stack, make_history, make_version, make_change):
    """A stack with a history."""
    problem = Problem("INVALID_TIER", 'there is no tier "CRITICL"', line=7, site="AN54101471", field="tier")
    stack.versions = make_history(
        (
            make_version("Kx5dlO.q8Vn2", written_at="2026-03-01T12:01:31Z", is_latest=True, kind="broken"),
            make_version("3sL4kqtJlcpX", kind="hand edit", by="", reason="", summary="2 sites: name"),
            make_version("QUpfdndhfd8p", reason="transformer works", summary="300 sites: tier CRITICAL → …"),
            make_version("RNuk6mh0Zc1u", written_at="2026-02-26T12:04:31Z", kind="first", by="ops-ben"),
        ),
        is_complete=False,
    )
    switched = SiteChange("AN54101471", {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"})
    stack.changes.entries = (
        make_change("8f31c0de", outcome="no end", changes=(switched,)),
        make_change("8f31c0df", title="Undo 11aa22bb: Switch 300 sites", undoes="11aa22bb"),
        make_change("11aa22bb", title="Switch 300 sites to NON_CRITICAL", undone_by="8f31c0df"),
        make_change("22bb33cc", title="Remove 1 site", outcome="failed", reason="broken meter"),
    )
    stack.changes.unfinished = stack.changes.entries[:1]
    stack.differences = (switched, SiteChange("AN1", None, {"tier": "CRITICAL"}), SiteChange("AN2", {}, None))
    stack.problems = (problem,)
    return stack


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
def test_history(make_console, told, snap_compare, keys_then_settle, size):
    keys = keys_then_settle("H", "tab", "down")
    assert snap_compare(make_console(), terminal_size=size, run_before=keys)


def test_version(make_console, told, snap_compare, keys_then_settle):
    keys = keys_then_settle("H", "down", "enter")
    assert snap_compare(make_console(), terminal_size=(80, 24), run_before=keys)


def test_repair(make_console, told, snap_compare, keys_then_settle):
    told.degraded = "s3://smarterise-site-config/site-tiers.json cannot be used"
    keys = keys_then_settle("R")
    assert snap_compare(make_console(), terminal_size=(160, 45), run_before=keys)


def test_receipt(make_console, snap_compare, keys_then_settle, settings_of):
    keys = keys_then_settle("t", "o", "k", "enter")
    assert snap_compare(make_console(settings_of("dev", name="dev")), terminal_size=(80, 24), run_before=keys)
