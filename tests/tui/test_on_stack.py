"""The console on the embedded stack: live values on screen, and a switch that takes effect and is undone."""

from __future__ import annotations

import pytest

from smarterise_sdk.domain.sites import Tier
from smarterise_sdk.domain.status import Status
from smarterise_sdk.settings import load_settings
from smarterise_sdk.stack import Stack
from smarterise_tui.app import SmarteriseConsole
from smarterise_tui.poller import Cadence
from smarterise_tui.screens.confirm import PlanScreen, Stage

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


async def switch(pilot, app) -> None:
    """Switch the tier of the site under the cursor, to the end."""
    await pilot.press("t")
    await until(pilot, lambda: app.screen.stage is Stage.PLANNED, 30)
    await pilot.press(*"test", "enter")
    await until(pilot, lambda: app.screen.stage in (Stage.APPLIED, Stage.REFUSED), 60)
    assert isinstance(app.screen, PlanScreen)
    assert "verified" in str(app.screen.query_one("#outcome").content)
    await pilot.press("escape")


async def test_values_come_in_and_a_switch_takes_effect(console):
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
        first = rows[serial].newest
        await until(pilot, lambda: rows[serial].newest > first, 60)
        await switch(pilot, app)
        await until(pilot, lambda: app.state.model.rows[serial].site.tier is Tier.NON_CRITICAL, 30)
        assert table.cursor_serial == serial
        await switch(pilot, app)
        await until(pilot, lambda: app.state.model.rows[serial].site.tier is Tier.CRITICAL, 30)
        assert app.state.troubles.all == []
