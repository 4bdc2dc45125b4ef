"""The fleet as an operator uses it: what is shown, moving, marking, filtering, sorting, what goes wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smarterise_sdk.domain.readings.metrics import Metric
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.errors import CredentialsError, RemoteFault, Unreachable
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.screens.site import SiteScreen
from smarterise_tui.widgets.banner import Banner
from smarterise_tui.widgets.filter_line import FilterLine
from smarterise_tui.widgets.fleet_table import FleetTable
from smarterise_tui.widgets.header import Header
from smarterise_tui.widgets.key_bar import KeyBar
from smarterise_tui.widgets.row_painter import GUTTER, SCROLL_BAR
from smarterise_tui.widgets.summary import Summary


def screen_text(app) -> str:
    """All lines of the screen in front."""
    _width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips[:height])


def order(app) -> list[str]:
    return [row.serial for row in app.state.view.rows]


def table(app) -> FleetTable:
    return app.query_one(FleetTable)


async def test_six_states_look_different_and_the_worst_comes_first(make_console, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        for expected in (
            "✖ phase loss",
            "⊘ denied",
            "∅ no data",
            "◌ stale 7m",
            "▲ unbalance",
            "? disabled",
            "● ok",
        ):
            assert expected in text
        assert order(app)[:5] == ["AN54101471", "AN30000002", "AN30000001", "ehm21120333", "AN10220456"]
        assert "Sites 8" in text
        assert "CRITICAL 5 / NON_CRITICAL 2 / disabled 1" in text


async def test_before_the_first_answer_everything_is_loading(make_console, stack, settled):
    app = make_console()
    stack.gate.clear()
    stack.latest = lambda *a, **k: stack.gate.wait(10) and type(stack).latest(stack, *a, **k)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        while not app.state.model.rows:
            await pilot.pause(0.01)
        await pilot.pause()
        text = screen_text(app)
        assert "… loading" in text
        assert "∅ no data" not in text
        stack.gate.set()
        await settled(pilot)
        assert "… loading" not in screen_text(app)


async def test_the_first_paint_comes_before_the_sdk_and_any_call(make_console, stack, settled):
    app = make_console()
    painted_when_opened = []
    opened = app._open_stack
    app._open_stack = lambda: (painted_when_opened.append(screen_text(app)), opened())[1]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
    assert "… loading the sites" in painted_when_opened[0]
    assert "PROD" in painted_when_opened[0]


async def test_an_empty_file_says_that_it_is_empty_and_what_to_do(make_console, stack, settled):
    stack.site_list = []
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "∅ no sites yet" in text
        assert "bulk-update --create" in text


async def test_sites_that_cannot_be_read_say_why_and_what_to_do(make_console, stack, settled):
    stack.errors["fetch"] = Unreachable(
        "no response from http://127.0.0.1:9", why="connection refused", remedy="smarterise-ops local status"
    )
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "✖ no response from http://127.0.0.1:9" in text
        assert "why: connection refused" in text
        assert "try: smarterise-ops local status" in text
        del stack.errors["fetch"]
        await pilot.press("r")
        await settled(pilot)
        assert "AN54101471" in screen_text(app)
        assert app.state.issues.of("sites") == ()


async def test_a_partial_failure_is_one_line_and_its_story_one_key_away(make_console, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        banner = screen_text(app).splitlines()[2]
        assert "⊘ cloudwatch:GetMetricData denied for role ops-anna: 1 of 8 sites without values" in banner
        await pilot.press("e")
        assert isinstance(app.screen, TextScreen)
        story = app.screen.text.plain
        assert "try: ask for cloudwatch:GetMetricData" in story
        assert "AN30000002" in story
        assert "AWS request id: 7b1c" in story
        await pilot.press("escape")
        app.query_one(Banner).focus()
        await pilot.press("enter")
        assert isinstance(app.screen, TextScreen)


async def test_a_later_poll_of_other_sites_does_not_hide_a_gap(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        clock.advance(10)  # AN30000002 is NON_CRITICAL: not due yet
        app.tick()
        await settled(pilot)
        requested = stack.last("latest")[0]
        assert "AN30000002" not in requested
        assert "denied for role ops-anna: 1 of 8" in screen_text(app)
        stack.denied.clear()
        clock.advance(60)
        app.tick()
        await settled(pilot)
        assert not app.query_one(Banner).has_class("-active")


async def test_a_fault_of_our_own_is_shown_not_hidden_and_not_fatal(make_console, stack, settled):
    stack.errors["latest"] = ZeroDivisionError("division by zero")
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        assert "✖ ZeroDivisionError: division by zero" in screen_text(app)
        assert "? no response" in screen_text(app)
        await pilot.press("e")
        assert "Traceback" in app.screen.text.plain


# Moving, marking


async def test_the_cursor_stays_on_its_site_when_the_order_changes(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("down", "down", "down", "down")
        assert table(app).cursor_serial == "AN10220456"
        stack.values["AN10220456"] = {**stack.values["AN10220456"], Metric.VOLTAGE_A: 0.0}
        clock.advance(10)
        app.tick()
        await settled(pilot)
        assert order(app)[0] == "AN10220456"
        assert (table(app).cursor, table(app).cursor_serial) == (0, "AN10220456")


async def test_a_cursor_that_was_never_moved_stays_on_the_worst(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert table(app).cursor_serial == "AN54101471"
        stack.values["AN54101471"] = {**stack.values["AN54101471"], Metric.VOLTAGE_B: 230.0}
        stack.values["AN54101471"][Metric.VOLTAGE_UNBALANCE] = 0.1
        clock.advance(10)
        app.tick()
        await settled(pilot)
        assert (table(app).cursor, table(app).cursor_serial) == (0, "AN30000002")


async def test_keys_move_the_cursor_within_the_rows(make_console, stack, settled):
    stack.site_list = [Site(f"AN{n:06}", Tier.CRITICAL) for n in range(100)]
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        moves = []
        for key in ("end", "down", "pageup", "home", "up", "pagedown", "j", "k", "G", "g"):
            await pilot.press(key)
            moves.append(table(app).cursor)
        page = table(app).size.height - 2
        assert moves == [99, 99, 99 - page, 0, 0, page, page + 1, page, 99, 0]
        await pilot.press("end")
        assert table(app).visible_serials[-1] == order(app)[-1]


async def test_marks_single_range_all_none(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        rows = order(app)
        await pilot.press("space")
        assert app.state.view.marks == {rows[0]}
        assert table(app).cursor == 1
        await pilot.press("down", "down", "v")
        assert app.state.view.marks == set(rows[:4])
        await pilot.press("u")
        assert app.state.view.marks == set()
        await pilot.press("home", "shift+down", "shift+down")
        assert app.state.view.marks == set(rows[:3])
        await pilot.press("a")
        assert app.state.view.marks == set(rows)
        assert "marks 8" in app.query_one(Summary).render().plain
        await pilot.press("escape")
        assert app.state.view.marks == set()


async def test_the_serial_stays_while_the_rest_scrolls(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "Ikeja Substation 3" not in screen_text(app)
        for _ in range(8):
            await pilot.press("right")
        text = screen_text(app)
        assert "▸ AN54101471" in text
        assert "Ikeja Substation 3" in text
        assert "✖ phase loss" not in text
        for _ in range(8):
            await pilot.press("left")
        assert "✖ phase loss" in screen_text(app)


async def test_the_mouse_moves_opens_and_sorts(make_console, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        await pilot.click(FleetTable, offset=(5, 3))
        assert table(app).cursor == 2
        line = screen_text(app).splitlines()[table(app).region.y]
        await pilot.click(FleetTable, offset=(line.index("u2 %"), 0))
        assert app.state.view.sort.key == "u2"
        await pilot.click(FleetTable, offset=(5, 1), times=2)
        await settled(pilot)
        assert isinstance(app.screen, SiteScreen)


# Filter, sort


async def test_a_filter_works_while_it_is_typed_and_esc_restores(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"u2>1")
        await pilot.pause()
        assert order(app) == ["AN54101471", "AN10220456"]
        await pilot.press("escape")
        await pilot.pause()
        assert len(order(app)) == 8
        assert app.focused is table(app)


async def test_a_filter_that_is_kept_is_shown_and_cleared_before_marks(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("down", "space", "slash", *"tier=critical", "enter")
        await pilot.pause()
        summary = app.query_one(Summary).render().plain
        assert "marks 1 (1 hidden)" in summary
        assert "filter: tier=critical (6)" in summary
        await pilot.press("escape")
        assert len(order(app)) == 8
        assert len(app.state.view.marks) == 1
        await pilot.press("escape")
        assert not app.state.view.marks


async def test_a_filter_that_cannot_be_understood_says_so_and_changes_nothing(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"u2>x")
        await pilot.pause()
        assert "✖ u2 is a number, not 'x'" in screen_text(app)
        assert len(order(app)) == 8
        await pilot.press("enter")
        await pilot.pause()
        assert app.focused is app.query_one(FilterLine)
        await pilot.press("backspace", "9", "enter")
        await pilot.pause()
        assert order(app) == ["AN54101471"]


async def test_no_match_is_told_apart_from_no_sites(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"nowhere", "enter")
        await pilot.pause()
        text = screen_text(app)
        assert "∅ no site matches nowhere" in text
        assert table(app).cursor_serial is None
        await pilot.press("enter", "t", "space", "v", "down")
        assert app.screen is app._fleet


async def test_sort_keys_go_round_and_turn(make_console, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        await pilot.press("s")
        assert app.state.view.sort.key == "serial"
        assert order(app) == sorted(order(app))
        assert "SERIAL▼" in screen_text(app)
        await pilot.press("S")
        assert order(app) == sorted(order(app), reverse=True)
        assert "SERIAL▲" in screen_text(app)
        assert "sort: serial ▲" in screen_text(app)


# Frame


@pytest.mark.parametrize("width", [80, 100, 160])
async def test_environment_and_read_only_are_always_in_the_header(make_console, stack, width, settled):
    app = make_console()
    app.state.settings = replace(app.state.settings, read_only=True)
    async with app.run_test(size=(width, 24)) as pilot:
        await settled(pilot)
        header = app.query_one(Header).render().plain
        assert " PROD " in header
        assert "READ-ONLY" in header
        assert "12:04:31Z" in header
        await pilot.press("t")
        await settled(pilot)
        assert "PROD · eu-west-2 · 1234…9012" in screen_text(app)


async def test_the_key_bar_cuts_no_entry_in_two(make_console, settled):
    app = make_console()
    async with app.run_test(size=(40, 24)) as pilot:
        await settled(pilot)
        bar = app.screen.query_one(KeyBar).render().plain
        assert len(bar) <= 40
        assert bar.startswith("? help  / filter  t tier")


async def test_the_command_that_does_the_same_is_copied(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("y")
        assert app.clipboard == "smarterise-ops sites list"
        await pilot.press("enter", "y")
        assert app.clipboard == "smarterise-ops metrics show AN54101471"


async def test_a_screenshot_is_saved_where_the_console_was_started(
    make_console, settings_of, tmp_path, monkeypatch, settled
):
    monkeypatch.chdir(tmp_path)
    app = make_console(settings_of("production", name="../prod 1"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+s")
        (saved,) = tmp_path.glob("*.svg")
        assert saved.name == "smarterise-ops--prod-1-20260301T120431Z.svg"
        assert "AN54101471" in saved.read_text(encoding="utf-8")
        monkeypatch.setattr("pathlib.Path.write_text", _disk_full)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert any("Screenshot not saved: disk full" in toast.message for toast in app._notifications)


def _disk_full(*_args, **_kwargs):
    raise OSError("disk full")


async def test_only_lines_whose_content_differs_are_repainted(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        drawn = []
        render_line = FleetTable.render_line
        table(app).render_line = lambda y: (drawn.append(y), render_line(table(app), y))[1]
        app.tick()  # no time has passed: nothing differs
        await settled(pilot)
        assert drawn == []
        stack.values["AN30000004"] = {**stack.values["AN30000004"], Metric.VOLTAGE_A: 235.5}
        clock.advance(10)
        stack.ages = {serial: age + 10 for serial, age in stack.ages.items()}
        stack.ages["AN30000004"] = 12
        for serial in ("AN54101471", "AN10220456"):
            stack.ages[serial] = 12
        app.tick()
        await settled(pilot)
        line = HEAD + order(app).index("AN30000004")
        assert set(drawn) == {line}


HEAD = 1


async def test_credentials_that_expire_stop_the_asking_until_they_work_again(
    make_console, stack, clock, settled
):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        error = CredentialsError("the credentials have expired", remedy="aws sso login --profile ops")
        stack.errors.update({"fetch": error, "latest": error, "identity": error})
        clock.advance(30)
        app.tick()
        await settled(pilot)
        assert "✖ the credentials have expired" in screen_text(app)
        before = stack.times("latest"), stack.times("fetch")
        for _ in range(5):
            clock.advance(10)
            app.tick()
            await settled(pilot)
        assert (stack.times("latest"), stack.times("fetch")) == before
        clock.advance(10)
        stack.errors.clear()
        app.tick()
        await settled(pilot)
        assert "expired" not in screen_text(app)
        assert stack.times("latest") == before[0] + 1


async def test_a_site_that_vanished_while_open_is_said_to_be_gone(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        stack.site_list = stack.site_list[1:]
        stack.version += 1
        clock.advance(30)
        app.tick()
        await settled(pilot)
        assert "AN54101471 is no longer in the site file" in screen_text(app)


async def test_remote_fault_of_identity_is_told_but_sites_are_shown(make_console, stack, settled):
    stack.errors["identity"] = RemoteFault("sts:GetCallerIdentity failed")
    stack.denied.clear()
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "✖ sts:GetCallerIdentity failed" in screen_text(app)
        assert "AN54101471" in screen_text(app)


async def test_reading_the_same_sites_again_paints_nothing(make_console, stack, clock, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        drawn = []
        render_line = FleetTable.render_line
        table(app).render_line = lambda y: (drawn.append(y), render_line(table(app), y))[1]
        app.poller.ask_sites()
        await settled(pilot)
        assert stack.times("fetch") == 2
        assert drawn == []


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (20, 5), (30, 8), (300, 80)])
async def test_no_size_is_too_small_or_too_big(make_console, settled, size):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.resize_terminal(*size)
        await settled(pilot)
        for keys in (
            ("down", "end", "right", "space"),
            ("enter",),
            ("escape",),
            ("t",),
            ("escape",),
            ("question_mark",),
        ):
            await pilot.press(*keys)
            await settled(pilot)
        await pilot.press("escape", "c")
        await settled(pilot)
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert app.is_running


@pytest.mark.parametrize("sites", [3, 100])
@pytest.mark.parametrize("width", [80, 101, 132, 133, 160])
async def test_no_column_is_cut_beside_the_scroll_bar(make_console, stack, settled, sites, width):
    stack.site_list = [Site(f"AN{n:08}", Tier.CRITICAL) for n in range(sites)]
    stack.values = {site.gateway_serial: stack.values["AN30000004"] for site in stack.site_list}
    app = make_console()
    async with app.run_test(size=(width, 24)) as pilot:
        await settled(pilot)
        shown = table(app).visible_columns
        used = GUTTER + 10 + sum(1 + column.width for column in shown)
        assert used <= width - SCROLL_BAR
        head, first = screen_text(app).splitlines()[table(app).region.y :][:2]
        assert "AGE" in head
        assert " 12s" in first
        assert ("›" in head) is (width < 132)
