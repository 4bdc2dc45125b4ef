"""Work that blocks, off the event loop, on daemon threads.

A thread of Python's own pool that waits for AWS keeps the program from ending; a daemon thread does
not. The worker around it can be cancelled: the answer is then dropped, never delivered late.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_thread(name: str, work: Callable[[], T]) -> T:
    """Run `work` on a daemon thread of its own and return what it returns.

    Raises:
        Exception: Whatever `work` raised.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def deliver(result: T) -> None:
        if not answer.done():
            answer.set_result(result)

    def refuse(error: BaseException) -> None:
        if not answer.done():
            answer.set_exception(error)

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever awaits
            _tell(loop, refuse, error)
        else:
            _tell(loop, deliver, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await answer


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[T], None], value: T) -> None:
    try:
        loop.call_soon_threadsafe(callback, value)
    except RuntimeError:
        if not loop.is_closed():
            raise
        # The console has quit in the meantime: nobody waits any more.
