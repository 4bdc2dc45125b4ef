"""Every call to AWS goes through here: paced, joined, counted, priced; writes only for a plan.

Threads may share a broker. Answers are shared too: leave them as they are.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from smarterise_sdk.aws.errors import translate
from smarterise_sdk.aws.lambda_payload import encoded, payload_of
from smarterise_sdk.aws.operations import (
    INVOKE,
    INVOKE_KEY,
    READS,
    WRITES,
    Operation,
    OperationKey,
    may_invoke,
)
from smarterise_sdk.aws.rate_limit import TokenBucket
from smarterise_sdk.aws.single_flight import SingleFlight
from smarterise_sdk.aws.usage import BrokerStats, Ledger
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidDocument, WriteRefused
from smarterise_sdk.settings.model import EnvironmentKind, Source
from smarterise_sdk.settings.unlock import Unlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from smarterise_sdk.aws.session import ClientFactory
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.plans import Plan
    from smarterise_sdk.settings.model import Settings

Response = dict[str, Any]

MAX_BODY_BYTES = 64 * 1024 * 1024
"""No object that this SDK reads whole is larger."""
CHUNK_BYTES = 1024 * 1024


class Broker:
    """The one door to AWS.

    Args:
        factory: Makes the clients.
        read_only: Whether the write gate stays shut.
        rates: Calls a second for single operations, instead of the table's.
        clock: Monotonic seconds.
        sleep: Waits for a number of seconds.
        now: The clock on the wall, by which an unlock ends.
    """

    def __init__(
        self,
        factory: ClientFactory,
        *,
        read_only: bool,
        rates: Mapping[OperationKey, float] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._factory = factory
        self._now = now
        self._read_only = read_only
        self._rates = rates
        self._clock = clock
        self._sleep = sleep
        self._ledger = Ledger(clock)
        self._single_flight: SingleFlight[Response] = SingleFlight()
        self._buckets: dict[OperationKey, TokenBucket] = {}
        self._lock = threading.Lock()
        factory.observe(self._ledger.attempted)

    def call(self, service: str, operation: str, /, **params: Any) -> Response:
        """Make a reading call and return its answer, streams read whole.

        Args:
            service: boto3's name of the service, e.g. `s3`.
            operation: boto3's name of the method, e.g. `get_object`.
            **params: The call's parameters, as boto3 takes them.

        Raises:
            WriteRefused: The operation is not among the known reads.
            SmarteriseError: Whatever went wrong, see `errors`.
        """
        known = READS.get((service, operation))
        if known is None:
            raise WriteRefused(
                f"{service}.{operation} is not among the calls that only read",
                why="everything else goes through a plan",
                code="NOT_A_READ",
            )
        return self._single_flight.run(
            (service, operation, repr(sorted(params.items()))),
            lambda: self._send((service, operation), known, params),
        )

    def invoke(self, function: str, payload: JsonObject) -> JsonObject:
        """Ask one of the two managers for what it only reads, or for a rehearsal, and return its reply.

        Raises:
            WriteRefused: The payload, or the function, may change something.
            RemoteFault: The function failed, or its reply makes no sense.
            SmarteriseError: Whatever else went wrong, see `errors`.
        """
        if not may_invoke(function, payload, self._factory.settings.names):
            raise WriteRefused(
                f"invoking {visible(function)} with this payload may change something",
                why="everything but reading and rehearsing goes through a plan",
                code="NOT_A_READ",
            )
        body = encoded(payload)
        response = self._single_flight.run(
            (*INVOKE_KEY, function, body),
            lambda: self._invoke(function, body),
        )
        return payload_of(function, response, self._log_group(function))

    @contextmanager
    def writing(self, plan: Plan) -> Iterator[WriteGrant]:
        """Open the write gate for a plan, for as long as the `with` block lasts.

        Raises:
            WriteRefused: This is read-only, or the plan is for another environment.
        """
        self.check_may_write(plan)
        grant = WriteGrant(self, plan)
        try:
            yield grant
        finally:
            grant.close()

    def check_may_write(self, plan: Plan) -> None:
        """Refuse what the write gate would refuse, before anything is done.

        Raises:
            WriteRefused: This is read-only, or the plan is for another environment.
        """
        self.check_is_open(plan)
        environment = self._factory.settings.environment.name
        if plan.environment != environment:
            raise WriteRefused(
                f"the plan is for environment {plan.environment}, this is {environment}",
                remedy="plan again here",
                code="WRONG_ENVIRONMENT",
            )

    def check_is_open(self, plan: Plan) -> None:
        """Refuse while nothing may be written here, by the clock and the unlock of this very moment.

        Raises:
            WriteRefused: This is read-only, or the unlock has ended.
        """
        settings = self._factory.settings
        name = settings.environment.name
        if self._read_only:
            origin = settings.origins.get("read_only")
            raise WriteRefused(
                f"environment {name} is read-only here: {plan.title} was not tried",
                why=f"from {origin}" if origin else "",
                remedy=_way_to_write(settings),
            )
        if settings.write_until is None or Unlocks(settings.state_dir).current(name, self._now()):
            return
        raise WriteRefused(
            f"the unlock of environment {name} is over: {plan.title} was not tried",
            why=f"it was until {settings.write_until:%H:%MZ}, unless it was locked again before",
            remedy=f"give leave anew: {settings.unlock_command}",
        )

    def stats(self) -> BrokerStats:
        """Return what was asked of AWS so far."""
        return self._ledger.stats(self._single_flight.joined)

    def _write(self, key: OperationKey, operation: Operation, params: Mapping[str, Any]) -> Response:
        self._single_flight.separate()
        try:
            return self._send(key, operation, params, writing=True)
        finally:
            self._single_flight.separate()

    def _invoke(self, function: str, body: bytes) -> Response:
        return self._send(INVOKE_KEY, INVOKE, _invocation(function, body))

    def _send(
        self, key: OperationKey, operation: Operation, params: Mapping[str, Any], *, writing: bool = False
    ) -> Response:
        service, method = key
        client = self._factory.client(service, writing=writing and service != "lambda")
        self._sleep_if_needed(self._bucket(key, operation).reserve())
        started = self._clock()
        target = operation.target_of(params)
        try:
            response: Response = getattr(client, method)(**params)
            if operation.body is not None:
                response[operation.body] = _read_whole(response[operation.body], target)
        except Exception as error:
            action, profile = operation.action_of(params), self._factory.settings.profile
            raise translate(error, action=action, target=target, profile=profile) from error
        finally:
            self._ledger.answered(self._clock() - started, operation.price_of(params))
        return response

    def _bucket(self, key: OperationKey, operation: Operation) -> TokenBucket:
        with self._lock:
            if key not in self._buckets:
                rate = self._rates.get(key, operation.rate)
                self._buckets[key] = TokenBucket(rate, operation.burst, self._clock)
            return self._buckets[key]

    def _sleep_if_needed(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)

    def _log_group(self, function: str) -> str:
        return self._factory.settings.names.log_group(function)


class WriteGrant:
    """Leave to make the writes that a plan announced, and no others. `Broker.writing` hands it out.

    Attributes:
        request_ids: AWS request ids of the writes made, in their order.
        received_at: When AWS answered the last of them, by its own clock; `None` before the first.
    """

    def __init__(self, broker: Broker, plan: Plan) -> None:
        self.request_ids: list[str] = []
        self.received_at: datetime | None = None
        self._broker = broker
        self._announced = {(call.action, call.target) for call in plan.calls}
        self._plan = plan
        self._is_open = True

    def call(self, service: str, operation: str, /, **params: Any) -> Response:
        """Make a writing call that the plan announced; it is sent once and never repeated.

        Raises:
            WriteRefused: It is no known write, the plan does not announce it, or the grant is closed.
            SmarteriseError: Whatever went wrong, see `errors`.
        """
        known = WRITES.get((service, operation))
        if known is None:
            raise WriteRefused(f"{service}.{operation} is not among the known writes", code="UNKNOWN_WRITE")
        self._check_announced(known, params)
        return self._noted(self._broker._write((service, operation), known, params))

    def invoke(self, function: str, payload: JsonObject) -> JsonObject:
        """Invoke a function for a write that the plan announced, once, and return its reply.

        Raises:
            WriteRefused: The plan does not announce it, or the grant is closed.
            RemoteFault: The function failed; it may have written before.
            SmarteriseError: Whatever else went wrong, see `errors`.
        """
        params = _invocation(function, encoded(payload, in_order=False))
        self._check_announced(INVOKE, params)
        response = self._noted(self._broker._write(INVOKE_KEY, INVOKE, params))
        return payload_of(function, response, self._broker._log_group(function))

    def close(self) -> None:
        """Take the leave back."""
        self._is_open = False

    def _check_announced(self, operation: Operation, params: Mapping[str, Any]) -> None:
        target = operation.target_of(params)
        self._broker.check_is_open(self._plan)
        if not self._is_open:
            raise WriteRefused(f"the leave for plan {self._plan.plan_id} has ended", code="GRANT_CLOSED")
        if (operation.action, target) not in self._announced:
            raise WriteRefused(
                f"plan {self._plan.plan_id} does not announce {operation.action} on {target}",
                code="NOT_ANNOUNCED",
            )

    def _noted(self, response: Response) -> Response:
        metadata = response.get("ResponseMetadata", {})
        if metadata.get("RequestId"):
            self.request_ids.append(metadata["RequestId"])
        self.received_at = _datetime(metadata.get("HTTPHeaders", {}).get("date", "")) or self.received_at
        return response


def _datetime(date: str) -> datetime | None:
    """Return the moment of a `Date` header, UTC; `None` for none."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        return None


def _way_to_write(settings: Settings) -> str:
    origin = settings.origins.get("read_only")
    if origin is not None and origin.source in (Source.FLAG, Source.VARIABLE):
        return f"to write, leave out {origin.detail}"
    if settings.environment.kind is EnvironmentKind.PRODUCTION:
        return f"give leave for a while: {settings.unlock_command}"
    return (
        "to write: --no-read-only or SMARTERISE_READ_ONLY=false for one command, "
        f"or read_only = false under [environments.{settings.environment.name}]"
    )


def _invocation(function: str, body: bytes) -> Response:
    return {"FunctionName": function, "InvocationType": "RequestResponse", "Payload": body}


def _read_whole(stream: Any, target: str) -> bytes:
    chunks: list[bytes] = []
    left = MAX_BODY_BYTES
    with closing(stream):
        # To the very end: only the read that finds nothing more tells whether the body was cut short.
        while chunk := stream.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise InvalidDocument(
                    f"{target} is larger than {MAX_BODY_BYTES // 1024**2} MiB, which nothing of ours is",
                    code="TOO_LARGE",
                )
            chunks.append(chunk)
    return b"".join(chunks)
