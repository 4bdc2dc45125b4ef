"""`python -m tools.changed_tests`: times of modules, the printed selection, and the command itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.changed_tests.__main__ import describe
from tools.changed_tests.changes import Changes
from tools.changed_tests.durations import (
    STACK_START_SECONDS,
    estimated_seconds,
    load_measured,
    merged,
    module_seconds,
    read_junit,
    save_measured,
)
from tools.changed_tests.selection import Candidate, Rank, Selection
from tools.changed_tests.sources import Source

ROOT = Path(__file__).parents[2]
SOURCES = {
    path: Source(path, tests=2)
    for path in ("tests/unit/test_a.py", "tests/unit/test_b.py", "smarterise_ops/shell.py")
}
REPORT = """<testsuites><testsuite>
<testcase classname="tests.unit.test_a" name="test_x[1]" time="0.25"/>
<testcase classname="tests.unit.test_a.TestClass" name="test_y" time="1.5"/>
<testcase classname="tests.unit.test_gone" name="test_z" time="9"/>
<testcase name="collection"/>
</testsuite></testsuites>"""


def test_a_report_gives_the_seconds_of_each_module() -> None:
    assert read_junit(REPORT, SOURCES) == {"tests/unit/test_a.py": 1.75}


def test_measured_times_replace_estimates() -> None:
    seconds = module_seconds(SOURCES, {"tests/unit/test_a.py": 7.0, "tests/gone.py": 1.0})
    assert set(seconds) == {"tests/unit/test_a.py", "tests/unit/test_b.py"}
    assert seconds["tests/unit/test_a.py"] == 7.0
    assert seconds["tests/unit/test_b.py"] == estimated_seconds(SOURCES["tests/unit/test_b.py"])


def test_a_partial_run_raises_times_and_lowers_none() -> None:
    earlier = {"a": 1.0, "b": 2.0, "c": 3.0}
    found = {"a": 5.0, "b": 0.5, "d": 1.0}
    assert merged(earlier, found, is_partial=True) == {"a": 5.0, "b": 2.0, "c": 3.0, "d": 1.0}
    assert merged(earlier, found, is_partial=False) == {"a": 3.0, "b": 1.25, "c": 3.0, "d": 1.0}


def test_a_stack_module_is_estimated_with_its_start() -> None:
    assert estimated_seconds(Source("tests/cli/test_a.py", tests=1, is_stack=True)) > STACK_START_SECONDS


def test_a_module_with_hypothesis_is_estimated_longer() -> None:
    plain, many = (Source("tests/unit/test_a.py", tests=1, properties=count) for count in (0, 1))
    assert estimated_seconds(many) > estimated_seconds(plain) > 0


def test_times_are_kept_and_damaged_ones_ignored(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "seconds.json"
    assert load_measured(file) == {}
    save_measured(file, {"tests/unit/test_a.py": 1.234})
    assert load_measured(file) == {"tests/unit/test_a.py": 1.23}
    for damaged in ("", "[]", '{"a": "x"}', '{"a": null}'):
        file.write_text(damaged)
        assert load_measured(file) == {}


def test_everything_that_is_selected_or_left_out_is_printed() -> None:
    chosen = Selection(
        run=(
            Candidate("tests/unit/test_b.py", Rank.CHANGED, 3.0),
            Candidate("tests/sdk/test_c.py", Rank.IMPORTS, 3.0),
            Candidate("tests/sdk/test_a.py", Rank.IMPORTS, 3.0),
        ),
        stack_only=(Candidate("tests/cli/test_d.py", Rank.REACHES, 3.0),),
        over_budget=(Candidate("tests/tui/test_e.py", Rank.REACHES, 99.0),),
        unmatched=("NOTICE",),
    )
    assert list(describe(Changes(frozenset({"a", "NOTICE"}), "HEAD~1 (abc)"), chosen, workers=3)) == [
        "2 files differ from HEAD~1 (abc)",
        "3 test modules run, about 3 s:",
        "  changed:",
        "    tests/unit/: test_b",
        "  imports or names what changed:",
        "    tests/sdk/: test_a test_c",
        "2 related test modules are left out:",
        "  need the embedded stack, and are not directly about the change:",
        "    tests/cli/: test_d",
        "  do not fit into 45 s, or 75 s if close:",
        "    tests/tui/: test_e",
        "no test module depends on: NOTICE",
    ]


def test_unknown_changes_are_explained() -> None:
    first = next(describe(Changes(None, "git is not installed"), Selection(), workers=3))
    assert first == "changes unknown, so every file counts as changed: git is not installed"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("tests/tools/test_selection.py", "tests/tools/: test_selection"),
        ("no such file", "depends on: no such file"),
    ],
)
def test_the_command_lists_without_running(file: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.changed_tests", "--list", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout
