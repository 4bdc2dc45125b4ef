"""The tables of each README.md are what the configuration beside it says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "build_terraform_docs.py"

CONFIGURATION = """
variable "size_gb" {
  description = "Room to begin with, <b>in</b> GB | not more."
  type        = object({ least = number, most = optional(number, 7) })
  default     = { least = 5 }
}

variable "password" {
  description = "Kept nowhere, e.g. \\"a\\"."
  type        = string
  sensitive   = true
  ephemeral   = true
}

output "name" {
  description = "What it is called."
  value       = "x"
}

resource "aws_sqs_queue" "this" {
  name = "x"
}
"""


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("build_terraform_docs", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_table_is_current(tool: Any) -> None:
    stale = [path for path in tool.readmes() if tool.written(path) != path.read_text()]
    assert stale == [], "run python tools/build_terraform_docs.py"


def test_no_folder_of_the_configuration_is_without_a_readme(tool: Any) -> None:
    folders = {path.parent for path in tool.TERRAFORM.rglob("*.tf") if ".terraform" not in path.parts}
    assert folders == {path.parent for path in tool.readmes()}


def test_tables_say_what_the_configuration_says(tool: Any, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    lines = tool.tables(tmp_path).splitlines()
    kind = "object({least = number, most = optional(number, 7)})"
    prose = "Room to begin with, &lt;b>in&lt;/b> GB \\| not more."
    assert f"| `size_gb` | `{kind}` | `{{ least = 5 }}` | {prose} |" in lines
    assert '| `password` | `string` | required | Kept nowhere, e.g. "a". (ephemeral, sensitive) |' in lines
    assert "| `name` | What it is called. |" in lines
    assert "| `aws_sqs_queue.this` | [main.tf](main.tf) |" in lines


def test_a_change_makes_a_table_stale_and_what_is_around_it_stays(tool: Any, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    readme = tmp_path / "README.md"
    readme.write_text(f"# By hand\n\n{tool.BEGIN}\n{tool.END}\nBy hand too.\n")
    readme.write_text(tool.written(readme))
    assert tool.written(readme) == readme.read_text()
    (tmp_path / "main.tf").write_text(CONFIGURATION.replace("to begin with", "to end with"))
    anew = tool.written(readme)
    assert "to end with" in anew
    assert anew.startswith("# By hand\n")
    assert anew.endswith("By hand too.\n")


def test_a_readme_without_markers_is_told(tool: Any, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# No tables\n")
    with pytest.raises(ValueError, match="add them where the tables go"):
        tool.written(readme)


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_everything_that_is_given_or_had_is_described(tool: Any, kind: str) -> None:
    for readme in tool.readmes():
        for file in sorted(readme.parent.glob("*.tf")):
            for name, block in tool._labelled([(file.name, tool._parsed(file))], kind):
                assert str(block.get("description", "")).rstrip().endswith((".", "?")), f"{file}: {name}"
                if kind == "variable":
                    assert "any" not in str(block["type"]).replace("company", "").split(), f"{file}: {name}"
