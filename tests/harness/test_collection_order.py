"""Tests that come from a set fail the run, and those that come from a list do not."""

from __future__ import annotations

from typing import Any

import pytest

XDIST = ("-p", "xdist", "-p", "pytest_randomly", "-n", "2")
SMALL = """
import pytest

@pytest.mark.parametrize("name", {names})
def test_name(name):
    pass
"""
NAMES = "['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't']"


@pytest.mark.parametrize(
    "names", [f"list(set({NAMES}))", f"dict.fromkeys(set({NAMES})).keys()"], ids=["list", "keys"]
)
def test_workers_that_disagree_fail_the_run(run_pytest: Any, names: str) -> None:
    done = run_pytest(SMALL.format(names=names), "collection_order", *XDIST)
    assert done.returncode == 1
    assert "20 passed" in done.stdout
    assert "test_small.py: collected in a different order by two workers" in done.stdout


@pytest.mark.parametrize("options", [(), XDIST])
def test_a_list_is_collected_alike(run_pytest: Any, options: tuple[str, ...]) -> None:
    done = run_pytest(SMALL.format(names=NAMES), "collection_order", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "order" not in done.stdout


@pytest.mark.parametrize("names", ["{'a', 'b'}", "frozenset({'a', 'b'})"])
def test_a_set_is_refused_whatever_its_order(run_pytest: Any, names: str) -> None:
    done = run_pytest(SMALL.format(names=names), "collection_order")
    assert done.returncode == 2
    assert "parametrized over a set, which has no order" in done.stdout
