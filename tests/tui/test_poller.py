"""When AWS is asked what: cadence, focus, dialogs, and questions still open."""

from __future__ import annotations

from datetime import timedelta

from textual import events

from smarterise_sdk.domain.readings.metrics import Metric
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_tui.poller import Cadence


async def tick(app, clock, pilot, settled, seconds=10):
    clock.advance(seconds)
    app.tick()
    await settled(pilot)


async def test_values_every_tick_sites_every_thirty_seconds(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        stack.requested.clear()
        for _ in range(6):
            await tick(app, clock, pilot, settled)
        assert stack.times("fetch") == 2
        assert stack.times("identity") == 0
        streamed = {
            site.gateway_serial for site in stack.site_list if site.tier is Tier.CRITICAL and site.enabled
        }
        requested = [set(about[0]) for name, about in stack.requested if name == "latest"]
        assert sum("AN54101471" in serials for serials in requested) == 6
        assert sum("AN10220999" in serials for serials in requested) == 1
        assert all("AN30000003" not in serials for serials in requested)
        assert streamed <= set().union(*requested)


async def test_a_site_that_sends_is_looked_at_only_lately_but_once_a_minute_far_back(
    make_console, stack, clock, settled
):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        stack.requested.clear()
        for _ in range(6):
            await tick(app, clock, pilot, settled)
        looks = [about[2] for name, about in stack.requested if name == "latest" and "AN54101471" in about[0]]
        assert looks == [timedelta(seconds=60)] * 5 + [None]
        silent = [
            about[2] for name, about in stack.requested if name == "latest" and "AN30000001" in about[0]
        ]
        assert silent == looks


async def test_only_metrics_of_columns_on_screen_are_asked(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert Metric.POWER_FACTOR not in stack.last("latest")[1]
        assert stack.times("series") == 0
        await pilot.resize_terminal(160, 45)
        await pilot.pause(0.4)
        await settled(pilot)
        app.tick()
        await settled(pilot)
        assert stack.times("series") == 1
        await pilot.press("r")
        await settled(pilot)
        assert Metric.POWER_FACTOR in stack.last("latest")[1]


async def test_the_rows_that_come_into_view_get_their_past(make_console, stack, settled):
    stack.site_list = [Site(f"AN{n:06}", Tier.CRITICAL) for n in range(200)]
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        first = stack.last("series")[0]
        await pilot.press("end")
        await pilot.pause(0.4)
        await settled(pilot)
        second = stack.last("series")[0]
        assert len(first) <= 40
        assert not set(first) & set(second)
        assert "AN000199" in second


async def test_without_focus_every_third_tick_asks(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.post_message(events.AppBlur())
        await pilot.pause()
        requested = stack.times("latest")
        for _ in range(6):
            await tick(app, clock, pilot, settled)
        assert stack.times("latest") - requested <= 4  # two ticks, near and far looks
        requested = stack.times("latest")
        clock.advance(10)
        app.post_message(events.AppFocus())
        await pilot.pause()
        await settled(pilot)
        assert stack.times("latest") > requested


async def test_nothing_is_asked_behind_a_dialog(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        stack.requested.clear()
        await tick(app, clock, pilot, settled, 60)
        assert stack.requested == []
        await pilot.press("escape")
        await settled(pilot)
        assert stack.times("latest") > 0


async def test_a_question_still_open_is_not_asked_again_and_time_goes_on(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        requested = stack.times("latest")
        stack.gate.clear()
        latest = stack.latest
        stack.latest = lambda *a, **k: stack.gate.wait(10) and latest(*a, **k)
        for _ in range(12):
            clock.advance(10)
            app.tick()
            await pilot.pause()
        assert stack.times("latest") == requested
        assert app.state.model.rows["AN30000004"].state.text == "stale 2m"
        stack.gate.set()
        await settled(pilot)
        assert app.state.model.rows["AN30000004"].state.text == "ok"


async def test_the_operator_asks_for_everything_at_once(make_console, stack, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        stack.requested.clear()
        await pilot.press("r")
        await settled(pilot)
        assert {name for name, _ in stack.requested} >= {"fetch", "latest", "identity"}
        assert "AN10220999" in {
            serial for name, about in stack.requested if name == "latest" for serial in about[0]
        }


async def test_the_timer_ticks_by_itself(make_console, stack, settled):
    app = make_console(cadence=Cadence(tick=0.05))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.state.clock.advance(30)
        await pilot.pause(0.2)
        await settled(pilot)
        assert stack.times("fetch") == 2


async def test_a_stack_that_cannot_be_opened_says_why_and_can_be_opened_later(make_console, stack, settled):
    app = make_console()
    opened = app._open_stack
    app._open_stack = lambda: 1 / 0
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.state.issues.of("stack")
        await pilot.press("c", "t", "enter")  # nothing to act on: nothing happens
        app._open_stack = opened
        await pilot.press("r")
        await settled(pilot)
        assert app.state.model.rows
        assert app.state.issues.of("stack") == ()
