"""Parses SNS records into notices: CloudWatch alarm state changes, and any other message."""

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

MAX_TEXT_LENGTH: Final = 2000
"""Longer texts are cut. CloudWatch's state reasons have at most 1,024 characters."""


class State(StrEnum):
    """State of a CloudWatch alarm."""

    ALARM = "ALARM"
    OK = "OK"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Notice:
    """One published message.

    Attributes:
        id: Deterministic id: the same for each delivery of the same message.
        at: When the alarm changed state, or the message was published, UTC.
        alarm: The alarm's name; empty for a message that is not from an alarm.
        state: The alarm's new state; `None` for any other message.
        description: The alarm's description, or the message's subject.
        reason: CloudWatch's state reason, or the message text.
        gateway_serial: The site, from the alarm's dimension; empty if it has none.
        region: AWS region of the alarm.
        metric: Metric of the alarm.
        received_at: When the function first received it, UTC.
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
        """Return the JSON object stored until the e-mail is sent."""
        return asdict(self) | {
            "at": self.at.isoformat(),
            "received_at": self.received_at.isoformat(),
            "state": self.state.value if self.state else "",
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Notice:
        """Return the notice of a stored JSON object.

        Raises:
            KeyError: If a field is missing.
            ValueError: If a field is invalid.
        """
        return cls(
            id=str(data["id"]),
            at=datetime.fromisoformat(data["at"]),
            alarm=str(data["alarm"]),
            state=State(data["state"]) if data["state"] else None,
            description=str(data["description"]),
            reason=str(data["reason"]),
            gateway_serial=str(data["gateway_serial"]),
            region=str(data["region"]),
            metric=str(data["metric"]),
            received_at=datetime.fromisoformat(data["received_at"]),
        )


def notice_of(record: Mapping[str, Any], *, now: datetime) -> Notice:
    """Return the notice of an entry of the event's `Records`. Accepts any input, so that no message is lost.

    Args:
        record: The entry.
        now: Current time, UTC.
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
        alarm=_clean(name),
        state=state,
        description=_clean(message.get("AlarmDescription") or ""),
        reason=_clean(message.get("NewStateReason") or ""),
        gateway_serial=_clean(_dimension(trigger.get("Dimensions"))),
        region=_region(message),
        metric=_clean(trigger.get("MetricName") or ""),
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
        description=_clean(sns.get("Subject") or ""),
        reason=visible(text, keep="\n")[:MAX_TEXT_LENGTH],
        gateway_serial="",
        region="",
        metric="",
        received_at=now,
    )


def _dimension(dimensions: object) -> str:
    """Return the gateway serial among an alarm's dimensions; CloudWatch's messages lower-case the keys."""
    for dimension in dimensions if isinstance(dimensions, list) else []:
        if isinstance(dimension, dict):
            lowered = {str(key).casefold(): value for key, value in dimension.items()}
            if lowered.get("name") == GATEWAY_DIMENSION:
                return str(lowered.get("value", ""))
    return ""


def _region(message: Mapping[str, Any]) -> str:
    # The message's Region is a display name ("EU (London)"); the ARN has the region code.
    parts = str(message.get("AlarmArn", "")).split(":")
    return _clean(parts[3] if len(parts) > 6 else "")


def _datetime(text: object) -> datetime | None:
    try:
        timestamp = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return timestamp.astimezone(UTC) if timestamp.tzinfo else None


def _clean(text: object) -> str:
    return visible(str(text))[:MAX_TEXT_LENGTH]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()[:24]
