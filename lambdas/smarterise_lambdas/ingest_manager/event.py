"""Parses and validates the request of an invocation; all problems are reported together."""

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
from smarterise_sdk.domain.text import MAX_REASON, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

SUBJECT: Final = "the request"
_MAX_TEXT_LENGTH: Final = 1100


@dataclass(frozen=True, slots=True)
class Request:
    """A validated request; fields that the action does not have keep their defaults.

    Attributes:
        action: The action.
        gateways: Gateway serials to include; empty for all, where the action allows it.
        since: Start of the time range, inclusive, UTC.
        until: End of the time range, exclusive, UTC.
        states: States to include; empty for all.
        reasons: Rejection reasons to include; empty for all.
        source: Data path to include.
        ids: Quarantine entry ids; id prefixes for `quarantine_list`.
        keys: Object keys to include.
        limit: Maximum number of rows or objects.
        after: Page token: `next` of the previous page's response.
        offset: First byte to return.
        length: Maximum number of bytes to return.
        reason: Reason given by the operator.
        by: Name of the operator.
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
        """Start and end; only for actions that require both."""
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
"""Required and optional fields of each action."""
_STATES: Final[dict[IngestAction, Iterable[str]]] = {
    IngestAction.FILES: list(FileState),
    IngestAction.QUARANTINE_LIST: list(QuarantineState),
}


def read_request(event: Any) -> Request:
    """Parse and validate an event.

    Raises:
        InvalidInput: If it is invalid; code BAD_REQUEST, with every problem.
    """
    if not isinstance(event, dict):
        raise InvalidInput(SUBJECT, [_bad("it is not a JSON object", 'Send e.g. {"action": "gateways"}.')])
    try:
        action = IngestAction(str(event.get("action")))
    except ValueError:
        message = f"unknown action {_shown(event.get('action'))}"
        remedy = f"Valid actions: {', '.join(IngestAction)}."
        raise InvalidInput(SUBJECT, [_bad(message, remedy, "action")]) from None
    required, others = _FIELDS[action]
    reader = _FieldReader(event, action)
    known = {"action", *required, *others}
    for name in event:
        if name not in known:
            reader.add_problem(f"{action} has no such field", str(name))
    for name in required:
        if event.get(name) is None:
            reader.add_problem("it is missing", name)
    request = reader.request()
    if reader.problems:
        raise InvalidInput(SUBJECT, reader.problems)
    return request


class _FieldReader:
    """Reads the fields of an event and collects problems."""

    def __init__(self, event: dict[str, Any], action: IngestAction) -> None:
        self._event = event
        self._action = action
        self.problems: list[Problem] = []

    def request(self) -> Request:
        since, until = self._datetime("since"), self._datetime("until")
        if since is not None and until is not None and until <= since:
            self.add_problem("it is not after since", "until")
        most = OBJECTS_AT_MOST if self._action is IngestAction.OBJECTS else ROWS_AT_MOST
        return Request(
            action=self._action,
            gateways=self._texts("gateways", GATEWAYS_AT_MOST),
            since=since,
            until=until,
            states=self._states("states", _STATES.get(self._action, ())),
            reasons=self._texts("reasons", 50),
            source=self._source(),
            ids=self._texts("ids", IDS_AT_MOST),
            keys=self._texts("keys", ROWS_AT_MOST),
            limit=self._number("limit", most, 1, most),
            after=self._texts("after", 5),
            offset=self._number("offset", 0, 0, 2**53),
            length=self._number("length", PIECE_BYTES_AT_MOST, 1, PIECE_BYTES_AT_MOST),
            reason=self._text("reason", MAX_REASON),
            by=self._text("by", _MAX_TEXT_LENGTH),
        )

    def add_problem(self, message: str, field: str) -> None:
        required, others = _FIELDS[self._action]
        remedy = f"Fields of {self._action}: {', '.join((*required, *others))}."
        self.problems.append(_bad(message, remedy, visible(field)[:80]))

    def _texts(self, name: str, at_most: int) -> tuple[str, ...]:
        value = self._event.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(map(_is_text, value)):
            self.add_problem("it is not a list of strings", name)
            return ()
        if len(value) > at_most:
            self.add_problem(f"it has {len(value)} entries; the maximum is {at_most}", name)
            return ()
        return tuple(dict.fromkeys(value))

    def _states(self, name: str, known: Iterable[str]) -> tuple[str, ...]:
        states = self._texts(name, 10)
        for state in states:
            if state not in set(known):
                self.add_problem(f"unknown state {_shown(state)}; valid: {', '.join(known)}", name)
        return states

    def _source(self) -> Source | None:
        value = self._event.get("source")
        if value is None:
            return None
        try:
            return Source(value)
        except ValueError:
            self.add_problem(f"{_shown(value)} is not one of {', '.join(Source)}", "source")
            return None

    def _text(self, name: str, at_most: int) -> str:
        value = self._event.get(name, "")
        if not _is_text(value) or len(value) > at_most:
            self.add_problem(f"it is not a string of at most {at_most} characters", name)
            return ""
        return str(value)

    def _number(self, name: str, default: int, least: int, most: int) -> int:
        value = self._event.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.add_problem(f"it is not an integer from {least} to {most}", name)
            return default
        return value

    def _datetime(self, name: str) -> datetime | None:
        value = self._event.get(name)
        if value is None:
            return None
        try:
            timestamp = datetime.fromisoformat(value)
            if timestamp.tzinfo is None:
                raise ValueError
            # Years near the limits overflow when converted to another time zone or to PostgreSQL.
            if not 1970 <= timestamp.year <= 9000:
                raise ValueError
            return timestamp.astimezone(UTC)
        except (TypeError, ValueError):
            self.add_problem(f"{_shown(value)} is not a timestamp such as 2026-03-01T12:00:00Z", name)
            return None


def _is_text(value: Any) -> bool:
    # PostgreSQL text cannot hold NUL, and UTF-8 cannot encode lone surrogates.
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _shown(value: object) -> str:
    return visible(repr(value))[:80]


def _bad(message: str, remedy: str, field: str | None = None) -> Problem:
    return Problem("BAD_REQUEST", message, remedy, field=field)
