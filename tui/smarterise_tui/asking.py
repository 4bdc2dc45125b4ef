"""How a question to AWS is put: on a thread, in a named exclusive worker, answered by one message."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smarterise_tui.background import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.dom import DOMNode
    from textual.message import Message
    from textual.worker import Worker

T = TypeVar("T")


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
            answer = await in_thread(group, work)
        except Exception as error:  # noqa: BLE001 - every error is shown to the operator, none is dropped
            node.post_message(refused(error))
        else:
            node.post_message(answered(answer))

    return node.run_worker(put(), name=group, group=group, exclusive=True, exit_on_error=False)
