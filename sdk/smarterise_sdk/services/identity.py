"""Who AWS says we are; remembered on disk, so that only the first command of new credentials has to ask."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from smarterise_sdk.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.aws.session import ClientFactory

FILE_NAME = "identities.json"
KEPT_AT_MOST = 50
KEPT_FOR = timedelta(days=7)
"""An access key never changes hands, but whom it belongs to may be renamed."""
MAX_FILE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller.

    Attributes:
        account: AWS account id.
        arn: The caller's ARN.
        name: Short: the user, or the role and its session.
        region: The region that calls go to.
    """

    account: str
    arn: str
    name: str
    region: str


class RememberedIdentities:
    """Identities by credentials and endpoint, in one file for its owner's eyes.

    No access key id is in it, only a digest. A file that cannot be read, or written, is as good as none.

    Args:
        state_dir: The folder of what the tools remember.
        now: The clock, UTC.
    """

    def __init__(self, state_dir: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self.path = state_dir / FILE_NAME
        self._now = now

    def find(self, access_key_id: str, endpoint_url: str | None, region: str) -> Identity | None:
        """Return whose credentials these are at an endpoint, if that is remembered."""
        held = self._read().get(_key(access_key_id, endpoint_url))
        return identity_of(held["account"], held["arn"], region) if held is not None else None

    def keep(self, access_key_id: str, endpoint_url: str | None, identity: Identity) -> None:
        """Remember whose credentials these are at an endpoint."""
        told = {"account": identity.account, "arn": identity.arn, "at": self._now().isoformat()}
        others = list(self._read().items())[1 - KEPT_AT_MOST :]
        held = {**dict(others), _key(access_key_id, endpoint_url): told}
        draft = self.path.with_name(f"{FILE_NAME}.{os.getpid()}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 -- a descriptor, no path
                json.dump(held, stream)
            draft.replace(self.path)
        except OSError:
            # It costs the next command one question.
            return

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            with self.path.open("rb") as stream:
                held = json.loads(stream.read(MAX_FILE_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        entries = held.items() if isinstance(held, dict) else ()
        return {key: told for key, told in entries if self._is_good(told)}

    def _is_good(self, told: object) -> bool:
        if not isinstance(told, dict):
            return False
        texts = [told.get(name) for name in ("account", "arn", "at")]
        if not all(isinstance(text, str) and text for text in texts):
            return False
        try:
            age = self._now() - datetime.fromisoformat(str(told["at"]))
        except (ValueError, TypeError, OverflowError):
            return False
        return timedelta(0) <= age < KEPT_FOR


def identity_for(broker: Broker, factory: ClientFactory, memory: RememberedIdentities) -> Identity:
    """Return who is calling: remembered from these credentials' first command, else asked of AWS.

    Raises:
        SmarteriseError: It could not be asked.
    """
    settings = factory.settings
    region = settings.region or ""
    key = factory.access_key_id()
    remembered = memory.find(key, settings.endpoint_url, region) if key is not None else None
    if remembered is not None:
        return remembered
    identity = fetch_identity(broker, region)
    if key is not None:
        memory.keep(key, settings.endpoint_url, identity)
    return identity


def fetch_identity(broker: Broker, region: str) -> Identity:
    """Ask AWS who is calling.

    Raises:
        SmarteriseError: It could not be asked.
    """
    response = broker.call("sts", "get_caller_identity")
    return identity_of(str(response.get("Account", "")), str(response.get("Arn", "")), region)


def identity_of(account: str, arn: str, region: str) -> Identity:
    """Return the identity that an account and an ARN stand for."""
    return Identity(account, arn, short_name(arn), region)


def short_name(arn: str) -> str:
    """Return the telling end of an ARN: `user/ops/anna` is `anna`, `assumed-role/ops/anna` is `ops/anna`."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return (rest if kind == "assumed-role" else rest.rpartition("/")[2]) or kind


def _key(access_key_id: str, endpoint_url: str | None) -> str:
    return hashlib.sha256(f"{access_key_id}\n{endpoint_url or ''}".encode()).hexdigest()
