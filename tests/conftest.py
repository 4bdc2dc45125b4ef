"""What every test may use: a clean environment and, on demand, one embedded stack a test process."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from smarterise_ops.local.client import RunningStack


COVERING = {"sdk", "unit", "cli"}
"""The folders of tests that the SDK's coverage is held by."""

# A suite run in the background has ctrl-c ignored, and the programs it starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more about the machine's other guests than about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Elsewhere examples differ from run to run; what decides over a landing must say the same twice.
settings.register_profile("repeatable", settings.get_profile("patient"), derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))


PLUGINS = (
    *("plugins/run_directory.py", "plugins/servers.py", "plugins/skips.py", "plugins/collection_order.py"),
    "terraform/record_calls.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Load what all tests share: their files are found by path, since tests are not importable."""
    for name in PLUGINS:
        path = Path(__file__).parent / name
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        config.pluginmanager.register(module, path.stem)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Measure coverage where the SDK is tested by examples: elsewhere tests would only take twice as long.

    What stays on one worker begins, or the other would wait for it in the end.
    """
    yield  # until their order is drawn
    here = Path(__file__).parent
    for item in items:
        is_covering = COVERING & set(item.path.relative_to(here).parts[:1])
        if not is_covering or item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_collection_finish() -> None:
    """Look for garbage less often, and not among what stays: that took a third of a worker's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the operator's credentials, configuration or journal."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "SMARTERISE_")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def embedded_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A whole stack with 12 simulated sites, shared by the tests of one process.

    Tests that use it change only what they can put back, or sites of their own.
    """
    from smarterise_ops.local.testing import running_stack

    with running_stack(tmp_path_factory.mktemp("stack"), sites=12, seed=7) as stack:
        yield stack
