"""Every module, name and file that docs/architecture.md mentions exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = {
    "smarterise_sdk": ROOT / "sdk",
    "smarterise_lambdas": ROOT / "lambdas",
    "smarterise_tui": ROOT / "tui",
    "smarterise_ops": ROOT,
}

CODE = re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8"))
DOTTED = sorted({text for text in CODE if re.fullmatch(r"smarterise_\w+(\.\w+)*", text)})
PATHS = sorted({text for text in CODE if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", text) and "/" in text})


@cache
def _members(source: Path) -> dict[str, frozenset[str]]:
    """Return the top-level names of a module, with the members of each class."""
    members: dict[str, frozenset[str]] = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            members[node.name] = frozenset(_names(node.body))
        else:
            members.update(dict.fromkeys(_names([node]), frozenset()))
    return members


def _names(body: list[ast.stmt]) -> list[str]:
    names = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
    return names


def problem_with(dotted: str) -> str:
    """Return why a dotted name does not exist; empty if it does."""
    parts = dotted.split(".")
    place = PACKAGES[parts[0]]
    for position, part in enumerate(parts):
        if (place / part).is_dir():
            place /= part
            continue
        module = place / f"{part}.py"
        if not module.is_file():
            return f"{dotted}: there is no {module.relative_to(ROOT)}"
        return _problem_in(module, parts[position + 1 :])
    return ""


def _problem_in(module: Path, names: list[str]) -> str:
    members = _members(module)
    where = module.relative_to(ROOT)
    if names and names[0] not in members:
        return f"{where} defines no {names[0]}; it defines {', '.join(sorted(members))}"
    if len(names) > 1 and names[1] not in members[names[0]]:
        return f"{where}: {names[0]} has no {names[1]}; it has {', '.join(sorted(members[names[0]]))}"
    return ""


def test_the_page_names_code() -> None:
    assert len(DOTTED) > 50
    assert len(PATHS) > 15


@pytest.mark.parametrize("dotted", DOTTED)
def test_a_name_on_the_page_exists(dotted: str) -> None:
    problem = problem_with(dotted)
    assert not problem, f"{problem}. Correct docs/architecture.md."


@pytest.mark.parametrize("path", PATHS)
def test_a_path_on_the_page_exists(path: str) -> None:
    assert (ROOT / path).exists(), f"{path} does not exist. Correct docs/architecture.md."


def test_a_wrong_name_is_found() -> None:
    assert problem_with("smarterise_sdk.stack.Stack") == ""
    assert "there is no sdk/smarterise_sdk/nothing.py" in problem_with("smarterise_sdk.nothing")
    assert "defines no Nothing" in problem_with("smarterise_sdk.stack.Nothing")
    assert "Broker has no nothing" in problem_with("smarterise_sdk.aws.broker.Broker.nothing")
