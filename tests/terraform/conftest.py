"""Terraform as the tests see it: checked, tested and applied without an account.

`TF_OFFLINE` names the offline runner. Without it the terraform on the path does what it can by itself, if the
registry answers: nothing can be applied then, and tests that need an applied stack are skipped and say so.
With it such a skip is a failure; the policy is in `tests/plugins/skips.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
ENVIRONMENTS = ("dev", "staging", "prod", "minimal")
PASSWORD = "a-password-of-the-tests"
REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
ZIPS = (
    *("site-config-manager", "ftp_to_s3", "s3_to_rds_lambda", "kinesis_to_s3_rds", "alarm_notifier"),
    *("migrate_database", "ingest-manager", "database-authorities"),
)
TIMEOUT_S = 240

# Terraform collects garbage all the time: with memory to spare an apply costs two thirds.
SPEED = {"GOGC": "400"}

# In place of the bucket of the state: the local file that the runner would keep it in is written anew after
# each resource, which takes longer than everything else.
STATE_IN_MEMORY = 'terraform {\n  backend "http" {}\n}\n'


@pytest.hookimpl(tryfirst=True)  # before the group becomes part of a test's name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker: what takes long, applying an environment, is then done once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("terraform"))


# What runs Terraform


@dataclass(frozen=True)
class Program:
    """What Terraform is run by."""

    path: str
    is_offline: bool


def responses(url: str = REGISTRY) -> bool:
    """Return whether the registry can be asked for the provider."""
    try:
        with urllib.request.urlopen(url, timeout=3) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def choose(
    environment: Mapping[str, str],
    which: Callable[[str], str | None] = shutil.which,
    registry_answers: Callable[[], bool] = responses,
) -> Program | str:
    """Return what runs Terraform here, or why nothing does."""
    if offline := environment.get("TF_OFFLINE", ""):
        return Program(offline, is_offline=True)
    plain = which("terraform")
    if not plain:
        return "TF_OFFLINE is not set, and there is no terraform on the path"
    if not registry_answers():
        return "TF_OFFLINE is not set, and the registry that terraform gets the provider from does not answer"
    return Program(plain, is_offline=False)


@pytest.fixture(scope="session")
def program(skip_for_terraform: Callable[[str], NoReturn]) -> Program:
    """What runs Terraform here; without any the test is skipped."""
    chosen = choose(os.environ)
    if isinstance(chosen, str):
        skip_for_terraform(chosen)
    if chosen.is_offline:
        assert os.access(chosen.path, os.X_OK), f"TF_OFFLINE names {chosen.path}, which is no program"
    return chosen


@pytest.fixture(scope="session")
def terraform(program: Program) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Terraform: `terraform("plan", [folder], "-var=…", TF_VAR_x="…")`. It may write in the folders."""

    def call(command: str, folders: list[Path], *arguments: str, **environment: str) -> Any:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_VAR_")}
        given = {**kept, **SPEED, "TF_VAR_ftp_pass": PASSWORD, **environment}
        if program.is_offline:
            return run([program.path, command, *map(str, folders), *arguments], given)
        return by_itself(program.path, command, folders, arguments, given)

    return call


def run(line: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, env=environment
    )


def by_itself(
    terraform: str, command: str, folders: list[Path], arguments: tuple[str, ...], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the plain terraform on each folder, after `init`; return what the offline runner would."""
    said, complained, worst = "", "", 0
    for folder in folders:
        here = [terraform, f"-chdir={folder}"]
        if command == "fmt":
            steps = [[*here, "fmt", "-check", "-diff", "-recursive"]]
        else:
            init = [*here, "init", "-backend=false", "-input=false", "-no-color"]
            steps = [init, [*here, command, "-no-color", *arguments]]
        said += f"--- {folder}\n"
        for step in steps:
            done = run(step, environment)
            said, complained = said + done.stdout, complained + done.stderr
            worst = max(worst, done.returncode)
            if done.returncode:
                break
    return subprocess.CompletedProcess([], worst, said, complained)


# What is applied


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
    """An applied stack; `text` is all of it, as Terraform keeps it and as it shows it."""

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


def stack_of(shown: str, kept: str = "") -> State:
    values = json.loads(shown)["values"]
    managed = (each for each in walk(values["root_module"]) if each["mode"] == "managed")
    resources = {each["address"]: Resource(each["address"], each["type"], each["values"]) for each in managed}
    outputs = {name: output["value"] for name, output in values.get("outputs", {}).items()}
    return State(resources, outputs, kept + shown)


class KeptStates(BaseHTTPRequestHandler):
    """Terraform's `http` backend: a state for each path."""

    states: dict[str, bytes]

    def do_GET(self) -> None:
        self.response(self.states.get(self.path, b""))

    def do_POST(self) -> None:
        self.states[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.response(b"")

    def response(self, body: bytes) -> None:
        self.send_response(200 if body or self.command == "POST" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def kept_states() -> Iterator[tuple[str, dict[str, bytes]]]:
    """The URL of a backend that keeps states in memory, and what it keeps, by path."""
    states: dict[str, bytes] = {}
    handler = type("Kept", (KeptStates,), {"states": states})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", states
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something where the functions' zips would be."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ZIPS:
        (folder / f"{name}.zip").write_bytes(b"PK")
    return folder


@pytest.fixture(scope="session")
def applied(
    program: Program,
    skip_for_terraform: Callable[[str], NoReturn],
    terraform: Callable[..., subprocess.CompletedProcess[str]],
    packages: Path,
    kept_states: tuple[str, dict[str, bytes]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], State]:
    """Apply an environment; each is applied once a session."""
    if not program.is_offline:
        skip_for_terraform("TF_OFFLINE is not set: without it an apply needs an account of AWS")
    url, states = kept_states
    configuration = shutil.copytree(TERRAFORM, tmp_path_factory.mktemp("applied") / "terraform")
    (configuration / "zz_override.tf").write_text(STATE_IN_MEMORY)
    kept: dict[str, State] = {}

    def apply(environment: str) -> State:
        if environment not in kept:
            done = terraform(
                "apply",
                [configuration],
                f"-var-file=environments/{environment}.tfvars",
                f"-var=lambda_package_dir={packages}",
                TF_HTTP_ADDRESS=f"{url}/{environment}",
            )
            assert done.returncode == 0, done.stderr[-4000:]
            kept[environment] = stack_of(done.stdout, states[f"/{environment}"].decode())
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


@pytest.fixture(scope="session")
def state_of() -> Callable[[str], State]:
    """Read what an apply showed."""
    return stack_of


@pytest.fixture(scope="session")
def configuration() -> Path:
    """The root of the configuration."""
    return TERRAFORM


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the configuration that a test may change."""
    return shutil.copytree(TERRAFORM, tmp_path / "terraform")
