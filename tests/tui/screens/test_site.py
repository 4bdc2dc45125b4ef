"""One site: plot, values, configuration, and each way in which the plot can be missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from smarterise_sdk.domain.readings.metrics import HIGH_RESOLUTION, Metric
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.errors import RemoteFault
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.screens.fleet import FleetScreen
from smarterise_tui.screens.site import SiteScreen
from smarterise_tui.widgets.banner import Banner
from smarterise_tui.widgets.panel import Panel
from smarterise_tui.widgets.plot import VoltagePlot


def plot_text(app) -> str:
    return app.screen.query_one(VoltagePlot).render().plain


def panel_text(app, name: str) -> str:
    return str(app.screen.query_one(name, Panel).content)


async def open_site(app, pilot, settled, serial="AN54101471"):
    await settled(pilot)
    app._show_site(serial)
    await settled(pilot)
    assert isinstance(app.screen, SiteScreen)


async def test_values_and_configuration_are_told(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_site(app, pilot, settled)
        values = panel_text(app, "#values")
        assert values.splitlines()[1].split() == ["V", "231.4", "0.0", "229.8"]
        assert values.splitlines()[2].split() == ["A", "160.1", "158.7", "161.0"]
        assert "u2 50.00 %  112.6 kW  PF 0.960" in values
        assert "50.01 Hz  load 23 %" in values
        assert "12s ago, 2026-03-01T12:04:19Z" in values
        configuration = panel_text(app, "#configuration")
        assert "CRITICAL, enabled" in configuration
        assert "230 V, 207–253 by en50160" in configuration
        assert "500 kVA" in configuration
        assert "v1, read 0s ago" in configuration


async def test_a_streamed_site_shows_half_an_hour_fine_the_others_a_day_coarse(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_site(app, pilot, settled)
        assert stack.last("series")[2:] == (timedelta(minutes=30), HIGH_RESOLUTION)
        assert plot_text(app).splitlines()[-1].split() == ["-30m", "-15m", "now"]
        await pilot.press("escape")
        await open_site(app, pilot, settled, "AN10220999")
        assert stack.last("series")[2:] == (timedelta(hours=24), timedelta(minutes=10))


async def test_another_span_is_asked_for(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_site(app, pilot, settled)
        await pilot.press("w")
        await settled(pilot)
        assert stack.last("series")[2:] == (timedelta(hours=3), timedelta(minutes=1))
        assert plot_text(app).splitlines()[-1].split() == ["-3h", "-90m", "now"]


async def test_new_values_are_added_to_the_lines(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_site(app, pilot, settled)
        before = len(app.screen._points[Metric.VOLTAGE_B])
        assert stack.last("latest")[0] == ("AN54101471",)
        series_asked = stack.times("series")
        stack.values["AN54101471"] = {**stack.values["AN54101471"], Metric.VOLTAGE_B: 117.0}
        clock.advance(10)
        app.tick()
        await settled(pilot)
        points = app.screen._points[Metric.VOLTAGE_B]
        assert points[-1].value == 117.0
        assert abs(len(points) - before) <= 1
        assert points[0].at >= clock() - timedelta(minutes=30)
        assert stack.times("series") == series_asked


async def test_no_data_failed_and_denied_are_told_apart(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_site(app, pilot, settled, "AN30000001")
        assert plot_text(app) == "∅ no data in the last 30 min"
        await pilot.press("escape")
        await open_site(app, pilot, settled, "AN30000002")
        assert plot_text(app).startswith("⊘ cloudwatch:GetMetricData denied")
        await pilot.press("escape")
        stack.errors["series"] = RemoteFault("CloudWatch failed", remedy="try again in a minute")
        await open_site(app, pilot, settled)
        assert app.state.issues.of("series")[0].details[0] == "try: try again in a minute"
        assert app.screen.query_one(Banner).has_class("-active")
        assert len(app.screen._points[Metric.VOLTAGE_A]) == 1  # what is known since, and no more
        stack.errors.clear()
        await pilot.press("r")
        await settled(pilot)
        assert app.state.issues.of("series") == ()
        assert len(app.screen._points[Metric.VOLTAGE_A]) > 100


async def test_loading_is_told(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        stack.gate.clear()
        series = stack.series
        stack.series = lambda *a, **k: stack.gate.wait(10) and series(*a, **k)
        app._show_site("AN54101471")
        await pilot.pause(0.05)
        assert plot_text(app) == "… loading the last 30 min"
        stack.gate.set()
        await settled(pilot)
        assert "now" in plot_text(app)


async def test_the_panels_stand_beside_the_plot_where_there_is_room(make_console, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await open_site(app, pilot, settled)
        plot, values = app.screen.query_one("#plot").region, app.screen.query_one("#values").region
        assert values.x >= plot.right
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        plot, values = app.screen.query_one("#plot").region, app.screen.query_one("#values").region
        assert values.y >= plot.bottom
        assert plot.height >= 8


async def test_its_tier_is_switched_from_here_and_shown_at_once(make_console, stack, settled, settings_of):
    app = make_console(settings_of("dev", name="dev"))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_site(app, pilot, settled)
        await pilot.press("t")
        await settled(pilot)
        assert isinstance(app.screen, PlanScreen)
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert "NON_CRITICAL, enabled" in panel_text(app, "#configuration")


async def test_tabs_and_keys_lead_back_and_forth(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("down", "2")
        await settled(pilot)
        assert app.screen.serial == "AN30000002"
        await pilot.press("1")
        assert isinstance(app.screen, FleetScreen)
        await pilot.click("Tabs", offset=(14, 0))
        await settled(pilot)
        assert isinstance(app.screen, SiteScreen)
        await pilot.click("Tabs", offset=(4, 0))
        assert isinstance(app.screen, FleetScreen)


async def test_an_answer_for_a_span_no_longer_shown_is_dropped(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        stack.gate.clear()
        series = stack.series
        stack.series = lambda *a, **k: stack.gate.wait(10) and series(*a, **k)
        app._show_site("AN54101471")
        await pilot.pause(0.02)
        await pilot.press("w", "w")
        stack.gate.set()
        await settled(pilot)
        assert plot_text(app).splitlines()[-1].split() == ["-24h", "-12h", "now"]
        latest = app.screen._points[Metric.VOLTAGE_A]
        assert latest[-1].at - latest[0].at > timedelta(hours=20)


async def test_a_site_switched_elsewhere_is_shown_with_its_new_tier(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_site(app, pilot, settled)
        stack.site_list[0] = replace(stack.site_list[0], tier=Tier.NON_CRITICAL)
        stack.version += 1
        clock.advance(30)
        app.tick()
        await settled(pilot)
        assert "NON_CRITICAL, enabled" in panel_text(app, "#configuration")
