"""Site document: lenient parsing, unchanged rendering, and all problems with their locations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import (
    MAX_DOCUMENT_BYTES,
    SiteTiers,
    new_site_tiers,
    parse_site_tiers,
    render_site_tiers,
)
from smarterise_sdk.domain.sites.model import Site, Tier

SERIALS = st.from_regex(r"\A[A-Za-z0-9]{3,12}\Z")
UNKNOWN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SITES = st.fixed_dictionaries(
    {"tier": st.sampled_from(["CRITICAL", "NON_CRITICAL"])},
    optional={
        "enabled": st.booleans(),
        "name": st.text(max_size=20),
        "nominal_voltage": st.floats(1, 40_000),
        "capacity_kva": st.none() | st.integers(1, 5000),
        "remark": UNKNOWN,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {"sites": st.dictionaries(SERIALS, SITES, max_size=5)},
    optional={"schema_version": st.just(1), "updated_by": st.text(max_size=10), "team": UNKNOWN},
)


def parse(document: object) -> SiteTiers:
    return parse_site_tiers(json.dumps(document, indent=1).encode())


def problems_of(text: str) -> list[tuple[str, int | None, str | None, str | None]]:
    with pytest.raises(InvalidInput) as refused:
        parse_site_tiers(text.encode())
    assert refused.value.subject == "site-tiers.json"
    return [(problem.code, problem.line, problem.site, problem.field) for problem in refused.value.problems]


@given(DOCUMENTS)
def test_reading_and_writing_changes_nothing_that_is_in_the_file(document: dict[str, Any]) -> None:
    read = parse(document)
    written = render_site_tiers(read)
    again = parse_site_tiers(written)
    assert json.loads(written) == document
    assert list(json.loads(written)["sites"]) == list(document["sites"])
    assert again.sites == read.sites
    assert render_site_tiers(again) == written


def test_the_file_is_written_for_people() -> None:
    document = new_site_tiers({"AN54101471": {"tier": "CRITICAL", "name": "Ìkẹjà"}})
    assert render_site_tiers(document).decode() == (
        '{\n  "schema_version": 1,\n  "sites": {\n    "AN54101471": {\n      "tier": "CRITICAL",\n'
        '      "name": "Ìkẹjà"\n    }\n  }\n}\n'
    )


def test_a_lone_surrogate_survives_as_the_escape_it_was() -> None:
    source = b'{"sites": {}, "note": "\\ud800"}'
    assert json.loads(render_site_tiers(parse_site_tiers(source))) == json.loads(source)


def test_a_site_has_its_fields_its_defaults_and_what_we_do_not_know() -> None:
    document = parse(
        {
            "sites": {
                "ehm21120333": {"tier": "NON_CRITICAL"},
                "AN54101471": {
                    "tier": "CRITICAL",
                    "enabled": False,
                    "name": "DT 7",
                    "asset_id": "C007",
                    "nominal_voltage": 240,
                    "capacity_kva": 500,
                    "timezone": "Africa/Lagos",
                    "quality_profile": "c84.1",
                    "gateway_serial": "AN54101471",
                    "floor": {"level": 2},
                },
            }
        }
    )
    assert document.sites["ehm21120333"] == Site("ehm21120333", Tier.NON_CRITICAL)
    site = document.sites["AN54101471"]
    assert (site.enabled, site.name, site.asset_id, site.nominal_voltage) == (False, "DT 7", "C007", 240.0)
    assert (site.capacity_kva, site.timezone, site.quality_profile) == (500.0, "Africa/Lagos", "c84.1")
    assert dict(site.extra) == {"floor": {"level": 2}}
    assert site.to_row()["floor"] == {"level": 2}


def test_null_stands_for_absent() -> None:
    site = parse({"sites": {"AN1": {"tier": "CRITICAL", "capacity_kva": None, "name": None}}}).sites["AN1"]
    assert site == Site("AN1", Tier.CRITICAL)


def test_the_older_shape_is_read() -> None:
    document = parse(
        {
            "version": "1.2",
            "last_updated": "2025-06-01T00:00:00Z",
            "sites": {"AN1": {"asset_id": "C1", "tier": "CRITICAL", "enabled": True}},
        }
    )
    assert document.sites["AN1"].asset_id == "C1"
    assert (document.schema_version, document.updated_at) == (0, "2025-06-01T00:00:00Z")
    assert (document.updated_by, document.reason) == ("", "")


def test_todays_shape_says_who_when_and_why() -> None:
    document = parse(
        {"schema_version": 1, "updated_at": "t", "updated_by": "ada", "reason": "storm", "sites": {}}
    )
    stamps = (document.schema_version, document.updated_at, document.updated_by, document.reason)
    assert stamps == (1, "t", "ada", "storm")


def test_every_problem_is_reported_with_line_site_and_field() -> None:
    text = """{
  "schema_version": 2,
  "sites": {
    "AN1": {"tier": "critical"},
    "AN2": {"enabled": true,
            "nominal_voltage": -5},
    "AN3": {"tier": "CRITICAL", "enabled": "yes",
            "quality_profile": "en50161",
            "timezone": "Lagos Island"},
    "no!": [],
    "AN4": {"tier": null, "capacity_kva": true, "name": 7}
  }
}"""
    assert problems_of(text) == [
        ("INVALID_FIELD", 2, None, "schema_version"),
        ("INVALID_TIER", 4, "AN1", "tier"),
        ("INVALID_TIER", 5, "AN2", "tier"),
        ("INVALID_FIELD", 6, "AN2", "nominal_voltage"),
        ("INVALID_FIELD", 7, "AN3", "enabled"),
        ("INVALID_FIELD", 8, "AN3", "quality_profile"),
        ("INVALID_FIELD", 9, "AN3", "timezone"),
        ("INVALID_FIELD", 10, "no!", None),
        ("INVALID_FIELD", 10, "no!", None),
        ("INVALID_TIER", 11, "AN4", "tier"),
        ("INVALID_FIELD", 11, "AN4", "capacity_kva"),
        ("INVALID_FIELD", 11, "AN4", "name"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [("[]", 1, None), ('{\n"tiers": {}}', None, "sites"), ('{\n"sites": []}', 2, "sites"), ("null", 1, None)],
)
def test_a_file_without_sites_is_not_an_empty_fleet(text: str, line: int | None, field: str | None) -> None:
    assert problems_of(text) == [("INVALID_FIELD", line, None, field)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [("critical", "CRITICAL"), ("non-critical", "NON_CRITICAL"), ("Non Critical", "NON_CRITICAL")],
)
def test_a_tier_spelt_wrong_is_reported_with_the_one_meant(said: str, meant: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse({"sites": {"AN1": {"tier": said}}})
    assert f'"{meant}"' in refused.value.problems[0].remedy


def test_control_characters_of_the_file_are_not_repeated_raw() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse({"sites": {"AN1": {"tier": "\x1b[31mred\u202e"}, "\x1b[2J": {"tier": "CRITICAL"}}})
    reported = str(refused.value) + "".join(problem.site or "" for problem in refused.value.problems)
    assert "\x1b" not in reported
    assert "\u202e" not in reported


@pytest.mark.parametrize("value", [0, -1, 10**400, 2_000_000, True, "230"])
def test_voltages_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        parse({"sites": {"AN1": {"tier": "CRITICAL", "nominal_voltage": value}}})


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_site_tiers(text.encode(errors="replace"))
    except InvalidInput as error:
        refused = error
    else:
        return
    assert all(problem.message for problem in refused.problems)


def test_a_file_of_20_megabytes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="MiB") as refused:
        parse_site_tiers(b" " * (MAX_DOCUMENT_BYTES + 1))
    assert refused.value.code == "TOO_LARGE"


def test_new_documents_are_held_to_the_same_rules() -> None:
    with pytest.raises(InvalidInput) as refused:
        new_site_tiers({"AN1": {"enabled": True}})
    assert [problem.line for problem in refused.value.problems] == [None]
