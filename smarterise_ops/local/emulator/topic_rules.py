"""Parsing and matching of IoT topic rules, without I/O."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STATEMENT = re.compile(
    r"\s*SELECT\s+(?P<selected>.+?)\s+FROM\s+(?P<quote>['\"])(?P<filter>[^'\"]+)(?P=quote)\s*(?P<rest>.*?)\s*;?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_CALL = re.compile(r"\s*(?P<name>[A-Za-z_]+)\(\s*(?P<argument>\d*)\s*\)\s*\Z")

_UNDERSTOOD = "only SELECT * FROM '<topic filter>' is supported"

MAX_TOPIC_BYTES = 256
MAX_TOPIC_SLASHES = 7


class UnsupportedRuleError(ValueError):
    """A topic rule with unsupported features."""


@dataclass(frozen=True, slots=True)
class TopicRule:
    """A rule that forwards whole messages.

    Attributes:
        name: The rule's name.
        topic_filter: Topic filter, e.g. `accuenergy/+`.
        actions: Actions in the API's format: one key (the kind) with its settings each.
        error_action: Action for messages of failed actions, or empty.
    """

    name: str
    topic_filter: str
    actions: tuple[dict[str, dict[str, str]], ...]
    error_action: dict[str, dict[str, str]]

    def accepts(self, topic: str) -> bool:
        """Return whether the rule applies to a topic."""
        return matches(self.topic_filter, topic)


def topic_filter_of(statement: str) -> str:
    """Return the topic filter of a rule's SQL.

    Raises:
        UnsupportedRuleError: If it is anything but `SELECT * FROM '<filter>'`.
    """
    parsed = _STATEMENT.match(statement)
    if parsed is None or parsed["selected"].strip() != "*" or parsed["rest"]:
        raise UnsupportedRuleError(f"{_UNDERSTOOD}, not {statement!r}")
    return parsed["filter"]


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether an MQTT topic filter (`+` one level, `#` the rest) matches a topic."""
    return _levels_match(topic_filter.split("/"), topic.split("/"))


def _levels_match(pattern: Sequence[str], levels: Sequence[str]) -> bool:
    if levels[0].startswith("$") and pattern[0] in ("+", "#"):  # wildcards do not match reserved topics
        return False
    for position, level in enumerate(pattern):
        if level == "#":
            return position == len(pattern) - 1
        if position >= len(levels) or level not in ("+", levels[position]):
            return False
    return len(pattern) == len(levels)


def problem_of_topic(topic: str) -> str:
    """Return why a topic is invalid for publishing; empty if it is valid."""
    if not topic:
        return "the topic is empty"
    if "+" in topic or "#" in topic:
        return "a topic to publish on has no wildcards (+, #)"
    if "\0" in topic:
        return "the topic holds a NUL character"
    if len(topic.encode()) > MAX_TOPIC_BYTES:
        return f"the topic is longer than {MAX_TOPIC_BYTES} bytes"
    if topic.count("/") > MAX_TOPIC_SLASHES:
        return f"the topic has more than {MAX_TOPIC_SLASHES} slashes"
    return ""


def substitute(template: str, topic: str) -> str:
    """Fill in an action's substitution templates: `${topic()}`, `${topic(2)}`, `${newuuid()}`.

    Raises:
        UnsupportedRuleError: If a template contains other functions.
    """
    return _SUBSTITUTION.sub(lambda found: _value_of(found[1], topic), template)


def _value_of(expression: str, topic: str) -> str:
    call = _CALL.match(expression)
    evaluate = _FUNCTIONS.get(call["name"].lower()) if call is not None else None
    if call is None or evaluate is None:
        raise UnsupportedRuleError(f"${{{expression}}} is not supported")
    return evaluate(call["argument"], topic)


def _topic_level(argument: str, topic: str) -> str:
    if not argument:
        return topic
    levels = topic.split("/")
    return levels[int(argument) - 1] if 0 < int(argument) <= len(levels) else ""


_FUNCTIONS: dict[str, Callable[[str, str], str]] = {
    "topic": _topic_level,
    "newuuid": lambda _argument, _topic: str(uuid.uuid4()),
}
