"""Asks `ingest-manager`: pages put together, many gateways in several questions, answers taken apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.text import visible
from smarterise_sdk.services.sites.responses import accepted, list_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.ingest.manager_api import IngestAction
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.settings.model import Settings

PAGES_AT_MOST: Final = 10_000


class IngestQuestions:
    """Asks the function.

    Args:
        broker: The door to AWS.
        settings: Names.
    """

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._broker = broker
        self.function = settings.names.ingest_manager

    def ask(self, action: IngestAction, **fields: JsonValue) -> JsonObject:
        """Return what the function answers; fields that are empty are not sent.

        Raises:
            SmarteriseError: It refuses, or could not be asked.
        """
        sent = {name: value for name, value in fields.items() if value not in (None, "", [])}
        return accepted(self._broker.invoke(self.function, {"action": action.value, **sent}), self.function)

    def rows(
        self, action: IngestAction, *, at_most: int | None = None, **fields: JsonValue
    ) -> Iterator[JsonObject]:
        """Yield the rows of a listing, page after page.

        Args:
            action: One of those that answer in pages.
            at_most: How many rows; all if absent.
            **fields: What else is asked.

        Raises:
            SmarteriseError: As `ask`.
        """
        after: JsonValue = None
        left = at_most
        for _ in range(PAGES_AT_MOST):
            limit = None if left is None else min(left, _PAGE)
            response = self.ask(action, **fields, after=after, limit=limit)
            rows = rows_in(response, "rows", self.function)
            yield from rows
            left = None if left is None else left - len(rows)
            after = response.get("next")
            if not after or (left is not None and left <= 0):
                return


_PAGE: Final = 1000


def rows_in(response: Mapping[str, JsonValue], key: str, function: str) -> list[JsonObject]:
    """Return the objects in a list of a reply.

    Raises:
        RemoteFault: There is no such list.
    """
    return [row for row in list_in(response, key, function) if isinstance(row, dict)]


def text(row: Mapping[str, JsonValue], key: str) -> str:
    """Return a text of a row, fit to be shown; empty when there is none."""
    value = row.get(key)
    return visible(value) if isinstance(value, str) else ""


def whole(row: Mapping[str, JsonValue], key: str) -> int:
    """Return a whole number of a row; 0 when there is none."""
    value = row.get(key)
    return value if isinstance(value, int) else 0


def seconds(row: Mapping[str, JsonValue], key: str) -> float | None:
    """Return seconds of a row; `None` when there are none."""
    value = row.get(key)
    return float(value) if isinstance(value, (int, float)) else None


def timestamp(row: Mapping[str, JsonValue], key: str) -> datetime | None:
    """Return a moment of a row, UTC; `None` when there is none."""
    value = row.get(key)
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None


def in_parts(items: Sequence[str], size: int) -> list[list[str]]:
    """Return a sequence in parts of some size."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
