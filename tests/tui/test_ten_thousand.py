"""Ten thousand sites on the embedded stack: filter, mark three hundred, switch, see it verified, undo."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from textual.widgets import Static

from smarterise_ops.local.testing import running_stack
from smarterise_sdk.domain.sites.document import new_site_tiers, render_site_tiers
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.settings import load_settings
from smarterise_sdk.stack import Stack
from smarterise_tui.app import SmarteriseConsole
from smarterise_tui.poller import Cadence
from smarterise_tui.screens.confirm import PlanScreen, Stage
from smarterise_tui.screens.history import HistoryScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_ops.local.client import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]  # much work, whatever the machine

SITES, MARKED = 10_000, 300
PLACE = {"Bucket": StackNames().site_config_bucket, "Key": StackNames().site_config_key}
FEEDER = [f"AN{number:08}" for number in range(4_000, 4_000 + MARKED)]
"""The sites named after the feeder that is worked on."""


@pytest.fixture(scope="module")
def big_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of these tests' own, whose meters are quiet."""
    with running_stack(tmp_path_factory.mktemp("big"), sites=2, simulator=False) as stack:
        yield stack


@pytest.fixture
def s3(big_stack, monkeypatch) -> Any:
    """A client of the stack, which holds ten thousand sites from now on."""
    for name, value in big_stack.exports.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    entries = {
        f"AN{number:08}": {"tier": "CRITICAL", "name": f"Yaba {number}", "remark": {"kept": True}}
        for number in range(SITES)
    }
    for serial in FEEDER:
        entries[serial]["name"] = f"Feeder 17, {serial[-3:]}"
    client = boto3.Session().client("s3")
    client.put_object(**PLACE, Body=render_site_tiers(new_site_tiers(entries)))
    return client


def sites_in(s3: Any) -> dict[str, Any]:
    sites: dict[str, Any] = json.loads(s3.get_object(**PLACE)["Body"].read())["sites"]
    return sites


def critical_in(s3: Any) -> set[str]:
    return {serial for serial, entry in sites_in(s3).items() if entry["tier"] == "CRITICAL"}


def said(app: SmarteriseConsole, name: str) -> str:
    return str(app.screen.query_one(name, Static).content)


async def until(pilot: Any, what: Any, seconds: float = 120) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / 0.05)):
        if what():
            return
        await pilot.pause(0.05)
    pytest.fail(f"not so after {seconds} s: {pilot.app.screen}")


async def confirm(pilot: Any, app: SmarteriseConsole, reason: str) -> str:
    """Take the plan on screen to its receipt; return that."""
    await until(pilot, lambda: app.screen.stage in (Stage.PLANNED, Stage.REFUSED))
    assert app.screen.stage is Stage.PLANNED, said(app, "#plan")
    await pilot.press(*reason, "enter", *str(MARKED - 1), "enter")
    assert f"type {MARKED} to confirm" in said(app, "#hint")
    await pilot.press(*["backspace"] * 3, *str(MARKED), "enter")
    await until(pilot, lambda: app.screen.stage in (Stage.APPLIED, Stage.REFUSED))
    assert app.screen.stage is Stage.APPLIED, said(app, "#outcome")
    return said(app, "#outcome")


async def test_three_hundred_of_ten_thousand_are_switched_and_switched_back(s3):
    before = sites_in(s3)
    settings = load_settings()
    app = SmarteriseConsole(settings, lambda: Stack(settings), cadence=Cadence(tick=5))
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: len(app.state.model.rows) == SITES)
        await pilot.press("slash", *"feeder", "enter", "a")
        assert app.state.view.marks == set(FEEDER)
        await pilot.press("slash", *" 01", "enter", "t")
        assert isinstance(app.screen, PlanScreen)
        await until(pilot, lambda: app.screen.stage is Stage.PLANNED)
        plan = said(app, "#plan")
        shown = len(app.state.view.rows)
        assert 0 < shown < MARKED
        assert f"300 sites ({shown} shown, {MARKED - shown} hidden by the filter: AN0000" in plan
        assert "AN00004001    tier  CRITICAL → NON_CRITICAL" in plan
        assert critical_in(s3) == set(before)

        told = await confirm(pilot, app, "works")
        assert app.screen._steps[0] == "applying"
        assert app.screen._steps[-1].startswith("verifying")
        assert told.strip().startswith("✔ 300 changed, verified"), told
        assert critical_in(s3) == set(before) - set(FEEDER)
        await until(pilot, lambda: app.state.model.count_by_tier["NON_CRITICAL"] == MARKED)
        assert app.state.view.marks == set()
        switch_id = app.screen.plan.plan_id

        await pilot.press("u")
        assert app.screen.change_request.title == "Undo"
        await until(pilot, lambda: app.screen.plan is not None)
        assert "AN00004001    tier  NON_CRITICAL → CRITICAL" in said(app, "#plan")
        told = await confirm(pilot, app, "back")
        assert told.strip().startswith("✔ 300 changed, verified"), told
        assert sites_in(s3) == before
        await until(pilot, lambda: app.state.model.count_by_tier["CRITICAL"] == SITES)
        undo_id = app.screen.plan.plan_id

        await pilot.press("escape", "H")
        screen = app.screen
        assert isinstance(screen, HistoryScreen)
        await until(pilot, lambda: screen._history is not None and screen._reading is not None)
        undo, switch = screen._reading.entries[:2]
        assert (undo.plan_id, undo.undoes) == (undo_id, switch_id)
        assert (switch.plan_id, switch.undone_by) == (switch_id, undo_id)
        latest, switched = screen._history.entries[:2]
        assert latest.summary == "300 sites: tier NON_CRITICAL → CRITICAL"
        assert switched.summary == "300 sites: tier CRITICAL → NON_CRITICAL"
        assert (latest.reason, switched.reason) == ("back", "works")
        assert app.state.issues.of("site file") == ()
