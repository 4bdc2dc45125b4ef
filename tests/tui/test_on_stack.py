"""The console on the embedded stack: live values, a switch and its undo, a broken file and its repair."""

from __future__ import annotations

import json

import boto3
import pytest

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.domain.status import Status
from smarterise_sdk.settings import load_settings
from smarterise_sdk.stack import Stack
from smarterise_tui.app import SmarteriseConsole
from smarterise_tui.issues import DEGRADED
from smarterise_tui.poller import Cadence
from smarterise_tui.screens.confirm import PlanScreen, Stage
from smarterise_tui.widgets.banner import Banner

pytestmark = pytest.mark.stack
LIVE_WITHIN_SECONDS = 90


@pytest.fixture
def console(embedded_stack, monkeypatch):
    for name, value in embedded_stack.exports.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    settings = load_settings()
    return SmarteriseConsole(settings, lambda: Stack(settings), cadence=Cadence(tick=2))


async def until(pilot, what, seconds: float) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / 0.1)):
        if what():
            return
        await pilot.pause(0.1)
    pytest.fail(f"not so after {seconds} s")


async def planned(pilot, app) -> None:
    """Wait for the plan in the dialog on screen."""
    assert isinstance(app.screen, PlanScreen)
    await until(pilot, lambda: app.screen.stage in (Stage.PLANNED, Stage.REFUSED), 30)
    assert app.screen.stage is Stage.PLANNED, str(app.screen.query_one("#plan").content)


async def apply(pilot, app) -> None:
    """Take the plan in the dialog on screen to its receipt."""
    await planned(pilot, app)
    await pilot.press(*"test", "enter")
    await until(pilot, lambda: app.screen.stage in (Stage.APPLIED, Stage.REFUSED), 60)
    assert "verified" in str(app.screen.query_one("#outcome").content)


async def test_values_come_in_and_a_switch_takes_effect_and_is_undone(console):
    app = console
    async with app.run_test(size=(160, 45)) as pilot:
        rows = app.state.model.rows
        live = {Status.OK, Status.WARN, Status.FAIL}
        await until(
            pilot,
            lambda: any(
                row.state.status in live and row.site.tier is Tier.CRITICAL for row in app.state.view.rows
            ),
            LIVE_WITHIN_SECONDS,
        )
        rows = app.state.model.rows
        serial = next(
            s for s, row in rows.items() if row.state.status in live and row.site.tier is Tier.CRITICAL
        )
        table = app._fleet.table
        table.action_to_first()
        while table.cursor_serial != serial:
            table.action_move(1)
        first = rows[serial].latest
        await until(pilot, lambda: rows[serial].latest > first, 60)
        await pilot.press("t")
        await apply(pilot, app)
        await until(pilot, lambda: app.state.model.rows[serial].site.tier is Tier.NON_CRITICAL, 30)
        await pilot.press("u")
        await apply(pilot, app)
        await pilot.press("escape")
        await until(pilot, lambda: app.state.model.rows[serial].site.tier is Tier.CRITICAL, 30)
        assert table.cursor_serial == serial
        await pilot.press("enter")
        title = app.screen.query_one("#title")
        await until(pilot, lambda: 'demo-operator: "test"' in title.render().plain, 30)
        assert "CRITICAL  since" in title.render().plain
        assert app.state.issues.all == []


async def test_a_file_that_was_broken_by_hand_is_told_and_mended(console, embedded_stack):
    app = console
    s3, names = boto3.Session().client("s3"), StackNames()
    place = {"Bucket": names.site_config_bucket, "Key": names.site_config_key}
    sound = s3.get_object(**place)["Body"].read()
    s3.put_object(**place, Body=sound.replace(b'"CRITICAL"', b'"CRITICL"', 1))
    try:
        async with app.run_test(size=(160, 45)) as pilot:
            await until(pilot, lambda: app.state.issues.of(DEGRADED), 30)
            assert "R repair" in app.screen.query_one(Banner).render().plain
            assert len(app.state.model.rows) > 0
            await pilot.press("R")
            await planned(pilot, app)
            assert 'tier "CRITICL" → "CRITICAL"' in str(app.screen.query_one("#plan").content)
            await pilot.press("ctrl+t")
            await until(pilot, lambda: app.screen.change_request.text == "the last valid version", 30)
            await apply(pilot, app)
            await pilot.press("escape")
            await until(pilot, lambda: not app.state.issues.of(DEGRADED), 30)
            repaired = json.loads(s3.get_object(**place)["Body"].read())
            assert repaired["sites"] == json.loads(sound)["sites"]
            await pilot.press("H")
            screen = app.screen
            await until(pilot, lambda: screen._history is not None, 30)
            assert [version.kind for version in screen._history.entries[:2]] == ["change", "broken"]
    finally:
        s3.put_object(**place, Body=sound)
