"""How long test modules take: as measured by earlier runs, or estimated from the number of tests."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tools.changed_tests.sources import module_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tools.changed_tests.sources import Source

SECONDS_PER_TEST = {
    "unit": 0.3,
    "sdk": 1.0,
    "cli": 1.0,
    "tui": 0.8,
    "lambdas": 0.7,
    "local": 0.4,
    "terraform": 1.0,
    "tools": 0.7,
    "accounting": 45.0,
    "harness": 10.0,
    "packaging": 10.0,
}
"""Estimate for a test function, by the folder of its module."""
SECONDS_PER_PROPERTY = 2.0
"""Added for a function that Hypothesis runs with many examples."""
STACK_SECONDS_PER_TEST = 4.0
STACK_START_SECONDS = 15.0


def estimated_seconds(source: Source) -> float:
    """Return the estimated time of a test module that has not been measured here."""
    if source.is_stack:
        return STACK_START_SECONDS + STACK_SECONDS_PER_TEST * source.tests
    per_test = SECONDS_PER_TEST.get(source.path.split("/")[1], 1.0)
    return per_test * source.tests + SECONDS_PER_PROPERTY * source.properties


def module_seconds(sources: Mapping[str, Source], measured: Mapping[str, float]) -> dict[str, float]:
    """Return the time of each test module, one test after another: measured, or else estimated."""
    return {
        path: measured.get(path, estimated_seconds(source))
        for path, source in sources.items()
        if source.is_test_module
    }


def load_measured(file: Path) -> dict[str, float]:
    """Return the measured times, or none if the file is missing or damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(path): float(seconds) for path, seconds in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def save_measured(file: Path, measured: Mapping[str, float]) -> None:
    """Write the measured times, for the next run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rounded = {path: round(seconds, 2) for path, seconds in sorted(measured.items())}
    file.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


def merged(earlier: Mapping[str, float], found: Mapping[str, float], *, is_partial: bool) -> dict[str, float]:
    """Return the times with those of a run: the mean of both, as a busy machine makes a run slow.

    A partial run only raises times: it may have ended within a module.
    """
    times = dict(earlier)
    for path, seconds in found.items():
        before = earlier.get(path, seconds)
        times[path] = max(before, seconds) if is_partial else (before + seconds) / 2
    return times


def read_junit(text: str, sources: Mapping[str, Source]) -> dict[str, float]:
    """Return the seconds of each test module in a JUnit report of pytest.

    Args:
        text: The report.
        sources: All Python files by path.

    Raises:
        xml.etree.ElementTree.ParseError: If it is not XML.
    """
    paths = {module_name(path): path for path, source in sources.items() if source.is_test_module}
    seconds: dict[str, float] = defaultdict(float)
    for case in ET.fromstring(text).iter("testcase"):
        name = case.get("classname", "")
        while name and name not in paths:
            name = name.rpartition(".")[0]
        if name:
            seconds[paths[name]] += float(case.get("time", "0"))
    return dict(seconds)
