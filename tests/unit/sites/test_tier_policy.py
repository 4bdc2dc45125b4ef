"""Collection mode: equal for a `Site` and for its JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.sites.document import site_of
from smarterise_sdk.domain.sites.tier_policy import Collection, collection_of, collection_of_entry

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonObject

ENTRIES = st.fixed_dictionaries(
    {"tier": st.sampled_from(["CRITICAL", "NON_CRITICAL"])},
    optional={"enabled": st.booleans(), "name": st.none() | st.text(max_size=3), "x": st.integers()},
)


@given(ENTRIES)
def test_the_object_reports_what_the_site_reports(entry: JsonObject) -> None:
    assert collection_of_entry(entry) is collection_of(site_of("AN1", entry))


def test_no_site_is_not_there() -> None:
    assert collection_of_entry(None) is collection_of(None) is Collection.ABSENT
