"""The one dialog, with every kind of plan: what it shows, what must be typed, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input, Static

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import Receipt, ReceiptState, SiteChange, StackChange
from smarterise_sdk.errors import Conflict, WriteRefused
from smarterise_tui import change_requests
from smarterise_tui.fleet.view import Selection
from smarterise_tui.screens.confirm import PlanScreen, Stage
from smarterise_tui.text.plan import MAX_LINES, plan_text, receipt_text
from smarterise_tui.widgets.key_bar import KeyBar

SWITCHED = SiteChange("AN54101471", {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"})
ADDED = SiteChange("AN90000001", None, {"tier": "CRITICAL", "name": "Ajah [2]"})
TAKEN_OUT = SiteChange("AN90000002", {"tier": "NON_CRITICAL", "capacity_kva": 200}, None)
ALARM = StackChange("alarm actions", "smartmeter-AN54101471-voltage", "on", "off", "AN54101471")


@pytest.fixture
def dev(settings_of):
    """Settings of an environment where nothing has to be typed."""
    return settings_of("dev", name="dev")


def dialog_text(app) -> str:
    assert isinstance(app.screen, PlanScreen)
    return "\n".join(
        str(app.screen.query_one(name, Static).content) for name in ("#plan", "#outcome", "#hint")
    )


def bar_text(app) -> str:
    return app.screen.query_one(KeyBar).render().plain


async def switch_first_site(app, pilot, settled, reason: str = "works") -> None:
    await settled(pilot)
    await pilot.press("t")
    await settled(pilot)
    await pilot.press(*reason, "enter")
    await settled(pilot)


# What a plan says


def test_sites_added_and_taken_out_are_told_apart_from_changed_ones(stack):
    plan = stack.make_plan((SWITCHED, ADDED, TAKEN_OUT), title="Update 3 sites")
    lines = plan_text(plan).plain.splitlines()
    assert lines[0] == "Update 3 sites"
    assert "  AN54101471    tier  CRITICAL → NON_CRITICAL" in lines
    assert "  AN90000001    + added  tier CRITICAL, name Ajah [2]" in lines
    assert "  AN90000002    − removed  was tier NON_CRITICAL, capacity_kva 200" in lines


def test_a_plan_tells_stack_changes_notes_and_cost(stack):
    plan = replace(
        stack.make_plan((), title="Make 1 alarm follow the file"),
        stack_changes=(ALARM,),
        notes=("AN1 stays: it was changed later", "by S3: the answer is too large"),
        effects=("1 alarm is silent",),
        monthly_usd=-3.6,
    )
    text = plan_text(plan).plain
    assert "  smartmeter-AN54101471-voltage  alarm actions  on → off" in text
    assert "Effects  1 alarm is silent" in text
    assert "Cost     −$3.60/month" in text
    assert "Note     AN1 stays: it was changed later\n         by S3: the answer is too large" in text


@pytest.mark.parametrize(
    ("usd", "text"), [(12.5, "+$12.50/month"), (0.0, "as before"), (-1234.567, "−$1,234.57/month")]
)
def test_the_cost_has_its_sign(stack, usd, text):
    plan = replace(stack.make_plan((SWITCHED,), title="x"), monthly_usd=usd)
    assert text in plan_text(plan).plain
    assert "Cost" not in plan_text(replace(plan, monthly_usd=None)).plain
    told = plan_text(replace(plan, effects=("1 site: stream off", "cost: about the same"))).plain
    assert "Effects  1 site: stream off\nCost     about the same\n" in told


def test_a_plan_of_nothing_announces_no_call(stack):
    plan = replace(
        stack.make_plan((), title="Change nothing"), notes=("left as it is: AN1",), monthly_usd=0.0
    )
    assert plan_text(plan).plain == "Change nothing\n\nNote     left as it is: AN1"


def test_data_in_a_plan_is_never_markup(stack):
    nasty = SiteChange("AN1", {"name": "[red]\x1b[2J"}, {"name": "[/]$accent\u202e"})
    noted = replace(stack.make_plan((nasty,), title="[b]x"), notes=("[link]",), effects=("[i]\x07",))
    text = plan_text(noted).plain
    assert "[red]\\x1b[2J → [/]$accent\\u202e" in text
    assert all(ord(character) >= 32 or character == "\n" for character in text)


def test_too_many_changes_are_counted(stack):
    changes = tuple(replace(SWITCHED, gateway_serial=f"AN{n:06}") for n in range(MAX_LINES + 7))
    text = plan_text(stack.make_plan(changes, title="x")).plain
    assert text.count("→") == MAX_LINES
    assert text.index("Calls") < text.index("→")
    assert "… and 7 more; ctrl+y copies the CLI command" in text


def test_a_receipt_tells_its_notes_and_what_was_not_written(stack):
    plan = replace(stack.make_plan((), title="x"), document=b"{}")
    receipt = Receipt(
        plan,
        ReceiptState.VERIFIED,
        (),
        {},
        "",
        "v2",
        (),
        None,
        None,
        "",
        ("no copy of the journal: denied",),
    )
    assert receipt_text(receipt).plain.startswith("✔ site file changed, verified")
    assert "Note     no copy of the journal: denied" in receipt_text(receipt).plain
    undone = replace(receipt, state=ReceiptState.NOT_WRITTEN)
    assert receipt_text(undone).plain.startswith("✖ site file not written")


# The way back


async def test_the_receipt_is_undone_with_a_plan_like_any_other(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        assert "undo" not in bar_text(app)
        assert "ctrl+t instead" in bar_text(app)
        await pilot.press(*"works", "enter", *"AN54101471", "enter")
        await settled(pilot)
        assert bar_text(app).startswith("u undo")
        assert app.state.model.rows["AN54101471"].site.tier is Tier.NON_CRITICAL
        await pilot.press("u")
        await settled(pilot)
        assert stack.last("plan undo") == "8f31c0de"
        assert "tier  NON_CRITICAL → CRITICAL" in dialog_text(app)
        assert "Undo " in str(app.screen.query_one("#dialog").border_title)
        assert "ctrl+t" not in bar_text(app)
        assert app.screen.query_one("#reason", Input).value == ""
        assert stack.times("apply") == 1
        await pilot.press(*"back", "enter", "enter")
        assert "not applied: type AN54101471 to confirm" in dialog_text(app)
        await pilot.press(*"AN54101471", "enter")
        await settled(pilot)
        assert "✔ 1 changed, verified" in dialog_text(app)
        assert stack.applied["8f31c0df"].undoes == "8f31c0de"
        assert app.state.model.rows["AN54101471"].site.tier is Tier.CRITICAL
        await pilot.press("u")
        await settled(pilot)
        assert stack.last("plan undo") == "8f31c0df"


async def test_u_does_nothing_before_there_is_a_receipt(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        await pilot.press("u")
        assert app.screen.query_one("#reason", Input).value == "u"
        stack.errors["apply"] = Conflict("the site file was changed by ops-ben")
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("u")
        await settled(pilot)
        assert stack.times("plan undo") == 0
        assert "undo" not in bar_text(app)


async def test_an_undo_of_what_has_moved_on_says_how(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await switch_first_site(app, pilot, settled)
        stack.errors["plan undo"] = Conflict(
            "8f31c0de cannot be undone: the sites have moved on",
            why="AN54101471 tier: CRITICAL now, NON_CRITICAL after that change",
            remedy="look first: smarterise-ops journal show 8f31c0de",
            code="MOVED_ON",
        )
        await pilot.press("u")
        await settled(pilot)
        text = dialog_text(app)
        assert app.screen.stage is Stage.REFUSED
        assert "✖ 8f31c0de cannot be undone" in text
        assert "why: AN54101471 tier: CRITICAL now, NON_CRITICAL after that change" in text
        assert "try: look first: smarterise-ops journal show 8f31c0de" in text
        assert "code: MOVED_ON" in text
        assert stack.times("apply") == 1


async def test_the_command_of_the_plan_on_screen_is_copied(make_console, stack, dev, settled):
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await switch_first_site(app, pilot, settled)
        await pilot.press("u")
        await settled(pilot)
        await pilot.press("b", "ctrl+y")
        assert app.clipboard == "smarterise-ops undo 8f31c0de --reason b"


async def test_what_can_be_had_instead_is_said_and_planned(make_console, stack, dev, settled):
    stack.differences = (SWITCHED,)
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.push_screen(PlanScreen(app.state, change_requests.roll_back("v1")))
        await settled(pilot)
        assert stack.last("plan rollback") == ("v1", False)
        assert "ctrl+t plans the whole version instead" in dialog_text(app)
        await pilot.press("w", "ctrl+t")
        await settled(pilot)
        assert stack.last("plan rollback") == ("v1", True)
        assert app.screen.query_one("#reason", Input).value == "w"
        await pilot.press("ctrl+y")
        assert app.clipboard == "smarterise-ops sites rollback v1 --whole --reason w"
        await pilot.press("ctrl+t")
        await settled(pilot)
        assert stack.last("plan rollback") == ("v1", False)


async def test_read_only_names_the_unlock_and_the_sdk_refuses(make_console, stack, settled, settings_of):
    stack.errors["apply"] = WriteRefused(
        "environment prod is read-only here: Switch 1 site was not tried",
        why="from default the environment is of kind production",
        remedy='give leave for a while: smarterise-ops --env prod unlock --for 30m --reason "why"',
    )
    app = make_console(settings_of("production", read_only=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        hint = str(app.screen.query_one("#hint", Static).content)
        assert "READ-ONLY: this change cannot be applied" in hint
        assert 'smarterise-ops --env prod unlock --for 30m --reason "why"' in hint
        assert ", then restart the console" in hint
        await pilot.press(*"works", "enter", *"AN54101471", "enter")
        await settled(pilot)
        text = dialog_text(app)
        assert "✖ environment prod is read-only here" in text
        assert "try: give leave for a while: smarterise-ops --env prod unlock" in text
        assert app.state.model.rows["AN54101471"].site.tier is Tier.CRITICAL


async def test_a_plan_that_takes_long_text_keeps_its_receipt_in_sight(make_console, stack, dev, settled):
    stack.differences = tuple(replace(SWITCHED, gateway_serial=f"AN{n:06}") for n in range(60))
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.push_screen(PlanScreen(app.state, change_requests.roll_back("v1")))
        await settled(pilot)
        text = app.screen.query_one("#text")
        assert text.scroll_offset.y == 0
        await pilot.press("w", "enter", *"60", "enter")
        await settled(pilot)
        outcome = app.screen.query_one("#outcome")
        assert text.region.contains_region(outcome.region)
        assert outcome.region.height > 0


async def test_drift_is_put_right_from_the_checks(make_console, stack, make_finding, dev, settled):
    stack.findings = (
        make_finding("config.reconciliation", "The stack follows its file", "high", "warn", "alarms"),
    )
    stack.next_plan = {"stack_changes": (ALARM,)}
    app = make_console(dev)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        await pilot.press("f")
        await settled(pilot)
        assert "smartmeter-AN54101471-voltage  alarm actions  on → off" in dialog_text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert "✔ 1 changed, verified" in dialog_text(app)
        assert "undo" not in bar_text(app)
        await pilot.press("ctrl+y")
        assert app.clipboard == "smarterise-ops sites reconcile"
        await pilot.press("escape")
        await settled(pilot)
        assert stack.times("checks") == 2


def test_a_proposal_for_marked_sites_carries_them():
    selection = Selection(("AN1",), ("AN2",))
    change_request = change_requests.switch_tier(selection, Tier.CRITICAL)
    assert change_request.selection == selection
    assert change_request.other.make().text == "NON_CRITICAL"
    assert change_request.other.make().other.make().text == "CRITICAL"
