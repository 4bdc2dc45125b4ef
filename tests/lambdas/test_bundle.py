"""The source bundles: the same bytes every time, and enough in them to import the handler."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from smarterise_lambdas.bundle import source_zip
from smarterise_sdk.domain.stack.functions import FUNCTIONS, spec_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# Imports the handler with our own packages coming from the zip alone, and says from where they came.
PROBE = """
import importlib, sys
sys.path = [path for path in sys.path if "smarterise" not in path]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path.insert(0, sys.argv[1])
module = importlib.import_module(sys.argv[2].rpartition(".")[0])
assert callable(module.handler)
ours = [m.__file__ for name, m in sys.modules.items() if name.startswith("smarterise") and m.__file__]
assert ours and all(path.startswith(sys.argv[1]) for path in ours), ours
print("boto3" in sys.modules, "pydantic" in sys.modules, "psycopg" in sys.modules)
"""
# Imports the handler where packages that are named are not installed, and says which clients of AWS it makes.
BARE_PROBE = """
import importlib, sys
import botocore.session

missing = set(sys.argv[2:])
made = []
create = botocore.session.Session.create_client


def create_client(self, service_name, *arguments, **options):
    made.append(service_name)
    return create(self, service_name, *arguments, **options)


class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"{name} is not in the bundle", name=name)


botocore.session.Session.create_client = create_client
sys.meta_path.insert(0, Bare())
module = importlib.import_module(sys.argv[1].rpartition(".")[0])
assert callable(module.handler)
print(*made)
import boto3

boto3.client("sts", region_name="eu-west-2")
print(*made)
"""
ROOT = Path(__file__).parents[2]
NAMES = [spec.name for spec in FUNCTIONS.values()]
AT_RUNTIME = "boto3"
"""What AWS Lambda has already."""


@pytest.mark.parametrize("function", NAMES)
def test_it_is_the_same_every_time_and_knows_neither_when_nor_who(function: str) -> None:
    first = source_zip(function)
    assert source_zip(function) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert not [name for name in names if "__pycache__" in name]


@pytest.mark.parametrize(
    ("function", "loaded"),
    [
        ("site-config-manager", "True True False"),
        ("alarm_notifier", "True False False"),
        ("ftp_to_s3", "True False False"),
        ("ingest-manager", "True False True"),
        ("kinesis_to_s3_rds", "True False True"),
        ("migrate_database", "True False True"),
        ("s3_to_rds_lambda", "True False True"),
    ],
)
def test_it_holds_all_of_ours_that_its_handler_needs(function: str, loaded: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(source_zip(function))) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path), spec_of(function).handler],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == loaded


@pytest.mark.parametrize("function", NAMES)
def test_it_has_every_module_of_its_packages_and_of_no_other_function(function: str) -> None:
    folders = {"lambdas": [f"smarterise_lambdas/{spec_of(function).package}", "smarterise_lambdas/shared"]}
    folders["sdk"] = ["smarterise_sdk/domain"]
    if function == "migrate_database":
        folders["lambdas"].append("smarterise_lambdas/migrations")
    needed = {
        path.relative_to(ROOT / root).as_posix()
        for root, packages in folders.items()
        for package in packages
        for path in (ROOT / root / package).rglob("*.py")
    }
    with zipfile.ZipFile(io.BytesIO(source_zip(function))) as archive:
        packed = {name for name in archive.namelist() if name.endswith(".py")}
    assert packed == needed | {"smarterise_lambdas/__init__.py", "smarterise_sdk/__init__.py"}


def with_requirements(*names: str) -> set[str]:
    """Return packages, and all that they need in turn, by normal names."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name not in found or requirement.extras:
            found.add(name)
            for text in requires(name) or ():
                wanted = Requirement(text)
                extras = requirement.extras or {""}
                if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
                    waiting.append(
                        f"{wanted.name}[{','.join(wanted.extras)}]" if wanted.extras else wanted.name
                    )
    return found


@cache
def owners_of_packages() -> Mapping[str, list[str]]:
    return packages_distributions()


@pytest.mark.parametrize("function", NAMES)
def test_its_handler_loads_what_it_is_built_with_and_makes_no_client(function: str) -> None:
    """No AWS client at import, for a path may never need it."""
    packed = with_requirements(*spec_of(function).requirements, AT_RUNTIME) | {"smarterise-ops"}
    missing = [
        name
        for name, owners in owners_of_packages().items()
        if not packed & {canonicalize_name(owner) for owner in owners}
    ]
    command = [sys.executable, "-c", BARE_PROBE, spec_of(function).handler, *missing]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    at_import, afterwards = done.stdout.splitlines()
    assert at_import == ""
    assert afterwards == "sts", "the probe sees clients being made"


def test_the_steps_of_the_schema_travel_with_the_function_that_takes_them_and_with_no_other() -> None:
    with zipfile.ZipFile(io.BytesIO(source_zip("migrate_database"))) as archive:
        assert b"CREATE TABLE" in archive.read("smarterise_lambdas/migrations/versions/v0001_readings.sql")
        assert "smarterise_lambdas/migrations/env.py" in archive.namelist()
    with zipfile.ZipFile(io.BytesIO(source_zip("kinesis_to_s3_rds"))) as archive:
        assert not [name for name in archive.namelist() if "migrations" in name]


def test_a_function_there_is_not_has_no_bundle() -> None:
    with pytest.raises(KeyError):
        source_zip("no-such-function")
