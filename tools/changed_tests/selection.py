"""The rule by which test modules are selected for a change. Pure: no files, no git, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tools.changed_tests.sources import module_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tools.changed_tests.graph import ImportGraph
    from tools.changed_tests.sources import Source

AREAS = (
    ("smarterise_sdk.domain", "unit"),
    ("smarterise_sdk", "sdk"),
    ("smarterise_ops.local", "local"),
    ("smarterise_ops", "cli"),
    ("smarterise_tui", "tui"),
    ("smarterise_lambdas", "lambdas"),
    ("tools", "tools"),
    ("benchmarks", "tools"),
)
"""Packages, and the folder of `tests/` that is about each; the first that matches counts."""


class Rank(IntEnum):
    """How closely a test module is related to a change; the lowest value is the closest."""

    CHANGED = 0
    IMPORTS = 1
    NAMED_ALIKE = 2
    SAME_AREA = 3
    REACHES = 4


REASONS = {
    Rank.CHANGED: "changed",
    Rank.IMPORTS: "imports or names what changed",
    Rank.NAMED_ALIKE: "named after what changed, and reaches it",
    Rank.SAME_AREA: "reaches what changed, in the folder about it",
    Rank.REACHES: "reaches what changed",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A test module that a change may affect.

    Attributes:
        path: Its path.
        rank: How closely it is related.
        seconds: Estimated time of its tests, one after another.
    """

    path: str
    rank: Rank
    seconds: float


@dataclass(frozen=True, slots=True)
class Selection:
    """Which test modules run for a change, and which of those it may affect do not.

    Attributes:
        run: The closest first.
        stack_only: Left out because they need the embedded stack and are not directly about the change.
        over_budget: Left out because the time was used up by closer ones.
        unmatched: Changed files that no test module depends on.
    """

    run: tuple[Candidate, ...] = ()
    stack_only: tuple[Candidate, ...] = ()
    over_budget: tuple[Candidate, ...] = ()
    unmatched: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Estimated time of the tests that run, one after another."""
        return sum(candidate.seconds for candidate in self.run)


def select(
    changed: Collection[str],
    sources: Mapping[str, Source],
    graph: ImportGraph,
    *,
    seconds: Mapping[str, float],
    budget: float,
    far_budget: float,
) -> Selection:
    """Return which test modules run for a change.

    Close modules are those that are changed, import what changed, or are named after it. Modules with tests
    marked `stack` run only if they are close. The others run in the order of `Rank`, then of shared words, of
    the steps in the import graph and of their time, as long as their estimated time fits the budget: close
    ones the whole of it, the others what close ones leave of a smaller one. A changed module runs as long as
    any time is left.

    Args:
        changed: Paths of changed files; those that are deleted or not Python too.
        sources: All Python files by path.
        graph: Their dependencies.
        seconds: Estimated time of each test module.
        budget: Most seconds of tests, one after another.
        far_budget: Most seconds after which a module that is not close is still added.
    """
    related: dict[str, tuple[Rank, int, int]] = {}
    unmatched = []
    for path in sorted(changed):
        is_matched = False
        for dependent, steps in graph.distances(path).items():
            if dependent in sources and sources[dependent].is_test_module:
                is_matched = True
                shared_words = len(_text(path) & _text(dependent)) if steps else 0
                key = (_rank(path, dependent, steps), -shared_words, steps)
                related[dependent] = min(related.get(dependent, key), key)
        if not is_matched:
            unmatched.append(path)
    run, stack_only, over_budget = [], [], []
    used = 0.0
    for path in sorted(related, key=lambda path: (related[path], seconds[path], path)):
        rank = related[path][0]
        candidate = Candidate(path, rank, seconds[path])
        is_close = rank <= Rank.NAMED_ALIKE
        if sources[path].is_stack and not is_close:
            stack_only.append(candidate)
        elif used + candidate.seconds <= (budget if is_close else far_budget) or (
            rank is Rank.CHANGED and used < budget
        ):
            used += candidate.seconds
            run.append(candidate)
        else:
            over_budget.append(candidate)
    return Selection(tuple(run), tuple(stack_only), tuple(over_budget), tuple(unmatched))


def area_of(path: str) -> str:
    """Return the folder of `tests/` that is about a file, or an empty string."""
    name = module_name(path)
    matches = (folder for package, folder in AREAS if name == package or name.startswith(f"{package}."))
    return next(matches, "")


def _rank(changed: str, test: str, steps: int) -> Rank:
    if steps <= Rank.IMPORTS:
        return Rank(steps)
    if test.split("/")[1] != area_of(changed):
        return Rank.REACHES
    text = _text(PurePosixPath(changed).name)
    return Rank.NAMED_ALIKE if text and text <= _text(test) else Rank.SAME_AREA


def _text(path: str) -> frozenset[str]:
    """Return the words of a path without its top folders, in the singular."""
    parts = PurePosixPath(path).with_suffix("").parts
    text = re.findall(r"[a-z]+", "_".join(parts[-2:]).lower())
    return frozenset(word.removesuffix("s") for word in text) - {"test", "init", ""}
