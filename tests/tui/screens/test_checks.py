"""The checks: the worst first, each finding whole on a key, and what happens when they cannot run."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from smarterise_sdk.errors import Unreachable
from smarterise_tui.screens.checks import ChecksScreen
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.screens.fleet import FleetScreen
from smarterise_tui.widgets.text_line import TextLine


@pytest.fixture
def findings(stack, make_finding):
    stack.findings = (
        make_finding("config.bucket", "The bucket answers", "critical", "ok", "s3://smarterise-site-config"),
        make_finding(
            "config.policy", "The policy lets the function in", "high", "unknown", "bucket [policy]"
        ),
        make_finding(
            "config.file",
            "The file is there and valid",
            "critical",
            "fail",
            "s3://smarterise-site-config/site-tiers.json",
            observed="line 4: not JSON",
            expected="a document that parses",
            evidence=("s3:GetObject at 12:04:31Z",),
            remedy="smarterise-ops sites list",
        ),
        make_finding("config.agrees", "The function agrees", "medium", "skip", "site-config-manager"),
    )


def listed(app) -> list[str]:
    return str(app.screen.query_one("#findings", Static).content).splitlines()


async def test_the_worst_comes_first_with_glyph_and_word(make_console, findings, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        text = [line[2:].split("  ")[0].strip() for line in listed(app)]
        assert text == ["✖ fail", "? unknown", "● ok", "– skip"]
        summary = app.screen.query_one("#summary", TextLine).render().plain
        assert "✖ 1 fail" in summary
        assert "ran 2026-03-01T12:04:31Z" in summary


async def test_a_finding_is_shown_whole_and_can_be_copied(make_console, findings, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        await pilot.press("enter")
        assert isinstance(app.screen, TextScreen)
        text = app.screen.text.plain
        for part in (
            "line 4: not JSON",
            "a document that parses",
            "s3:GetObject at",
            "try       smarterise-ops",
        ):
            assert part in text
        await pilot.press("y")
        assert app.clipboard == text
        await pilot.press("escape")
        await pilot.press("down", "down", "down", "down", "up", "enter")
        assert app.screen.text.plain.startswith("● ok")


async def test_they_run_again_and_say_when_they_cannot(make_console, stack, findings, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        stack.errors["checks"] = Unreachable("no response from AWS", remedy="look at the network")
        await pilot.press("r")
        await settled(pilot)
        assert "✖ no response from AWS" in listed(app)[0]
        assert "try: look at the network" in "\n".join(listed(app))
        await pilot.press("enter", "down")
        assert isinstance(app.screen, ChecksScreen)
        stack.errors.clear()
        await pilot.press("r")
        await settled(pilot)
        assert len(listed(app)) == 4
        await pilot.press("escape")
        assert isinstance(app.screen, FleetScreen)


async def test_no_check_is_said_to_be_none(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        await settled(pilot)
        assert listed(app) == ["∅ no checks"]
        await pilot.press("y")
        assert app.clipboard == "smarterise-ops checks run"


async def test_nothing_is_polled_while_the_fleet_is_not_on_screen(
    make_console, stack, clock, findings, settled
):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        requested = stack.times("latest")
        clock.advance(60)
        app.tick()
        await settled(pilot)
        assert stack.times("latest") == requested
        await pilot.press("escape")
        await settled(pilot)
        assert stack.times("latest") == requested + 1
