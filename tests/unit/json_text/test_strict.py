"""Strict JSON parser: rejected input, line numbers, and agreement with the standard library."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smarterise_sdk.domain.json_text.strict import MAX_DEPTH, parse_json
from smarterise_sdk.domain.problems import InvalidInput, Problem

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def parse(source: bytes | str, max_bytes: int = 1_000_000) -> Any:
    return parse_json(
        source if isinstance(source, bytes) else source.encode(), "the file", max_bytes=max_bytes
    )


def problems_of(source: bytes | str, max_bytes: int = 1_000_000) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as refused:
        parse(source, max_bytes)
    return refused.value.problems


@given(ANY_JSON, st.sampled_from([None, 1, 4]), st.booleans())
def test_it_reads_what_the_standard_library_writes(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse(text.encode(errors="backslashreplace")).value == value


@given(ANY_JSON)
def test_every_value_has_the_line_it_stands_on(value: Any) -> None:
    text = json.dumps(value, indent=1)
    document = parse(text)
    lines = text.split("\n")

    def check(path: tuple[str | int, ...], inner: Any) -> None:
        line = document.line_of(path)
        if path:
            assert isinstance(line, int)
            shown = json.dumps(path[-1]) if isinstance(path[-1], str) else ""
            assert lines[line - 1].strip().startswith(shown)
        children = (
            inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
        )
        for key, child in children:
            check((*path, key), child)

    check((), value)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise_than_by_saying_why(source: bytes) -> None:
    try:
        parse(source)
    except InvalidInput as error:
        refused = error
    else:
        return
    assert refused.problems


@settings(max_examples=300)
@given(st.data())
def test_a_cut_file_is_reported_as_cut(data: st.DataObject) -> None:
    site = {
        "tier": "CRITICAL",
        "name": "\u00e9\ud83d\ude00",
        "enabled": True,
        "on": False,
        "n": -1.5e-20,
        "x": [None],
    }
    text = json.dumps({"sites": {"AN54101471": site}})
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    (problem,) = problems_of(cut)
    assert (problem.code, "truncated" in problem.message) == ("NOT_JSON", True)


def test_a_path_that_is_not_there_has_no_line() -> None:
    assert parse('{"a": [1]}').line_of(("a", 1)) is None


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1}').value == {"a": 1}


@pytest.mark.parametrize(
    ("source", "code", "line", "text"),
    [
        (b"", "EMPTY", None, "empty"),
        (b" \n\t", "EMPTY", None, "empty"),
        (b'\xff\xfe{\x00"\x00', "NOT_UTF8", None, "UTF-16"),
        (b'{\n"a": "\xe9"}', "NOT_UTF8", 2, "0xe9"),
        ('{\n"a": 1, // why\n"b": 2}', "NOT_JSON", 2, "comments are not JSON"),
        ('// why\n{"a": 1}', "NOT_JSON", 1, "comments are not JSON"),
        ('{\n/* why */ "a": 1}', "NOT_JSON", 2, "comments are not JSON"),
        ('{"a": 1}\n# why', "NOT_JSON", 2, "comments are not JSON"),
        ('{\n"a": 1,\n}', "NOT_JSON", None, "extra comma"),
        ("[1,\n2,]", "NOT_JSON", 2, "extra comma"),
        ("{'a': 1}", "NOT_JSON", 1, "double quotes"),
        ('{"a": 1}\n{"b": 2}', "NOT_JSON", 2, "after the end"),
        ('{"a": "x\ny"}', "NOT_JSON", 1, "control character"),
        ('{"a":\n NaN}', "NOT_JSON", 2, "NaN"),
        ('{"a":\n -Infinity}', "NOT_JSON", 2, "-Infinity"),
        ('{"a":\n 1e999}', "NOT_JSON", 2, "too large"),
        ('{"a":\n %s}' % ("9" * 5000), "NOT_JSON", 2, "too large"),
        ("[" * 100_000, "NOT_JSON", None, "deep"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "NOT_JSON", None, "deep"),
    ],
)
def test_what_is_wrong_is_reported_with_its_line(
    source: bytes | str, code: str, line: int | None, text: str
) -> None:
    (problem,) = problems_of(source)
    assert problem.code == code
    assert text in problem.message
    assert problem.remedy
    if line is not None:
        assert problem.line == line


def test_the_deepest_nesting_allowed_is_allowed() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH).value


def test_a_long_but_finite_integer_is_kept() -> None:
    assert parse("9" * 305).value == int("9" * 305)


def test_too_large_is_reported_with_both_sizes() -> None:
    (problem,) = problems_of(b" " * 20_000_000, 16 * 1024 * 1024)
    assert problem.code == "TOO_LARGE"
    assert "19.1 MiB" in problem.message
    assert "16 MiB" in problem.message


def test_every_duplicate_key_is_reported_and_equal_keys_elsewhere_are_not() -> None:
    text = """{"sites": {
        "AN1": {"tier": "CRITICAL", "enabled": true},
        "AN2": {"tier": "CRITICAL",
                "tier": "NON_CRITICAL"},
        "AN1": {"tier": "CRITICAL", "enabled": false}
    }, "note": {"AN1": 1}}"""
    found = [(problem.code, problem.line, problem.site, problem.field) for problem in problems_of(text)]
    assert found == [("DUPLICATE_KEY", 4, "AN2", "tier"), ("DUPLICATE_KEY", 5, "AN1", None)]


def test_duplicates_are_found_whatever_way_they_are_spelt() -> None:
    (problem,) = problems_of(r'{"a\u0062": 1, "ab": 2}')
    assert problem.code == "DUPLICATE_KEY"


def test_duplicates_and_constants_are_reported_together() -> None:
    codes = [problem.code for problem in problems_of('{"a": NaN, "a": 1, "b": 1e400}')]
    assert codes == ["NOT_JSON", "DUPLICATE_KEY", "NOT_JSON"]
