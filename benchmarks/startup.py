"""Start-up time of the command line, against the stock AWS CLI in the same run.

Exits with 1 when a ratio of medians is over its limit. Rounds alternate, so that temporary load affects both
sides.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._report import Report, argument_parser
from smarterise_ops.local import client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROUNDS = 15
BIN = Path(sys.executable).parent
OURS = str(BIN / "smarterise-ops")
AWS = str(BIN / "aws")


@dataclass(frozen=True)
class Figure:
    """One figure: a command of ours, and the share of a command's time that it may take."""

    name: str
    command: Sequence[str]
    against: Sequence[str]
    limit: float


def figures(serial: str) -> list[Figure]:
    """Return what is measured; `serial` is a site of the stack."""
    payload = json.dumps({"action": "get_site", "gateway_serial": serial})
    invoke = [AWS, "lambda", "invoke", "--function-name", "site-config-manager", "--payload", payload]
    version = [AWS, "--version"]
    return [
        Figure("--version / aws --version", [OURS, "--version"], version, 0.15),
        Figure("--help / aws --version", [OURS, "--help"], version, 0.5),
        Figure("sites show / aws lambda invoke", [OURS, "sites", "show", serial], [*invoke, "out.json"], 1.0),
    ]


def measure(all_figures: Sequence[Figure], env: Mapping[str, str], folder: Path) -> dict[str, float]:
    """Return the median wall time of each distinct command, ms."""
    commands = {" ".join(c): c for figure in all_figures for c in (figure.command, figure.against)}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for round_number in range(ROUNDS + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, env=env, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            if round_number:  # the first warms the caches of the disk
                times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> int:
    """Measure on an embedded stack, print and evaluate."""
    options = argument_parser(__doc__).parse_args()
    report = Report("startup", ("smarterise-ops", "awscli", "typer", "rich"), options.append)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stack = client.start(folder / "stack", sites=4, simulator=False)
        try:
            env = {**os.environ, **stack.exports}
            listed = subprocess.run(
                [OURS, "sites", "list", "-o", "json"], env=env, check=True, capture_output=True, text=True
            )
            all_figures = figures(json.loads(listed.stdout)[0]["gateway_serial"])
            medians = measure(all_figures, env, folder)
        finally:
            client.stop(folder / "stack")
    for figure in all_figures:
        ours, theirs = medians[" ".join(figure.command)], medians[" ".join(figure.against)]
        report.add(figure.name, ours / theirs, at_most=figure.limit, ours_ms=ours, theirs_ms=theirs)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
