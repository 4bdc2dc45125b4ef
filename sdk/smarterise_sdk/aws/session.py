"""One boto3 session and its clients: the only place where either is made."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smarterise_sdk.errors import InvalidConfiguration, SmarteriseError

if TYPE_CHECKING:
    import boto3
    from botocore.client import BaseClient
    from botocore.config import Config

    from smarterise_sdk.settings.model import Settings

APP_ID = "smarterise-ops"
POOL_CONNECTIONS = 10
CONNECT_TIMEOUT_S = 3


@dataclass(frozen=True, slots=True)
class ClientTimeouts:
    """How long to wait for an answer and how often to ask.

    Attributes:
        read_timeout_s: Seconds without a byte after which the answer counts as lost.
        attempts: Requests in all, the first one included.
    """

    read_timeout_s: float
    attempts: int


READING = ClientTimeouts(read_timeout_s=15, attempts=3)
INVOKING = ClientTimeouts(read_timeout_s=70, attempts=1)
"""Longer than a function makes a caller wait, and never twice: a retry would run it again."""
WRITING = ClientTimeouts(read_timeout_s=15, attempts=1)
"""A write whose answer is lost is looked up, not repeated: a repetition would meet its own trace."""

TimeoutsOf = Callable[[str], ClientTimeouts]


def default_timeouts(service: str) -> ClientTimeouts:
    """Return how patient a service's reading client is."""
    return INVOKING if service == "lambda" else READING


class ClientFactory:
    """Makes the session and each client once, under a lock: sessions are not safe in threads.

    Args:
        settings: Profile, region and endpoint.
        timeouts: How patient the client of a service is.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        timeouts: TimeoutsOf = default_timeouts,
    ) -> None:
        self.settings = settings
        self._timeouts = timeouts
        self._observe: Callable[..., None] | None = None
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, bool], BaseClient] = {}

    def observe(self, listener: Callable[..., None]) -> None:
        """Have `listener` called after every request, as botocore's `needs-retry` event does.

        It counts for the clients made from now on.
        """
        self._observe = listener

    def client(self, service: str, *, writing: bool = False) -> BaseClient:
        """Return the client of a service, made on first use.

        Args:
            service: boto3's name of the service, e.g. `lambda`.
            writing: Whether the client is to ask exactly once.

        Raises:
            CredentialsError: The profile does not exist, or its credentials cannot be used.
            InvalidConfiguration: Region or endpoint cannot be used.
        """
        key = (service, writing)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(service, WRITING if writing else self._timeouts(service))
            return self._clients[key]

    def access_key_id(self) -> str | None:
        """Return the id of the access key that calls are signed with; `None` without credentials.

        Raises:
            SmarteriseError: The profile does not exist, or its credentials cannot be had.
        """
        with self._lock, _collector_paused():
            from smarterise_sdk.aws.errors import translate

            try:
                credentials = self._the_session().get_credentials()
                return credentials.get_frozen_credentials().access_key if credentials is not None else None
            except Exception as error:
                profile = self.settings.profile
                raise translate(error, action="finding credentials", target="", profile=profile) from error

    def close(self) -> None:
        """Close every client's connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
            self._session = None

    def _make(self, service: str, timeouts: ClientTimeouts) -> BaseClient:
        # The first import of boto3 happens here, and not before: it costs more than most commands.
        with _collector_paused():
            from smarterise_sdk.aws.errors import translate

            try:
                return self._client(service, timeouts)
            except SmarteriseError:
                raise
            except Exception as error:
                raise translate(
                    error, action=f"a connection to {service}", target="", profile=self.settings.profile
                ) from error

    def _client(self, service: str, timeouts: ClientTimeouts) -> BaseClient:
        session = self._the_session()
        if not session.region_name:
            raise InvalidConfiguration(
                "no AWS region is set",
                remedy="--region, AWS_REGION, or region = … in smarterise-ops.toml or ~/.aws/config",
            )
        client: BaseClient = session.client(
            service,  # type: ignore[call-overload]  # the stubs list services one by one
            endpoint_url=self.settings.endpoint_url,
            config=_config(timeouts),
        )
        if self._observe is not None:
            client.meta.events.register("needs-retry", self._observe)
        return client

    def _the_session(self) -> boto3.Session:
        if self._session is None:
            import boto3
            import botocore.session

            core = botocore.session.get_session()
            core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=utc_timestamp)
            self._session = boto3.Session(
                botocore_session=core,
                profile_name=self.settings.profile,
                region_name=self.settings.region,
            )
        return self._session


def _config(timeouts: ClientTimeouts) -> Config:
    from botocore.config import Config

    options: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": timeouts.attempts},
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": timeouts.read_timeout_s,
        "max_pool_connections": POOL_CONNECTIONS,
        "user_agent_appid": APP_ID,
    }
    return Config(**options)


def utc_timestamp(value: Any) -> datetime:
    """Return a moment from an answer of AWS, always in UTC.

    botocore's own parser gives local time, and takes some thirty times as long for the epoch numbers of
    which metrics are full.
    """
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC)
    from botocore.utils import parse_timestamp

    timestamp: datetime = parse_timestamp(value)
    return timestamp.astimezone(UTC)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector out of boto3's import and model loading: a quarter of their time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
