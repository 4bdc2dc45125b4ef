"""`make` installs the lock completely and alone, and a failed installation says why and what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]

BACKEND = """
import zipfile


def build_editable(directory, config_settings=None, metadata_directory=None):
    info = "checkout-1.0.dist-info"
    with zipfile.ZipFile(f"{directory}/checkout-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: checkout\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "checkout-1.0-py3-none-any.whl"
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "checkout"
version = "1.0"
"""


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where dataclasses look for the annotations of a class
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def index() -> Any:
    return loaded(Path(__file__).with_name("index.py"))


@pytest.fixture(scope="module")
def explain() -> Any:
    return loaded(ROOT / "tools" / "install.py").explain


class Checkout:
    """A directory that `make` can install: Makefile, tools/install.py, a lock and a package of its own."""

    def __init__(self, directory: Path, lock: str, venv: Path | None = None) -> None:
        self.directory = directory
        (directory / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", directory)
        shutil.copy(ROOT / "tools" / "install.py", directory / "tools")
        (directory / "requirements.lock").write_text(lock)
        (directory / "pyproject.toml").write_text(PROJECT)
        (directory / "backend.py").write_text(BACKEND)
        if venv:
            shutil.copytree(venv, directory / ".venv", symlinks=True)

    def make(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run make for the virtual environment, with nothing of this machine's pip configuration."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(("PIP_", "MAKE", "VIRTUAL_ENV")) and "PROXY" not in name.upper()
        }
        settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1", "PIP_NO_CACHE_DIR": "1"} | settings
        line = ["make", f"PYTHON={sys.executable}", *arguments, ".venv/.installed"]
        return subprocess.run(
            line, cwd=self.directory, env=clean | settings, capture_output=True, text=True, check=False
        )

    def installed(self) -> dict[str, str]:
        listing = self.run("list", "--format=freeze").stdout
        return dict(line.split("==") for line in listing.split())

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        line = [".venv/bin/python", "-m", "pip", "--disable-pip-version-check", *arguments]
        return subprocess.run(line, cwd=self.directory, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment: to copy it takes a tenth of the time of making it."""
    directory = tmp_path_factory.mktemp("venv") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    return directory


@pytest.fixture
def small(index: Any, venv: Path, tmp_path: Path) -> Checkout:
    """A checkout with a lock of two packages, an index that has both, and an environment."""
    lock = index.write_index(tmp_path / "index", "setuptools==1.0\nsix==1.0\n")
    return Checkout(tmp_path / "checkout", lock, venv)


@pytest.fixture
def checkout(index: Any, tmp_path: Path) -> Checkout:
    """A checkout with the whole lock, and an index that has a newer release of every package."""
    lock = index.write_index(tmp_path / "index", (ROOT / "requirements.lock").read_text())
    return Checkout(tmp_path / "checkout", lock)


def test_the_lock_installs_alone_when_every_package_has_a_newer_release(
    checkout: Checkout, tmp_path: Path
) -> None:
    done = checkout.make(PIP_INDEX_URL=(tmp_path / "index").as_uri())
    assert done.returncode == 0, done.stderr
    installed = checkout.installed()
    assert "9999.0" not in installed.values()
    assert {"boto3", "coverage", "setuptools", "textual", "checkout"} <= installed.keys()
    checked = checkout.run("check")
    assert (checked.returncode, checked.stdout) == (0, "No broken requirements found.\n")
    again = checkout.make()
    assert "up to date" in again.stdout


def test_a_changed_file_is_reported_as_such(small: Checkout, tmp_path: Path) -> None:
    lock = small.directory / "requirements.lock"
    digest = lock.read_text().rpartition(":")[2].strip()
    lock.write_text(lock.read_text().replace(digest, "0" * 64))
    done = small.make(PIP_INDEX_URL=(tmp_path / "index").as_uri())
    assert done.returncode == 2
    assert "error: Installing requirements.lock failed: a downloaded file is not the one" in done.stderr
    assert "try: pip cache purge" in done.stderr
    assert not (small.directory / ".venv" / ".installed").exists()


def test_a_release_that_the_index_does_not_have_is_named(small: Checkout, tmp_path: Path) -> None:
    lock = small.directory / "requirements.lock"
    lock.write_text(lock.read_text().replace("six==1.0", "six==2.0"))
    done = small.make(PIP_INDEX_URL=(tmp_path / "index").as_uri())
    assert done.returncode == 2
    assert "does not have a pinned release" in done.stderr
    assert "six==2.0" in done.stderr


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"PIP_INDEX_URL": "http://127.0.0.1:1/simple"}, "the package index cannot be reached"),
        (
            {"PIP_INDEX_URL": "https://index.invalid/simple", "HTTPS_PROXY": "http://127.0.0.1:1"},
            "the proxy refused the connection or cannot be reached",
        ),
        ({"PIP_NO_INDEX": "1"}, "the package index does not have a pinned release"),
    ],
)
def test_an_unreachable_index_and_a_missing_release_are_different_errors(
    small: Checkout, settings: dict[str, str], why: str
) -> None:
    done = small.make(**settings)
    assert done.returncode == 2
    assert f"error: Installing setuptools failed: {why}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("try: ") == 1


def test_wheels_downloaded_beforehand_install_without_an_index(small: Checkout, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    line = [
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "-r",
        "requirements.lock",
        "-d",
        str(wheels),
    ]
    assert small.run(*line, "--index-url", (tmp_path / "index").as_uri()).returncode == 0
    done = small.make(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    assert done.returncode == 0, done.stderr
    assert small.installed()["six"] == "1.0"


def test_a_python_without_venv_is_refused_by_name(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", "")
    (tmp_path / "ensurepip.py").write_text("raise ImportError('not packaged')\n")
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = checkout.make(f"PYTHON={python}")
    assert done.returncode == 2
    assert f"error: no Python >= 3.11 with venv and pip among: {python}" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_a_directory_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", "setuptools==1.0\n")
    (checkout.directory / ".venv").write_text("a file where the directory should be")
    done = checkout.make()
    assert done.returncode == 2
    assert "error: Creating .venv failed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "the disk is",
        ),
        (
            "Error: Command '['/x/python3', '-m', 'ensurepip']' failed\nensurepip is not available",
            "no venv module",
        ),
        ("WARNING: Retrying (Retry(total=0)) SSLError(SSLCertVerificationError(1, 'x'))", "certificate"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "written"),
    ],
)
def test_other_causes_are_recognised_in_the_words_of_pip(explain: Any, output: str, why: str) -> None:
    first, second, third = explain("Installing x", output).splitlines()
    assert first.startswith("error: Installing x failed: ")
    assert why in first
    assert second.startswith("why: ")
    assert third.startswith("try: ")


def test_an_unknown_cause_shows_what_pip_said(explain: Any) -> None:
    assert explain("Installing x", "ERROR: something new\nmore").splitlines() == [
        "error: Installing x failed",
        "why: ERROR: something new",
        "try: the output above; then run make again",
    ]
