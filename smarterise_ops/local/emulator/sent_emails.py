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
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SentEmail:
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


def sent_emails(endpoint: str) -> tuple[SentEmail, ...]:
    """Return the letters, the oldest first.

    Args:
        endpoint: The stack's AWS endpoint.

    Raises:
        LocalStackError: If it does not answer.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(endpoint + _KEPT, timeout=_TIMEOUT_SECONDS) as response:
            accounts = json.load(response)["messages"]
    except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
        raise LocalStackError(
            f"{endpoint} does not tell what letters it has",
            why=str(error),
            remedy="see whether the stack still runs: smarterise-ops local status",
        ) from error
    kept = [email for emails in accounts.values() for email in emails]
    return tuple(
        SentEmail(
            at=utc_text(datetime.fromtimestamp(email["Timestamp"], UTC)),
            sender=email["Source"],
            to=tuple(email["To"]),
            subject=email["Subject"],
            text=email["BodyText"],
        )
        for email in sorted(kept, key=lambda email: float(email["Timestamp"]))
    )
