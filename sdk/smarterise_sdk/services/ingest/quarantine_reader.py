"""Looks into the quarantine: entries of its index, and what they stand for."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.ingest.manager_api import (
    ENTRY_NOT_FOUND,
    IDS_AT_MOST,
    PIECE_BYTES_AT_MOST,
    IngestAction,
)
from smarterise_sdk.domain.ingest.quarantine_content import ContentKind, kind_of
from smarterise_sdk.domain.ingest.status import DataPath
from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import NotFound, UsageError
from smarterise_sdk.services.ingest.queries import IngestQuestions, in_parts, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries of the quarantine are meant; what is empty does not narrow it.

    Attributes:
        ids: These, by their beginnings.
        gateways: Of these sites.
        codes: Rejected for one of these reasons.
        states: In one of these states.
        data_path: By this road.
        since: What came from then on, UTC.
        until: What came before then, UTC.
    """

    ids: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    data_path: DataPath | None = None
    since: datetime | None = None
    until: datetime | None = None

    def fields(self) -> dict[str, JsonValue]:
        """Return it as `ingest-manager` takes it."""
        source = None if self.data_path is None else "iot" if self.data_path is DataPath.STREAM else "ftp"
        return {
            "ids": list(self.ids),
            "gateways": list(self.gateways),
            "reasons": list(self.codes),
            "states": list(self.states),
            "source": source,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry stands for.

    Attributes:
        entry: The entry.
        kind: What is kept of it.
        size: Bytes of the object.
        pieces: Gives the object's bytes, from the beginning; asks for them as they are taken.
    """

    entry: JsonObject
    kind: ContentKind
    size: int
    pieces: Iterator[bytes]


class QuarantineReading:
    """Looks into the quarantine.

    Args:
        broker: The door to AWS.
        settings: Names.
    """

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._questions = IngestQuestions(broker, settings)

    @property
    def function(self) -> str:
        """The function that is asked."""
        return self._questions.function

    def entries(self, selection: Selection, *, at_most: int | None = None) -> list[JsonObject]:
        """Return entries of the index, the newest first, as flat objects.

        Args:
            selection: Which.
            at_most: How many; all if absent.

        Raises:
            SmarteriseError: They could not be had.
        """
        rows = self._questions.rows(IngestAction.QUARANTINE_LIST, at_most=at_most, **selection.fields())
        return list(rows)

    def find(self, entry_id: str) -> JsonObject:
        """Return an entry by its id, or the beginning of it.

        Raises:
            NotFound: There is none (code `ENTRY_NOT_FOUND`).
            UsageError: Several begin so.
            SmarteriseError: It could not be had.
        """
        return self.each([entry_id])[0]

    def content(self, entry_id: str) -> Content:
        """Return what an entry stands for; its bytes are asked for as they are taken.

        Raises:
            NotFound: There is no such entry (code `ENTRY_NOT_FOUND`), or its object is gone (`OBJECT_GONE`).
            UsageError: Several begin so.
            SmarteriseError: It could not be had.
        """
        entry = self.find(entry_id)
        first, size = self._piece(text(entry, "id"), 0)

        def pieces() -> Iterator[bytes]:
            piece, offset = first, 0
            while piece:
                yield piece
                offset += len(piece)
                if offset >= size:
                    return
                piece, _ = self._piece(text(entry, "id"), offset)

        return Content(entry, kind_of(text(entry, "source"), str(entry.get("key"))), size, pieces())

    def each(self, ids: Sequence[str]) -> list[JsonObject]:
        """Return the entry of each id, or of the beginning of one.

        Raises:
            NotFound: There is none of one of them (code `ENTRY_NOT_FOUND`).
            UsageError: Several begin like one of them.
            SmarteriseError: They could not be had.
        """
        wanted = [entry_id.strip().lower() for entry_id in dict.fromkeys(ids) if entry_id.strip()]
        rows = self.exactly(wanted)
        found: list[JsonObject] = []
        problems: list[Problem] = []
        for beginning in wanted:
            matching = [row for row in rows if text(row, "id").startswith(beginning)]
            if len(matching) > 1:
                raise UsageError(
                    f"{len(matching)} entries begin with {visible(beginning)}", remedy="write more of the id"
                )
            found += matching
            if not matching:
                problems.append(Problem(ENTRY_NOT_FOUND, f"there is no entry {visible(beginning)[:80]}"))
        if problems or not wanted:
            raise NotFound(
                "; ".join(problem.message for problem in problems) or "no entry is named",
                remedy="smarterise-ops quarantine list shows those there are; --state any shows all",
                code=ENTRY_NOT_FOUND,
            )
        return list({text(row, "id"): row for row in found}.values())

    def exactly(self, ids: Sequence[str]) -> list[JsonObject]:
        """Return the entries of ids, in no order; of those there are.

        Raises:
            SmarteriseError: They could not be had.
        """
        return [
            row
            for part in in_parts(ids, IDS_AT_MOST)
            for row in self._questions.rows(IngestAction.QUARANTINE_LIST, ids=list(part))
        ]

    def _piece(self, entry_id: str, offset: int) -> tuple[bytes, int]:
        response = self._questions.ask(
            IngestAction.QUARANTINE_SHOW, ids=[entry_id], offset=offset, length=PIECE_BYTES_AT_MOST
        )
        try:
            return base64.b64decode(str(response.get("content_base64", "")), validate=True), whole(
                response, "size"
            )
        except binascii.Error:
            return b"", 0
