"""Runs of pytest on small files, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGINS = Path(__file__).parents[1] / "plugins"
OURS = ("PYTEST_", "PYTHONHASHSEED", "COV_", "NO_SKIPS", "TF_OFFLINE")


@pytest.fixture
def run_pytest(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run pytest on a test file with this content and one plugin of `tests/plugins`."""

    def run(content: str, plugin: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / "test_small.py").write_text(content)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        given = {"PYTHONPATH": str(PLUGINS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", plugin, "-p", "no:cacheprovider", "-rA", *options],
            cwd=tmp_path,
            env=clean | given,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
