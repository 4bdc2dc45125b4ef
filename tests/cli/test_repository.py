"""What the repository says of itself: the documents, the lock file and the Makefile are true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.settings import load_settings
from smarterise_sdk.settings.keys import ENVIRONMENT, IN_ENVIRONMENT, NAMES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def name_of(requirement: str) -> str:
    found = NAME.match(requirement)
    assert found
    return found[0]


def declared() -> set[str]:
    groups = [*PROJECT["project"]["optional-dependencies"].values(), *PROJECT["dependency-groups"].values()]
    listed = [entry for group in groups for entry in group if isinstance(entry, str)]
    tools = [
        line for line in (ROOT / "tools" / "requirements.in").read_text().splitlines() if line[:1].isalpha()
    ]
    names = {name_of(entry) for entry in [*PROJECT["project"]["dependencies"], *listed, *tools]}
    return names - {PROJECT["project"]["name"]}


def locked() -> set[str]:
    return set(
        re.findall(
            r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE
        )
    )


def test_every_dependency_has_its_line_and_every_line_its_dependency() -> None:
    lines = re.findall(r"^- `([^`]+)`: \S", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    assert sorted(lines, key=str.lower) == sorted(declared(), key=str.lower)


def test_every_dependency_is_locked() -> None:
    normal = {re.sub(r"[-_.]+", "-", name).lower() for name in declared()}
    assert normal <= locked()


def test_the_lock_names_no_place_and_hashes_everything() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_reference_is_what_the_product_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "build_docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    missing = [
        target for target in targets if "://" not in target and not (document.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_that_are_named_are_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|\$ )make ([a-z]+)", document.read_text(), re.MULTILINE))
    assert named <= targets


def test_the_table_of_settings_is_complete() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    rows = [line.split("|")[1:4] for line in text.splitlines() if line.count("|") == 5]
    told = {
        name.strip().strip("`"): (re.findall(r"`(.+?)`", option), tuple(re.findall(r"`(.+?)`", variables)))
        for name, option, variables in rows
        if "`" in name
    }
    assert told == {
        key.name: ([key.option] if key.option else [], key.variables)
        for key in (ENVIRONMENT, *IN_ENVIRONMENT)
    }


def test_the_table_of_names_is_complete() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|$", text, re.MULTILINE))
    assert rows == {key.name.removeprefix("names."): getattr(StackNames(), key.name[6:]) for key in NAMES}


@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md"])
def test_the_settings_files_of_the_documents_load(document: str, tmp_path: Path) -> None:
    text = (ROOT / document).read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "smarterise-ops.toml").write_text(example)
    dev = load_settings(environ={}, cwd=tmp_path, home=tmp_path)
    assert (dev.environment.name, dev.profile, dev.read_only) == ("dev", "smarterise-dev", False)
    prod = load_settings({"environment": "prod"}, environ={}, cwd=tmp_path, home=tmp_path)
    assert (prod.environment.kind.value, prod.read_only) == ("production", True)


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))
    for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"):
        assert path.read_text().startswith(f"# {int(path.name[:4])}. "), path.name
