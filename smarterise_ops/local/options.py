"""Options of a stack, passed from `client` to the supervisor on its command line."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGS = "logs"
"""Folder of the log files, in the data directory."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a stack.

    Attributes:
        data_dir: Data directory.
        sites: Number of sites.
        seed: Seed of the fleet.
        simulator: Whether gateways publish.
        speed: Speed of simulated time.
        port: Port of the AWS endpoint; 0: any free port.
        ftps: Whether the FTP server requires TLS.
        keep_data_dir: Whether the directory existed before: it is emptied at the end, not removed.
        lifeline: Read end of a pipe; the stack stops when the other end closes.
    """

    data_dir: Path
    sites: int
    seed: int
    simulator: bool
    speed: float
    port: int
    ftps: bool
    keep_data_dir: bool
    lifeline: int | None

    def summary(self) -> dict[str, object]:
        """Return the options that `local status` shows."""
        return {
            "sites": self.sites,
            "seed": self.seed,
            "simulator": self.simulator,
            "speed": self.speed,
            "ftps": self.ftps,
        }


def command_line(options: Options) -> list[str]:
    """Return the command that runs a supervisor with these options."""
    command = [sys.executable, "-m", "smarterise_ops.local.supervisor"]
    for name, value in asdict(options).items():
        if value is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    return command


def parse(arguments: Sequence[str]) -> Options:
    """Return the options of a supervisor's command line."""
    parser = argparse.ArgumentParser(prog="smarterise_ops.local.supervisor")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--sites", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--simulator", type=lambda text: text == "True", required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ftps", type=lambda text: text == "True", required=True)
    parser.add_argument("--keep-data-dir", type=lambda text: text == "True", required=True)
    parser.add_argument("--lifeline", type=int)
    return Options(**vars(parser.parse_args(arguments)))
