"""The simulator's view of the site file: as it is now, or as it last was when it could be understood."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smarterise_ops.local import publisher
from smarterise_ops.local.publisher import TierWatch
from smarterise_sdk.domain.names import StackNames
from smarterise_sdk.domain.sites import Tier


class OneFile:
    """As much of S3 as is asked for: one file, that can change or be closed."""

    class exceptions:  # noqa: N801 -- boto3's own spelling
        """Where boto3 keeps a client's errors."""

        ClientError = ClientError

    def __init__(self) -> None:
        self.body = b""
        self.closed = False
        self.reads = 0

    def head_object(self, **_: str) -> dict[str, Any]:
        if self.closed:
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")
        return {"ETag": str(hash(self.body))}

    def get_object(self, **_: str) -> dict[str, Any]:
        self.reads += 1
        return {"ETag": str(hash(self.body)), "Body": io.BytesIO(self.body)}

    def put(self, tier: str) -> None:
        self.body = json.dumps({"schema_version": 1, "sites": {"AN54101471": {"tier": tier}}}).encode()


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> OneFile:
    monkeypatch.setattr(publisher, "TIERS_READ_EVERY_SECONDS", 0.0)
    return OneFile()


def tier_seen(watch: TierWatch) -> Tier:
    return watch.sites()["AN54101471"].tier


def test_a_change_is_seen_and_an_unchanged_file_is_not_read_again(file: OneFile) -> None:
    watch = TierWatch(file, StackNames())  # type: ignore[arg-type]  # stands in for the client
    file.put("CRITICAL")
    assert tier_seen(watch) is Tier.CRITICAL
    assert tier_seen(watch) is Tier.CRITICAL
    assert file.reads == 1
    file.put("NON_CRITICAL")
    assert tier_seen(watch) is Tier.NON_CRITICAL


@pytest.mark.parametrize("body", [b"", b"{", b'{"sites": {"AN54101471": {"tier": "URGENT"}}}'])
def test_a_file_that_cannot_be_used_changes_nothing(file: OneFile, body: bytes) -> None:
    watch = TierWatch(file, StackNames())  # type: ignore[arg-type]  # stands in for the client
    file.put("NON_CRITICAL")
    assert tier_seen(watch) is Tier.NON_CRITICAL
    file.body = body
    assert tier_seen(watch) is Tier.NON_CRITICAL
    file.put("CRITICAL")
    assert tier_seen(watch) is Tier.CRITICAL


def test_a_file_that_cannot_be_read_changes_nothing(file: OneFile) -> None:
    watch = TierWatch(file, StackNames())  # type: ignore[arg-type]  # stands in for the client
    file.put("CRITICAL")
    assert tier_seen(watch) is Tier.CRITICAL
    file.closed = True
    assert tier_seen(watch) is Tier.CRITICAL
