"""The alarm e-mails of a stack, which the emulator stores and does not deliver."""

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
    """An e-mail that was sent through SES.

    Attributes:
        at: Time, ISO 8601 UTC.
        sender: Sender address.
        to: Recipient addresses.
        subject: Subject.
        text: Body text.
    """

    at: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str

    def to_row(self) -> JsonObject:
        """Return the e-mail as a JSON object."""
        return {
            "at": self.at,
            "sender": self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "text": self.text,
        }


def sent_emails(endpoint: str) -> tuple[SentEmail, ...]:
    """Return the e-mails, the oldest first.

    Args:
        endpoint: The stack's AWS endpoint.

    Raises:
        LocalStackError: If it does not respond.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(endpoint + _KEPT, timeout=_TIMEOUT_SECONDS) as response:
            accounts = json.load(response)["messages"]
    except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
        raise LocalStackError(
            f"E-mails of {endpoint} cannot be read",
            why=str(error),
            remedy="check whether the stack is running: smarterise-ops local status",
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
