"""Report of a benchmark: machine, package versions, and figures with their limits.

A figure with a limit is a ratio against an alternative that was measured in the same run, or a count that
does not vary. Absolute times are recorded with it and have no limit: they depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[1]
_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Figure:
    """One result.

    Attributes:
        name: What is compared, `ours / theirs` for a ratio.
        value: The ratio or count.
        at_most: Its upper limit, if it has one.
        at_least: Its lower limit, if it has one.
        measured: What the ratio was made from, by a name that ends with the unit.
    """

    name: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        """Whether the value is within its limits; NaN is not."""
        is_low_enough = self.at_most is None or self.value <= self.at_most
        is_high_enough = self.at_least is None or self.value >= self.at_least
        return is_low_enough and is_high_enough

    def __str__(self) -> str:
        limits = [("at most", self.at_most), ("at least", self.at_least)]
        limit = ", ".join(f"{word} {number:g}" for word, number in limits if number is not None)
        result = ("ok" if self.is_met else "OVER LIMIT") if limit else ""
        details = ", ".join(f"{name} {_short(number)}" for name, number in self.measured.items())
        return f"{self.name:<42}{_short(self.value):>9}  {limit:<14} {result:<11}{details}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        limits = {"at_most": self.at_most, "at_least": self.at_least}
        return {
            "name": self.name,
            "value": self.value,
            **{word: number for word, number in limits.items() if number is not None},
            "is_met": self.is_met,
            "measured": dict(self.measured),
        }


class Report:
    """The figures of one run of one benchmark.

    Args:
        benchmark: Its name.
        packages: Distributions whose version matters for the figures.
        append: File that one JSON line is appended to, if any; it is opened at once, so that a path that
            cannot be written fails before the measurement.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, benchmark: str, packages: Iterable[str], append: Path | None = None) -> None:
        self.benchmark = benchmark
        self.packages = {name: version(name) for name in packages}
        self.machine = machine_facts()
        self.figures: list[Figure] = []
        self._append = append
        if append is not None:
            append.open("a", encoding="utf-8").close()
        print(", ".join(f"{name}: {fact}" for name, fact in self.machine.items()))
        print(", ".join(f"{name} {number}" for name, number in self.packages.items()), flush=True)

    def add(
        self,
        name: str,
        value: float,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        **measured: float,
    ) -> Figure:
        """Record and print a figure, and return it.

        Args:
            name: What is compared, `ours / theirs` for a ratio.
            value: The ratio or count.
            at_most: Its upper limit.
            at_least: Its lower limit.
            measured: What it was made from, by a name that ends with the unit.
        """
        figure = Figure(name, value, at_most, at_least, measured)
        self.figures.append(figure)
        print(figure, flush=True)
        return figure

    def finish(self) -> int:
        """Append the figures if a file was named; return the exit code, 1 when one is over its limit."""
        is_met = all(figure.is_met for figure in self.figures)
        if self._append is not None:
            line = {
                "benchmark": self.benchmark,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "commit": _commit(),
                "machine": self.machine,
                "packages": self.packages,
                "figures": [figure.to_json() for figure in self.figures],
                "is_met": is_met,
            }
            with self._append.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return int(not is_met)


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option that all benchmarks share; its name is `append`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--append", type=Path, metavar="FILE", help="append the figures as one JSON line")
    return parser


def machine_facts() -> dict[str, str | float]:
    """Return machine properties that affect the figures; nothing that identifies the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    return {
        "cpu": cpu_model(_CPU_INFO.read_text(encoding="utf-8") if _CPU_INFO.exists() else ""),
        "cores": cores,
        "load": round(os.getloadavg()[0], 1),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(terse=True),
    }


def cpu_model(cpu_info: str) -> str:
    """Return the name of the processor from the text of `/proc/cpuinfo`, or else as Python names it."""
    names = (
        line.partition(":")[2].strip() for line in cpu_info.splitlines() if line.startswith("model name")
    )
    return next(filter(None, names), platform.processor() or platform.machine())


def _commit() -> str | None:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
