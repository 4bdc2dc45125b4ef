"""How collectors ask for facts: each once, a gap where one cannot be had, and nobody where it is hopeless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from smarterise_sdk.domain.outcome import Missing
from smarterise_sdk.errors import CredentialsError, NotFound, SmarteriseError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.services.changes import Changes
    from smarterise_sdk.services.reconciliation import Reconciliation
    from smarterise_sdk.settings.model import Settings

T = TypeVar("T")
EVERY_SERVICE = "*"


class Checkable(Protocol):
    """What checks need of a stack."""

    @property
    def broker(self) -> Broker:
        """The door to AWS."""

    @property
    def settings(self) -> Settings:
        """Names and environment."""

    @property
    def reconciliation(self) -> Reconciliation:
        """What is to follow the site file."""

    @property
    def changes(self) -> Changes:
        """Changes made from this machine."""


class FactCollector:
    """Asks for facts one after another, and no longer where it is hopeless.

    Without usable credentials no service answers; one that cannot be reached will not be reached by the next
    call either, and each try takes seconds.
    """

    def __init__(self) -> None:
        self._hopeless: dict[str, SmarteriseError] = {}

    def fact(self, action: str, scope: str, get: Callable[[], T]) -> T | Missing:
        """Return a fact, or the gap it leaves."""
        service = action.partition(":")[0]
        known = self._hopeless.get(service) or self._hopeless.get(EVERY_SERVICE)
        if known is not None:
            return Missing(action, known, (scope,))
        try:
            return get()
        except CredentialsError as error:
            self._hopeless[EVERY_SERVICE] = error
            return Missing(action, error, (scope,))
        except Unreachable as error:
            self._hopeless[service] = error
            return Missing(action, error, (scope,))
        except SmarteriseError as error:
            return Missing(action, error, (scope,))

    def if_there(self, action: str, scope: str, get: Callable[[], T]) -> T | Missing | None:
        """Return a fact, `None` when there is no such thing, or the gap it leaves."""
        fact = self.fact(action, scope, get)
        return None if isinstance(fact, Missing) and isinstance(fact.error, NotFound) else fact

    def is_there(self, action: str, scope: str, get: Callable[[], object]) -> bool | Missing:
        """Return whether there is such a thing, or the gap it leaves."""
        fact = self.if_there(action, scope, get)
        return fact if isinstance(fact, Missing) else fact is not None
