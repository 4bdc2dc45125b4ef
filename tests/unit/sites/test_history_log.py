"""Property tests of the version history: each version is listed once, with its differences."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import SiteTiers, parse_site_tiers, render_site_tiers
from smarterise_sdk.domain.sites.history import FileVersion, VersionEntry, VersionKind, entries_of, history_of
from smarterise_sdk.domain.sites.updates import replace_sites, with_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DELETED, GONE = "deleted", None

tiers = st.sampled_from(["CRITICAL", "NON_CRITICAL"])
sites = st.dictionaries(st.sampled_from(["AN1", "AN2", "ehm3"]), tiers, max_size=3)


@st.composite
def good(draw: st.DrawFn) -> bytes:
    document = {"sites": {serial: {"tier": tier} for serial, tier in draw(sites).items()}}
    if draw(st.booleans()):
        parsed = parse_site_tiers(json.dumps(document).encode())
        at = NOW + timedelta(seconds=draw(st.integers(0, 3)))
        return render_site_tiers(with_metadata(parsed, at=at, by="ada", reason="storm"))
    return json.dumps(document).encode()


contents = st.lists(
    st.one_of(good(), st.sampled_from([b"", b"{", b'{"sites": 3}', DELETED, GONE])), max_size=8
)


def versions_of(found: list[bytes | str | None]) -> list[FileVersion]:
    return [
        FileVersion(str(turn), NOW - timedelta(minutes=turn), turn == 0, content == DELETED)
        for turn, content in enumerate(found)
    ]


def body_in(found: list[bytes | str | None], version: FileVersion) -> bytes | None:
    content = found[int(version.version_id)]
    assert content != DELETED, "a deletion has nothing to read"
    return content if isinstance(content, bytes) else None


def document_of(content: bytes | str | None) -> SiteTiers | None:
    if not isinstance(content, bytes):
        return None
    try:
        return parse_site_tiers(content)
    except InvalidInput:
        return None


@given(contents)
def test_every_version_is_reported_once_in_its_order_as_what_it_is(found: list[bytes | str | None]) -> None:
    entries = list(entries_of(versions_of(found), lambda version: body_in(found, version)))
    assert [entry.version.version_id for entry in entries] == [str(turn) for turn in range(len(found))]
    for entry, content in zip(entries, found, strict=True):
        usable = document_of(content) is not None
        expected = {
            VersionKind.DELETED: content == DELETED,
            VersionKind.GONE: content is GONE,
            VersionKind.BROKEN: isinstance(content, bytes) and not usable,
        }
        assert expected.get(entry.kind, usable), (entry.kind, content)
    usable_ones = [entry for entry, content in zip(entries, found, strict=True) if document_of(content)]
    assert [entry.kind is VersionKind.FIRST for entry in usable_ones] == [
        turn == len(usable_ones) - 1 for turn in range(len(usable_ones))
    ]


@given(contents)
def test_the_log_replays_from_the_first_document_to_the_latest(found: list[bytes | str | None]) -> None:
    entries = list(entries_of(versions_of(found), lambda version: body_in(found, version)))
    documents = [document for content in found if (document := document_of(content)) is not None]
    if not documents:
        return
    replayed = documents[-1]
    for entry in reversed(entries):
        replayed = replace_sites(
            replayed, {change.gateway_serial: change.after for change in entry.changes}
        ).document
    assert replayed.site_objects == documents[0].site_objects


@given(contents, st.integers(1, 9))
def test_what_is_reported_does_not_depend_on_how_much_is_asked_for(
    found: list[bytes | str | None], limit: int
) -> None:
    def reported(asked: int) -> tuple[VersionEntry, ...]:
        return history_of(versions_of(found), lambda version: body_in(found, version), limit=asked)

    assert reported(limit) == reported(100)[:limit]


def test_no_more_is_read_than_it_takes() -> None:
    found: list[bytes | str | None] = [b'{"sites": {}}'] * 5
    read: list[str] = []

    def bodies(version: FileVersion) -> bytes | None:
        read.append(version.version_id)
        return body_in(found, version)

    def listed() -> Iterator[FileVersion]:
        yield from versions_of(found)

    assert len(history_of(listed(), bodies, limit=2)) == 2
    assert read == ["0", "1", "2"]
