"""Names and errors from outside are text: never markup, never control, never wider than their place."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.errors import RemoteFault
from smarterise_tui.widgets.text_line import Line, Part

NASTY = [
    "[red]not red[/red]",
    "[/]",
    "[[[",
    "[link=https://x]y[/link]",
    "\\[b]",
    "a\x1b[31mred\x1b[0m",
    "tab\there\nand\rthere\x07",
    "\u202egnp.exe",
    "变电站三号 変電所",
    "👩‍👩‍👧‍👦 ⚡️ 🇳🇬",
    "e\u0301\u0301\u0301 zalgo",
    "$accent {x} %s",
    "",
    " ",
]


def painted(app) -> list[str]:
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def assert_clean(app, width: int) -> None:
    for line in painted(app):
        assert cell_len(line) == width
        assert not any(character < " " or character in "\x7f\u202e" for character in line)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_nasty_names_are_shown_as_they_are_everywhere(make_console, stack, settled, size):
    stack.site_list = [
        Site(f"AN{n:06}", Tier.CRITICAL, name=name, asset_id=name, timezone=name or "UTC", capacity_kva=10)
        for n, name in enumerate(NASTY)
    ]
    stack.errors["identity"] = RemoteFault("[bold]broken[/bold] \x1b[2J", why="[/]", remedy="run [x]\x00")
    app = make_console()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for _ in range(9):
            await pilot.press("right")
        await pilot.pause()
        text = "\n".join(painted(app))
        assert "[red]not red[/red]"[: 8 if size[0] == 80 else 30] in text
        assert "变电站" in text
        assert_clean(app, size[0])
        for n in range(len(NASTY)):
            app._show_site(f"AN{n:06}")
            await settled(pilot)
            assert_clean(app, size[0])
            await pilot.press("escape")
        await pilot.press("e")
        await pilot.pause()
        assert "[bold]broken[/bold] \\x1b[2J" in "\n".join(painted(app))
        assert_clean(app, size[0])
        await pilot.press("escape", "slash", *"[red", "enter")
        await pilot.pause()
        assert len(app.state.view.rows) == 1
        assert "filter: [red (1)" in "\n".join(painted(app))


async def test_a_name_of_the_environment_is_text_too(make_console, settled, settings_of):
    app = make_console(settings_of("dev", name="[b]dev[/b]"))
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot)
        assert " [B]DEV[/B] " in painted(app)[0]
        await pilot.press("t")
        await settled(pilot)
        assert "[B]DEV[/B] · eu-west-2" in "\n".join(painted(app))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.text(max_size=20), st.integers(0, 9)), max_size=6),
    st.lists(st.tuples(st.text(max_size=20), st.integers(0, 9)), max_size=6),
    st.integers(0, 120),
)
def test_a_line_of_parts_fits_its_width(left, right, width):
    printable = lambda text: "".join(c for c in text if c.isprintable() and cell_len(c) == 1)  # noqa: E731
    line = Line(
        tuple(Part(printable(text), "", drop) for text, drop in left),
        tuple(Part(printable(text), "", drop) for text, drop in right),
    )
    assert line.fit(width).cell_length <= width
