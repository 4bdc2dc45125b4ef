"""Generate the tables of every README.md under terraform/: inputs, outputs, resources and modules.

The tables are between two markers; the rest is written by hand. `--check` only lists stale files.
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

from hcl2 import SerializationOptions, loads

TERRAFORM: Final = Path(__file__).resolve().parent.parent / "terraform"
BEGIN: Final = "<!-- BEGIN_TF_DOCS -->"
END: Final = "<!-- END_TF_DOCS -->"
NO_DEFAULT: Final = object()

_OPTIONS: Final = SerializationOptions(
    strip_string_quotes=True, preserve_heredocs=False, with_comments=False, explicit_blocks=False
)
_BETWEEN: Final = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)


def tables(folder: Path) -> str:
    """Return the tables of the configuration in one folder, as Markdown.

    Raises:
        lark.exceptions.LarkError: If a file is not HCL.
    """
    parsed = [(path.name, _parsed(path)) for path in sorted(folder.glob("*.tf"))]
    parts = [
        _table(
            "Inputs",
            ("name", "type", "default", ""),
            [
                (f"`{name}`", _code(_type(block)), _default(block), _prose(block))
                for name, block in _labelled(parsed, "variable")
            ],
        ),
        _table(
            "Outputs",
            ("name", ""),
            [(f"`{name}`", _prose(block)) for name, block in _labelled(parsed, "output")],
        ),
        _table(
            "Resources",
            ("resource", "in"),
            sorted((f"`{name}`", f"[{file}]({file})") for file, name in _resources(parsed)),
        ),
        _table(
            "Modules",
            ("module", "source"),
            [
                (f"`{name}`", f"[{block['source']}]({block['source']}/README.md)")
                for name, block in _labelled(parsed, "module")
            ],
        ),
    ]
    return "\n".join(part for part in parts if part)


def written(readme: Path) -> str:
    """Return a README.md with current tables.

    Raises:
        ValueError: If it has no markers.
    """
    text = readme.read_text()
    if not _BETWEEN.search(text):
        raise ValueError(f"{readme} has no line {BEGIN} with {END} after it: add them where the tables go")
    between = f"{BEGIN}\n\n{tables(readme.parent)}\n{END}"
    return _BETWEEN.sub(lambda _: between, text)


def readmes() -> list[Path]:
    """Return every README.md that belongs to a configuration."""
    found = (path for path in TERRAFORM.rglob("README.md") if ".terraform" not in path.parts)
    return sorted(path for path in found if any(path.parent.glob("*.tf")))


def _parsed(path: Path) -> dict[str, Any]:
    return _parsed_text(path.read_text())


@cache
def _parsed_text(text: str) -> dict[str, Any]:
    return dict(loads(text, serialization_options=_OPTIONS))


def _labelled(parsed: list[tuple[str, dict[str, Any]]], kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the blocks of one kind with their labels, in file order."""
    return [pair for _, file in parsed for block in file.get(kind, []) for pair in block.items()]


def _resources(parsed: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [
        (file, f"{prefix}{kind}.{name}")
        for file, blocks in parsed
        for block, prefix in (("resource", ""), ("ephemeral", "ephemeral."))
        for labelled in blocks.get(block, [])
        for kind, named in labelled.items()
        for name in named
    ]


def _type(block: dict[str, Any]) -> str:
    return _expression(str(block["type"]))


def _default(block: dict[str, Any]) -> str:
    value = block.get("default", NO_DEFAULT)
    return "required" if value is NO_DEFAULT else _code(_hcl(value))


def _hcl(value: Any) -> str:
    """Return a value in the syntax of a .tfvars file."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{key} = {_hcl(each)}" for key, each in value.items()) + " }" if value else "{}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(_hcl(each) for each in value) + "]"
    if isinstance(value, str) and not value.startswith("${"):
        return json.dumps(value, ensure_ascii=False)
    return _expression(value) if isinstance(value, str) else json.dumps(value)


def _expression(text: str) -> str:
    return text.removeprefix("${").removesuffix("}") if text.startswith("${") else text


def _prose(block: dict[str, Any]) -> str:
    notes = [word for word in ("ephemeral", "sensitive") if block.get(word)]
    text = " ".join(str(block["description"]).replace('\\"', '"').split())
    return (text + (f" ({', '.join(notes)})" if notes else "")).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, tuple("---" for _ in head), *rows]
    return f"## {title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    """Write the files, or check them; return the exit code."""
    stale = {path: text for path in readmes() if (text := written(path)) != path.read_text()}
    if "--check" not in sys.argv[1:]:
        for path, text in stale.items():
            path.write_text(text)
        return 0
    for path in stale:
        name = path.relative_to(TERRAFORM.parent)
        print(
            f"{name} is not what its configuration says: run python tools/{Path(__file__).name}",
            file=sys.stderr,
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
