"""Write the reference from the product itself: docs/cli.md from the commands, docs/keys.md from the actions.

`--check` writes nothing and fails when a page is not what the product says.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smarterise_ops.cli import REGISTRY, command_tree, load, shared_options
from smarterise_ops.context import PROGRAM, invocation
from smarterise_ops.exit_codes import ExitCode
from smarterise_tui.actions import Scope, actions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOCS = Path(__file__).parents[1] / "docs"
CLI_INTRODUCTION = """\
# The command line

Written by `make docs` from the commands themselves; do not edit.

`smarterise-ops` without a command opens the console. Data goes to standard output, in the format that
`--output` names; everything said to people goes to standard error. A write shows its plan and asks first;
without a terminal to ask on it wants `--yes`. What sets an environment: [configuration](configuration.md).
`smarterise-ops --install-completion` teaches your shell to complete commands and options.
"""
KEYS_INTRODUCTION = """\
# The console's keys

Written by `make docs` from the console's table of actions; do not edit. In the console `?` shows the same.
"""


def cli_page() -> str:
    """Return docs/cli.md."""
    with invocation([]):
        tree = command_tree()
        context = tree.make_context(PROGRAM, [], resilient_parsing=True)
        everywhere = shared_options()
        shared = {option for param in everywhere for option in param.opts}
        alone = [param for param in tree.params if not shared.intersection(param.opts)]
        parts = [CLI_INTRODUCTION, "## Options of the program\n", _table(alone, context)]
        parts += ["## Options every command takes\n", _table(everywhere, context)]
        for name in REGISTRY:
            parts += _command(load(name), name, context, shared, level=2)
    codes = [f"| {int(code)} | {code.meaning} |\n" for code in ExitCode]
    parts += ["## Exit codes\n", f"| | |\n| ---: | --- |\n{''.join(codes)}"]
    return "\n".join([*parts, "Which error leads to which: [exit codes](exit-codes.md).\n"])


def keys_page() -> str:
    """Return docs/keys.md."""
    parts = [KEYS_INTRODUCTION]
    for scope in Scope:
        rows = [f"| {_cell(action.shown_as)} | {_cell(action.help)} |\n" for action in actions_of(scope)]
        parts.append(f"## {scope.value}\n\n| | |\n| --- | --- |\n{''.join(rows)}")
    return "\n".join(parts)


def _command(command: Any, name: str, parent: Any, shared: set[str], *, level: int) -> Iterator[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    nested = getattr(command, "commands", {})
    yield f"{'#' * level} {context.command_path}\n"
    yield f"{_prose(command.help)}\n"
    if not nested:
        yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
        own = [param for param in command.params if not shared.intersection(param.opts)]
        if own:
            yield _table(own, context)
    for nested_name, nested_command in nested.items():
        yield from _command(nested_command, nested_name, context, shared, level=level + 1)


def _prose(help_text: str | None) -> str:
    paragraphs = re.split(r"\n\s*\n", (help_text or "").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _table(params: Sequence[Any], context: Any) -> str:
    records = [record for param in params if (record := param.get_help_record(context)) is not None]
    rows = [f"| `{_cell(names)}` | {_cell(text)} |\n" for names, text in records]
    return f"| | |\n| --- | --- |\n{''.join(rows)}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES = {DOCS / "cli.md": cli_page, DOCS / "keys.md": keys_page}


def main() -> int:
    """Write the pages, or with `--check` compare them."""
    texts = {path: page() for path, page in PAGES.items()}
    if sys.argv[1:] != ["--check"]:
        for path, text in texts.items():
            path.write_text(text)
        return 0
    stale = [path.name for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for name in stale:
        sys.stderr.write(f"docs/{name} is not what the product says; run: make docs\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
