"""Write docs/cli.md from the command line itself; `--check` only says whether it is up to date."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smarterise_ops.cli import REGISTRY, command_tree, load, shared_options
from smarterise_ops.context import PROGRAM, invocation
from smarterise_ops.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
INTRODUCTION = """\
# The command line

Written by `make docs` from the commands themselves; do not edit.

`smarterise-ops` without a command opens the console. Data goes to standard output, in the format that
`--output` names; everything said to people goes to standard error. A write shows its plan and asks first;
without a terminal to ask on it wants `--yes`. How a command ends: [exit codes](exit-codes.md). What sets an
environment: [configuration](configuration.md). `smarterise-ops --install-completion` teaches your shell to
complete commands and options.
"""


def page() -> str:
    """Return the whole page."""
    with invocation([]):
        tree = command_tree()
        context = tree.make_context(PROGRAM, [], resilient_parsing=True)
        everywhere = shared_options()
        shared = {option for param in everywhere for option in param.opts}
        alone = [param for param in tree.params if not shared.intersection(param.opts)]
        parts = [INTRODUCTION, "## Options of the program\n", _table(alone, context)]
        parts += ["## Options every command takes\n", _table(everywhere, context)]
        for name in REGISTRY:
            parts += _command(load(name), name, context, shared, level=2)
    codes = ", ".join(f"{int(code)} {code.meaning}" for code in ExitCode)
    return "\n".join([*parts, f"Exit codes: {codes}.\n"])


def _command(command: Any, name: str, parent: Any, shared: set[str], *, level: int) -> Iterator[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    nested = getattr(command, "commands", {})
    yield f"{'#' * level} {context.command_path}\n"
    yield f"{_prose(command.help)}\n"
    if not nested or command.invoke_without_command:
        yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
        own = [param for param in command.params if not shared.intersection(param.opts)]
        yield _table(own, context)
    for nested_name, nested_command in nested.items():
        yield from _command(nested_command, nested_name, context, shared, level=level + 1)


def _prose(help_text: str | None) -> str:
    paragraphs = re.split(r"\n\s*\n", (help_text or "").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _table(params: list[Any], context: Any) -> str:
    records = [record for param in params if (record := param.get_help_record(context)) is not None]
    if not records:
        return ""
    rows = [f"| `{_cell(names)}` | {_cell(words)} |" for names, words in records]
    return "\n".join(["| | |", "| --- | --- |", *rows, ""])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the page, or with `--check` compare it."""
    text = page()
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text() == text:
            return 0
        sys.stderr.write(f"{PAGE.name} is not what the command line says; run: make docs\n")
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
