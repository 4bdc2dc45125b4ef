"""Batches notices in S3 until the elected leader sends one e-mail.

Each notice is an object whose key is made from its content: concurrent invocations do not contend, and a
redelivered notice has the same key. The leader is elected in one document by compare-and-swap; other
invocations store their notices and end. After stepping down the leader checks for notices stored since, so
that none is left unsent.
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
from smarterise_lambdas.shared.s3_errors import CONFLICT, NOT_FOUND, PRECONDITION_FAILED, code_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.shared.s3_document import Found

PREFIX: Final = "alarm-notifier/"
PENDING: Final = f"{PREFIX}pending/"
STATE: Final = f"{PREFIX}state.json"
NOTICES_PER_EMAIL: Final = 5_000

DEDUP_PERIOD: Final = timedelta(hours=6)
"""SNS and Lambda redeliver within this time; ids of sent notices are kept for as long."""
DEDUP_LIMIT: Final = 20_000

FIRST_INTERVAL: Final = timedelta(minutes=1)
LONGEST_INTERVAL: Final = timedelta(minutes=5)
RECENT_PERIOD: Final = timedelta(minutes=30)

_THREADS = 16
_KEYS_PER_DELETE = 1000
_EXISTS = PRECONDITION_FAILED | CONFLICT
"""The same notice was stored, or is being stored or deleted, by another invocation."""


@dataclass(frozen=True, slots=True)
class BatchingState:
    """The state document: leader, recent e-mails and sent notices.

    Attributes:
        leader: Invocation id of the leader; empty if there is none.
        until: When the leader's lease expires.
        emails: When e-mails were sent, the latest last.
        sent: When each notice was sent, by notice id.
    """

    leader: str
    until: datetime | None
    emails: tuple[datetime, ...]
    sent: dict[str, datetime]

    def is_led(self, now: datetime) -> bool:
        """Return whether a leader holds an unexpired lease."""
        return bool(self.leader) and self.until is not None and now < self.until

    def next_email(self, batching_window: timedelta, now: datetime) -> datetime:
        """Return when the next e-mail is due: the interval grows with the number of recent e-mails."""
        recent = sum(now - at < RECENT_PERIOD for at in self.emails)
        due = now + batching_window
        if not recent:
            return due
        interval: timedelta = min(LONGEST_INTERVAL, FIRST_INTERVAL * (1 << min(recent - 1, 10)))
        return max(due, self.emails[-1] + interval)

    def to_json(self) -> dict[str, Any]:
        """Return the document to store."""
        return {
            "schema_version": 1,
            "leader": self.leader,
            "until": self.until.isoformat() if self.until else "",
            "emails": [at.isoformat() for at in self.emails],
            "sent": {notice_id: at.isoformat() for notice_id, at in self.sent.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> BatchingState:
        """Return the state of a stored document; an empty state if it is invalid."""
        try:
            return cls(
                leader=str(data["leader"]),
                until=datetime.fromisoformat(data["until"]) if data["until"] else None,
                emails=tuple(datetime.fromisoformat(at) for at in data["emails"]),
                sent={str(key): datetime.fromisoformat(at) for key, at in data["sent"].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls("", None, (), {})


class BatchingWindow:
    """The pending notices in S3, and the election of the invocation that sends them."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._document = SharedDocument(s3, bucket, STATE)

    def state(self) -> BatchingState:
        """Return the current state document.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        return BatchingState.from_json(self._document.read().value)

    def add(self, notices: Iterable[Notice]) -> None:
        """Store notices for the leader; existing ones are not overwritten.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(self._add, notices))

    def try_lead(self, invocation_id: str, *, now: datetime, until: datetime) -> bool:
        """Try to become the leader; return whether this invocation leads.

        Args:
            invocation_id: Id of this invocation.
            now: Current time, UTC.
            until: When the lease expires and another invocation may lead.

        Raises:
            Contended: If every attempt conflicted with another writer.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """

        def edit(found: Found) -> dict[str, Any] | None:
            state = BatchingState.from_json(found.value)
            if state.is_led(now) and state.leader != invocation_id:
                return None
            return BatchingState(invocation_id, until, state.emails, state.sent).to_json()

        return BatchingState.from_json(self._document.change(edit)).leader == invocation_id

    def pending(self, sent: Iterable[str] = ()) -> list[str]:
        """Return the ids of pending notices, except those already sent.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=PENDING)
        names = (entry["Key"] for page in pages for entry in page.get("Contents", []))
        ids = (name.removeprefix(PENDING).removesuffix(".json") for name in names)
        known = set(sent)
        return [notice_id for notice_id in ids if notice_id not in known]

    def read(self, ids: Sequence[str]) -> list[Notice]:
        """Return pending notices, without those that are invalid or already deleted.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        with ThreadPoolExecutor(_THREADS) as threads:
            return [notice for notice in threads.map(self._read, ids) if notice is not None]

    def step_down(self, invocation_id: str, sent_ids: Iterable[str], *, now: datetime, is_sent: bool) -> None:
        """Give up leadership, and record the notices that were sent.

        Args:
            invocation_id: Id of the leader.
            sent_ids: Ids of the notices sent.
            now: Current time, UTC.
            is_sent: Whether an e-mail was sent.

        Raises:
            Contended: If every attempt conflicted with another writer.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        ids = list(sent_ids)

        def edit(found: Found) -> dict[str, Any]:
            state = BatchingState.from_json(found.value)
            is_mine = state.leader == invocation_id
            sent = {key: at for key, at in state.sent.items() if now - at < DEDUP_PERIOD}
            sent |= dict.fromkeys(ids, now)
            sent = dict(sorted(sent.items(), key=lambda item: item[1])[-DEDUP_LIMIT:])
            emails = (*state.emails, now) if is_sent else state.emails
            return BatchingState(
                leader="" if is_mine else state.leader,
                until=None if is_mine else state.until,
                emails=tuple(at for at in emails if now - at < RECENT_PERIOD),
                sent=sent,
            ).to_json()

        self._document.change(edit)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete pending notices.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        for start in range(0, len(ids), _KEYS_PER_DELETE):
            batch = ids[start : start + _KEYS_PER_DELETE]
            self._s3.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": _key(notice_id)} for notice_id in batch], "Quiet": True},
            )

    def _add(self, notice: Notice) -> None:
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
            if code_of(error) not in _EXISTS:
                raise

    def _read(self, notice_id: str) -> Notice | None:
        try:
            with self._s3.get_object(Bucket=self._bucket, Key=_key(notice_id))["Body"] as stream:
                return Notice.from_json(json.loads(stream.read()))
        except ClientError as error:
            if code_of(error) in NOT_FOUND:
                return None  # deleted by another leader
            raise
        except (KeyError, TypeError, ValueError):
            return None


def _key(notice_id: str) -> str:
    return f"{PENDING}{notice_id}.json"
