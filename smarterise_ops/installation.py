"""The command that installs an extra, for messages about missing packages."""

from __future__ import annotations

import os
import sys

_COMMANDS = {
    "pipx_metadata.json": "pipx install --force",
    "uv-receipt.toml": "uv tool install --force",
}
"""The marker file of each installer, in the root of the environment."""


def install_command(extra: str, prefix: str | None = None) -> str:
    """Return the command that installs an extra with the installer of this program.

    Args:
        extra: The extra's name.
        prefix: The root of the environment; default that of this process.
    """
    root = sys.prefix if prefix is None else prefix
    found = (command for name, command in _COMMANDS.items() if os.path.exists(os.path.join(root, name)))  # noqa: PTH110, PTH118 -- `--version` does not load pathlib
    return f"{next(found, 'pip install')} 'smarterise-ops[{extra}]'"
