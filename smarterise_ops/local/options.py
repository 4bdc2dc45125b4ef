"""What a stack is started with, and how that travels from `client` to the supervisor's command line."""

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
    """What a stack is started with.

    Attributes:
        data_dir: Where it keeps its files.
        sites: How many sites the fleet has.
        seed: The fleet's seed.
        simulator: Whether gateways publish.
        speed: How many times as fast as real.
        port: Port of the AWS endpoint; 0 is any.
        ftps: Whether the FTP server takes nothing but TLS.
        keep_data_dir: The directory was there before: empty it in the end, but leave it.
        lifeline: A pipe's read end; when its other end closes, our owner is gone and we end.
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

    def told(self) -> dict[str, object]:
        """Return the options worth showing."""
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
    parser.add_argument("--simulator", type=lambda word: word == "True", required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ftps", type=lambda word: word == "True", required=True)
    parser.add_argument("--keep-data-dir", type=lambda word: word == "True", required=True)
    parser.add_argument("--lifeline", type=int)
    return Options(**vars(parser.parse_args(arguments)))
