"""What depends on what: imports, names in strings, fixtures, and files that are not Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.changed_tests.graph import ImportGraph
from tools.changed_tests.sources import Source, module_name, parse, read_sources

ROOT = Path(__file__).parents[2]


def dependents(changed: str, files: dict[str, str]) -> dict[str, int]:
    graph = ImportGraph({path: parse(path, text) for path, text in files.items()})
    return {path: steps for path, steps in graph.distances(changed).items() if path != changed}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("sdk/smarterise_sdk/domain/__init__.py", "smarterise_sdk.domain"),
        ("tui/smarterise_tui/window.py", "smarterise_tui.window"),
        ("smarterise_ops/shell.py", "smarterise_ops.shell"),
        ("tests/sdk/conftest.py", "tests.sdk.conftest"),
    ],
)
def test_module_names(path: str, name: str) -> None:
    assert module_name(path) == name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import a.b, c", {"a.b", "c"}),
        ("from a.b import c, d", {"a.b.c", "a.b.d"}),
        ("from . import c", {"tests.accounting.c"}),
        ("from .run import c", {"tests.accounting.run.c"}),
        ("from ..sdk import c", {"tests.sdk.c"}),
        ("def f():\n    import a", {"a"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
    ],
)
def test_imports(line: str, expected: set[str]) -> None:
    assert parse("tests/accounting/test_run.py", line).imports == expected


def test_tests_are_counted_and_markers_found() -> None:
    text = (
        "@pytest.mark.stack\nasync def test_a(): ...\nclass B:\n    def test_c(self): ...\ndef other(): ..."
    )
    found = parse("tests/cli/test_a.py", text)
    assert (found.tests, found.is_stack, found.is_test_module) == (2, True, True)
    assert not parse("tests/cli/test_a.py", "stack = mark.other").is_stack


def test_properties_are_counted() -> None:
    text = "@given(x=none())\n@settings()\ndef test_a(x): ...\n@rule()\ndef b(s): ...\n@given\ndef c(): ..."
    found = parse("tests/unit/test_a.py", text)
    assert (found.tests, found.properties) == (1, 2)


def test_a_module_depends_on_what_it_imports_by_steps() -> None:
    files = {
        "smarterise_ops/a.py": "",
        "smarterise_ops/b.py": "from smarterise_ops.a import thing",
        "smarterise_ops/c.py": "import smarterise_ops.b",
        "tests/cli/test_c.py": "def test_it():\n    from smarterise_ops import c",
    }
    assert dependents("smarterise_ops/a.py", files) == {
        "smarterise_ops/b.py": 1,
        "smarterise_ops/c.py": 2,
        "tests/cli/test_c.py": 3,
    }


@pytest.mark.parametrize(
    "text",
    [
        '["-m", "smarterise_ops.commands.meters"]',
        'patch("smarterise_ops.commands.meters.handler")',
        'walk("smarterise_ops.commands")',
        'walk("smarterise_ops")',
        'read("smarterise_ops/commands/meters.py")',
    ],
)
def test_a_string_may_name_a_module_or_all_of_a_package(text: str) -> None:
    files = {
        "smarterise_ops/__init__.py": "",
        "smarterise_ops/commands/__init__.py": "",
        "smarterise_ops/commands/meters.py": "",
        "tests/cli/test_it.py": text,
    }
    assert dependents("smarterise_ops/commands/meters.py", files) == {"tests/cli/test_it.py": 1}


def test_a_product_module_may_name_a_package_beside_it() -> None:
    files = {
        "lambdas/smarterise_lambdas/__init__.py": "",
        "lambdas/smarterise_lambdas/bundling.py": 'PACKAGES = {"meter-manager": "meter_manager"}',
        "lambdas/smarterise_lambdas/meter_manager/__init__.py": "",
        "lambdas/smarterise_lambdas/meter_manager/handling.py": "",
        "tests/sdk/test_other.py": '"meter_manager"',
    }
    changed = "lambdas/smarterise_lambdas/meter_manager/handling.py"
    assert dependents(changed, files) == {"lambdas/smarterise_lambdas/bundling.py": 1}


def test_a_script_that_is_named_with_its_folder_is_not_mistaken_for_another() -> None:
    files = {
        "tests/plugins/counting.py": "",
        "tests/accounting/counting.py": "",
        "tests/conftest.py": 'load("plugins/counting.py")',
    }
    assert "tests/conftest.py" in dependents("tests/plugins/counting.py", files)
    assert "tests/conftest.py" not in dependents("tests/accounting/counting.py", files)


def test_tests_depend_on_scripts_by_file_name_and_on_every_conftest_above() -> None:
    files = {
        "tools/summarize.py": "",
        "tests/conftest.py": 'load("summarize.py")',
        "tests/lambdas/conftest.py": "",
        "tests/lambdas/ftp/conftest.py": "",
        "tests/lambdas/ftp/test_it.py": "",
        "tests/lambdas/test_other.py": "",
    }
    assert dependents("tools/summarize.py", files)["tests/lambdas/ftp/test_it.py"] == 2
    assert "tests/lambdas/test_other.py" not in dependents("tests/lambdas/ftp/conftest.py", files)
    assert dependents("tests/lambdas/conftest.py", files)["tests/lambdas/ftp/test_it.py"] == 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("docs/page.md", {"tests/cli/test_documents.py"}),
        ("docs/how-to/restoring.md", {"tests/cli/test_documents.py", "tests/cli/test_guides.py"}),
        ("OVERVIEW.md", {"tests/cli/test_documents.py"}),
        ("Justfile", {"tests/cli/test_make.py"}),
        (".ci/start", {"tests/cli/test_ci.py"}),
        ("NOTICE", set()),
        ("terraform/other.tf", {"tests/terraform/test_names.py"}),
        ("tests/tui/__snapshots__/test_pictures/a.svg", {"tests/tui/test_pictures.py"}),
        ("tests/tui/data/a.json", {"tests/tui/test_pictures.py", "tests/tui/test_other.py"}),
        ("tui/smarterise_tui/theme.tcss", {"tui/smarterise_tui/window.py", "tests/tui/test_other.py"}),
    ],
)
def test_files_that_are_not_python_count_as_what_reads_them(changed: str, expected: set[str]) -> None:
    files = {
        "tests/cli/test_documents.py": '(ROOT / "docs").rglob("*.md")',
        "tests/cli/test_guides.py": 'PAGES = ("restoring",)\nROOT / "docs/how-to" / f"{page}.md"',
        "tests/cli/test_make.py": 'ROOT / "Justfile"',
        "tests/cli/test_ci.py": 'ROOT / ".ci" / "start"',
        "tests/cli/test_run.py": 'invoke("start", "*")',
        "tests/terraform/test_names.py": "",
        "tests/tui/test_pictures.py": "",
        "tests/tui/test_other.py": "import smarterise_tui.window",
        "tui/smarterise_tui/__init__.py": "",
        "tui/smarterise_tui/window.py": "",
    }
    found = dependents(changed, files)
    assert set(found) - {"tui/smarterise_tui/__init__.py"} == expected
    assert 0 not in found.values()


def test_a_file_with_a_syntax_error_is_known_without_imports(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_broken.py").write_text("def")
    assert read_sources(tmp_path) == {"tests/test_broken.py": Source("tests/test_broken.py")}


def test_the_repository_itself_is_read() -> None:
    sources = read_sources(ROOT)
    this = Path(__file__).relative_to(ROOT).as_posix()
    assert ImportGraph(sources).distances("tools/changed_tests/graph.py")[this] == 1
    assert sources["tests/cli/test_documents_on_stack.py"].is_stack
