"""What SNS delivers, as plain values: a change of an alarm, or whatever else somebody has published."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.stack.names import GATEWAY_DIMENSION
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT: Final = 2000
"""CloudWatch's reasons have at most 1,024 characters; what others publish is cut."""


class State(StrEnum):
    """States of an alarm."""

    ALARM = "ALARM"
    OK = "OK"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that was published.

    Attributes:
        id: The same for the same thing, however often it is delivered.
        at: When the alarm changed, or the message was published, UTC.
        alarm: The alarm's name; empty for a message that is of no alarm.
        state: What the alarm went to; `None` for another message.
        description: The alarm's description, or the message's subject.
        reason: Why, in CloudWatch's words, or the message itself.
        gateway_serial: The site, by the alarm's dimension; empty if it has none.
        region: Where the alarm is.
        metric: What it watches.
        received_at: When the function was told first, UTC.
    """

    id: str
    at: datetime
    alarm: str
    state: State | None
    description: str
    reason: str
    gateway_serial: str
    region: str
    metric: str
    received_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept until its letter is sent."""
        told = asdict(self)
        return told | {
            "at": self.at.isoformat(),
            "received_at": self.received_at.isoformat(),
            "state": self.state.value if self.state else "",
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Notice:
        """Return what was kept.

        Raises:
            KeyError: If it is something else.
            ValueError: If it is something else.
        """
        return cls(
            id=str(told["id"]),
            at=datetime.fromisoformat(told["at"]),
            alarm=str(told["alarm"]),
            state=State(told["state"]) if told["state"] else None,
            description=str(told["description"]),
            reason=str(told["reason"]),
            gateway_serial=str(told["gateway_serial"]),
            region=str(told["region"]),
            metric=str(told["metric"]),
            received_at=datetime.fromisoformat(told["received_at"]),
        )


def notice_of(record: Mapping[str, Any], *, now: datetime) -> Notice:
    """Return what an entry of the event's `Records` tells. Anything at all is borne: no message is lost.

    Args:
        record: The entry.
        now: This moment, UTC.
    """
    sns = record.get("Sns")
    sns = sns if isinstance(sns, dict) else {}
    text = str(sns.get("Message", ""))
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict) or not _is_alarm(message):
        return _other(sns, text, now)
    trigger = message.get("Trigger")
    trigger = trigger if isinstance(trigger, dict) else {}
    name, state = str(message["AlarmName"]), State(message["NewStateValue"])
    at = _datetime(message.get("StateChangeTime")) or now
    return Notice(
        id=_digest(str(message.get("AlarmArn") or name), state.value, at.isoformat()),
        at=at,
        alarm=_shown(name),
        state=state,
        description=_shown(message.get("AlarmDescription") or ""),
        reason=_shown(message.get("NewStateReason") or ""),
        gateway_serial=_shown(_dimension(trigger.get("Dimensions"))),
        region=_region(message),
        metric=_shown(trigger.get("MetricName") or ""),
        received_at=now,
    )


def _is_alarm(message: Mapping[str, Any]) -> bool:
    return isinstance(message.get("AlarmName"), str) and message.get("NewStateValue") in set(State)


def _other(sns: Mapping[str, Any], text: str, now: datetime) -> Notice:
    topic, published = str(sns.get("TopicArn", "")), str(sns.get("Timestamp", ""))
    return Notice(
        id=_digest(topic, str(sns.get("MessageId") or text), published),
        at=_datetime(published) or now,
        alarm="",
        state=None,
        description=_shown(sns.get("Subject") or ""),
        reason=visible(text, keep="\n")[:LONGEST_TEXT],
        gateway_serial="",
        region="",
        metric="",
        received_at=now,
    )


def _dimension(dimensions: object) -> str:
    """Return the gateway serial among an alarm's dimensions; CloudWatch writes their keys small."""
    for dimension in dimensions if isinstance(dimensions, list) else []:
        if isinstance(dimension, dict):
            small = {str(key).casefold(): value for key, value in dimension.items()}
            if small.get("name") == GATEWAY_DIMENSION:
                return str(small.get("value", ""))
    return ""


def _region(message: Mapping[str, Any]) -> str:
    # The message's Region is a name for people ("EU (London)"); the ARN has the code.
    parts = str(message.get("AlarmArn", "")).split(":")
    return _shown(parts[3] if len(parts) > 6 else "")


def _datetime(text: object) -> datetime | None:
    try:
        timestamp = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return timestamp.astimezone(UTC) if timestamp.tzinfo else None


def _shown(text: object) -> str:
    return visible(str(text))[:LONGEST_TEXT]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()[:24]
