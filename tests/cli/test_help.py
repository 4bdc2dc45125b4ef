"""Help of all commands: short summaries, parseable examples, global options only in the root's help."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_ops.cli import GLOBAL_OPTIONS_HINT, REGISTRY, command_tree, load, shared_options
from smarterise_ops.context import PROGRAM, invocation
from smarterise_ops.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SUMMARY = 45
COLUMNS = 80


def commands() -> Iterator[tuple[str, Any]]:
    for name in REGISTRY:
        group = load(name)
        nested = getattr(group, "commands", {})
        yield name, group
        for nested_name in nested:
            yield f"{name} {nested_name}", nested[nested_name]


COMMANDS = dict(commands())
LEAVES = {path for path, command in COMMANDS.items() if not getattr(command, "commands", {})}


def summary(command: Any) -> str:
    return command.help.strip().split("\n\n")[0].replace("\n", " ")


def help_of(path: str) -> str:
    context = None
    for name in [None, *path.split()] if path else [None]:
        command = command_tree() if name is None else command_of(context, name)
        context = command.make_context(
            name or PROGRAM, [], parent=context, resilient_parsing=True, terminal_width=COLUMNS
        )
    return context.command.get_help(context)


def command_of(context: Any, name: str) -> Any:
    if context.parent is None:
        return load(name)
    return context.command.commands[name]


@pytest.mark.parametrize("path", COMMANDS)
def test_summaries_are_short(path: str) -> None:
    assert 0 < len(summary(COMMANDS[path])) <= MAX_SUMMARY


@pytest.mark.parametrize("path", ["", *(path for path in COMMANDS if path not in LEAVES)])
def test_no_summary_is_cut_on_80_columns(path: str) -> None:
    text = help_of(path)
    prefix = f"{path} " if path else ""
    depth = len(prefix.split()) + 1
    nested = [name for name in COMMANDS if name.startswith(prefix) and len(name.split()) == depth]
    lines = [line.strip() for line in text.splitlines()]
    for name in nested:
        own = name.split()[-1]
        assert any(line.split(maxsplit=1) == [own, summary(COMMANDS[name])] for line in lines if line), (
            f"{name} in\n{text}"
        )
    assert max(map(len, text.splitlines())) <= COLUMNS


def test_every_command_has_examples() -> None:
    assert EXAMPLES.keys() == LEAVES
    assert all(1 <= len(examples) <= 2 for examples in EXAMPLES.values())


@pytest.mark.parametrize("example", [example for examples in EXAMPLES.values() for example in examples])
def test_every_example_can_be_parsed(example: str) -> None:
    arguments = shlex.split(example)
    with invocation(arguments):
        root = command_tree().make_context(PROGRAM, list(arguments))
        context, rest = root, [*root._protected_args, *root.args]
        while rest and getattr(context.command, "commands", {}):
            name, command, rest = context.command.resolve_command(context, rest)
            context = command.make_context(name, rest, parent=context)
            rest = [*context._protected_args, *context.args] if getattr(command, "commands", {}) else []
    assert context.command.examples.count(example) == 1


@pytest.mark.parametrize("path", COMMANDS)
def test_global_options_are_only_in_the_help_of_the_root(path: str) -> None:
    options, _, _ = help_of(path).partition("Examples:")
    assert GLOBAL_OPTIONS_HINT in help_of(path)
    assert not [name for param in shared_options() for name in param.opts if f" {name} " in options]


def test_the_help_of_the_root_has_the_global_options() -> None:
    text = help_of("")
    assert all(max(param.opts, key=len) in text for param in shared_options())
