"""Which test modules `make check` selects for a change, on repositories made up for the purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.changed_tests.graph import ImportGraph
from tools.changed_tests.selection import Rank, Selection, area_of, select
from tools.changed_tests.sources import Source, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

STACK = "import pytest\npytestmark = pytest.mark.stack\n"
METERS = "sdk/smarterise_sdk/services/meters.py"
REPOSITORY = {
    "sdk/smarterise_sdk/__init__.py": "",
    "sdk/smarterise_sdk/services/__init__.py": "",
    METERS: "from smarterise_sdk.domain import wording",
    "sdk/smarterise_sdk/domain/__init__.py": "",
    "sdk/smarterise_sdk/domain/wording.py": "",
    "sdk/smarterise_sdk/front.py": "from smarterise_sdk.services import meters",
    "smarterise_ops/shell.py": "import smarterise_sdk.front",
    "tests/sdk/conftest.py": "from smarterise_sdk.front import Stack",
    "tests/sdk/test_meters_reading.py": "",
    "tests/sdk/test_settings.py": "",
    "tests/sdk/test_imports_it.py": f"from smarterise_sdk.services.meters import Meters\n{STACK}",
    "tests/cli/test_far_away.py": "import smarterise_ops.shell",
    "tests/cli/test_meters_on_stack.py": f"import smarterise_ops.shell\n{STACK}",
    "tests/sdk/test_meters_on_stack.py": STACK,
    "tests/unit/test_wording.py": "from smarterise_sdk.domain.wording import visible",
    "tests/unit/test_alone.py": "",
}


def sources_of(files: Mapping[str, str]) -> dict[str, Source]:
    return {path: parse(path, text) for path, text in files.items()}


def selected(
    changed: Collection[str],
    files: Mapping[str, str] = REPOSITORY,
    *,
    seconds: Mapping[str, float] | None = None,
    budget: float = 1000,
    far_budget: float = 1000,
) -> Selection:
    sources = sources_of(files)
    every = {path: 1.0 for path, source in sources.items() if source.is_test_module}
    return select(
        changed,
        sources,
        ImportGraph(sources),
        seconds={**every, **(seconds or {})},
        budget=budget,
        far_budget=min(budget, far_budget),
    )


def names(candidates: object) -> list[str]:
    return [candidate.path.removeprefix("tests/") for candidate in candidates]  # type: ignore[attr-defined]


def test_closest_modules_come_first() -> None:
    chosen = selected([METERS])
    assert [(candidate.path.removeprefix("tests/"), candidate.rank) for candidate in chosen.run] == [
        ("sdk/test_imports_it.py", Rank.IMPORTS),
        ("sdk/test_meters_on_stack.py", Rank.NAMED_ALIKE),
        ("sdk/test_meters_reading.py", Rank.NAMED_ALIKE),
        ("sdk/test_settings.py", Rank.SAME_AREA),
        ("cli/test_far_away.py", Rank.REACHES),
    ]


def test_stack_modules_run_only_when_they_are_about_the_change() -> None:
    assert names(selected([METERS]).stack_only) == ["cli/test_meters_on_stack.py"]
    chosen = selected(["tests/cli/test_meters_on_stack.py"])
    assert names(chosen.run) == ["cli/test_meters_on_stack.py"]
    assert chosen.stack_only == ()


def test_a_changed_conftest_selects_its_folder() -> None:
    chosen = selected(["tests/sdk/conftest.py"])
    assert set(names(chosen.run)) == {
        "sdk/test_imports_it.py",
        "sdk/test_settings.py",
        "sdk/test_meters_on_stack.py",
        "sdk/test_meters_reading.py",
    }


def test_what_does_not_fit_the_budget_is_reported_and_smaller_modules_still_run() -> None:
    seconds = {"tests/sdk/test_meters_reading.py": 50.0}
    chosen = selected([METERS], seconds=seconds, budget=10)
    assert names(chosen.over_budget) == ["sdk/test_meters_reading.py"]
    assert "cli/test_far_away.py" in names(chosen.run)
    assert chosen.seconds == 4


def test_only_close_modules_run_beyond_the_smaller_budget() -> None:
    chosen = selected([METERS], budget=10, far_budget=2)
    assert names(chosen.run) == [
        "sdk/test_imports_it.py",
        "sdk/test_meters_on_stack.py",
        "sdk/test_meters_reading.py",
    ]
    assert names(chosen.over_budget) == ["sdk/test_settings.py", "cli/test_far_away.py"]


def test_a_changed_test_runs_even_if_it_alone_exceeds_the_budget() -> None:
    changed = ["tests/unit/test_alone.py", "tests/unit/test_wording.py"]
    chosen = selected(changed, seconds=dict.fromkeys(changed, 50.0), budget=10)
    assert names(chosen.run) == ["unit/test_alone.py"]
    assert names(chosen.over_budget) == ["unit/test_wording.py"]


def test_the_quickest_of_the_changed_tests_come_first() -> None:
    modules = [path for path in REPOSITORY if "test_" in path]
    seconds = {path: float(1 + number * 7 % len(modules)) for number, path in enumerate(modules)}
    chosen = selected(list(REPOSITORY), seconds=seconds, budget=3)
    assert [candidate.seconds for candidate in chosen.run] == [1.0, 2.0]


def test_files_that_no_test_depends_on_are_reported() -> None:
    chosen = selected(["NOTICE", "tests/unit/test_alone.py", "sdk/smarterise_sdk/gone.py"])
    assert chosen.unmatched == ("NOTICE",)
    assert "unit/test_alone.py" in names(chosen.run)


def test_an_unchanged_repository_selects_nothing() -> None:
    assert selected([]) == Selection()


@given(
    changed=st.sets(st.sampled_from([*REPOSITORY, "NOTICE", "docs/page.md"])),
    budget=st.floats(min_value=0, max_value=20),
    seconds=st.fixed_dictionaries(
        {path: st.floats(min_value=0.1, max_value=9) for path in REPOSITORY if "test_" in path}
    ),
)
def test_every_related_module_either_runs_or_is_listed_once(
    changed: set[str], budget: float, seconds: dict[str, float]
) -> None:
    chosen = selected(changed, seconds=seconds, budget=budget)
    everything = selected(changed, seconds=seconds, budget=1e9)
    listed = [*names(chosen.run), *names(chosen.stack_only), *names(chosen.over_budget)]
    assert sorted(listed) == sorted({*names(everything.run), *names(everything.stack_only)})
    longest = max(seconds.values())
    assert chosen.seconds <= budget + (longest if chosen.run and chosen.run[0].rank is Rank.CHANGED else 1e-6)


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("sdk/smarterise_sdk/domain/wording.py", "unit"),
        ("sdk/smarterise_sdk/aws/wire.py", "sdk"),
        ("smarterise_ops/local/wire.py", "local"),
        ("smarterise_ops/shell.py", "cli"),
        ("tui/smarterise_tui/window.py", "tui"),
        ("lambdas/smarterise_lambdas/shared/wire.py", "lambdas"),
        ("tools/wire.py", "tools"),
        ("OVERVIEW.md", ""),
    ],
)
def test_areas(path: str, area: str) -> None:
    assert area_of(path) == area
