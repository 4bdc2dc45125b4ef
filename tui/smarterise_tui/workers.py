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
        except BaseException as error:  # noqa: BLE001 - handed on to whoever awaits
            _tell(loop, refuse, error)
        else:
            _tell(loop, deliver, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await response


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[T], None], value: T) -> None:
    try:
        loop.call_soon_threadsafe(callback, value)
    except RuntimeError:
        if not loop.is_closed():
            raise
        # The console has quit in the meantime: nobody waits any more.


def ask(
    node: DOMNode,
    group: str,
    work: Callable[[], T],
    answered: Callable[[T], Message],
    refused: Callable[[Exception], Message],
) -> Worker[None]:
    """Put a question for a node of the console.

    A question of the same group that is still open is given up, and its answer dropped. Whatever
    goes wrong becomes a message: an error meant for people, or a fault of ours with its story.

    Args:
        node: App or screen that gets the message.
        group: Name of the group, one per subject.
        work: What to do; it runs on a thread and must not touch a widget.
        answered: Makes the message of an answer.
        refused: Makes the message of an error.
    """

    async def put() -> None:
        try:
            response = await in_thread(group, work)
        except Exception as error:  # noqa: BLE001 - every error is shown to the operator, none is dropped
            node.post_message(refused(error))
        else:
            node.post_message(answered(response))

    return node.run_worker(put(), name=group, group=group, exclusive=True, exit_on_error=False)
