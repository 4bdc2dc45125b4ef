"""Requests to AWS off the event loop: on daemon threads, in named exclusive workers.

A thread of Python's own pool that waits for AWS keeps the program from ending; a daemon thread does not. The
worker around it can be cancelled: the response is then dropped, never delivered late.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.dom import DOMNode
    from textual.message import Message
    from textual.worker import Worker

T = TypeVar("T")


async def in_thread(name: str, work: Callable[[], T]) -> T:
    """Run `work` on a daemon thread of its own and return what it returns.

    Raises:
        Exception: Whatever `work` raised.
    """
    loop = asyncio.get_running_loop()
    response: asyncio.Future[T] = loop.create_future()

    def deliver(result: T) -> None:
        if not response.done():
            response.set_result(result)

    def refuse(error: BaseException) -> None:
        if not response.done():
            response.set_exception(error)

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - re-raised for the awaiting caller
            _post(loop, refuse, error)
        else:
            _post(loop, deliver, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await response


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[[T], None], value: T) -> None:
    try:
        loop.call_soon_threadsafe(callback, value)
    except RuntimeError:
        if not loop.is_closed():
            raise
        # The console has exited: the result is not needed.


def ask(
    node: DOMNode,
    group: str,
    work: Callable[[], T],
    on_result: Callable[[T], Message],
    on_error: Callable[[Exception], Message],
) -> Worker[None]:
    """Run a request in a thread and post its result or error as a message.

    A pending request of the same group is cancelled and its response dropped.

    Args:
        node: App or screen that receives the message.
        group: Name of the group, one per subject.
        work: The request; runs in a thread and must not access widgets.
        on_result: Returns the message of a result.
        on_error: Returns the message of an error.
    """

    async def request() -> None:
        try:
            response = await in_thread(group, work)
        except Exception as error:  # noqa: BLE001 - every error is shown to the operator, none is dropped
            node.post_message(on_error(error))
        else:
            node.post_message(on_result(response))

    return node.run_worker(request(), name=group, group=group, exclusive=True, exit_on_error=False)
