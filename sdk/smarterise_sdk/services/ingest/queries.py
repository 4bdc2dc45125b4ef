"""Client of the `ingest-manager` function: pagination, batches of gateways, response parsing."""

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
    """Client of the `ingest-manager` function.

    Args:
        broker: The AWS broker.
        settings: Resource names.
    """

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._broker = broker
        self.function = settings.names.ingest_manager

    def ask(self, action: IngestAction, **fields: JsonValue) -> JsonObject:
        """Invoke the function and return its response; empty fields are omitted.

        Raises:
            SmarteriseError: The function rejects the request or the invocation fails.
        """
        sent = {name: value for name, value in fields.items() if value not in (None, "", [])}
        return accepted(self._broker.invoke(self.function, {"action": action.value, **sent}), self.function)

    def rows(
        self, action: IngestAction, *, at_most: int | None = None, **fields: JsonValue
    ) -> Iterator[JsonObject]:
        """Yield the rows of a listing, page after page.

        Args:
            action: An action with paginated responses.
            at_most: Maximum number of rows; all if absent.
            **fields: Further fields of the request.

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
    """Return the objects of a list in a response.

    Raises:
        RemoteFault: The response has no such list.
    """
    return [row for row in list_in(response, key, function) if isinstance(row, dict)]


def text(row: Mapping[str, JsonValue], key: str) -> str:
    """Return a text field of a row with control characters escaped; empty when absent."""
    value = row.get(key)
    return visible(value) if isinstance(value, str) else ""


def whole(row: Mapping[str, JsonValue], key: str) -> int:
    """Return an integer field of a row; 0 when absent."""
    value = row.get(key)
    return value if isinstance(value, int) else 0


def seconds(row: Mapping[str, JsonValue], key: str) -> float | None:
    """Return a field of a row in seconds; `None` when absent."""
    value = row.get(key)
    return float(value) if isinstance(value, (int, float)) else None


def timestamp(row: Mapping[str, JsonValue], key: str) -> datetime | None:
    """Return a timestamp of a row in UTC; `None` when absent or invalid."""
    value = row.get(key)
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None


def in_parts(items: Sequence[str], size: int) -> list[list[str]]:
    """Split a sequence into lists of at most `size` items."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
