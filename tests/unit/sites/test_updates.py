"""Updates are atomic, report every problem, and change only what was requested."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import (
    SiteTiers,
    new_site_tiers,
    parse_site_tiers,
    render_site_tiers,
)
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import FieldChange
from smarterise_sdk.domain.sites.updates import (
    apply_updates,
    edited,
    replace_sites,
    suggest_site,
    with_changes,
    with_metadata,
)

AT = datetime(2026, 3, 1, 12, 5, 2, tzinfo=UTC)
SERIALS = ["AN54101471", "ehm21120333", "AN00000007"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "tier": st.sampled_from(["CRITICAL", "NON_CRITICAL"]),
    "enabled": st.booleans(),
    "name": st.none() | st.text(max_size=10),
    "nominal_voltage": st.none() | st.sampled_from([230, 230.0, 240]),
    "capacity_kva": st.none() | st.integers(1, 1000),
    "quality_profile": st.none() | st.sampled_from(["en50160", "c84.1"]),
}
FIELDS = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), min_size=1).flatmap(
    lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names})
)


@pytest.fixture
def document() -> SiteTiers:
    """Two sites, with things in the file that we do not know."""
    return new_site_tiers(
        {
            "ehm21120333": {"tier": "CRITICAL", "asset_id": "C001", "floor": 2},
            "AN54101471": {"tier": "NON_CRITICAL", "enabled": False, "nominal_voltage": 240},
        }
    )


def problems_of(
    document: SiteTiers, updates: Any, **options: Any
) -> list[tuple[str, str | None, str | None]]:
    with pytest.raises(InvalidInput) as refused:
        apply_updates(document, updates, **options)
    return [(problem.code, problem.site, problem.field) for problem in refused.value.problems]


def test_it_sets_what_is_asked_and_nothing_else(document: SiteTiers) -> None:
    before = copy.deepcopy(document.raw)
    result = apply_updates(document, {"ehm21120333": {"tier": "NON_CRITICAL", "name": "DT 1"}})
    (change,) = result.changed
    assert change.gateway_serial == "ehm21120333"
    assert change.before == {"tier": "CRITICAL", "asset_id": "C001", "floor": 2}
    assert change.after == {"tier": "NON_CRITICAL", "asset_id": "C001", "floor": 2, "name": "DT 1"}
    assert change.fields == (
        FieldChange("tier", "CRITICAL", "NON_CRITICAL"),
        FieldChange("name", None, "DT 1"),
    )
    assert result.document.sites["ehm21120333"].tier is Tier.NON_CRITICAL
    assert result.document.sites["AN54101471"] == document.sites["AN54101471"]
    assert document.raw == before, "the document that was given is left as it is"


@given(st.dictionaries(st.sampled_from(SERIALS), FIELDS))
def test_the_same_update_twice_changes_nothing_the_second_time(updates: dict[str, dict[str, Any]]) -> None:
    fleet = new_site_tiers({serial: {"tier": "CRITICAL"} for serial in SERIALS})
    once = apply_updates(fleet, updates)
    twice = apply_updates(once.document, updates)
    assert twice.changed == ()
    assert twice.unchanged == tuple(updates)
    assert {change.gateway_serial for change in once.changed} | set(once.unchanged) == set(updates)
    again = parse_site_tiers(render_site_tiers(once.document))
    assert again.sites == once.document.sites, "what is written is what was planned"


@given(st.dictionaries(st.sampled_from(SERIALS), FIELDS))
def test_every_site_ends_up_as_asked(updates: dict[str, dict[str, Any]]) -> None:
    fleet = new_site_tiers({serial: {"tier": "CRITICAL", "name": "old"} for serial in SERIALS})
    untouched = new_site_tiers({"AN1": {"tier": "CRITICAL"}}).sites["AN1"]
    after = apply_updates(fleet, updates).document
    for serial, fields in updates.items():
        site = after.sites[serial]
        for name, value in fields.items():
            assert getattr(site, name) == (getattr(untouched, name) if value is None else value)


def test_a_listing_fed_back_is_no_change(document: SiteTiers) -> None:
    rows = {serial: site.to_row() for serial, site in document.sites.items()}
    assert apply_updates(document, rows).changed == ()


def test_null_removes_a_field_and_its_default_holds(document: SiteTiers) -> None:
    result = apply_updates(document, {"AN54101471": {"nominal_voltage": None}})
    assert result.changed[0].after == {"tier": "NON_CRITICAL", "enabled": False}
    assert result.document.sites["AN54101471"].nominal_voltage == 230


def test_a_default_asked_for_outright_is_written_when_it_differs(document: SiteTiers) -> None:
    assert apply_updates(document, {"ehm21120333": {"enabled": True}}).changed == ()
    assert apply_updates(document, {"AN54101471": {"enabled": True}}).changed[0].after["enabled"] is True


def test_a_field_we_do_not_know_can_be_changed_where_it_is_and_not_invented(document: SiteTiers) -> None:
    result = apply_updates(document, {"ehm21120333": {"floor": True}})
    assert result.changed[0].after["floor"] is True
    assert apply_updates(document, {"ehm21120333": {"floor": 2}}).changed == ()
    with pytest.raises(InvalidInput) as refused:
        apply_updates(document, {"AN54101471": {"teir": "CRITICAL"}})
    (problem,) = refused.value.problems
    assert (problem.code, problem.field) == ("INVALID_FIELD", "teir")
    assert '"tier"' in problem.remedy


def test_true_is_not_one(document: SiteTiers) -> None:
    changed = apply_updates(document, {"ehm21120333": {"floor": 1}}).document
    assert apply_updates(changed, {"ehm21120333": {"floor": True}}).changed


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"deep": {1, 2}}])
def test_what_json_cannot_carry_is_refused(document: SiteTiers, value: Any) -> None:
    assert problems_of(document, {"ehm21120333": {"floor": value}}) == [
        ("INVALID_FIELD", "ehm21120333", "floor")
    ]


def test_every_problem_of_every_site_is_reported(document: SiteTiers) -> None:
    assert problems_of(
        document,
        {
            "AN99999999": {"tier": "CRITICAL"},
            "ehm21120333": {"tier": "URGENT", "enabled": 1, "colour": "red", "gateway_serial": "other"},
            "AN54101471": {},
            "x": "CRITICAL",
        },
    ) == [
        ("SITE_NOT_FOUND", "AN99999999", None),
        ("INVALID_TIER", "ehm21120333", "tier"),
        ("INVALID_FIELD", "ehm21120333", "enabled"),
        ("INVALID_FIELD", "ehm21120333", "colour"),
        ("INVALID_FIELD", "ehm21120333", "gateway_serial"),
        ("BAD_REQUEST", "AN54101471", None),
        ("SITE_NOT_FOUND", "x", None),
    ]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("an54101471", "AN54101471"),
        ("AN5410147", "AN54101471"),
        ("EHM21120333", "ehm21120333"),
        ("zzz", None),
    ],
)
def test_an_unknown_site_is_reported_with_the_one_probably_meant(
    document: SiteTiers, asked: str, meant: str | None
) -> None:
    problem = suggest_site(asked, document.sites)
    assert problem.code == "SITE_NOT_FOUND"
    assert (f'"{meant}"' in problem.remedy) if meant else ("Did you mean" not in problem.remedy)
    assert "sites list" in problem.remedy
    with pytest.raises(InvalidInput) as refused:
        apply_updates(document, {asked: {"tier": "CRITICAL"}})
    assert "--create" in refused.value.problems[0].remedy


@pytest.mark.parametrize("value", ["", None])
def test_what_the_file_holds_as_null_is_its_default(value: str | None) -> None:
    """A listing shows the default of it; given back as it is listed, it changes nothing."""
    before = new_site_tiers({"AN54101471": {"tier": "CRITICAL", "name": None, "note": None}})
    done = apply_updates(before, {"AN54101471": {"name": value, "note": None}})
    assert (done.changed, done.document.raw) == ((), before.raw)


def test_only_the_first_of_many_unknown_sites_are_searched_for() -> None:
    """Searching costs tens of milliseconds among 10,000 sites; a file of the wrong fleet has thousands."""
    fleet = new_site_tiers({f"AN{number:04d}": {"tier": "CRITICAL"} for number in range(100)})
    with pytest.raises(InvalidInput) as refused:
        apply_updates(fleet, {f"AX{number:04d}": {"tier": "CRITICAL"} for number in range(100)})
    suggested = ["Did you mean" in problem.remedy for problem in refused.value.problems]
    assert suggested == [True] * 20 + [False] * 80


def test_create_makes_new_sites_and_updates_those_there_are(document: SiteTiers) -> None:
    result = apply_updates(
        document,
        {"AN00000001": {"tier": "CRITICAL", "name": "new"}, "ehm21120333": {"tier": "NON_CRITICAL"}},
        create=True,
    )
    created, changed = result.changed
    assert (created.before, created.after) == (None, {"tier": "CRITICAL", "name": "new"})
    assert changed.before is not None
    assert list(result.document.sites) == ["ehm21120333", "AN54101471", "AN00000001"]


def test_a_new_site_needs_a_tier_and_a_serial(document: SiteTiers) -> None:
    assert problems_of(document, {"AN00000001": {"name": "x"}, "no!": {"tier": "CRITICAL"}}, create=True) == [
        ("INVALID_TIER", "AN00000001", "tier"),
        ("INVALID_FIELD", "no!", None),
    ]
    assert problems_of(document, {"AN00000001": {}}, create=True) == [("INVALID_TIER", "AN00000001", "tier")]


def test_a_new_site_is_a_change_even_if_all_in_it_is_default(document: SiteTiers) -> None:
    assert apply_updates(document, {"AN2": {"tier": "CRITICAL", "enabled": True}}, create=True).changed


# Whole sites ----------------------------------------------------------------------------------------

ENTRIES = st.fixed_dictionaries(
    {"tier": st.sampled_from(["CRITICAL", "NON_CRITICAL"])},
    optional={"name": st.text(max_size=5), "floor": st.integers() | st.booleans() | st.lists(st.integers())},
)
FLEETS = st.dictionaries(st.sampled_from(SERIALS), ENTRIES)
REPLACEMENTS = st.dictionaries(st.sampled_from(SERIALS), st.none() | ENTRIES)


def test_whole_sites_are_put_in_place_and_taken_out(document: SiteTiers) -> None:
    before = copy.deepcopy(document.raw)
    entry = {"tier": "CRITICAL", "unknown": {"a": [1]}}
    result = replace_sites(document, {"ehm21120333": entry, "AN54101471": None, "NEW1": entry, "GONE1": None})
    assert [(change.gateway_serial, change.after) for change in result.changed] == [
        ("ehm21120333", entry),
        ("AN54101471", None),
        ("NEW1", entry),
    ]
    assert [change.before is None for change in result.changed] == [False, False, True]
    assert result.unchanged == ("GONE1",)
    assert list(result.document.site_objects) == ["ehm21120333", "NEW1"]
    assert result.document.sites["NEW1"].extra == {"unknown": {"a": [1]}}
    assert document.raw == before, "the document that was given is left as it is"


def test_a_replacement_replaces_what_it_does_not_name_too(document: SiteTiers) -> None:
    result = replace_sites(document, {"ehm21120333": {"tier": "CRITICAL"}})
    assert result.changed[0].after == {"tier": "CRITICAL"}
    assert {field.field for field in result.changed[0].fields} == {"asset_id", "floor"}


def test_the_same_object_is_no_change_and_true_is_not_one(document: SiteTiers) -> None:
    same = {"floor": 2, "asset_id": "C001", "tier": "CRITICAL"}
    assert replace_sites(document, {"ehm21120333": same}).changed == ()
    flagged = replace_sites(document, {"ehm21120333": {**same, "deep": [1]}}).document
    assert replace_sites(flagged, {"ehm21120333": {**same, "deep": [True]}}).changed


def test_every_problem_of_every_object_is_reported(document: SiteTiers) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace_sites(
            document,
            {"ehm21120333": {"tier": "TOP", "enabled": 1}, "no!": {"tier": "CRITICAL"}, "AN54101471": {}},
        )
    assert [(problem.code, problem.site) for problem in refused.value.problems] == [
        ("INVALID_TIER", "ehm21120333"),
        ("INVALID_FIELD", "ehm21120333"),
        ("INVALID_FIELD", "no!"),
        ("INVALID_TIER", "AN54101471"),
    ]


def test_fields_and_whole_sites_together(document: SiteTiers) -> None:
    result = edited(document, {"ehm21120333": {"tier": "NON_CRITICAL"}}, {"AN54101471": None, "GONE1": None})
    assert [change.gateway_serial for change in result.changed] == ["ehm21120333", "AN54101471"]
    assert result.unchanged == ("GONE1",)
    assert list(result.document.site_objects) == ["ehm21120333"]
    with pytest.raises(InvalidInput) as refused:
        edited(document, {"ehm21120333": {"tier": "CRITICAL"}}, {"ehm21120333": None})
    assert [(problem.code, problem.site) for problem in refused.value.problems] == [
        ("BAD_REQUEST", "ehm21120333")
    ]


@given(FLEETS, REPLACEMENTS)
def test_every_site_ends_up_as_given_and_the_inverse_brings_it_back(
    fleet: dict[str, Any], replacements: dict[str, Any]
) -> None:
    before = new_site_tiers(fleet)
    result = replace_sites(before, replacements)
    after = result.document
    for serial in SERIALS:
        expected = replacements.get(serial, fleet.get(serial))
        assert after.site_objects.get(serial) == expected
        assert (serial in after.sites) is (expected is not None)
    assert {change.gateway_serial for change in result.changed} | set(result.unchanged) == set(replacements)
    assert parse_site_tiers(render_site_tiers(after)).sites == after.sites
    inverse = {change.gateway_serial: change.inverse.after for change in result.changed}
    assert replace_sites(after, inverse).document.site_objects == before.site_objects
    assert with_changes(before, result.changed).raw == after.raw


def test_no_updates_are_no_change(document: SiteTiers) -> None:
    assert apply_updates(document, {}).document is document


def test_stamping_says_who_when_and_why_and_loses_nothing() -> None:
    older = parse_site_tiers(b'{"version": 1.2, "last_updated": "2025", "team": ["x"], "sites": {}}')
    lagos = AT.astimezone(timezone(timedelta(hours=1)))
    written = json.loads(render_site_tiers(with_metadata(older, at=lagos, by="ada", reason="storm")))
    assert written == {
        "schema_version": 1,
        "updated_at": "2026-03-01T12:05:02Z",
        "updated_by": "ada",
        "reason": "storm",
        "version": 1.2,
        "last_updated": "2025",
        "team": ["x"],
        "sites": {},
    }
    assert list(written)[:4] == ["schema_version", "updated_at", "updated_by", "reason"]


def test_two_writes_within_a_second_bear_different_stamps(document: SiteTiers) -> None:
    first = with_metadata(document, at=AT, by="ada", reason="storm")
    second = with_metadata(first, at=AT.replace(microsecond=250_000), by="ada", reason="storm")
    third = with_metadata(second, at=AT.replace(microsecond=250_000), by="ada", reason="storm")
    other = with_metadata(first, at=AT, by="ada", reason="storm over")
    assert [one.updated_at for one in (first, second, third, other)] == [
        "2026-03-01T12:05:02Z",
        "2026-03-01T12:05:02.250000Z",
        "2026-03-01T12:05:02Z",
        "2026-03-01T12:05:02Z",
    ]


def test_stamping_keeps_the_order_of_keys(document: SiteTiers) -> None:
    source = parse_site_tiers(
        b'{"sites": {}, "reason": "", "updated_by": "x", "updated_at": "", "schema_version": 1}'
    )
    assert list(with_metadata(source, at=AT, by="y", reason="z").raw) == list(source.raw)
    assert with_metadata(source, at=AT, by="y", reason="z").updated_by == "y"
