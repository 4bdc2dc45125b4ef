"""The command that adds an extra to this installation, for messages about a package that is missing."""

from __future__ import annotations

import os
import sys

_COMMANDS = {
    "pipx_metadata.json": "pipx install --force",
    "uv-receipt.toml": "uv tool install --force",
}
"""The file that each installer leaves in the root of the environment it makes for a program."""


def install_command(extra: str, prefix: str | None = None) -> str:
    """Return the command that installs an extra, by the installer that this program came with.

    Args:
        extra: The extra's name.
        prefix: The root of the environment; this process's when absent.
    """
    root = sys.prefix if prefix is None else prefix
    found = (command for name, command in _COMMANDS.items() if os.path.exists(os.path.join(root, name)))  # noqa: PTH110, PTH118 -- `--version` loads no pathlib
    return f"{next(found, 'pip install')} 'smarterise-ops[{extra}]'"
