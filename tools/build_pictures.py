"""Render the documentation's screenshot of the console, on a local stack that has run for a while.

Usage: build_pictures.py [MINUTES]. The default of 31 minutes fills the sparklines.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from smarterise_ops.commands.demo import NAME
from smarterise_ops.local.testing import running_stack
from smarterise_sdk.domain.status import Status
from smarterise_sdk.settings import Settings, load_settings
from smarterise_sdk.stack import Stack
from smarterise_tui.app import SmarteriseConsole

PICTURES = Path(__file__).parent.parent / "docs" / "images"
SITES = 24
SIZE = (140, 32)
TIMEOUT_SECONDS = 60
# The SVG must not load external fonts: use the viewer's monospace font.
_WEB_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def render(settings: Settings) -> None:
    """Render the picture of the fleet."""
    console = SmarteriseConsole(settings, lambda: Stack(settings))
    async with console.run_test(size=SIZE) as pilot:
        for _ in range(TIMEOUT_SECONDS):
            await pilot.pause(1)
            statuses = [row.state.status for row in console.state.view.rows]
            if statuses and Status.LOADING not in statuses:
                break
        else:
            sys.exit("error: the fleet did not load")
        await pilot.pause(12)
        save(console, "fleet")


def save(console: SmarteriseConsole, name: str) -> None:
    """Write the active screen to `docs/images`."""
    picture = PICTURES / f"{name}.svg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(_WEB_FONTS.sub("", console.export_screenshot(title="smarterise-ops")), "utf-8")
    print(picture)


def main() -> None:
    """Run a stack, wait, and render the picture."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 31
    with tempfile.TemporaryDirectory() as directory, running_stack(Path(directory), sites=SITES) as stack:
        os.environ.update({k: v for k, v in stack.exports.items() if k.startswith("AWS_")})
        settings = load_settings(cwd=stack.data_dir, home=stack.data_dir)
        settings = replace(settings, environment=replace(settings.environment, name=NAME))

        async def wait_and_render() -> None:
            await asyncio.sleep(minutes * 60)
            await render(settings)

        asyncio.run(wait_and_render())


if __name__ == "__main__":
    main()
