"""Lines that are too long go on below their words, and nothing of them is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from smarterise_tui.widgets.wrapped_text import wrapped


def lines(text: str, width: int) -> list[str]:
    return [line.plain for line in wrapped(Content(text), width)]


def test_a_named_line_goes_on_below_its_words():
    assert lines("Causes   one two three four", 18) == ["Causes   one two", "         three", "         four"]


def test_an_indented_line_keeps_its_indent():
    assert lines("  why: one two three", 12) == ["  why: one", "  two three"]


def test_a_head_too_long_to_stand_before_anything_hangs_nothing():
    assert lines("a-long-name-of-something   one two three", 24) == [
        "a-long-name-of-something",
        "one two three",
    ]


def test_short_and_empty_lines_stay_as_they_are():
    assert lines("one\n\ntwo", 10) == ["one", "", "two"]
    assert lines("one two", 0) == ["one two"]


def test_styles_stay_with_their_words():
    first, second = wrapped(Content.assemble("Note     aaaaaaa ", ("bbb", "red")), 18)
    assert (first.plain, second.plain) == ("Note     aaaaaaa", "         bbb")
    assert [span.style for span in second.spans] == ["red"]


@given(st.text(alphabet="ab 日\n\t:", max_size=80), st.integers(min_value=4, max_value=40))
def test_no_line_is_too_long_and_no_word_is_lost(text, width):
    shown = list(wrapped(Content(text.expandtabs(4)), width))
    assert all(line.cell_length <= width for line in shown)
    assert "".join("".join(line.plain for line in shown).split()) == "".join(text.split())
