"""What the frame says by itself: a broken site file, changes without an end, and whether one may write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.plans import SiteChange
from smarterise_sdk.errors import SmarteriseError
from smarterise_sdk.settings.unlock import Unlocks
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.screens.history import HistoryScreen
from smarterise_tui.widgets.banner import Banner
from smarterise_tui.widgets.header import Header

PROBLEM = Problem("INVALID_TIER", 'there is no tier "CRITICL"', line=7, site="AN54101471", field="tier")


def banner(app) -> str:
    return app.screen.query_one(Banner).render().plain


def header(app) -> str:
    return app.screen.query_one(Header).render().plain


# A broken site file


@pytest.fixture
def broken(stack):
    stack.denied.clear()
    stack.degraded = "s3://smarterise-site-config/site-tiers.json cannot be used"
    stack.problems = (PROBLEM,)
    return stack


async def test_a_broken_site_file_is_told_with_its_remedy(make_console, broken, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        assert "✖ site file invalid; showing the last valid version (v0-the-last-)" in banner(app)
        assert "line 7, site AN54101471" in banner(app)
        assert len(banner(app)) == 160
        assert banner(app).rstrip().endswith("R repair  e details")
        await pilot.press("e")
        text = app.screen.text.plain
        assert 'line 7, site AN54101471, field tier: there is no tier "CRITICL"' in text
        assert "smarterise-ops sites repair" in text


async def test_the_remedy_stays_in_sight_when_there_are_other_troubles(make_console, broken, settled):
    broken.denied = {"AN30000002"}
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "R repair" in banner(app)
        assert "(+1 more)" in banner(app)


async def test_r_repairs_with_the_smallest_fix_or_the_last_good_version(
    make_console, broken, settled, settings_of
):
    broken.differences = (SiteChange("AN54101471", {"tier": "CRITICL"}, {"tier": "CRITICAL"}),)
    app = make_console(settings_of("dev", name="dev"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("R")
        await settled(pilot)
        assert isinstance(app.screen, PlanScreen)
        assert broken.last("plan repair") is False
        plan = app.screen.query_one("#plan")
        assert 'Note     line 7: tier "CRITICL" → "CRITICAL"' in str(plan.content)
        assert "ctrl+t plans the last valid version instead" in str(app.screen.query_one("#hint").content)
        await pilot.press("ctrl+t")
        await settled(pilot)
        assert broken.last("plan repair") is True
        await pilot.press("ctrl+y")
        assert app.clipboard == "smarterise-ops sites repair --last-good"
        broken.degraded = ""
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert app.state.issues.all == []
        assert not app.screen.query_one(Banner).has_class("-active")


# Changes without an end


async def test_changes_without_an_end_are_told_at_start_and_once(
    make_console, stack, make_change, clock, settled
):
    stack.denied.clear()
    stack.changes.unfinished = (make_change("aaaa0001", outcome="no end"),)
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "▲ aaaa0001 no end: smarterise-ops journal resolve aaaa0001" in banner(app)
        assert "H history" in banner(app)
        clock.advance(60)
        app.tick()
        await settled(pilot)
        assert stack.times("unresolved") == 1
        await pilot.press("e")
        assert isinstance(app.screen, TextScreen)
        assert "Switch 1 site to NON_CRITICAL: no end" in app.screen.text.plain
        await pilot.press("escape", "H")
        await settled(pilot)
        assert isinstance(app.screen, HistoryScreen)
        assert app.state.issues.all == []


async def test_several_are_counted_and_a_journal_that_cannot_be_read_is_told(
    make_console, stack, make_change, settled
):
    stack.denied.clear()
    stack.changes.unfinished = tuple(make_change(f"aaaa000{n}", outcome="unverified") for n in range(3))
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "3 unresolved changes: smarterise-ops journal list" in banner(app)
    stack.errors["unresolved"] = SmarteriseError("the journal cannot be read", code="JOURNAL")
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "✖ the journal cannot be read" in banner(app)


# Whether one may write


@pytest.fixture
def unlocked(settings_of, clock, tmp_path):
    """Settings of a production environment that is unlocked for half an hour."""
    unlock = Unlocks(tmp_path).open("prod", minutes=30, reason="works", by="anna", now=clock())
    return replace(settings_of("production"), write_until=unlock.until, journal_dir=tmp_path / "journal")


async def test_the_header_says_read_only_or_nothing(make_console, settled, settings_of):
    for read_only in (True, False):
        app = make_console(settings_of("production", read_only=read_only))
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            assert ("READ-ONLY" in header(app)) is read_only
            assert "WRITE" not in header(app)


async def test_an_unlock_is_shown_until_it_is_over(make_console, stack, unlocked, clock, settled):
    app = make_console(unlocked)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "WRITE until 12:34Z" in header(app)
        requested = len(stack.requested)
        clock.advance(30 * 60)
        app._check_unlock()
        await pilot.pause()
        assert "READ-ONLY" in header(app)
        assert "WRITE" not in header(app)
        assert len(stack.requested) == requested


async def test_it_ends_by_itself_even_behind_a_dialog(make_console, stack, unlocked, clock, settled):
    clock.advance(30 * 60 - 0.3)
    app = make_console(unlocked)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        hint = app.screen.query_one("#hint")
        assert "READ-ONLY" not in str(hint.content)
        clock.advance(0.4)
        await pilot.pause(0.6)
        assert "READ-ONLY: this change cannot be applied" in str(hint.content)
        assert "restart the console" not in str(hint.content)
        await pilot.press("escape")
        assert "READ-ONLY" in header(app)


async def test_an_unlock_taken_back_or_given_anew_is_followed(
    make_console, unlocked, clock, settled, tmp_path
):
    app = make_console(unlocked)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        Unlocks(tmp_path).close("prod")
        app.tick()
        await settled(pilot)
        assert "READ-ONLY" in header(app)
        Unlocks(tmp_path).open("prod", minutes=60, reason="works", by="anna", now=clock())
        app.tick()
        await settled(pilot)
        assert "WRITE until 13:04Z" in header(app)
