"""The tutorial and the README are run as they stand, on an embedded stack of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smarterise_ops.local.testing import running_stack

if TYPE_CHECKING:
    from smarterise_ops.local.client import RunningStack

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_tutorial_runs_from_top_to_bottom(tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + "\n".join(blocks("docs/tutorial.md", "sh"))
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    try:
        done = subprocess.run(
            ["bash", "-c", script],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        subprocess.run(
            [sys.executable, "-m", "smarterise_ops.main", "local", "down"],
            env=env,
            check=True,
            capture_output=True,
        )
    assert done.returncode == 0, done.stderr
    assert "AN54101471  tier  CRITICAL → NON_CRITICAL" in done.stdout
    assert "✔ 1 changed, verified" in done.stdout
    assert '"tier": "NON_CRITICAL"' in done.stdout
    assert "Ikeja Substation 3" in (tmp_path / "switch.csv").read_text()
    assert "● ok" in done.stdout


PROD = """\
[environments.prod]
kind = "production"
"""


def test_the_page_on_changing_sites_runs_from_top_to_bottom(tmp_path: Path) -> None:
    commands = blocks("docs/how-to/change-sites.md", "sh")
    # Where the page says that a file is broken, it is; so that there is something to mend.
    spoil = """
aws s3 cp --quiet s3://smarterise-site-config/site-tiers.json spoilt.json
sed -i 's/"tier": "CRITICAL"/"tier": "CRITICL"/' spoilt.json
aws s3 cp --quiet spoilt.json s3://smarterise-site-config/site-tiers.json
"""
    steps = [f"{spoil}\n{block}" if "sites repair" in block else block for block in commands]
    (tmp_path / "smarterise-ops.toml").write_text(PROD)
    with running_stack(tmp_path, sites=12, simulator=False) as stack:
        env = {
            **os.environ,
            **stack.exports,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        done = subprocess.run(
            ["bash", "-c", "set -euo pipefail\n" + "\n".join(steps)],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert "AN54101471  tier  CRITICAL → NON_CRITICAL" in out
    assert "AN54101471  Ikeja Substation 3" in out
    assert "No changes: 12 already as requested" in out, "what was exported is there already"
    assert out.count("✔ ") == 11
    assert "✔ done, verified" in out
    assert "● prod is unlocked until" in out
    assert "● prod is read-only again" in out
    assert "AN70000001  removed  (" in done.stderr


def test_the_readmes_python_runs(embedded_stack: RunningStack, tmp_path: Path) -> None:
    (source,) = blocks("README.md", "python")
    put_back = 'stack.sites.apply(stack.sites.plan_update({"AN54101471": {"tier": "CRITICAL"}}))'
    done = subprocess.run(
        [sys.executable, "-c", f"{source}\nwith Stack(load_settings()) as stack:\n    {put_back}"],
        env={**os.environ, **embedded_stack.exports},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "AN54101471 CRITICAL" in done.stdout
    assert "verified read back from S3" in done.stdout
