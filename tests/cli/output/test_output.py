"""How data is printed: every format says the same, nothing in it is markup or moves the cursor."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from smarterise_ops.output import render
from smarterise_ops.output.csv_injection import guarded, unguarded
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import Column, emit_object, emit_rows, error_lines
from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.errors import InvalidDocument, Throttled

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonObject

COLUMNS = (Column("gateway_serial", "SERIAL"), Column("name"), Column("kw", "kW", decimals=1))
ROWS: list[JsonObject] = [
    {"gateway_serial": "AN10000001", "name": "Ìkẹjà [red]", "kw": 112.62, "enabled": True, "note": None},
    {"gateway_serial": "AN10000002", "name": "evil\x1b[2J\u202e", "kw": 3.0, "enabled": False, "tags": ["a"]},
]

texts = st.text(max_size=20)
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts
)
rows_of_anything = st.lists(
    st.dictionaries(texts, st.one_of(values, st.lists(values, max_size=3)), max_size=5), max_size=5
)


def printed(capsys: pytest.CaptureFixture[str], rows: list[JsonObject], form: OutputFormat) -> str:
    emit_rows(rows, COLUMNS, form)
    return capsys.readouterr().out


def test_json_is_one_list_of_whole_objects(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, ROWS, OutputFormat.JSON)) == ROWS


def test_json_lines_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, ROWS, OutputFormat.JSONL).split("\n")
    assert [json.loads(line) for line in lines[:-1]] == ROWS
    assert lines[-1] == ""


def test_yaml_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert yaml.safe_load(printed(capsys, ROWS, OutputFormat.YAML)) == ROWS


def test_csv_has_the_columns_first_and_then_every_further_key(capsys: pytest.CaptureFixture[str]) -> None:
    table = list(csv.reader(io.StringIO(printed(capsys, ROWS, OutputFormat.CSV))))
    assert table[0] == ["gateway_serial", "name", "kw", "enabled", "note", "tags"]
    assert table[1] == ["AN10000001", "Ìkẹjà [red]", "112.62", "true", "", ""]
    assert table[2] == ["AN10000002", "evil\x1b[2J\u202e", "3.0", "false", "", '["a"]']


@pytest.mark.parametrize(
    ("form", "nothing"),
    [
        (OutputFormat.JSON, "[]\n"),
        (OutputFormat.JSONL, ""),
        (OutputFormat.YAML, "[]\n"),
        (OutputFormat.CSV, "gateway_serial,name,kw\n"),
        (OutputFormat.TABLE, "SERIAL  NAME  kW\n"),
    ],
)
def test_nothing_is_printed_as_nothing(
    capsys: pytest.CaptureFixture[str], form: OutputFormat, nothing: str
) -> None:
    assert printed(capsys, [], form) == nothing


def test_a_table_is_aligned_by_cells_and_shows_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, [*ROWS, {"gateway_serial": "東京", "name": "", "kw": None}], OutputFormat.TABLE)
    header, first, second, third = text.splitlines()
    assert header.index("NAME") == cell_len(first[: first.index("Ì")]) == 12
    assert "[red]" in first
    assert first.endswith(" 112.6")
    assert r"evil\x1b[2J\u202e" in second
    assert second.endswith("   3.0")
    assert third == "東京"


def test_a_table_is_not_cut_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert "x" * 500 in printed(capsys, [{"gateway_serial": "x" * 500}], OutputFormat.TABLE)


@pytest.mark.parametrize("width", [30, 50])
def test_a_table_fits_a_terminal_by_its_widest_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    rows: list[JsonObject] = [{"gateway_serial": "AN10000001", "name": "東" * 60, "kw": 1.0}]
    text = printed(capsys, rows, OutputFormat.TABLE)
    assert [cell_len(line) for line in text.splitlines()] == [width, width]
    assert "AN10000001" in text
    assert "…" in text


def test_an_object_is_a_field_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit_object(ROWS[1], OutputFormat.TABLE)
    assert capsys.readouterr().out.splitlines() == [
        "gateway_serial  AN10000002",
        r"name            evil\x1b[2J\u202e",
        "kw              3",
        "enabled         no",
        'tags            ["a"]',
    ]


@pytest.mark.parametrize(
    ("form", "read"),
    [
        (OutputFormat.JSON, json.loads),
        (OutputFormat.JSONL, json.loads),
        (OutputFormat.YAML, yaml.safe_load),
        (OutputFormat.CSV, lambda text: next(csv.DictReader(io.StringIO(text)))),
    ],
)
def test_an_object_is_one_object(
    capsys: pytest.CaptureFixture[str], form: OutputFormat, read: object
) -> None:
    emit_object({"gateway_serial": "AN10000001", "tier": "CRITICAL"}, form)
    assert callable(read)
    assert read(capsys.readouterr().out) == {"gateway_serial": "AN10000001", "tier": "CRITICAL"}


@given(rows_of_anything)
def test_any_json_reads_back_and_is_safe_to_look_at(rows: list[JsonObject]) -> None:
    text = render._ROWS[OutputFormat.JSON](rows, COLUMNS)
    assert json.loads(text) == rows
    assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cs"} and c != "\n"]
    assert [json.loads(line) for line in render._json_lines(rows).split("\n")[:-1]] == rows


@given(rows_of_anything)
def test_any_yaml_reads_back_and_is_safe_to_look_at(rows: list[JsonObject]) -> None:
    text = render._yaml(rows)
    assert yaml.safe_load(text) == rows
    assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"]


@given(st.lists(st.dictionaries(st.sampled_from(["gateway_serial", "name", "kw", "x"]), values), max_size=5))
def test_any_table_has_a_line_a_row(rows: list[JsonObject]) -> None:
    text = render._table(rows, COLUMNS)
    assert text.count("\n") == len(rows) + 1
    assert text.isprintable() or not [c for c in text if unicodedata.category(c) == "Cc" and c != "\n"]


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), texts), max_size=5))
def test_csv_text_reads_back(rows: list[JsonObject]) -> None:
    text = render._csv(rows, (Column("a"), Column("b")))
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    cells = [{name: unguarded(cell) for name, cell in row.items()} for row in read]
    assert cells == [{"a": row.get("a", ""), "b": row.get("b", "")} for row in rows]


@given(texts)
def test_no_csv_cell_is_a_formula_and_each_reads_back(text: str) -> None:
    cell = guarded(text)
    assert unguarded(cell) == text
    assert cell[:1] not in {"=", "@", "\t", "\r"}
    if cell[:1] in {"+", "-"}:
        float(cell)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1-2", "'+1-2"),
        ("-2.5e3", "-2.5e3"),
        ("+234", "+234"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("a=b", "a=b"),
    ],
)
def test_what_a_spreadsheet_would_run_is_text(
    capsys: pytest.CaptureFixture[str], text: str, cell: str
) -> None:
    printed_cells = list(csv.DictReader(io.StringIO(printed(capsys, [{"a": text}], OutputFormat.CSV))))
    assert printed_cells[0]["a"] == cell


def test_an_error_says_what_why_and_what_to_do() -> None:
    error = Throttled(
        "AWS asks to wait\x1b[2J", why="too many calls", remedy="aws x\naws y", request_id="r-1"
    )
    assert error_lines(error) == [
        r"error: AWS asks to wait\x1b[2J",
        "why: too many calls",
        "try: aws x\naws y",
        "request id: r-1",
    ]


def test_an_error_lists_each_problem_on_a_line() -> None:
    problems = (
        Problem("INVALID_TIER", "tier is \x07", 'did you mean "CRITICAL"?', line=4, site="AN1", field="tier"),
        Problem("SITE_NOT_FOUND", "there is no such site"),
    )
    assert error_lines(InvalidDocument("the file", problems=problems)) == [
        "error: the file",
        r'  - line 4, site AN1, field tier: tier is \x07 (did you mean "CRITICAL"?)',
        "  - there is no such site",
    ]


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = (
        "import sys; from smarterise_ops.output.render import write_data\n"
        "for _ in range(200): write_data('x' * 10000)\n"
        "print('went on', file=sys.stderr); sys.exit(4)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b"went on\n"
        assert process.wait(timeout=30) == 4


def test_a_full_disk_is_told_and_nothing_else() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smarterise_ops.main", "checks", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.startswith("error: Standard output cannot be written\nwhy: No space left on device")


def test_no_standard_output_at_all_is_no_error() -> None:
    command = f"exec {sys.executable} -m smarterise_ops.main checks list >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_unicode_gets_json_in_ascii() -> None:
    code = (
        "from smarterise_ops.output.render import *\n"
        "prepare_streams()\n"
        "emit_rows([{'name': 'Ìkẹjà'}], (Column('name'),), OutputFormat.JSON)\n"
        "emit_rows([{'name': 'Ìkẹjà'}], (Column('name'),), OutputFormat.TABLE)\n"
        "say('✔ Ìkẹjà')"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode("ascii")
    assert json.loads(text.partition("\nNAME")[0]) == [{"name": "Ìkẹjà"}]
