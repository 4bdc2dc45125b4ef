"""Topic rules as MQTT and AWS IoT mean them; what is not understood is refused, never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.local.emulator.topic_rules import (
    UnsupportedRuleError,
    matches,
    problem_of_topic,
    substitute,
    topic_filter_of,
)

LEVELS = st.lists(st.text("abcXYZ019_-", min_size=1, max_size=6), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "taken"),
    [
        ("accuenergy/+", "accuenergy/AN54101471", True),
        ("accuenergy/+", "accuenergy/AN54101471/more", False),
        ("accuenergy/+", "accuenergy", False),
        ("accuenergy/+", "Accuenergy/AN54101471", False),
        ("accuenergy/#", "accuenergy/a/b/c", True),
        ("accuenergy/#", "accuenergy", True),
        ("#", "anything/at/all", True),
        ("#", "$aws/events/presence/connected/x", False),
        ("+/events", "$aws/events", False),
        ("$aws/events/#", "$aws/events/presence", True),
        ("+/+/state", "a/b/state", True),
        ("+/+/state", "a/b/c/state", False),
        ("a/#/b", "a/x/b", False),
    ],
)
def test_wildcards(topic_filter: str, topic: str, taken: bool) -> None:
    assert matches(topic_filter, topic) is taken


@given(levels=LEVELS)
def test_a_topic_matches_itself_and_its_parents_hash(levels: list[str]) -> None:
    topic = "/".join(levels)
    assert matches(topic, topic)
    assert matches("/".join([*levels[:-1], "#"]), topic)
    assert matches("/".join("+" for _ in levels), topic)
    assert not matches("/".join("+" for _ in [*levels, ""]), topic)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM 'accuenergy/+'",
        'select * from "accuenergy/+"',
        "  SELECT  *\n FROM 'accuenergy/+' ; ",
    ],
)
def test_whole_messages_are_selected(statement: str) -> None:
    assert topic_filter_of(statement) == "accuenergy/+"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT temperature FROM 'accuenergy/+'",
        "SELECT *, topic(2) AS serial FROM 'accuenergy/+'",
        "SELECT * FROM 'accuenergy/+' WHERE timestamp > 0",
        "SELECT * FROM accuenergy",
        "",
    ],
)
def test_other_statements_are_refused_by_name(statement: str) -> None:
    with pytest.raises(UnsupportedRuleError, match="only SELECT"):
        topic_filter_of(statement)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("${topic(2)}", "AN54101471"),
        ("${topic()}", "accuenergy/AN54101471"),
        ("${ topic( 1 ) }/x", "accuenergy/x"),
        ("${topic(9)}", ""),
        ("plain", "plain"),
    ],
)
def test_substitution(template: str, filled: str) -> None:
    assert substitute(template, "accuenergy/AN54101471") == filled


def test_every_new_uuid_is_new() -> None:
    assert substitute("${newuuid()}", "t") != substitute("${newuuid()}", "t")


@pytest.mark.parametrize("template", ["${clientid()}", "${timestamp}", "${topic(x)}"])
def test_unknown_templates_are_refused(template: str) -> None:
    with pytest.raises(UnsupportedRuleError):
        substitute(template, "t")


@pytest.mark.parametrize(
    ("topic", "problem"),
    [
        ("accuenergy/AN54101471", ""),
        ("", "empty"),
        ("accuenergy/+", "wildcards"),
        ("accuenergy/#", "wildcards"),
        ("a" * 257, "256"),
        ("é" * 129, "256"),
        ("a/b/c/d/e/f/g/h/i", "slashes"),
        ("a\0b", "NUL"),
    ],
)
def test_topics_nobody_may_publish_on(topic: str, problem: str) -> None:
    assert problem in problem_of_topic(topic)
    assert bool(problem_of_topic(topic)) == bool(problem)
