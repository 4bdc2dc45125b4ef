"""Prefetches the items of an iterable on a thread, so that parsing overlaps with database writes."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class _End:
    """Marks the end of the items.

    Attributes:
        error: Error that ended the iteration; `None` at the regular end.
    """

    error: BaseException | None


@contextmanager
def prefetch(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Iterate over items on another thread and return an iterator over the results.

    Leaving the context stops the thread, whether or not all items were consumed.

    Args:
        items: Iterated on the other thread.
        depth: Maximum number of items waiting to be consumed.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(depth)
    stopped = threading.Event()
    producer = threading.Thread(target=_produce, args=(items, waiting, stopped), name="prefetch", daemon=True)
    producer.start()
    try:
        yield _consume(waiting)
    finally:
        stopped.set()
        while producer.is_alive():
            with suppress(queue.Empty):  # the producer may be waiting for space in the queue
                waiting.get_nowait()
            producer.join(_POLL_S)


def _produce(items: Iterable[T], waiting: queue.Queue[T | _End], stopped: threading.Event) -> None:
    end = _End(None)
    try:
        for item in items:
            waiting.put(item)
            if stopped.is_set():
                return
    except BaseException as error:  # noqa: BLE001 -- raised again by the consumer
        end = _End(error)
    waiting.put(end)


def _consume(waiting: queue.Queue[T | _End]) -> Iterator[T]:
    while True:
        item = waiting.get()
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
