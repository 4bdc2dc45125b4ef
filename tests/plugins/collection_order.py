"""Fails a run whose workers collect tests in different orders, as they do when tests come from a set.

The order in which a worker runs tests does not show it: pytest-randomly sorts them by name first.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_OUTPUT = "collected"
_collected = pytest.StashKey[dict[str, Any]]()
_first = pytest.StashKey[dict[str, str]]()
_unstable = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start with no file known."""
    config.stash[_collected], config.stash[_unstable] = {}, set()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse a set of parameters at once: two workers may agree on its order by chance."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        values = mark.kwargs.get("argvalues", mark.args[1] if len(mark.args) > 1 else ())
        if isinstance(values, set | frozenset):
            pytest.fail("parametrized over a set, which has no order: give a list", pytrace=False)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note the order of each file's tests, before it is changed."""
    collected = item.config.stash[_collected]
    collected.setdefault(item.location[0], hashlib.sha256()).update(item.nodeid.encode() + b"\0")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let a worker report its order."""
    if hasattr(session.config, "workeroutput"):
        collected = session.config.stash[_collected]
        session.config.workeroutput[_OUTPUT] = {name: found.hexdigest() for name, found in collected.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Compare what a worker collected with what the first one did."""
    found = getattr(node, "workeroutput", {}).get(_OUTPUT)
    if found is not None:  # else it was killed
        first = node.config.stash.setdefault(_first, found)
        node.config.stash[_unstable] |= {name for name, _ in first.items() ^ found.items()}


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Fail the run."""
    if session.config.stash[_unstable] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the files."""
    for name in sorted(config.stash[_unstable]):
        terminalreporter.line(f"{name}: collected in a different order by two workers", red=True)
        terminalreporter.line("compare: PYTHONHASHSEED=1 pytest --collect-only -q -p no:randomly, and 2")
