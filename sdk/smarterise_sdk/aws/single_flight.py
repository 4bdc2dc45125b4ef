"""Lets concurrent identical reads share one call and its answer, or its error."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from smarterise_sdk.errors import RemoteFault, SmarteriseError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Calls under way, by what they ask. Nothing is kept once a call has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[T]] = {}
        self._epoch = 0
        self._joined = 0

    @property
    def joined(self) -> int:
        """How many calls were spared so far."""
        return self._joined

    def separate(self) -> None:
        """Let no read from now on share a call that began before: a write lies between them."""
        with self._lock:
            self._epoch += 1

    def run(self, what: Hashable, call: Callable[[], T]) -> T:
        """Return the answer of `call`, or that of an identical one already under way."""
        with self._lock:
            key = (self._epoch, what)
            shared = self._under_way.get(key)
            own: Future[T] = Future()
            if shared is None:
                self._under_way[key] = own
            else:
                self._joined += 1
        if shared is not None:
            return shared.result()
        try:
            response = call()
        except SmarteriseError as error:
            own.set_exception(error)
            raise
        except BaseException as error:
            # An interrupt is meant for the thread it struck, not for those that wait with it.
            own.set_exception(RemoteFault("the call was broken off", why=type(error).__name__))
            raise
        else:
            own.set_result(response)
            return response
        finally:
            with self._lock:
                del self._under_way[key]
