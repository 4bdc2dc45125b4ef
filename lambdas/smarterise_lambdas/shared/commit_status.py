"""Finds out from PostgreSQL whether a transaction was committed, after its connection was lost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from psycopg import errors

from smarterise_lambdas.shared.database import transaction

if TYPE_CHECKING:
    from smarterise_lambdas.shared.database import Connection, Cursor

T = TypeVar("T")

_POLL_S: Final = 0.05


@dataclass(slots=True)
class CommitProbe(Generic[T]):
    """Records the id and outcome of a transaction, to find out whether it was committed.

    One probe is used for all attempts at the same work. Repeating committed work would not change the rows,
    but its counts would be wrong: every row would be reported as identical.
    """

    _transaction_id: str = ""
    _outcome: T | None = None

    def record(self, cursor: Cursor, outcome: T) -> None:
        """Record the outcome of a transaction, as its last statement.

        Raises:
            psycopg.Error: If the database fails.
        """
        (self._transaction_id,) = cursor.execute(_CURRENT_ID).fetchone() or ("",)
        self._outcome = outcome

    def committed_outcome(self, connection: Connection, timeout_s: float) -> T | None:
        """Return the recorded outcome if its transaction was committed, else `None`.

        Args:
            connection: Outside a transaction.
            timeout_s: How long to wait for a transaction that is still in progress, seconds.

        Raises:
            psycopg.Error: If the database fails.
        """
        if not self._transaction_id:
            return None
        until = time.monotonic() + timeout_s
        while (status := self._status(connection, timeout_s)) == _IN_PROGRESS and time.monotonic() < until:
            time.sleep(_POLL_S)
        return self._outcome if status == _COMMITTED else None

    def _status(self, connection: Connection, timeout_s: float) -> str | None:
        try:
            with transaction(connection, timeout_s) as cursor:
                (status,) = cursor.execute(_STATUS, [self._transaction_id]).fetchone() or (None,)
        except (
            errors.InvalidParameterValue
        ):  # a server restored from a backup, which has not reached this transaction id
            return None
        return None if status is None else str(status)


_COMMITTED: Final = "committed"
_IN_PROGRESS: Final = "in progress"
_CURRENT_ID: Final = b"SELECT pg_current_xact_id()::text"
_STATUS: Final = b"SELECT pg_xact_status(%s::text::xid8)"
