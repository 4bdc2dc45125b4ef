"""Starting light, ending clean, and colour only where it is wanted."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from smarterise_tui import app as app_module
from smarterise_tui.app import SmarteriseConsole, run_console
from smarterise_tui.workers import in_thread

HEAVY = (
    "boto3",
    "botocore",
    "pydantic",
    "typer",
    "smarterise_ops",
    "smarterise_sdk.aws",
    "smarterise_sdk.services",
)


def test_the_console_loads_nothing_heavy_before_it_paints():
    code = f"import sys, smarterise_tui.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    response = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert response.stdout.strip() == "[]"


@pytest.mark.parametrize("code", [0, None, 3])
def test_the_stack_is_closed_whatever_the_code(stack, settings_of, monkeypatch, code):
    def run(console: SmarteriseConsole) -> int | None:
        console.state.stack = console._open_stack()
        return code

    monkeypatch.setattr(SmarteriseConsole, "run", run)
    assert run_console(settings_of("dev", name="dev"), stack=stack) == (code or 0)
    assert stack.is_closed


def test_without_a_stack_the_sdk_makes_one(settings_of, monkeypatch):
    made = []

    def run(console: SmarteriseConsole) -> int:
        console.state.stack = console._open_stack()
        made.append(console.state.stack)
        return 0

    monkeypatch.setattr(SmarteriseConsole, "run", run)
    monkeypatch.setattr(app_module.gc, "freeze", lambda: None)
    monkeypatch.setattr(app_module.gc, "set_threshold", lambda *_: None)
    settings = settings_of("dev", name="dev")
    run_console(settings)
    assert made[0].settings is settings


async def test_quitting_does_not_wait_for_an_answer(make_console, stack, settled):
    stack.gate.clear()
    stack.latest = lambda *_a, **_k: stack.gate.wait(60)
    app = make_console()
    async with asyncio.timeout(10):
        async with app.run_test(size=(80, 24)) as pilot:
            while not app.state.model.rows:
                await pilot.pause(0.01)
            await pilot.press("q")
        assert app.return_value == 0
        left = [thread for thread in threading.enumerate() if thread.name == "latest values"]
        assert all(thread.daemon for thread in left)
        stack.gate.set()


async def test_an_answer_nobody_waits_for_is_dropped():
    gate, done = threading.Event(), threading.Event()

    def work() -> str:
        gate.wait(10)
        done.set()
        return "late"

    waiting = asyncio.create_task(in_thread("test", work))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    assert await asyncio.to_thread(done.wait, 5)
    await asyncio.sleep(0.01)


def test_an_answer_after_the_loop_is_closed_does_no_harm():
    gate = threading.Event()

    async def leave() -> threading.Thread:
        task = asyncio.create_task(in_thread("late one", lambda: gate.wait(10)))
        await asyncio.sleep(0.01)
        task.cancel()
        return next(thread for thread in threading.enumerate() if thread.name == "late one")

    thread = asyncio.run(leave())
    gate.set()
    thread.join(5)
    assert not thread.is_alive()


async def test_errors_of_the_work_reach_the_one_who_waits():
    with pytest.raises(ZeroDivisionError):
        await in_thread("test", lambda: 1 / 0)


async def test_no_color_means_no_colour(make_console, monkeypatch, settled):
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.no_color
        strips = app.screen._compositor.render_strips()
        filtered = [
            s for strip in strips for s in strip.apply_filter(app._filters[0], app.background_colors[0])
        ]
        colours = {
            c.get_truecolor() for s in filtered if s.style for c in (s.style.color, s.style.bgcolor) if c
        }
        assert all(c.red == c.green == c.blue for c in colours)
        text = "\n".join("".join(segment.text for segment in strip) for strip in strips)
        assert " PROD " in text
        assert "✖ phase loss" in text
        assert "▸ AN54101471" in text


async def test_nothing_moves_on_an_idle_screen(make_console, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.pause(0.5)
        displayed = []
        app.post_display_hook = lambda: displayed.append(1)
        await pilot.pause(1.2)
        assert displayed == []
