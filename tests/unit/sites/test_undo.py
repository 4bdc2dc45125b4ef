"""Undo restores exactly the fields of a change, and keeps later changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.sites.document import SiteTiers, parse_site_tiers
from smarterise_sdk.domain.sites.plans import SiteChange
from smarterise_sdk.domain.sites.undo import UndoChanges, undo_changes
from smarterise_sdk.domain.sites.updates import apply_updates, is_same_entry, replace_sites

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
ENTRIES = st.builds(
    lambda tier, extra: {"tier": tier, **extra},
    st.sampled_from(["CRITICAL", "NON_CRITICAL"]),
    st.dictionaries(st.sampled_from(["note", "crew", "enabled2", "x"]), VALUES, max_size=3),
)
FILES = st.dictionaries(st.sampled_from(["AAA1", "AAA2", "AAA3", "AAA4"]), ENTRIES, max_size=4)


def document(sites: dict[str, Any]) -> SiteTiers:
    return parse_site_tiers(json.dumps({"sites": sites, "owner": "ops"}).encode())


def change(before: Any, after: Any) -> SiteChange:
    return SiteChange("AAA1", before, after)


def reported(back: UndoChanges) -> str:
    return back.changed_later["AAA1"].summary() if back.changed_later else ""


LIVE, OFF = {"tier": "CRITICAL", "note": "kept"}, {"tier": "NON_CRITICAL", "note": "kept"}


def test_an_update_is_taken_back_and_what_came_beside_it_stays() -> None:
    back = undo_changes([change(LIVE, OFF)], document({"AAA1": {**OFF, "name": "Yaba"}}))
    assert back.replacements == {"AAA1": {**LIVE, "name": "Yaba"}}
    assert (back.already, back.changed_later) == ((), {})


def test_a_field_the_change_set_first_goes_and_one_it_removed_comes_back() -> None:
    before, after = {"tier": "CRITICAL", "crew": [1]}, {"tier": "CRITICAL", "enabled": False}
    back = undo_changes([change(before, after)], document({"AAA1": {**after, "name": "Yaba"}}))
    assert back.replacements == {"AAA1": {"tier": "CRITICAL", "name": "Yaba", "crew": [1]}}


def test_an_untouched_file_gets_its_object_back_in_its_order() -> None:
    before = {"note": "first", "tier": "CRITICAL", "crew": {"b": 1, "a": [True]}}
    after = {"tier": "NON_CRITICAL"}
    restored = undo_changes([change(before, after)], document({"AAA1": after})).replacements["AAA1"]
    assert json.dumps(restored) == json.dumps(before)


def test_an_addition_goes_and_a_removal_comes_back() -> None:
    assert undo_changes([change(None, LIVE)], document({"AAA1": LIVE})).replacements == {"AAA1": None}
    assert undo_changes([change(LIVE, None)], document({})).replacements == {"AAA1": LIVE}


@pytest.mark.parametrize(
    ("before", "after", "live", "text"),
    [
        (LIVE, OFF, {"tier": "CRITICAL", "note": "kept", "x": 1}, ""),
        (LIVE, OFF, None, "was removed since then"),
        (
            LIVE,
            {**LIVE, "note": "new"},
            {**LIVE, "note": "newer"},
            "note: set to new by the change, now newer",
        ),
        (LIVE, {**LIVE, "note": "new"}, {"tier": "CRITICAL"}, "note: set to new by the change, now absent"),
        ({"tier": "CRITICAL"}, LIVE, {"tier": "CRITICAL", "note": 3}, "set to kept by the change, now 3"),
        (
            None,
            LIVE,
            OFF,
            "changed since then: tier: set to CRITICAL by the change, now NON_CRITICAL",
        ),
        (LIVE, None, OFF, "added again with other values"),
    ],
)
def test_what_has_moved_on_is_reported(before: Any, after: Any, live: Any, text: str) -> None:
    back = undo_changes([change(before, after)], document({"AAA1": live} if live else {}))
    assert back.replacements == {}
    assert text in reported(back)
    assert bool(text) is bool(back.changed_later)
    assert back.already == (() if text else ("AAA1",))


def test_true_is_not_one() -> None:
    live = document({"AAA1": {**LIVE, "x": 1}})
    moved = undo_changes([change({**LIVE, "x": 0}, {**LIVE, "x": True})], live)
    assert "set to true by the change, now 1" in reported(moved)
    before, after = {**LIVE, "x": [1]}, {**LIVE, "x": [True]}
    nested = undo_changes([change(before, after)], document({"AAA1": {**after, "y": 1}}))
    assert json.dumps(nested.replacements["AAA1"]) == json.dumps({**LIVE, "x": [1], "y": 1})


def test_control_characters_and_length_of_what_is_reported() -> None:
    after, live = {**LIVE, "note": "\x1b[2J" + "x" * 100}, {**LIVE, "note": "\n"}
    back = undo_changes([change(LIVE, after)], document({"AAA1": live}))
    assert "\x1b" not in reported(back)
    assert "\n" not in reported(back)
    assert len(reported(back)) < 200


@given(FILES, FILES, st.data())
def test_whatever_a_change_did_is_taken_back_and_forth(
    sites: dict[str, Any], others: dict[str, Any], data: st.DataObject
) -> None:
    """Replace any sites by any others, take it back, and take that back: it is as it was."""
    file = document(sites)
    chosen = data.draw(st.lists(st.sampled_from(["AAA1", "AAA2", "AAA3", "AAA4"]), unique=True))
    done = replace_sites(file, {serial: others.get(serial) for serial in chosen})
    back = undo_changes(done.changed, done.document)
    assert not back.changed_later
    undone = replace_sites(done.document, back.replacements)
    assert is_same_entry(undone.document.raw, file.raw)
    forth = undo_changes(undone.changed, undone.document)
    redone = replace_sites(undone.document, forth.replacements)
    assert is_same_entry(redone.document.raw, done.document.raw)


@given(FILES, st.data())
def test_what_others_did_to_other_fields_survives(sites: dict[str, Any], data: st.DataObject) -> None:
    file = document(sites)
    tiers = {serial: {"tier": data.draw(st.sampled_from(["CRITICAL", "NON_CRITICAL"]))} for serial in sites}
    done = apply_updates(file, tiers)
    theirs = {serial: {"name": data.draw(st.text("ab", max_size=2))} for serial in sites}
    since = apply_updates(done.document, theirs).document
    undone = replace_sites(since, undo_changes(done.changed, since).replacements).document
    for serial, entry in undone.site_objects.items():
        expected = {**since.site_object(serial), "tier": sites[serial]["tier"]}
        assert is_same_entry(entry, expected)


@given(FILES, FILES, FILES)
def test_nothing_is_ever_taken_from_a_file_that_does_not_look_as_the_change_left_it(
    before: dict[str, Any], after: dict[str, Any], live: dict[str, Any]
) -> None:
    """Every site is restored, unchanged, or reported as changed later; never two of these."""
    changes = [SiteChange(serial, before.get(serial), after.get(serial)) for serial in {**before, **after}]
    back = undo_changes(changes, document(live))
    named = [*back.replacements, *back.already, *back.changed_later]
    assert sorted(named) == sorted(one.gateway_serial for one in changes)
    for serial, entry in back.replacements.items():
        kept = set(live.get(serial, {})) - set(before.get(serial) or {}) - set(after.get(serial) or {})
        assert kept <= set(entry or {})
