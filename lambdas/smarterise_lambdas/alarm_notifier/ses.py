"""Sends e-mail through SES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sesv2.client import SESV2Client

    from smarterise_lambdas.alarm_notifier.message import Email


@dataclass(frozen=True, slots=True)
class Mailer:
    """Sends e-mails from one sender to the configured recipients.

    Attributes:
        ses: Returns the SES client; called when the first e-mail is sent.
        sender: From address; must be verified in SES.
        recipients: To addresses.
    """

    ses: Callable[[], SESV2Client]
    sender: str
    recipients: tuple[str, ...]

    def send(self, email: Email) -> str:
        """Send an e-mail; return its SES message id.

        Raises:
            botocore.exceptions.BotoCoreError: If SES cannot be reached.
            botocore.exceptions.ClientError: If SES refuses.
        """
        response = self.ses().send_email(
            FromEmailAddress=self.sender,
            Destination={"ToAddresses": list(self.recipients)},
            Content={
                "Simple": {
                    "Subject": {"Data": email.subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": email.text, "Charset": "UTF-8"}},
                }
            },
        )
        return response["MessageId"]
