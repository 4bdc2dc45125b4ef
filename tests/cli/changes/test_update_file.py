"""Update files: every format and shape, every problem told at once with its line, and no way to crash it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.changes.update_file import fields_of, guess_format, read_updates
from smarterise_ops.changes.update_formats import MAX_UPDATE_BYTES, cell_text, cell_value
from smarterise_ops.output import render
from smarterise_ops.output.formats import UpdateFormat
from smarterise_ops.output.render import Column
from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.model import Tier

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonValue

WANTED: dict[str, dict[str, JsonValue]] = {
    "AN10000001": {"tier": "NON_CRITICAL"},
    "AN10000002": {"tier": "CRITICAL", "enabled": False, "nominal_voltage": 230.5, "capacity_kva": 500},
}

CSV = """\
gateway_serial,tier,enabled,nominal_voltage,capacity_kva
AN10000001,NON_CRITICAL,,,
AN10000002,CRITICAL,no,230.5,500
"""
JSON_OBJECT = json.dumps(WANTED, indent=1)
JSON_LIST = json.dumps([{"gateway_serial": serial, **fields} for serial, fields in WANTED.items()])
JSON_LINES = "\n\n".join(json.dumps({"gateway_serial": s, **fields}) for s, fields in WANTED.items())
YAML_OBJECT = """\
# switched for the works
AN10000001: NON_CRITICAL
AN10000002:
  tier: CRITICAL
  enabled: no
  nominal_voltage: 230.5
  capacity_kva: 500
"""
YAML_LIST = """\
---
- {gateway_serial: AN10000001, tier: NON_CRITICAL}
- gateway_serial: 'AN10000002'
  tier: "CRITICAL"
  enabled: off
  nominal_voltage: 230.5
  capacity_kva: 500
"""


def problems_of(source: str | bytes, subject: str = "-") -> list[str]:
    updates = read_updates(source.encode() if isinstance(source, str) else source, subject)
    return [str(problem) for problem in updates.problems]


@pytest.mark.parametrize(
    ("text", "suffix", "form"),
    [
        (CSV, "csv", UpdateFormat.CSV),
        (CSV.replace(",", ";"), "csv", UpdateFormat.CSV),
        (CSV.replace(",", "\t"), "tsv", UpdateFormat.CSV),
        (CSV.replace("\n", "\r\n"), "csv", UpdateFormat.CSV),
        ("\n" + CSV + ",,,,\n\n", "csv", UpdateFormat.CSV),
        (
            CSV.replace("AN10000001,NON_CRITICAL,,,", '" AN10000001",NON_CRITICAL ,"",,,,'),
            "csv",
            UpdateFormat.CSV,
        ),
        (JSON_OBJECT, "json", UpdateFormat.JSON),
        (JSON_LIST, "json", UpdateFormat.JSON),
        (JSON_LINES, "jsonl", UpdateFormat.JSONL),
        (JSON_LINES, "ndjson", UpdateFormat.JSONL),
        (YAML_OBJECT, "yaml", UpdateFormat.YAML),
        (YAML_LIST, "yml", UpdateFormat.YAML),
        (JSON_OBJECT, "yaml", UpdateFormat.JSON),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "bom"])
def test_each_format_asks_for_the_same(text: str, suffix: str, form: UpdateFormat, mark: bytes) -> None:
    source = mark + text.encode()
    by_name = read_updates(source, f"FILE.{suffix.upper()}")
    by_look = read_updates(source, "-")
    by_option = read_updates(source, "noname.txt", form=form)
    assert by_name.problems == by_look.problems == by_option.problems == ()
    assert by_name.values == by_look.values == by_option.values == WANTED
    assert guess_format(text) is form


def test_kinds_matter_not_only_equality() -> None:
    values = read_updates(CSV.encode(), "u.csv").values["AN10000002"]
    assert {name: type(value) for name, value in values.items()} == {
        "tier": str,
        "enabled": bool,
        "nominal_voltage": float,
        "capacity_kva": int,
    }


def test_one_object_on_one_line_is_one_site() -> None:
    updates = read_updates(b'{"gateway_serial": "AN10000001", "tier": "CRITICAL"}', "-")
    assert updates.values == {"AN10000001": {"tier": "CRITICAL"}}


def test_settings_join_the_file() -> None:
    updates = read_updates(
        CSV.encode(), "u.csv", settings=["AN10000003=critical", " AN10000004 = NON_CRITICAL"]
    )
    assert updates.problems == ()
    assert list(updates.values) == ["AN10000001", "AN10000002", "AN10000003", "AN10000004"]
    assert updates.values["AN10000003"] == {"tier": "CRITICAL"}


def test_settings_alone() -> None:
    assert read_updates(None, "-", settings=["AN10000003=CRITICAL"]).values == {
        "AN10000003": {"tier": "CRITICAL"}
    }


def test_every_problem_of_a_csv_is_told_with_its_line() -> None:
    text = (
        "gateway_serial,tier,name\n"
        "AN10000001,CRITICAL,a\n"
        "AN10000002,CRITICAL\n"
        ',CRITICAL,"two\nlines"\n'
        "AN10000001,NON_CRITICAL,b\n"
        "AN10000003,,\n"
        "AN-10000004,CRITICAL,c\n"
    )
    assert problems_of(text, "u.csv") == [
        "line 3: the row has 2 cells, the header 3",
        'line 4: "" is not a gateway serial',
        "line 6, site AN10000001: given twice; first on line 2",
        "line 7, site AN10000003: no fields given",
        'line 8: "AN-10000004" is not a gateway serial',
    ]


def test_every_problem_of_a_json_list_is_told_with_its_line() -> None:
    text = """[
 {"gateway_serial": "AN10000001"},
 {"tier": "CRITICAL"},
 7,
 {"gateway_serial": 5, "tier": "A"}
]"""
    assert problems_of(text, "u.json") == [
        "line 2, site AN10000001: no fields given",
        'line 3: {"tier": "CRITICAL"} is not an object with gateway_serial',
        "line 4: 7 is not an object with gateway_serial",
        "line 5: 5 is not a gateway serial",
    ]


@pytest.mark.parametrize(
    ("source", "subject", "problem"),
    [
        ("", "u.csv", "is empty"),
        (" \n", "-", "is empty"),
        (b"gateway_serial,tier\nAN1\xe4", "u.csv", "line 2: byte 0xe4 is not UTF-8"),
        ("x" * (MAX_UPDATE_BYTES + 1), "u.csv", "is larger than 16 MiB"),
        ("serial,tier\n", "u.csv", "line 1: the header has no gateway_serial"),
        ("gateway_serial\nAN1\n", "u.csv", "line 1: the header has no field besides gateway_serial"),
        ("gateway_serial,,tier\n", "u.csv", "line 1: column 2 has no name"),
        ("gateway_serial,tier,tier\n", "u.csv", 'line 1: duplicate column "tier"'),
        ('gateway_serial,tier\n"AN1,A\n', "u.csv", "line 2: unexpected end of data"),
        ('{"AN1": {"tier": "A"}', "u.json", "line 1: the file is truncated"),
        ('{"AN12": {}, "AN12": {}}', "u.json", None),
        ('{"AN12": 5}', "u.json", 'line 1: invalid value of "AN12": 5'),
        ("5", "u.json", "line 1: invalid content: 5"),
        ('{"gateway_serial": "AN12", "tier": "A"}\nnonsense\n', "u.jsonl", "line 2: "),
        ("a: [\n", "u.yaml", "line 2: "),
        ("abc: {tier: A}\nabc: {tier: B}\n", "u.yaml", 'line 2: duplicate key "abc"'),
        ("abc: &x {tier: A}\n", "u.yaml", "line 1: anchors and aliases are not supported"),
        ("abc: {tier: A}\ndef: *x\n", "u.yaml", "line 2: "),
        ("abc: {<<: {tier: A}}\n", "u.yaml", "line 1: merge keys are not supported"),
        ("abc: !!python/object:os.system {}\n", "u.yaml", "line 1: the tag "),
        ("abc: {tier: !t A}\n", "u.yaml", "line 1: the tag !t is not supported"),
        ("? [a]\n: b\n", "u.yaml", "line 1: a key must be plain text"),
        ("abc: {v: .inf}\n", "u.yaml", "line 1: .inf is not a finite number"),
        ("abc: {tier: A}\n---\ndef: {tier: A}\n", "u.yaml", "line 2: contains more than one document"),
        ("abc:\n- \x00", "u.yaml", "unacceptable character"),
        ("# nothing\n", "u.yaml", "line 1: invalid content: null"),
        ("[" * 100_000, "u.yaml", "line 1: is nested more than 100 levels deep"),
        ("- " * 100_000, "u.yaml", "line 1: is nested more than 100 levels deep"),
        ("[" * 100_000, "u.json", "is nested more than 100 levels deep"),
    ],
)
def test_what_cannot_be_used_is_one_clear_problem(
    source: str | bytes, subject: str, problem: str | None
) -> None:
    told = problems_of(source, subject)
    assert len(told) == 1
    assert told[0].startswith(problem or "line 1")


def test_yaml_keeps_what_is_no_json_as_text() -> None:
    text = (
        "AN10000001: {a: 12:30, b: 2026-01-01, c: 0x1F, d: 1_000, e: '5', f: ~, g: 1e3, h: 1.5e+3, 007: x}\n"
        "123456: {tier: A}\n"
    )
    values = read_updates(text.encode(), "u.yaml").values
    assert values == {
        "AN10000001": {
            "a": "12:30",
            "b": "2026-01-01",
            "c": "0x1F",
            "d": "1_000",
            "e": "5",
            "f": None,
            "g": "1e3",
            "h": 1500.0,
            "007": "x",
        },
        "123456": {"tier": "A"},
    }


def test_a_serial_of_digits_stays_text_in_yaml() -> None:
    assert list(read_updates(b"- gateway_serial: 0123456\n  tier: A\n", "u.yaml").values) == ["0123456"]


@pytest.mark.parametrize("setting", ["", "=", "AN10000001", "=CRITICAL", "AN10000001="])
def test_a_setting_that_is_none_is_told(setting: str) -> None:
    updates = read_updates(None, "-", settings=[setting])
    assert updates.values == {}
    assert [str(problem) for problem in updates.problems] == [f"--set {setting} is not SERIAL=TIER"]


@pytest.mark.parametrize(
    ("text", "subject", "line"),
    [(CSV, "u.csv", 3), (JSON_OBJECT, "u.json", 6), (JSON_LINES, "u.jsonl", 3), (YAML_OBJECT, "u.yaml", 4)],
)
def test_somebody_elses_problem_gets_the_line_of_its_field(text: str, subject: str, line: int) -> None:
    updates = read_updates(text.encode(), subject)
    problem = Problem("INVALID_TIER", "m", site="AN10000002", field="tier")
    assert updates.located(problem).line == line
    assert updates.located(Problem("X", "m", site="ZZZ")).line is None
    assert updates.located(problem.at_line(99)).line == 99


names = st.one_of(
    st.sampled_from(["tier", "name", "enabled", "nominal_voltage", "asset_id"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8),
)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12),
)
json_values: st.SearchStrategy[JsonValue] = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=3), scalars, max_size=3)
)
serials = st.from_regex(r"[A-Za-z0-9]{3,12}", fullmatch=True)
requests = st.dictionaries(serials, st.dictionaries(names, json_values, min_size=1, max_size=4), max_size=4)


@given(requests)
def test_any_request_reads_the_same_from_json_and_json_lines(asked: dict[str, dict[str, JsonValue]]) -> None:
    asked = {
        serial: {k: v for k, v in fields.items() if k != "gateway_serial"} for serial, fields in asked.items()
    }
    asked = {serial: fields for serial, fields in asked.items() if fields}
    lines = "\n".join(json.dumps({"gateway_serial": serial, **fields}) for serial, fields in asked.items())
    assert read_updates(json.dumps(asked).encode(), "u.json").values == asked
    assert read_updates(f"{lines}\n\n".encode() or b" ", "u.jsonl").values == asked


@given(requests)
def test_yaml_of_our_own_reads_back(asked: dict[str, dict[str, JsonValue]]) -> None:
    text = yaml.safe_dump(asked)
    read = read_updates(text.encode(), "u.yaml")
    plain = {serial: fields for serial, fields in asked.items() if "gateway_serial" not in asked}
    assert read.problems == ()
    assert read.values == plain


@given(names, json_values)
def test_an_unknown_fields_csv_cell_reads_as_the_same_value(name: str, value: JsonValue) -> None:
    field = f"x_{name}"
    read = cell_value(field, cell_text(field, value))
    assert read == value
    assert type(read) is type(value)


@given(
    st.lists(
        st.tuples(serials, st.text(st.characters(codec="utf-8"), min_size=1)),
        unique_by=lambda row: row[0],
        min_size=1,
    )
)
def test_what_sites_list_prints_as_csv_is_an_update_file(rows: list[tuple[str, str]]) -> None:
    text = render._csv(
        [{"gateway_serial": serial, "name": cell_text("name", name)} for serial, name in rows],
        (Column("gateway_serial"),),
    )
    updates = read_updates(text.encode(), "u.csv")
    asked = {serial: {"name": name} for serial, name in rows if name.strip()}
    assert {problem.message for problem in updates.problems} <= {"no fields given", "line contains NUL"}
    if not any("\0" in name for _, name in rows):
        assert updates.values == asked


@given(st.binary(max_size=200), st.sampled_from(["u.csv", "u.json", "u.jsonl", "u.yaml", "-"]))
def test_no_bytes_crash_it(source: bytes, subject: str) -> None:
    updates = read_updates(source, subject)
    assert all(fields for fields in updates.values.values())


@given(
    st.text(alphabet="gateway_serial,;\t\"\n\r{}[]:-#&*!|>%@`'AN12 ~.0xé\u2028\ufeff", max_size=120),
    st.sampled_from(list(UpdateFormat)),
)
def test_no_text_crashes_it(text: str, form: UpdateFormat) -> None:
    json.dumps(read_updates(text.encode(), "-", form=form).values, allow_nan=False)


@pytest.mark.parametrize("name", ["site-tiers.json", "site-tiers.yaml"])
def test_a_whole_site_file_is_told_where_it_belongs(name: str) -> None:
    text = json.dumps({"schema_version": 1, "sites": {"AN10000001": {"tier": "CRITICAL"}}}, indent=1)
    updates = read_updates(text.encode(), name)
    (problem,) = updates.problems
    assert (problem.message, problem.line) == ("is a whole site file", 3)
    assert "`sites import`" in problem.remedy
    assert updates.values == {}


def test_fields_of_the_command_line_have_their_kinds() -> None:
    problems: list[Problem] = []
    settings = ["capacity_kva=315", "name=Yaba = Market", "enabled=no", "asset_id=", "note=[1]", "crew=north"]
    assert fields_of(settings, problems, tier=Tier.CRITICAL) == {
        "tier": "CRITICAL",
        "capacity_kva": 315,
        "name": "Yaba = Market",
        "enabled": False,
        "asset_id": None,
        "note": [1],
        "crew": "north",
    }
    assert problems == []


def test_every_field_that_is_none_is_told() -> None:
    problems: list[Problem] = []
    settings = ["oops\x1b[2J", "=5", "name=a", "name=b", "tier=CRITICAL"]
    assert fields_of(settings, problems, tier=Tier.CRITICAL) == {"tier": "CRITICAL", "name": "a"}
    assert [problem.message for problem in problems] == [
        r"--field oops\x1b[2J is not NAME=VALUE",
        "--field =5 is not NAME=VALUE",
        '"name" is given twice',
        '"tier" is given twice',
    ]


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=10), max_size=4))
def test_a_field_means_what_it_means_in_a_cell(wanted: dict[str, str]) -> None:
    problems: list[Problem] = []
    fields = fields_of([f"{name}={value}" for name, value in wanted.items()], problems)
    assert problems == []
    assert fields == {
        name: cell_value(name, value) if value.strip() else None for name, value in wanted.items()
    }
