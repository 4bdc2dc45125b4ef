"""Work done ahead of its use, on a thread of its own: rows are read while the database takes others."""

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
    """What comes after the last item.

    Attributes:
        error: Why there are no more, if they did not simply end.
    """

    error: BaseException | None


@contextmanager
def ahead(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Let items be made before they are asked for.

    Leaving the context stops the making, whether all was used or not.

    Args:
        items: Made on another thread.
        depth: How many may wait to be used.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(depth)
    stopped = threading.Event()
    maker = threading.Thread(target=_make, args=(items, waiting, stopped), name="ahead", daemon=True)
    maker.start()
    try:
        yield _used(waiting)
    finally:
        stopped.set()
        while maker.is_alive():
            with suppress(queue.Empty):  # it may be waiting for room
                waiting.get_nowait()
            maker.join(_POLL_S)


def _make(items: Iterable[T], waiting: queue.Queue[T | _End], stopped: threading.Event) -> None:
    end = _End(None)
    try:
        for item in items:
            waiting.put(item)
            if stopped.is_set():
                return
    except BaseException as error:  # noqa: BLE001 -- raised where the items are used
        end = _End(error)
    waiting.put(end)


def _used(waiting: queue.Queue[T | _End]) -> Iterator[T]:
    while True:
        item = waiting.get()
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
