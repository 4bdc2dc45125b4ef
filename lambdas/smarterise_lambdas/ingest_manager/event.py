"""What an invocation asks for, checked before anything is done; every problem is told at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.shared.ledger import FileState
from smarterise_lambdas.shared.quarantine import QuarantineState
from smarterise_sdk.domain.ingest.manager_api import (
    GATEWAYS_AT_MOST,
    IDS_AT_MOST,
    OBJECTS_AT_MOST,
    PIECE_BYTES_AT_MOST,
    ROWS_AT_MOST,
    IngestAction,
)
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.readings.model import Source
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

SUBJECT: Final = "the request"
_LONGEST_TEXT: Final = 1100
_LONGEST_REASON: Final = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. What an action does not know stays as it is here.

    Attributes:
        action: What to do.
        gateways: Only of these; empty for all, where that can be asked.
        since: From this moment, UTC.
        until: Before this moment, UTC.
        states: Only what is in one of these states; empty for any.
        reasons: Only what was rejected for one of these; empty for any.
        source: Only by this road.
        ids: Entries of the quarantine; where they are looked for, beginnings of their ids.
        keys: Only these objects.
        limit: How many rows, or objects, at most.
        after: Where the page before this one ended, as its answer told.
        offset: From which byte.
        length: How many bytes at most.
        reason: Why, in the words of whoever asks.
        by: Who that is.
    """

    action: IngestAction
    gateways: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    source: Source | None = None
    ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    limit: int = ROWS_AT_MOST
    after: tuple[str, ...] = ()
    offset: int = 0
    length: int = PIECE_BYTES_AT_MOST
    reason: str = ""
    by: str = ""

    @property
    def time_range(self) -> tuple[datetime, datetime]:
        """From when until when; only where both are required."""
        if self.since is None or self.until is None:
            raise AssertionError(self.action)
        return self.since, self.until


_TIME_RANGE: Final = ("since", "until")
_PAGE: Final = ("limit", "after")
_FIELDS: Final[dict[IngestAction, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    IngestAction.GATEWAYS: (("since",), ()),
    IngestAction.STATUS: (("gateways", *_TIME_RANGE), ()),
    IngestAction.GAPS: (("gateways", *_TIME_RANGE), ()),
    IngestAction.FILES: ((), ("gateways", *_TIME_RANGE, "states", "keys", *_PAGE)),
    IngestAction.QUARANTINE_LIST: (
        (),
        ("gateways", *_TIME_RANGE, "states", "reasons", "source", "ids", *_PAGE),
    ),
    IngestAction.QUARANTINE_SHOW: (("ids",), ("offset", "length")),
    IngestAction.QUARANTINE_DISCARD: (("ids", "reason"), ("by",)),
    IngestAction.OBJECTS: (("source", *_TIME_RANGE), ("gateways", *_PAGE)),
}
"""The fields of each action: required, and others."""
_STATES: Final[dict[IngestAction, Iterable[str]]] = {
    IngestAction.FILES: list(FileState),
    IngestAction.QUARANTINE_LIST: list(QuarantineState),
}


def read_request(event: Any) -> Request:
    """Return what an event asks for.

    Raises:
        InvalidInput: With code BAD_REQUEST and every problem.
    """
    if not isinstance(event, dict):
        raise InvalidInput(SUBJECT, [_bad("it is not a JSON object", 'Send e.g. {"action": "gateways"}.')])
    try:
        action = IngestAction(str(event.get("action")))
    except ValueError:
        told = f"there is no action {_shown(event.get('action'))}"
        remedy = f"Actions are {', '.join(IngestAction)}."
        raise InvalidInput(SUBJECT, [_bad(told, remedy, "action")]) from None
    required, others = _FIELDS[action]
    reader = _Reader(event, action)
    known = {"action", *required, *others}
    for name in event:
        if name not in known:
            reader.complain(f"{action} has no such field", str(name))
    for name in required:
        if event.get(name) is None:
            reader.complain("it is missing", name)
    request = reader.request()
    if reader.problems:
        raise InvalidInput(SUBJECT, reader.problems)
    return request


class _Reader:
    """Reads an event, and keeps what is wrong with it."""

    def __init__(self, event: dict[str, Any], action: IngestAction) -> None:
        self._event = event
        self._action = action
        self.problems: list[Problem] = []

    def request(self) -> Request:
        since, until = self._datetime("since"), self._datetime("until")
        if since is not None and until is not None and until <= since:
            self.complain("it is not after since", "until")
        most = OBJECTS_AT_MOST if self._action is IngestAction.OBJECTS else ROWS_AT_MOST
        return Request(
            action=self._action,
            gateways=self._texts("gateways", GATEWAYS_AT_MOST),
            since=since,
            until=until,
            states=self._words("states", _STATES.get(self._action, ())),
            reasons=self._texts("reasons", 50),
            source=self._source(),
            ids=self._texts("ids", IDS_AT_MOST),
            keys=self._texts("keys", ROWS_AT_MOST),
            limit=self._number("limit", most, 1, most),
            after=self._texts("after", 5),
            offset=self._number("offset", 0, 0, 2**53),
            length=self._number("length", PIECE_BYTES_AT_MOST, 1, PIECE_BYTES_AT_MOST),
            reason=self._text("reason", _LONGEST_REASON),
            by=self._text("by", _LONGEST_TEXT),
        )

    def complain(self, message: str, field: str) -> None:
        required, others = _FIELDS[self._action]
        remedy = f"Fields of {self._action} are {', '.join((*required, *others))}."
        self.problems.append(_bad(message, remedy, visible(field)[:80]))

    def _texts(self, name: str, at_most: int) -> tuple[str, ...]:
        told = self._event.get(name)
        if told is None:
            return ()
        if not isinstance(told, list) or not all(map(_is_text, told)):
            self.complain("it is no list of texts", name)
            return ()
        if len(told) > at_most:
            self.complain(f"it has {len(told)} entries; at most {at_most} are taken", name)
            return ()
        return tuple(dict.fromkeys(told))

    def _words(self, name: str, known: Iterable[str]) -> tuple[str, ...]:
        text = self._texts(name, 10)
        for word in text:
            if word not in set(known):
                self.complain(f"there is no state {_shown(word)}, only {', '.join(known)}", name)
        return text

    def _source(self) -> Source | None:
        told = self._event.get("source")
        if told is None:
            return None
        try:
            return Source(told)
        except ValueError:
            self.complain(f"{_shown(told)} is not one of {', '.join(Source)}", "source")
            return None

    def _text(self, name: str, at_most: int) -> str:
        told = self._event.get(name, "")
        if not _is_text(told) or len(told) > at_most:
            self.complain(f"it is no text of at most {at_most} characters", name)
            return ""
        return str(told)

    def _number(self, name: str, default: int, least: int, most: int) -> int:
        told = self._event.get(name, default)
        if not isinstance(told, int) or isinstance(told, bool) or not least <= told <= most:
            self.complain(f"it is no whole number from {least} to {most}", name)
            return default
        return told

    def _datetime(self, name: str) -> datetime | None:
        told = self._event.get(name)
        if told is None:
            return None
        try:
            timestamp = datetime.fromisoformat(told)
            if timestamp.tzinfo is None:
                raise ValueError
            # What lies at the ends of time has no place in PostgreSQL's calendar, nor in another zone's.
            if not 1970 <= timestamp.year <= 9000:
                raise ValueError
            return timestamp.astimezone(UTC)
        except (TypeError, ValueError):
            self.complain(f"{_shown(told)} is no moment such as 2026-03-01T12:00:00Z", name)
            return None


def _is_text(value: Any) -> bool:
    # PostgreSQL keeps no NUL, and UTF-8 carries no lone surrogate.
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _shown(value: object) -> str:
    return visible(repr(value))[:80]


def _bad(message: str, remedy: str, field: str | None = None) -> Problem:
    return Problem("BAD_REQUEST", message, remedy, field=field)
