"""Terraform as the tests see it: validated, planned and applied without an account.

`TF_OFFLINE` names the runner, without which nothing can be applied: then these tests are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
ENVIRONMENTS = ("dev", "staging", "prod", "minimal")
PASSWORD = "a-password-of-the-tests"
ZIPS = (
    *("site-config-manager", "ftp_to_s3", "s3_to_rds_lambda", "kinesis_to_s3_rds", "alarm_notifier"),
    *("migrate_database", "database-authorities"),
)
PATIENCE_S = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker: what takes long, applying an environment, is then done once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("terraform"))


def runner() -> str:
    """Return the offline runner; skip the test where there is none."""
    found = os.environ.get("TF_OFFLINE", "")
    if not found:
        pytest.skip("TF_OFFLINE is not set: it names the program that plans and applies without an account")
    assert Path(found).exists(), f"TF_OFFLINE names {found}, which is not there"
    return found


@dataclass(frozen=True)
class Resource:
    """One resource of an applied stack."""

    address: str
    type: str
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def document(self, attribute: str = "policy") -> dict[str, Any]:
        """Return an attribute that is a JSON document."""
        parsed = json.loads(self.values[attribute])
        assert isinstance(parsed, dict)
        return parsed

    def statements(self, attribute: str = "policy") -> list[dict[str, Any]]:
        """Return the statements of a policy, with actions, resources and so on always as lists."""
        return [
            {
                key: listed(value) if key in {"Action", "NotAction", "Resource", "NotResource"} else value
                for key, value in statement.items()
            }
            for statement in listed(self.document(attribute)["Statement"])
        ]


@dataclass(frozen=True)
class State:
    """An applied stack."""

    resources: dict[str, Resource]
    outputs: dict[str, Any]
    text: str

    def __repr__(self) -> str:
        return f"a stack of {len(self.resources)} resources"

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a type."""
        return [one for one in self.resources.values() if one.type == kind]

    def one(self, kind: str, **values: Any) -> Resource:
        """Return the one resource of a type that has these values."""
        found = [each for each in self.of(kind) if all(each[key] == value for key, value in values.items())]
        assert len(found) == 1, f"{len(found)} of {kind} with {values}"
        return found[0]

    def policy_of(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of a role's inline policies."""
        policies = [one for one in self.of("aws_iam_role_policy") if one["role"] == role]
        return [statement for one in policies for statement in one.statements()]


def listed(value: Any) -> list[Any]:
    """Return what may be one or several as a list."""
    return value if isinstance(value, list) else [value]


def walk(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from walk(child)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something where the functions' zips would be."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ZIPS:
        (folder / f"{name}.zip").write_bytes(b"PK")
    return folder


def call(command: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the offline runner on a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_VAR_")}
    return subprocess.run(
        [runner(), command, str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={**kept, "TF_VAR_ftp_pass": PASSWORD, **environment},
    )


def state_of(text: str) -> State:
    values = json.loads(text)["values"]
    managed = (each for each in walk(values["root_module"]) if each["mode"] == "managed")
    resources = {each["address"]: Resource(each["address"], each["type"], each["values"]) for each in managed}
    outputs = {name: output["value"] for name, output in values.get("outputs", {}).items()}
    return State(resources, outputs, text)


@pytest.fixture(scope="session")
def applied(packages: Path) -> Callable[[str], State]:
    """Apply an environment; each is applied once a session."""
    kept: dict[str, State] = {}

    def apply(environment: str) -> State:
        if environment not in kept:
            done = call(
                "apply",
                TERRAFORM,
                f"-var-file=environments/{environment}.tfvars",
                "-var",
                f"lambda_package_dir={packages}",
            )
            assert done.returncode == 0, done.stderr[-4000:]
            kept[environment] = state_of(done.stdout)
        return kept[environment]

    return apply


@pytest.fixture(params=ENVIRONMENTS)
def stack(request: pytest.FixtureRequest, applied: Callable[[str], State]) -> State:
    """The stack of each environment in turn."""
    return applied(request.param)


@pytest.fixture
def dev(applied: Callable[[str], State]) -> State:
    """The stack of dev, which bears the guide's names."""
    return applied("dev")


@pytest.fixture
def terraform() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The offline runner: `terraform("plan", folder, "-var", …, TF_VAR_x="…")`."""
    return call


@pytest.fixture(scope="session")
def configuration() -> Path:
    """The root of the configuration."""
    return TERRAFORM


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the configuration that a test may change."""
    return Path(shutil.copytree(TERRAFORM, tmp_path / "terraform"))
