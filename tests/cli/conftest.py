"""What the CLI's tests share: the command run as its users run it, and servers for it to talk to."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from smarterise_ops.local.client import RunningStack

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(tmp_path: Path) -> Run:
    """Run `smarterise-ops` in a folder of its own, without a terminal."""

    def run(
        *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "smarterise_ops.main", *arguments],
            input=stdin,
            env={**os.environ, **(env or {})},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def on_stack(cli: Run, embedded_stack: RunningStack) -> Run:
    """Run `smarterise-ops` against the embedded stack."""

    def run(
        *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return cli(*arguments, stdin=stdin, env={**embedded_stack.exports, **(env or {})})

    return run


@pytest.fixture
def here(embedded_stack: RunningStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `smarterise-ops` against the embedded stack within this process: the same, and sooner."""
    from smarterise_ops.cli import run as run_command

    monkeypatch.chdir(tmp_path)
    for name, value in embedded_stack.exports.items():
        monkeypatch.setenv(name, value)

    def run(
        *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                code = run_command(arguments)
            finally:
                gc.enable()
        printed = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(arguments, code, *printed)

    return run


@pytest.fixture
def new_sites(on_stack: Run) -> Callable[..., list[str]]:
    """Make sites of the test's own on the embedded stack; nobody else touches them."""

    def make(count: int, tier: str = "CRITICAL") -> list[str]:
        serials = [f"AN{uuid.uuid4().hex[:12]}" for _ in range(count)]
        settings = [part for serial in serials for part in ("--set", f"{serial}={tier}")]
        done = on_stack("sites", "bulk-update", *settings, "--create", "--yes")
        assert done.returncode == 0, done.stderr
        return serials

    return make


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a file, a folder, a link to it and a link to itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to folder").symlink_to("folder")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path
