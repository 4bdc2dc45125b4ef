"""A tier switch from plan to receipt, and everything that can stand in its way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input, Static

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.sites.plans import ReceiptState
from smarterise_sdk.errors import Conflict, InvalidDocument
from smarterise_sdk.settings.model import EnvironmentKind
from smarterise_tui.screens.confirm import PlanScreen, Stage


@pytest.fixture
def dev(settings_of):
    """Settings of an environment where nothing has to be typed."""
    return settings_of(EnvironmentKind.DEV, name="dev")


def dialog_text(app) -> str:
    assert isinstance(app.screen, PlanScreen)
    return "\n".join(
        str(app.screen.query_one(name, Static).content) for name in ("#plan", "#outcome", "#hint")
    )


def applied(stack) -> list:
    return [about for name, about in stack.requested if name == "apply"]


async def test_plan_reason_apply_receipt_and_the_fleet_follows(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        text = dialog_text(app)
        assert "AN54101471    tier  CRITICAL → NON_CRITICAL" in text
        assert "Effects  1 site: stream off" in text
        assert "1 lambda:InvokeFunction on site-config-manager" in text
        assert applied(stack) == []
        await pilot.press(*"works", "enter")
        await settled(pilot)
        (plan,) = applied(stack)
        assert plan.reason == "works"
        assert plan.updates == {"AN54101471": {"tier": "NON_CRITICAL"}}
        assert "✔ 1 changed, verified 12:04:31Z (read back from S3)" in dialog_text(app)
        assert "Journal  8f31c0de" in dialog_text(app)
        await pilot.press("escape")
        await settled(pilot)
        assert app.state.model.rows["AN54101471"].site.tier is Tier.NON_CRITICAL
        assert stack.times("fetch") == 2


async def test_marked_sites_are_split_into_shown_and_hidden(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("space", "down", "down", "down", "space")  # AN54101471, AN10220456
        await pilot.press("slash", *"lekki", "enter")
        await pilot.press("t")
        await settled(pilot)
        text = dialog_text(app)
        assert "2 sites (1 shown, 1 hidden by the filter: AN54101471)" in text
        await pilot.press("enter")
        await settled(pilot)
        assert set(applied(stack)[0].updates) == {"AN54101471", "AN10220456"}
        await pilot.press("escape")
        assert app.state.view.marks == set()


async def test_production_wants_a_reason_and_the_serial_typed(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        await pilot.press("enter")
        assert "✖ reason required in production" in dialog_text(app)
        await pilot.press(*"works", "enter")
        assert app.focused is app.screen.query_one("#typed", Input)
        await pilot.press("enter")
        assert "not applied: type AN54101471 to confirm" in dialog_text(app)
        await pilot.press(*"AN5410147", "enter")
        await settled(pilot)
        assert applied(stack) == []
        await pilot.press("1", "enter")
        await settled(pilot)
        assert len(applied(stack)) == 1


async def test_more_than_ten_sites_want_the_number_typed_anywhere(make_console, stack, dev, settled):
    stack.site_list = [Site(f"AN{n:06}", Tier.CRITICAL) for n in range(11)]
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a", "t")
        await settled(pilot)
        await pilot.press("enter", *"10", "enter")
        assert "type 11 to confirm" in dialog_text(app)
        assert applied(stack) == []
        await pilot.press("backspace", "1", "enter")
        await settled(pilot)
        assert len(applied(stack)[0].changes) == 11


async def test_read_only_shows_the_plan_and_the_sdk_refuses(make_console, stack, dev, settled):
    stack.read_only = True
    app = make_console(replace(dev, read_only=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        assert "READ-ONLY: this change cannot be applied" in dialog_text(app)
        assert "CRITICAL → NON_CRITICAL" in dialog_text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert "✖ this environment is read-only" in dialog_text(app)
        assert "try: start again with --no-read-only" in dialog_text(app)
        assert app.screen.stage is Stage.REFUSED
        assert applied(stack) == []


async def test_a_conflict_is_told_and_the_plan_made_anew(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        stack.errors["apply"] = Conflict(
            "the site file was changed by ops-ben", why="AN54101471 is NON_CRITICAL now"
        )
        await pilot.press("enter")
        await settled(pilot)
        assert "✖ the site file was changed by ops-ben" in dialog_text(app)
        assert "why: AN54101471 is NON_CRITICAL now" in dialog_text(app)
        stack.site_list[0] = replace(stack.site_list[0], tier=Tier.NON_CRITICAL)
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert "No changes: already NON_CRITICAL" in dialog_text(app)
        assert stack.times("plan") == 2


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (ReceiptState.UNVERIFIED, "? 1 sent, not verified: check before you continue"),
        (ReceiptState.PARTLY_VERIFIED, "▲ 1 sent, not all verified"),
    ],
)
async def test_what_is_not_certain_is_not_called_done(make_console, stack, dev, settled, state, text):
    stack.receipt_state = state
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert text in dialog_text(app)
        assert "AN54101471: reading back from S3 timed out" in dialog_text(app)
        assert "✔" not in dialog_text(app)


async def test_a_plan_that_cannot_be_made_names_every_problem(make_console, stack, dev, settled):
    problems = [
        Problem("CONFIG_INVALID", "not a tier: HIGH", line=4, site="A1"),
        Problem("CONFIG_INVALID", "no tier", line=9),
    ]
    stack.errors["plan"] = InvalidDocument("site-tiers.json cannot be used", problems=problems)
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        text = dialog_text(app)
        assert "line 4, site A1: not a tier: HIGH" in text
        assert "line 9: no tier" in text
        await pilot.press("enter")
        assert applied(stack) == []


async def test_while_applying_the_steps_are_shown_and_nothing_can_be_left(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        stack.gate.clear()
        await pilot.press("enter")
        await pilot.pause(0.05)
        assert app.screen.stage is Stage.APPLYING
        assert "… applying" in dialog_text(app)
        await pilot.press("escape", "ctrl+q", "ctrl+r", "ctrl+t", "enter")
        assert app.screen.stage is Stage.APPLYING
        assert "wait for its receipt" in dialog_text(app)
        assert app.is_running
        stack.gate.set()
        await settled(pilot)
        assert app.screen.stage is Stage.APPLIED
        assert len(applied(stack)) == 1
        assert not app.state.is_writing


async def test_enter_before_the_plan_is_there_applies_nothing(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        stack.gate.clear()
        make_plan = stack.plan_update
        stack.plan_update = lambda *a, **k: stack.gate.wait(10) and make_plan(*a, **k)
        await pilot.press("t", "enter", "enter")
        assert app.screen.stage is Stage.PLANNING
        stack.gate.set()
        await settled(pilot)
        assert app.screen.stage is Stage.PLANNED
        assert applied(stack) == []


async def test_the_other_tier_can_be_planned_instead(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        await pilot.press("ctrl+t")
        await settled(pilot)
        assert "No changes: already CRITICAL" in dialog_text(app)
        await pilot.press("enter")
        assert applied(stack) == []


async def test_sites_of_both_tiers_are_planned_for_the_one_that_costs_less(make_console, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a", "t")
        await settled(pilot)
        assert app.screen.change_request.text == Tier.NON_CRITICAL
        assert "already as requested: AN30000002, AN10220999" in dialog_text(app)


async def test_the_command_is_copied_with_the_reason(make_console, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        await pilot.press(*"it's", "ctrl+y")
        command = "smarterise-ops sites set-tier AN54101471 --to NON_CRITICAL --reason 'it'\"'\"'s'"
        assert app.clipboard == command


async def test_typing_letters_of_keys_types_letters(make_console, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        await pilot.press(*"qyt?1")
        assert app.screen.query_one("#reason", Input).value == "qyt?1"


async def test_a_long_plan_can_be_scrolled_while_typing(make_console, stack, dev, settled):
    stack.site_list = [Site(f"AN{n:06}", Tier.CRITICAL) for n in range(60)]
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a", "t")
        await settled(pilot)
        text = app.screen.query_one("#text")
        screen = app.screen.region
        for name in ("#reason", "#typed", "#hint", "KeyBar"):
            assert screen.contains_region(app.screen.query_one(name).region), name
            assert app.screen.query_one(name).region.height > 0, name
        await pilot.press("pagedown")
        assert text.scroll_offset.y > 0
        await pilot.press("pageup")
        assert text.scroll_offset.y == 0
        assert app.screen.query_one("#reason", Input).has_focus


async def test_thousands_of_sites_are_counted_not_listed(make_console, stack, dev, settled):
    stack.site_list = [Site(f"AN{n:06}", Tier.CRITICAL) for n in range(3_000)]
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a", "slash", *"an00000", "enter", "t")
        await settled(pilot)
        text = dialog_text(app)
        assert "3,000 sites (10 shown, 2,990 hidden by the filter: AN000010," in text
        assert "and 2,978 more)" in text
        assert "… and 2,800 more; ctrl+y copies the CLI command" in text
        assert text.count("→") == 200
        assert "Type 3000 to apply" in str(app.screen.query_one("#typed-label", Static).content)


async def test_after_a_failure_the_sites_are_read_again(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        stack.errors["apply"] = Conflict("the site file was changed by ops-ben")
        stack.site_list[1] = replace(stack.site_list[1], tier=Tier.NON_CRITICAL)
        stack.version += 1
        await pilot.press("enter")
        await settled(pilot)
        assert app.state.model.rows["AN10220456"].site.tier is Tier.NON_CRITICAL
