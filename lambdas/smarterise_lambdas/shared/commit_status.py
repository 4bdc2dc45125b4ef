"""What a transaction has done, for one who has not heard whether it was committed: the server knows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from psycopg import errors

from smarterise_lambdas.shared.database import transaction

if TYPE_CHECKING:
    from smarterise_lambdas.shared.database import Connection, Cursor

T = TypeVar("T")

_ASK_AGAIN_S: Final = 0.05


@dataclass(slots=True)
class Receipt(Generic[T]):
    """Lives as long as the tries at one piece of work, of which one may have been committed unheard.

    To do it again would be no harm to the rows, but what it says of them would be wrong: all would be there.
    """

    _transaction: str = ""
    _outcome: T | None = None

    def keep(self, cursor: Cursor, outcome: T) -> None:
        """Keep what a transaction has done, as the last thing in it.

        Raises:
            psycopg.Error: If the database fails.
        """
        (self._transaction,) = cursor.execute(_NAME).fetchone() or ("",)
        self._outcome = outcome

    def redeemed(self, connection: Connection, timeout_s: float) -> T | None:
        """Return what was done, if it was committed after all; `None` if it is still to be done.

        Args:
            connection: Outside a transaction.
            timeout_s: How long to wait for a server that is still at it, seconds.

        Raises:
            psycopg.Error: If the database fails.
        """
        if not self._transaction:
            return None
        until = time.monotonic() + timeout_s
        while (status := self._status(connection, timeout_s)) == _UNDECIDED and time.monotonic() < until:
            time.sleep(_ASK_AGAIN_S)
        return self._outcome if status == _COMMITTED else None

    def _status(self, connection: Connection, timeout_s: float) -> str | None:
        try:
            with transaction(connection, timeout_s) as cursor:
                (status,) = cursor.execute(_STATUS, [self._transaction]).fetchone() or (None,)
        except errors.InvalidParameterValue:  # a server that was made of a backup, and has not come so far
            return None
        return None if status is None else str(status)


_COMMITTED: Final = "committed"
_UNDECIDED: Final = "in progress"
_NAME: Final = b"SELECT pg_current_xact_id()::text"
_STATUS: Final = b"SELECT pg_xact_status(%s::text::xid8)"
