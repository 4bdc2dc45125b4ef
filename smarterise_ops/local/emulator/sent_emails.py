"""The letters that a stack's alarms have led to: the emulator accepts and keeps them, and delivers none."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonObject

_KEPT = "/_ministack/ses/messages"
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter that was handed to SES.

    Attributes:
        at: When, ISO 8601 UTC.
        sender: Its sender's address.
        to: Those it is for.
        subject: Its subject.
        text: All it says.
    """

    at: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str

    def to_row(self) -> JsonObject:
        """Return it as one JSON-ready object."""
        return {
            "at": self.at,
            "sender": self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "text": self.text,
        }


def sent_letters(endpoint: str) -> tuple[SentLetter, ...]:
    """Return the letters, the oldest first.

    Args:
        endpoint: The stack's AWS endpoint.

    Raises:
        LocalStackError: If it does not answer.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(endpoint + _KEPT, timeout=_PATIENCE_SECONDS) as answer:
            accounts = json.load(answer)["messages"]
    except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
        raise LocalStackError(
            f"{endpoint} does not tell what letters it has",
            why=str(error),
            remedy="see whether the stack still runs: smarterise-ops local status",
        ) from error
    kept = [letter for letters in accounts.values() for letter in letters]
    return tuple(
        SentLetter(
            at=utc_text(datetime.fromtimestamp(letter["Timestamp"], UTC)),
            sender=letter["Source"],
            to=tuple(letter["To"]),
            subject=letter["Subject"],
            text=letter["BodyText"],
        )
        for letter in sorted(kept, key=lambda letter: float(letter["Timestamp"]))
    )
