"""Letters to people, through SES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sesv2.client import SESV2Client

    from smarterise_lambdas.alarm_notifier.message import Email


@dataclass(frozen=True, slots=True)
class Mailer:
    """Where letters go.

    Attributes:
        ses: Returns SES's client: made when the first letter is sent.
        sender: Address it comes from; SES must have verified it.
        recipients: Addresses it goes to.
    """

    ses: Callable[[], SESV2Client]
    sender: str
    recipients: tuple[str, ...]

    def send(self, email: Email) -> str:
        """Send a letter; return SES's id of it.

        Raises:
            botocore.exceptions.BotoCoreError: If SES cannot be reached.
            botocore.exceptions.ClientError: If SES refuses.
        """
        sent = self.ses().send_email(
            FromEmailAddress=self.sender,
            Destination={"ToAddresses": list(self.recipients)},
            Content={
                "Simple": {
                    "Subject": {"Data": email.subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": email.text, "Charset": "UTF-8"}},
                }
            },
        )
        return sent["MessageId"]
