"""What is told together: notices wait in S3 until one invocation, the leader, has sent their letter.

Each notice is an object of its own, named by what it is, so that a storm contends for nothing and what is
delivered again is there already. Who leads is written in one document by compare-and-swap; the others leave
their notices and go. The leader looks once more after it has stepped down: a notice is left behind by nobody.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from smarterise_lambdas.alarm_notifier.sns_event import Notice
from smarterise_lambdas.shared.s3_document import SharedDocument
from smarterise_lambdas.shared.site_file import NOT_THERE, code_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.shared.s3_document import Found

PREFIX: Final = "alarm-notifier/"
PENDING: Final = f"{PREFIX}pending/"
STATE: Final = f"{PREFIX}state.json"
NOTICES_PER_EMAIL: Final = 5_000

REMEMBERED: Final = timedelta(hours=6)
"""SNS and Lambda deliver again within this."""
REMEMBERED_AT_MOST: Final = 20_000

FIRST_GAP: Final = timedelta(minutes=1)
LONGEST_GAP: Final = timedelta(minutes=5)
COUNTED: Final = timedelta(minutes=30)

_AT_ONCE = 16
_DELETED_AT_ONCE = 1000
_THERE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the document says.

    Attributes:
        leader: Who leads; empty for nobody.
        until: Until when, unless it steps down before.
        emails: When letters were sent, the newest last.
        told: When each notice was told, by its id.
    """

    leader: str
    until: datetime | None
    emails: tuple[datetime, ...]
    told: dict[str, datetime]

    def is_led(self, now: datetime) -> bool:
        """Return whether somebody leads."""
        return bool(self.leader) and self.until is not None and now < self.until

    def next_email(self, batching_window: timedelta, now: datetime) -> datetime:
        """Return when the next letter is due: soon when it is quiet, later the more there were lately."""
        lately = sum(now - sent < COUNTED for sent in self.emails)
        due = now + batching_window
        if not lately:
            return due
        gap: timedelta = min(LONGEST_GAP, FIRST_GAP * (1 << min(lately - 1, 10)))
        return max(due, self.emails[-1] + gap)

    def to_json(self) -> dict[str, Any]:
        """Return what is written down."""
        return {
            "schema_version": 1,
            "leader": self.leader,
            "until": self.until.isoformat() if self.until else "",
            "emails": [sent.isoformat() for sent in self.emails],
            "sent": {notice_id: at.isoformat() for notice_id, at in self.told.items()},
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Standing:
        """Return what was written down; what cannot be understood is as if nothing were."""
        try:
            return cls(
                leader=str(told["leader"]),
                until=datetime.fromisoformat(told["until"]) if told["until"] else None,
                emails=tuple(datetime.fromisoformat(sent) for sent in told["emails"]),
                told={str(key): datetime.fromisoformat(at) for key, at in told["sent"].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls("", None, (), {})


class BatchingWindow:
    """The notices that wait, and who sends them."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._document = SharedDocument(s3, bucket, STATE)

    def standing(self) -> Standing:
        """Return what the document says.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        return Standing.from_json(self._document.read().value)

    def leave(self, notices: Iterable[Notice]) -> None:
        """Leave notices to whoever leads; those that are there already stay as they are.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(self._leave, notices))

    def lead(self, me: str, *, now: datetime, until: datetime) -> bool:
        """Try to lead; return whether we do.

        Args:
            me: What tells this invocation from all others.
            now: This moment, UTC.
            until: When others may take over, should we be gone.

        Raises:
            Contended: If others changed the document each time.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """

        def edit(found: Found) -> dict[str, Any] | None:
            standing = Standing.from_json(found.value)
            if standing.is_led(now) and standing.leader != me:
                return None
            return Standing(me, until, standing.emails, standing.told).to_json()

        return Standing.from_json(self._document.change(edit)).leader == me

    def waiting(self, told: Iterable[str] = ()) -> list[str]:
        """Return the ids of notices that wait, less those that were told.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=PENDING)
        names = (entry["Key"] for page in pages for entry in page.get("Contents", []))
        ids = (name.removeprefix(PENDING).removesuffix(".json") for name in names)
        known = set(told)
        return [notice_id for notice_id in ids if notice_id not in known]

    def read(self, ids: Sequence[str]) -> list[Notice]:
        """Return notices that wait; one that cannot be understood is left out, and deleted with the rest.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return [notice for notice in threads.map(self._read, ids) if notice is not None]

    def step_down(self, me: str, told: Iterable[str], *, now: datetime, is_sent: bool) -> None:
        """Lead no longer, and write down what was told.

        Args:
            me: Who led.
            told: Ids of what was told.
            now: This moment, UTC.
            is_sent: Whether a letter was sent.

        Raises:
            Contended: If others changed the document each time.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        ids = list(told)

        def edit(found: Found) -> dict[str, Any]:
            standing = Standing.from_json(found.value)
            is_mine = standing.leader == me
            remembered = {key: at for key, at in standing.told.items() if now - at < REMEMBERED}
            remembered |= dict.fromkeys(ids, now)
            kept = dict(sorted(remembered.items(), key=lambda item: item[1])[-REMEMBERED_AT_MOST:])
            emails = (*standing.emails, now) if is_sent else standing.emails
            return Standing(
                leader="" if is_mine else standing.leader,
                until=None if is_mine else standing.until,
                emails=tuple(sent for sent in emails if now - sent < COUNTED),
                told=kept,
            ).to_json()

        self._document.change(edit)

    def forget(self, ids: Sequence[str]) -> None:
        """Delete notices that were told.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            some = ids[start : start + _DELETED_AT_ONCE]
            self._s3.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": _key(notice_id)} for notice_id in some], "Quiet": True},
            )

    def _leave(self, notice: Notice) -> None:
        body = json.dumps(notice.to_json()).encode("ascii")
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=_key(notice.id),
                Body=body,
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if code_of(error) not in _THERE:
                raise

    def _read(self, notice_id: str) -> Notice | None:
        try:
            with self._s3.get_object(Bucket=self._bucket, Key=_key(notice_id))["Body"] as stream:
                return Notice.from_json(json.loads(stream.read()))
        except ClientError as error:
            if code_of(error) in NOT_THERE:
                return None  # another leader was here
            raise
        except (KeyError, TypeError, ValueError):
            return None


def _key(notice_id: str) -> str:
    return f"{PENDING}{notice_id}.json"
