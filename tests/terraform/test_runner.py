"""What the tests of Terraform are run by."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parts(request: pytest.FixtureRequest) -> Any:
    """The conftest beside this file."""
    return request.config.pluginmanager.get_plugin(str(Path(__file__).with_name("conftest.py")))


def fails(*_: Any) -> Any:
    pytest.fail("this need not be asked")


def test_the_offline_runner_is_taken_where_it_is_named(parts: Any) -> None:
    chosen = parts.choose({"TF_OFFLINE": "/a/runner"}, fails, fails)
    assert (chosen.path, chosen.is_offline) == ("/a/runner", True)


def test_terraform_by_itself_is_taken_where_the_registry_answers(parts: Any) -> None:
    chosen = parts.choose({}, lambda _: "/usr/bin/terraform", lambda: True)
    assert (chosen.path, chosen.is_offline) == ("/usr/bin/terraform", False)


@pytest.mark.parametrize(
    ("found", "is_answered", "reason"),
    [
        (None, True, "no terraform on the path"),
        ("/usr/bin/terraform", False, "the registry that terraform gets"),
    ],
)
def test_without_either_it_is_told_why(parts: Any, found: str | None, is_answered: bool, reason: str) -> None:
    told = parts.choose({"TF_OFFLINE": ""}, lambda _: found, lambda: is_answered)
    assert "TF_OFFLINE is not set" in told
    assert reason in told


def test_a_registry_that_is_not_there_does_not_answer(parts: Any) -> None:
    assert not parts.responses("http://127.0.0.1:9/")


def test_terraform_by_itself_does_what_it_can(parts: Any, skip_for_terraform: Any, tmp_path: Path) -> None:
    """A configuration without a provider, for which no registry is needed."""
    plain = shutil.which("terraform")
    if not plain:
        skip_for_terraform("there is no terraform on the path")
    (tmp_path / "main.tf").write_text('output "one" {\n  value = 1\n}\n')
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    done = parts.by_itself(plain, "validate", [tmp_path], (), environment)
    assert done.returncode == 0, done.stderr
    assert "Success! The configuration is valid." in done.stdout
    (tmp_path / "main.tf").write_text('output "one" {\n  value = nothing.at_all\n}\n')
    done = parts.by_itself(plain, "validate", [tmp_path], (), environment)
    assert done.returncode == 1
    assert "undeclared resource" in done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `.ci/run` finds in a checkout beside a runner; its `make` prints two variables."""
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    runner = tmp_path / "shared" / "terraform" / "tf-offline"
    runner.parent.mkdir(parents=True)
    runner.touch(mode=0o755)
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text('#!/bin/sh\necho "variables:${NO_SKIPS-}:${TF_OFFLINE-}"\n')
    make.chmod(0o755)
    fresh = folder / "tools" / "fresh-machine"
    fresh.parent.mkdir()
    fresh.write_text("#!/bin/sh\n")
    fresh.chmod(0o755)
    return folder


@pytest.mark.parametrize("given", [None, "/another/runner"])
def test_continuous_integration_names_the_runner_and_refuses_skips(checkout: Path, given: str | None) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in {"TF_OFFLINE", "NO_SKIPS"}}
    path = {"PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        [checkout / ".ci" / "run"],
        capture_output=True,
        text=True,
        check=True,
        env={**clean, **path, **({"TF_OFFLINE": given} if given else {})},
    )
    printed = {line for line in done.stdout.splitlines() if line.startswith("variables:")}
    ((_, no_skips, runner),) = (line.split(":", 2) for line in printed)
    assert no_skips == "1"
    named = checkout.parent / "shared" / "terraform" / "tf-offline"
    assert Path(runner).resolve() == Path(given or named).resolve()
