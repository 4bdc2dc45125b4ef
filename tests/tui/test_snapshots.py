"""One picture of every screen, to catch what no assertion looks for. Behaviour is tested elsewhere.

After a change that is meant: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at them.
"""

from __future__ import annotations

import pytest


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
