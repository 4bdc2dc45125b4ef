"""Run the tests that a change may affect: `python -m tools.changed_tests`; `make check` runs lint before it.

The changes are those since the upstream's last commit, else since `HEAD~1`, with uncommitted and untracked
files. The rule of selection is in `selection.py`. Without a commit to compare with, every file counts as
changed. Prints what runs and what is left out. Ends with pytest's exit code; nothing to run is success.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tools.changed_tests.changes import Changes, changes_in
from tools.changed_tests.durations import load_measured, merged, module_seconds, read_junit, save_measured
from tools.changed_tests.graph import ImportGraph
from tools.changed_tests.selection import REASONS, Candidate, Selection, select
from tools.changed_tests.sources import read_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.changed_tests.sources import Source

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / ".pytest_cache" / "module-seconds.json"
PLANNED_SECONDS = 75
"""Most estimated time of the tests that are selected."""
FAR_SECONDS = 45
"""Most estimated time until which tests are added that are not close to the change."""
LIMIT_SECONDS = 110
"""The run is stopped then: with lint that found nothing cached, it is under three minutes."""
_INTERRUPTED = 2
_WIDTH = 100


def main() -> int:
    """Select, print and run."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.changed_tests", description="Run the tests that a change may affect."
    )
    parser.add_argument("--workers", type=int, default=2, help="tests at a time (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="print the selection, run nothing")
    parser.add_argument("files", nargs="*", metavar="FILE", help="changed files (default: as git reports)")
    options = parser.parse_args()
    if options.files:
        changes = Changes(frozenset(options.files), "what the command line says")
    else:
        changes = changes_in(ROOT)
    sources = read_sources(ROOT)
    files = frozenset(sources) if changes.files is None else changes.files
    measured = load_measured(MEASURED)
    chosen = select(
        files,
        sources,
        ImportGraph(sources),
        seconds=module_seconds(sources, measured),
        budget=PLANNED_SECONDS * options.workers,
        far_budget=FAR_SECONDS * options.workers,
    )
    print("\n".join(describe(changes, chosen, workers=options.workers)), flush=True)
    if options.list or not chosen.run:
        return 0
    return run(chosen.run, sources, measured, workers=options.workers)


def describe(changes: Changes, chosen: Selection, *, workers: int) -> Iterator[str]:
    """Yield the lines that describe a selection."""
    if changes.files is None:
        yield f"changes unknown, so every file counts as changed: {changes.description}"
    else:
        yield f"{len(changes.files)} files differ from {changes.description}"
    yield f"{len(chosen.run)} test modules run, about {chosen.seconds / workers:.0f} s:"
    for rank, found in groupby(chosen.run, key=lambda candidate: candidate.rank):
        yield from _listed(f"{REASONS[rank]}:", found)
    if chosen.stack_only or chosen.over_budget:
        yield f"{len(chosen.stack_only) + len(chosen.over_budget)} related test modules are left out:"
    yield from _listed("need the embedded stack, and are not directly about the change:", chosen.stack_only)
    yield from _listed(
        f"do not fit into {FAR_SECONDS} s, or {PLANNED_SECONDS} s if close:", chosen.over_budget
    )
    if changes.files is not None and chosen.unmatched:
        yield f"no test module depends on: {', '.join(chosen.unmatched)}"


def run(
    candidates: Sequence[Candidate],
    sources: Mapping[str, Source],
    measured: Mapping[str, float],
    *,
    workers: int,
) -> int:
    """Run pytest on test modules, keep their times for the next selection, and return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "junit.xml"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadgroup"),
            *(f"--junitxml={report}", f"--session-timeout={LIMIT_SECONDS}"),
            *(candidate.path for candidate in candidates),
        ]
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, check=False)
        is_stopped = done.returncode == _INTERRUPTED and time.monotonic() - started >= LIMIT_SECONDS
        found = {}
        if report.exists() and (is_stopped or done.returncode in (0, 1)):
            found = read_junit(report.read_text(encoding="utf-8"), sources)
            save_measured(MEASURED, merged(measured, found, is_partial=is_stopped))
    if is_stopped:
        print(f"error: stopped after {LIMIT_SECONDS} s. Not all of these tests ran: make test runs all.")
        print(*_listed("no test ran in:", [each for each in candidates if each.path not in found]), sep="\n")
    return done.returncode


def _listed(title: str, candidates: Sequence[Candidate] | Iterator[Candidate]) -> Iterator[str]:
    """Yield a title and the modules, a line or more for each folder."""
    paths = sorted(candidate.path for candidate in candidates)
    if paths:
        yield f"  {title}"
    for folder, members in groupby(paths, key=lambda path: path.rpartition("/")[0]):
        line = f"    {folder}/:"
        for name in (path.rpartition("/")[2].removesuffix(".py") for path in members):
            if len(line) + len(name) > _WIDTH:
                yield line
                line = " " * 6
            line += f" {name}"
        yield line


if __name__ == "__main__":
    sys.exit(main())
