"""Repair of an invalid site file: minimal edits, a valid result, and a list of every edit."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import SiteTiers, parse_site_tiers, render_site_tiers, site_tiers_of
from smarterise_sdk.domain.sites.repair import repaired
from smarterise_sdk.domain.sites.repair_fields import FROM_GOOD

GOOD = {
    "schema_version": 1,
    "updated_at": "2026-03-01T12:00:00Z",
    "updated_by": "anna",
    "sites": {
        "AN1000": {"tier": "CRITICAL", "name": "Yaba", "nominal_voltage": 240},
        "AN2000": {"tier": "NON_CRITICAL", "floors": [1, 2, {"a": 1}]},
        "AN3000": {"tier": "CRITICAL", "enabled": False},
    },
    "owner": {"team": ["a", "b"]},
}
LAST_GOOD = site_tiers_of(copy.deepcopy(GOOD))
TEXT = render_site_tiers(LAST_GOOD).decode()


def repaired_raw(text: str | bytes, good: SiteTiers | None = LAST_GOOD) -> tuple[Any, list[str]]:
    repair = repaired(text if isinstance(text, bytes) else text.encode(), good)
    assert parse_site_tiers(render_site_tiers(repair.document)).raw == repair.document.raw
    return repair.document.raw, [str(fix) for fix in repair.fixes]


def left(text: str | bytes, good: SiteTiers | None = LAST_GOOD) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        repaired(text if isinstance(text, bytes) else text.encode(), good)
    return [str(problem) for problem in caught.value.problems]


def with_site(**fields: Any) -> dict[str, Any]:
    """Return the good file with fields of the first site replaced; `None` removes one."""
    raw: dict[str, Any] = copy.deepcopy(GOOD)
    for name, value in fields.items():
        raw["sites"]["AN1000"].pop(name) if value is None else raw["sites"]["AN1000"].update({name: value})
    return raw


def test_a_sound_file_is_left_alone() -> None:
    assert repaired_raw(TEXT) == (GOOD, [])
    assert repaired_raw(b"\xef\xbb\xbf" + TEXT.encode()) == (GOOD, []), (
        "readers take a byte order mark as it is"
    )


# Spelling of JSON -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("was", "becomes", "fixes"),
    [
        ('"name": "Yaba",', '"name": "Yaba", // the market', ["line 8: comment deleted"]),
        ('"name": "Yaba",', '# one\n"name": "Yaba",', ["line 8: comment deleted"]),
        ('"name": "Yaba",', '/* one\n two */ "name": "Yaba",', ["line 8: comment deleted"]),
        ("240\n", "240,\n", ["line 9: extra comma deleted"]),
        ('"b"\n', '"b",,\n', ["line 29: extra comma deleted"] * 2),
        ('"name": "Yaba",', '"name": "Yaba"', ["line 9: missing comma added"]),
        ('"floors": [', '"floors" [', ['line 13: missing colon added after "floors"']),
        ('"name"', '"name" "Yaba", "spare"', ['line 8: missing colon added after "name"']),
        ('"name": "Yaba"', 'name: "Yaba"', ['line 8: key "name" put in quotes']),
        ('"name": "Yaba"', '"name": Yaba', ['line 8: text "Yaba" put in quotes']),
        ('"name": "Yaba"', "'name': 'Yaba'", ["line 8: quotes replaced by double quotes"] * 2),
        ('"name": "Yaba"', '“name”: "Yaba"', ["line 8: quotes replaced by double quotes"]),
        ('"name": "Yaba"', '"name": "Yaba', ["line 8: missing closing quote added"]),
        ('"enabled": false', '"enabled": False', ["line 23: False written as false"]),
        ("240\n", "+240.\n", ["line 9: number +240. converted to JSON syntax"]),
        (
            '"name": "Yaba"',
            '"name": "Ya\tba"',
            ["line 8: invalid character in a text escaped"],
        ),
        ('"name": "Yaba"', '"name": "C:\\x\\\\y"', None),
        ('"b"\n    ]', '"b"\n    }', None),
        ("\n}\n", "\n}}\n", ['line 32: "}" after the end deleted']),
        ("\n}\n", "\n},\n", ['line 32: "," after the end deleted']),
    ],
)
def test_spelling(was: str, becomes: str, fixes: list[str] | None) -> None:
    assert TEXT.count(was) == 1
    raw, reported = repaired_raw(TEXT.replace(was, becomes))
    assert reported == fixes if fixes is not None else reported
    raw["sites"]["AN1000"].pop("spare", None)
    expected = {"Ya\tba": "Ya\tba", "C:\\x\\\\y": "C:\\x\\y"}
    kept = next((value for key, value in expected.items() if key in becomes), "Yaba")
    assert raw == with_site(name=kept)


def test_encodings() -> None:
    named = TEXT.replace("Yaba", "Yabé €")
    assert repaired_raw(named.encode("utf-16")) == (
        with_site(name="Yabé €"),
        ["line 1: converted from UTF-16 to UTF-8"],
    )
    raw, reported = repaired_raw(named.encode("cp1252"))
    assert raw == with_site(name="Yabé €")
    assert reported == ["line 8: bytes that are not UTF-8 were read as Windows-1252"]
    mixed = named.encode().replace(b'"CRITICAL"', b'"CRITICAL", "note": "\xe9\x81"', 1)
    raw, _ = repaired_raw(mixed)
    assert raw["sites"]["AN1000"] == {
        "tier": "CRITICAL",
        "note": "é\x81",
        "name": "Yabé €",
        "nominal_voltage": 240,
    }


def test_what_cannot_be_read_is_taken_from_the_last_good_version_or_left_out() -> None:
    raw, reported = repaired_raw(TEXT.replace("240", "NaN"))
    assert raw == GOOD
    assert reported == [
        "line 9: site AN1000: nominal_voltage cannot be read: 240 taken from the last valid version"
    ]
    raw, reported = repaired_raw(TEXT.replace("240", "1e999").replace("Yaba", "Ikeja"), None)
    assert raw == with_site(nominal_voltage=None, name="Ikeja")
    assert reported == ["line 9: site AN1000: nominal_voltage cannot be read: removed"]
    raw, reported = repaired_raw(TEXT.replace('"Yaba"', ""))
    assert raw == GOOD
    assert reported == ['line 8: site AN1000: name cannot be read: "Yaba" taken from the last valid version']
    raw, reported = repaired_raw(TEXT.replace("        1,", "        1x2,"))
    assert raw["sites"]["AN2000"]["floors"] == [2, {"a": 1}]
    assert reported == ["line 14: site AN2000: floors: unreadable value removed"]


# Brackets and ends ----------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_completed() -> None:
    for end in range(1, len(TEXT) - 1):
        raw, reported = repaired_raw(TEXT[:end])
        assert raw == GOOD
        assert list(raw["sites"]) == list(GOOD["sites"])  # type: ignore[call-overload]
        assert "the text is truncated" in reported[0]


def test_what_was_edited_before_the_cut_is_kept_and_the_rest_is_reported() -> None:
    edited = TEXT.replace('"tier": "CRITICAL"', '"tier": "NON_CRITICAL"', 1).replace(
        "        1,", "        7,"
    )
    raw, reported = repaired_raw(edited[: edited.index("        2,") + 10])
    assert raw["sites"]["AN1000"]["tier"] == "NON_CRITICAL"
    assert raw["sites"]["AN2000"]["floors"] == [7, 2], "a list that was edited is not replaced"
    assert raw["sites"]["AN3000"] == GOOD["sites"]["AN3000"]  # type: ignore[index]
    assert reported == [
        "line 15: the text is truncated: open brackets closed",
        "line 15: 1 site after that taken from the last valid version: AN3000",
        "line 15: owner taken from the last valid version",
    ]


def test_a_cut_file_without_a_good_version_keeps_what_it_has() -> None:
    raw, _ = repaired_raw(TEXT[: TEXT.index('"AN3000"') - 1], None)
    assert list(raw["sites"]) == ["AN1000", "AN2000"]
    cut_in_a_site = TEXT[: TEXT.index('"enabled"') - 30]
    assert left(cut_in_a_site, None) == ["line 21, site AN3000, field tier: tier is missing"]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("240\n    },", "240\n    "),
        ("240\n    },", "240,"),
        ("240\n    },", "240\n    }},"),
        ("240\n    },", "240\n    }}},"),
        ("    }\n  },\n", "    },\n"),
        ("    }\n  },\n", "    }\n"),
        ('"AN2000": {', '"AN2000": '),
        ("      ]\n    },", "      },"),
        ("    ]\n  }\n}", "    ]"),
    ],
)
def test_a_bracket_too_few_or_too_many_moves_no_site(was: str, becomes: str) -> None:
    assert TEXT.count(was) == 1
    try:
        raw, reported = repaired_raw(TEXT.replace(was, becomes))
    except InvalidInput:
        assert was == '"AN2000": {', "without its bracket the site's fields stand among the sites"
        return
    assert raw == GOOD
    assert reported


# Sites ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "meant"),
    [
        ("CRITICL", "CRITICAL"),
        ("critical ", "CRITICAL"),
        ("Critcal", "CRITICAL"),
        ("NON-CRITICAL", "NON_CRITICAL"),
        ("non critical", "NON_CRITICAL"),
        ("NONCRITICAL", "NON_CRITICAL"),
        ("NOT_CRITICAL", "NON_CRITICAL"),
        ("UNCRITICAL", None),
        ("IN_CRITICAL", None),
        ("URGENT", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_a_misspelt_tier_is_repaired_only_where_it_is_clear(tier: str, meant: str | None) -> None:
    raw, reported = repaired_raw(json.dumps(with_site(tier=tier)))
    assert raw == with_site(tier=meant or "CRITICAL")
    shown = json.dumps(tier) if len(tier) < 50 else json.dumps(tier)[:60] + "…"
    assert reported == [
        f'line 1: site AN1000: tier {shown} → "{meant}"'
        if meant
        else f'line 1: site AN1000: tier {shown} is invalid: "CRITICAL" {FROM_GOOD}'
    ]


def test_a_misspelt_tier_of_a_site_that_nobody_knew() -> None:
    raw = with_site(tier="CRITICL")
    assert repaired_raw(json.dumps(raw), None)[0] == with_site(tier="CRITICAL")
    for wrong in ("UNCRITICAL", None, 3, True, ["CRITICAL"]):
        raw["sites"]["AN1000"]["tier"] = wrong
        [problem] = left(json.dumps(raw, indent=1), None)
        assert problem.startswith("line 7, site AN1000, field tier: tier is ")


def test_a_missing_tier() -> None:
    text = TEXT.replace('      "tier": "CRITICAL",\n      "name"', '      "name"')
    raw, reported = repaired_raw(text)
    assert raw == GOOD
    assert reported == ["line 6: site AN1000: tier missing, CRITICAL taken from the last valid version"]
    assert left(text, None) == ["line 6, site AN1000, field tier: tier is missing"]


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [
        ("nominal_voltage", "241", 241),
        ("nominal_voltage", " 241.5 ", 241.5),
        ("nominal_voltage", "mains", 240),
        ("nominal_voltage", -1, 240),
        ("nominal_voltage", [240], 240),
        ("enabled", "true", True),
        ("enabled", "False", False),
        ("enabled", "maybe", None),
        ("enabled", 1, None),
        ("quality_profile", "en5160", None),
        ("name", 5, "Yaba"),
        ("capacity_kva", "null", None),
    ],
)
def test_bad_fields(field: str, wrong: Any, right: Any) -> None:
    raw, [reported] = repaired_raw(json.dumps(with_site(**{field: wrong})))
    assert raw == with_site(
        **({field: right} if right is not None or field in GOOD["sites"]["AN1000"] else {})
    )  # type: ignore[index]
    assert f"site AN1000: {field} {json.dumps(wrong)}" in reported


def test_duplicates() -> None:
    text = TEXT.replace('"AN2000": {', '"AN1000": {\n      "colour": "red",')
    raw, reported = repaired_raw(text)
    assert raw["sites"]["AN1000"] == {
        "tier": "NON_CRITICAL",
        "name": "Yaba",
        "nominal_voltage": 240,
        "colour": "red",
        "floors": [1, 2, {"a": 1}],
    }
    assert reported == [
        'line 11: "AN1000" occurs twice (first on line 6): merged',
        'line 13: "tier" occurs twice (first on line 7): kept "NON_CRITICAL"',
    ]
    raw, reported = repaired_raw(TEXT.replace('"name": "Yaba"', '"name": "Yaba", "name": "Yaba"'))
    assert (raw, reported) == (GOOD, ['line 8: "name" occurs twice (first on line 8): one deleted'])
    raw, reported = repaired_raw(TEXT.replace('"owner": {', '"owner": 5,\n"owner": {'))
    assert (raw, reported) == (GOOD, ['line 27: "owner" occurs twice (first on line 26): kept the object'])
    twice = TEXT.replace('"name": "Yaba"', '"x": {"a": 1}, "x": 2, "x": [3], "x": {"b": 4}')
    assert repaired_raw(twice)[0]["sites"]["AN1000"]["x"] == {"a": 1, "b": 4}


def test_odd_serials_and_odd_sites() -> None:
    raw, reported = repaired_raw(TEXT.replace('"AN2000"', '" AN-2000"'))
    assert raw == GOOD
    assert reported == ['line 11: " AN-2000" → "AN2000"']
    assert left(TEXT.replace('"AN2000"', '"AN 9999"')) == [
        'line 11, site AN 9999: "AN 9999" is not a gateway serial'
    ]
    both = TEXT.replace('"AN3000"', '"AN 2000"')
    assert left(both) == ['line 21, site AN 2000: "AN 2000" is not a gateway serial']
    flat = {**GOOD, "sites": {"AN1000": "non-critical", "AN2000": 5, "AN3000": None}}
    raw, reported = repaired_raw(json.dumps(flat))
    assert raw["sites"]["AN1000"] == {"tier": "NON_CRITICAL", "name": "Yaba", "nominal_voltage": 240}
    assert raw["sites"]["AN2000"] == GOOD["sites"]["AN2000"]  # type: ignore[index]
    assert len(reported) == 3
    assert left(json.dumps(flat), None) == [
        f"line 1, site {serial}: is not an object" for serial in ("AN1000", "AN2000", "AN3000")
    ]


def test_every_thing_left_to_people_is_reported_at_once() -> None:
    text = TEXT.replace('"AN2000"', '"A!"').replace('"tier": "CRITICAL"', '"tier": "TOP"')
    text = text.replace('"schema_version": 1', '"schema_version": 2')
    assert left(text, None) == [
        "line 2, field schema_version: schema_version is 2; this release supports 1",
        'line 7, site AN1000, field tier: tier is "TOP"; expected: CRITICAL or NON_CRITICAL',
        'line 11, site A!: "A!" is not a gateway serial',
        'line 22, site AN3000, field tier: tier is "TOP"; expected: CRITICAL or NON_CRITICAL',
    ]


@pytest.mark.parametrize("version", ["1", None, True, 0, [1]])
def test_an_odd_schema_version(version: Any) -> None:
    raw, [reported] = repaired_raw(json.dumps({**GOOD, "schema_version": version}))
    assert raw == GOOD
    assert reported == f"line 1: schema_version {json.dumps(version)} → 1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "[]",
        '"sites"',
        "{}",
        '{"sites": []}',
        '{"Sites": {}}',
        "<Error>no</Error>",
        "sites:\n  AN1000: CRITICAL\n",
        '{"sites": {}} {"sites": {}}',
        '{"sites": {}} [',
        '{"sites": {:}}',
        '{"sites": {5: {"tier": "CRITICAL"}}}',
        '{"sites": {"AN1000": {{}}}}',
        '{"sites": {"AN1000": {"tier": "CRI"TICAL"}}}\n}',
        "}",
        ",",
        "{" * 200,
        '{"sites": {"A": ' + "[" * 200,
        "\x00",
        b"\xff\xfe",
        b"{" + b" " * (16 * 1024 * 1024) + b"}",
    ],
)
def test_what_nothing_can_be_made_of(text: str | bytes) -> None:
    assert left(text)


# Properties -----------------------------------------------------------------------------------------

SERIALS = ["AN1000", "AN2000", "AN3000", "AN4000"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
SITE = st.fixed_dictionaries(
    {"tier": st.sampled_from(["CRITICAL", "NON_CRITICAL"])},
    optional={
        "enabled": st.booleans(),
        "name": st.text(max_size=8),
        "nominal_voltage": st.sampled_from([230, 230.5]),
        "colour": JSON,
        "deep": JSON,
    },
)
FILE = st.fixed_dictionaries(
    {"sites": st.dictionaries(st.sampled_from(SERIALS), SITE, min_size=1)},
    optional={"schema_version": st.just(1), "owner": JSON, "updated_by": st.text(max_size=5)},
)


def rendered(raw: dict[str, Any]) -> str:
    return render_site_tiers(site_tiers_of(raw)).decode()


@given(FILE, FILE, st.data())
def test_comments_and_commas_change_nothing(raw: dict[str, Any], older: dict[str, Any], data: Any) -> None:
    lines = rendered(raw).split("\n")[:-1]
    for number in data.draw(st.sets(st.integers(0, len(lines) - 1), min_size=1, max_size=4)):
        lines[number] += data.draw(st.sampled_from([" // a", " # {", " /* } */"]))
    assert repaired_raw("\n".join(lines), site_tiers_of(older))[0] == raw
    text = rendered(raw)
    ends = [match.end() for match in re.finditer(r"[^\s,{\[](?=\n\s*[}\]])", text)]
    at = data.draw(st.sampled_from(ends))
    assert repaired_raw(text[:at] + "," + text[at:], site_tiers_of(older))[0] == raw


@given(FILE, FILE, st.data())
def test_a_cut_file_is_valid_and_keeps_every_site_and_key_before_the_cut(
    raw: dict[str, Any], older: dict[str, Any], data: Any
) -> None:
    text = rendered(raw)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    try:
        after, _ = repaired_raw(cut, site_tiers_of(older))
    except InvalidInput:
        # Cut within a site that the good version does not have, before its tier.
        assert cut.count("tier") <= cut.count('": {\n      "')
        return
    read = [match[1] for match in re.finditer(r'^    "(AN\d+)": \{', cut, re.MULTILINE)]
    are_all_read = re.search(r'^  "sites": .*^  \}', cut, re.MULTILINE | re.DOTALL)
    assert set(after["sites"]) >= {*read, *(() if are_all_read else older["sites"])}
    for serial in read[:-1]:
        assert after["sites"][serial] == raw["sites"][serial]
    if are_all_read:
        assert after["sites"] == raw["sites"]


@given(FILE)
def test_a_cut_file_whose_last_good_version_is_itself_comes_back_whole(raw: dict[str, Any]) -> None:
    text, good = rendered(raw), site_tiers_of(raw)
    for end in range(1, len(text), 31):
        assert repaired_raw(text[:end], good)[0] == raw


FAULTS = st.sampled_from(
    [
        ("tier", "CRITICL"),
        ("tier", "nonsense"),
        ("tier", None),
        ("tier", 3),
        ("enabled", "yes"),
        ("name", ["x"]),
        ("nominal_voltage", "240"),
        ("nominal_voltage", -1),
        ("timezone", "no zone!"),
    ]
)


@given(FILE, FILE, st.lists(st.tuples(st.sampled_from(SERIALS), FAULTS), min_size=1, max_size=4))
def test_wrong_fields_cost_no_site_and_no_unknown_key(
    raw: dict[str, Any], older: dict[str, Any], faults: list[tuple[str, tuple[str, Any]]]
) -> None:
    broken = copy.deepcopy(raw)
    for serial, (field, value) in faults:
        if serial in broken["sites"]:
            broken["sites"][serial][field] = value
    # A site of which no good version reports a tier is for people: here each has one.
    for serial in raw["sites"]:
        older["sites"].setdefault(serial, {"tier": "NON_CRITICAL"})
    after, reported = repaired_raw(json.dumps(broken), site_tiers_of(older))
    assert set(after["sites"]) == set(raw["sites"])
    for serial, entry in raw["sites"].items():
        for key in ("colour", "deep"):
            assert after["sites"][serial].get(key, "absent") == entry.get(key, "absent")
    assert {key: value for key, value in after.items() if key != "sites"} == {
        key: value for key, value in raw.items() if key != "sites"
    }
    assert len(reported) >= (broken != raw)


@given(FILE, st.data())
def test_keys_that_occur_twice_lose_nothing(raw: dict[str, Any], data: Any) -> None:
    serial = data.draw(st.sampled_from(sorted(raw["sites"])))
    again = data.draw(SITE)
    text = json.dumps(raw).replace(f'"{serial}": {{', f'"{serial}": {json.dumps(again)}, "{serial}": {{', 1)
    after, reported = repaired_raw(text, None)
    assert set(after["sites"][serial]) == {*raw["sites"][serial], *again}
    for key, value in raw["sites"][serial].items():
        if not isinstance(again.get(key), dict):
            assert after["sites"][serial][key] == value, "the later counts"
    assert any("occurs twice" in fix for fix in reported)


@given(FILE, st.data())
def test_one_stroke_of_the_keyboard_costs_no_site(raw: dict[str, Any], data: Any) -> None:
    """A character more, less or another: mended without loss, or left to people; never anything else."""
    text = rendered(raw)
    at = data.draw(st.integers(0, len(text) - 1))
    stroke = data.draw(st.sampled_from(['"', "{", "}", "[", "]", ",", ":", " ", "x", "1", "\n", "\\", ""]))
    broken = text[:at] + stroke + text[at + data.draw(st.integers(0, 1)) :]
    good = site_tiers_of(raw)
    try:
        after, _ = repaired_raw(broken, good)
    except InvalidInput:
        return
    untouched = [
        serial
        for serial in raw["sites"]
        if f'\n    "{serial}": {{' in broken and broken.count(f'"{serial}"') == text.count(f'"{serial}"')
    ]
    assert set(after["sites"]) >= set(untouched)


@given(st.binary(max_size=60) | st.text(alphabet="{}[]\":,sitea1 \n\\/#'“”", max_size=60).map(str.encode))
def test_no_bytes_at_all_break_it(source: bytes) -> None:
    try:
        repair = repaired(source, LAST_GOOD)
    except InvalidInput:
        return
    assert parse_site_tiers(render_site_tiers(repair.document)).raw == repair.document.raw
