"""The import graph of the repository: which file depends on which, and by how many steps."""

from __future__ import annotations

from collections import defaultdict, deque
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tools.changed_tests.sources import module_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.changed_tests.sources import Source

PRODUCT = ("smarterise_sdk", "smarterise_ops", "smarterise_tui", "smarterise_lambdas")
_NAMED_BY_PATH = ("tools", "benchmarks", "tests")
"""Folders whose files are scripts and helpers, which tests load by their file's name."""


class ImportGraph:
    """Which files depend on which.

    A file depends on what it imports, in functions too; on modules, packages and scripts that one of its
    strings names (`python -m`, lazy commands, tools run by path); and a test module on the `conftest.py` of
    its folder and of those above.

    Args:
        sources: All Python files by path.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._paths = {module_name(path): path for path in sources}
        self._members: dict[str, list[str]] = defaultdict(list)
        self._scripts: dict[str, list[str]] = defaultdict(list)
        for path in sources:
            name = module_name(path)
            package = name if path.endswith("/__init__.py") else name.rpartition(".")[0]
            while package:
                self._members[package].append(path)
                package = package.rpartition(".")[0]
            if path.startswith(tuple(f"{folder}/" for folder in _NAMED_BY_PATH)):
                self._scripts[path.rpartition("/")[2]].append(path)
        self._importers: dict[str, set[str]] = defaultdict(set)
        for source in sources.values():
            for target in self._targets(source):
                if target != source.path:
                    self._importers[target].add(source.path)

    def distances(self, path: str) -> dict[str, int]:
        """Return the files that depend on a file, with the least number of steps; itself with 0.

        A file that is not Python counts as the modules that read it: those of its package, or the test
        modules that name it.
        """
        starts = [path] if path in self._sources else list(self._readers(path))
        is_read = path not in self._sources
        found = dict.fromkeys(starts, int(is_read))
        queue = deque(starts)
        while queue:
            current = queue.popleft()
            for importer in self._importers[current]:
                if importer not in found:
                    found[importer] = found[current] + 1
                    queue.append(importer)
        return found

    def _targets(self, source: Source) -> Iterator[str]:
        for name in source.imports:
            if found := self._resolved(name):
                yield found
        own_package = module_name(source.path).rpartition(".")[0]
        for text in source.strings:
            yield from self._named(text, own_package)
        if source.path.startswith("tests/"):
            for folder in PurePosixPath(source.path).parents:
                conftest = f"{folder}/conftest.py"
                if conftest in self._sources:
                    yield conftest

    def _resolved(self, name: str) -> str | None:
        """Return the file of the longest beginning of a dotted name that is a module."""
        while name:
            if name in self._paths:
                return self._paths[name]
            name = name.rpartition(".")[0]
        return None

    def _named(self, text: str, own_package: str) -> Iterator[str]:
        """Yield what a string names: a module, all of a package, a script, or a package beside its own."""
        if text.endswith(".py"):
            if text in self._sources:
                yield text
            for script in self._scripts.get(text.rpartition("/")[2], ()):
                if f"/{script}".endswith("/" + text.lstrip("./")):
                    yield script
        elif text in PRODUCT or ("." in text and text.partition(".")[0] in (*PRODUCT, *_NAMED_BY_PATH)):
            if text in self._members:
                yield from self._members[text]
            elif found := self._resolved(text):
                yield found
        elif text.isidentifier() and own_package.startswith(PRODUCT):
            yield from self._members.get(f"{own_package}.{text}", ())

    def _readers(self, path: str) -> Iterator[str]:
        """Yield what reads a file that is not Python."""
        file = PurePosixPath(path)
        for folder in file.parents:
            if f"{folder}/__init__.py" in self._sources:
                yield from (each for each in self._sources if PurePosixPath(each).parent == folder)
                return
        same_folder = f"tests/{file.parts[0]}/"
        for source in self._sources.values():
            if source.is_test_module and (
                (source.path.startswith(same_folder) and len(file.parts) > 1)
                or _names(source.strings, file)
                or (file.parts[0] == "tests" and _stands_beside(file, source.path))
            ):
                yield source.path


def _names(strings: Iterable[str], file: PurePosixPath) -> bool:
    """Return whether strings name a file.

    They do with its name; or with one of its folders and its stem, or a pattern such as `*.md`. A name
    without a suffix, such as `run`, needs the folder too.
    """
    parts = {part for text in strings for part in text.split("/")}
    if len(file.parts) > 1 and parts.isdisjoint(file.parts[:-1]):
        return bool(file.suffix) and file.name in parts
    patterns = (part for part in parts if part.startswith("*."))
    return not parts.isdisjoint((file.name, file.stem)) or any(fnmatchcase(file.name, p) for p in patterns)


def _stands_beside(file: PurePosixPath, test: str) -> bool:
    """Return whether a data file of the tests belongs to a test module, by the name of its folder."""
    module = PurePosixPath(test)
    if module.stem in file.parts:
        return True
    return not any(part.startswith("test_") for part in file.parts) and module.parent in file.parents
