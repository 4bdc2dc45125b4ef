"""The configuration is in the usual form and valid, and the tests beside each module pass."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

TERRAFORM = Path(__file__).parents[2] / "terraform"
WHOLE = "the root"
FILES = {
    WHOLE: sorted(TERRAFORM.glob("tests/*.tftest.hcl")),
    **{
        folder.parent.name: sorted(folder.glob("*.tftest.hcl"))
        for folder in sorted(TERRAFORM.glob("*/tests/"))
        if list(folder.glob("*.tftest.hcl"))
    },
}


def used(folder: Path) -> set[Path]:
    """Return the local modules that a folder uses from elsewhere, and what they use."""
    sources = {
        source
        for pattern in ("*.tf", "tests/*.tftest.hcl")
        for file in folder.rglob(pattern)
        for source in re.findall(r'^\s*source\s*=\s*"(\.\./[^"]*)"', file.read_text(), re.MULTILINE)
    }
    inner = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    found = {(path / source).resolve() for path in inner for source in sources if (path / source).is_dir()}
    outside = {path for path in found if folder not in path.parents and TERRAFORM in path.parents}
    return outside.union(*(used(path) for path in outside))


def alone(module: str, target: Path) -> Path:
    """Copy a module with those that it uses, and no others: what lies beside it costs time at each run."""
    for folder in (TERRAFORM / module, *used(TERRAFORM / module)):
        shutil.copytree(folder, target / folder.relative_to(TERRAFORM), dirs_exist_ok=True)
    return target / module


@pytest.fixture(scope="module")
def said(terraform: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Terraform says of the tests of each module; all are run at once."""
    top = tmp_path_factory.mktemp("modules").resolve()
    folders = {name: alone(name, top / name) for name in FILES if name != WHOLE}
    folders[WHOLE] = shutil.copytree(TERRAFORM, top / "terraform")
    done = terraform("test", list(folders.values()))
    parts = dict(part.split("\n", 1) for part in ("\n" + done.stdout).split("\n--- ")[1:])
    return {name: parts.get(str(folder), "") + done.stderr for name, folder in folders.items()}


@pytest.mark.parametrize("module", FILES)
def test_the_tests_of_a_module_pass(module: str, said: dict[str, str]) -> None:
    runs = sum(len(re.findall(r'^run "', file.read_text(), re.MULTILINE)) for file in FILES[module])
    assert f"Success! {runs} passed, 0 failed." in said[module], said[module]


def test_everything_is_valid_without_a_warning(terraform: Any, copied: Path) -> None:
    done = terraform("validate", [copied, copied / "bootstrap"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Success! The configuration is valid.") == 2, done.stdout


def test_every_file_is_in_the_usual_form(terraform: Any, configuration: Path) -> None:
    done = terraform("fmt", [configuration])
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
