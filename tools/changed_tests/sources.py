"""Reads what a Python file imports and names, from its syntax tree alone; nothing is executed."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SOURCE_ROOTS = ("sdk", "tui", "lambdas")
"""Folders on `sys.path` besides the repository's root: their names are no part of a module's name."""
TOP_FOLDERS = (*SOURCE_ROOTS, "smarterise_ops", "tools", "benchmarks", "tests")
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Source:
    """The facts of one Python file that the selection uses.

    Attributes:
        path: Path from the repository's root, with forward slashes.
        imports: Dotted names that it imports at run time; `from a import b` gives `a.b`.
        strings: String constants without white space: they may name a module, a script or another file.
        tests: Number of its test functions.
        properties: Number of functions that Hypothesis runs with many examples.
        is_stack: Whether a test in it has the marker `stack`.
    """

    path: str
    imports: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()
    tests: int = 0
    properties: int = 0
    is_stack: bool = False

    @property
    def is_test_module(self) -> bool:
        """Whether pytest collects it."""
        return self.path.startswith("tests/") and self.path.rpartition("/")[2].startswith("test_")


def module_name(path: str) -> str:
    """Return the dotted name under which a file is imported: `sdk/a/b/__init__.py` gives `a.b`."""
    parts = path.removesuffix(".py").split("/")
    if parts[0] in SOURCE_ROOTS:
        parts = parts[1:]
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def read_sources(root: Path) -> dict[str, Source]:
    """Return all Python files of the product, the tools, the benchmarks and the tests, by path.

    A file with a syntax error has no imports: lint and the tests that import it report the error.
    """
    found = {}
    for folder in TOP_FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            path = file.relative_to(root).as_posix()
            try:
                found[path] = parse(path, file.read_bytes())
            except (SyntaxError, ValueError):
                found[path] = Source(path)
    return found


def parse(path: str, text: str | bytes) -> Source:
    """Return the facts of one file.

    Args:
        path: Its path from the repository's root.
        text: Its content.

    Raises:
        SyntaxError: If it is not Python.
        ValueError: If it contains null bytes.
    """
    nodes = list(_run_time_nodes(ast.parse(text)))
    package = module_name(path).split(".")
    if not path.endswith("__init__.py"):
        package = package[:-1]
    return Source(
        path,
        imports=frozenset(name for node in nodes for name in _imported(node, package)),
        strings=frozenset(_strings(nodes)),
        tests=sum(_is_test(node) for node in nodes),
        properties=sum(_is_property(node) for node in nodes),
        is_stack=any(_is_stack_mark(node) for node in nodes),
    )


def _run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those under `if TYPE_CHECKING:`, which lint checks and no test executes."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def _imported(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) + 1 - node.level] if node.level else []
        prefix = ".".join([*base, *([node.module] if node.module else [])])
        yield from (f"{prefix}.{alias.name}" for alias in node.names)


def _strings(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if 0 < len(text) <= _LONGEST_NAME and not any(character.isspace() for character in text):
                yield text


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def _is_property(node: ast.AST) -> bool:
    """Return whether a function has the decorator `@given(...)`, or `@rule(...)` of a state machine."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id in ("given", "rule")
        for decorator in node.decorator_list
    )


def _is_stack_mark(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "stack"
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "mark"
    )
