"""The domain's benchmark, held to its limits; in a process that no coverage tool slows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "domain.py"


def test_understanding_costs_little_more_than_reading() -> None:
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, str(BENCHMARK)], check=False, capture_output=True, text=True, env=untraced
    )
    assert done.returncode == 0, done.stdout + done.stderr
