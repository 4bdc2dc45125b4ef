"""Load objects again through the pipeline's Lambda functions, in batches of limited size.

The result is known for each object even when the function fails during a batch or its response is lost:
the file ledger has the state of each file, and loading objects of the stream again is idempotent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from smarterise_sdk.aws.errors import is_outcome_unknown
from smarterise_sdk.domain.ingest.manager_api import IngestAction
from smarterise_sdk.domain.ingest.status import DataPath
from smarterise_sdk.domain.sites.plans import PlannedCall
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import AccessError, RemoteFault, SmarteriseError, Throttled
from smarterise_sdk.services.ingest.queries import IngestQuestions, rows_in, text, whole
from smarterise_sdk.services.sites.responses import unexpected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from smarterise_sdk.aws.broker import Broker, WriteGrant
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.settings.model import Settings

BATCH_BYTES: Final = {DataPath.STREAM: 4 * 1024 * 1024, DataPath.FTP: 16 * 1024 * 1024}
BATCH_KEYS: Final = {DataPath.STREAM: 200, DataPath.FTP: 50}
"""Most keys per invocation, chosen so that it ends well within a minute."""
WAIT_S: Final = 330.0
"""How long to wait for a function that may still be loading after its response was lost."""
_POLL_S: Final = 3.0
_DONE: Final = frozenset({"loaded", "rejected"})
_NAMES: Final = ("loaded", "identical", "superseded", "differing", "rejected")


@dataclass(slots=True)
class Loaded:
    """The result of loading objects.

    Attributes:
        done: Keys of objects that are loaded or in quarantine.
        failed: Reason of each failure, by key.
        rows: Number of readings by result: loaded, identical, superseded, differing, rejected.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_NAMES, 0))

    def add(self, other: Loaded) -> None:
        """Add the result of another batch."""
        self.done += other.done
        self.failed |= other.failed
        self.count(other.rows)

    def count(self, rows: JsonObject | dict[str, int]) -> None:
        """Add numbers of readings by result."""
        for name in _NAMES:
            value = rows.get(name)
            self.rows[name] += value if isinstance(value, int) else 0

    def summary(self) -> str:
        """Return the numbers of readings by result as text."""
        return ", ".join(f"{count:,} {name}" for name, count in self.rows.items() if count) or "no readings"


class ObjectLoading:
    """Loads objects through the pipeline's Lambda functions.

    Args:
        broker: The AWS broker, for reading.
        settings: Resource names.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self, broker: Broker, settings: Settings, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._names = settings.names
        self._questions = IngestQuestions(broker, settings)
        self._sleep = sleep

    def function(self, data_path: DataPath) -> str:
        """Return the name of the function that loads the objects of a data path."""
        return self._names.kinesis_to_s3_rds if data_path is DataPath.STREAM else self._names.s3_to_rds

    def announced(self, data_path: DataPath, batches: int) -> PlannedCall:
        """Return the planned call that loads a number of batches."""
        return PlannedCall("lambda:InvokeFunction", f"function {self.function(data_path)}", batches)

    def load(
        self,
        grant: WriteGrant,
        data_path: DataPath,
        keys: Sequence[str],
        *,
        reload: bool,
        bucket: str | None = None,
    ) -> Loaded:
        """Load objects and return the result of each.

        Args:
            grant: The write grant.
            data_path: Data path of the objects.
            keys: Object keys; at most one batch.
            reload: Whether to load files again that are already finalized.
            bucket: Bucket of the files; the function's default bucket if absent.

        Raises:
            AccessError: The function cannot be reached or the invocation is denied.
            SmarteriseError: The response is invalid.
        """
        unique = list(dict.fromkeys(keys))
        if data_path is DataPath.STREAM:
            return self._stream(grant, unique)
        return self._files(grant, unique, reload=reload, bucket=bucket)

    def _stream(self, grant: WriteGrant, keys: list[str]) -> Loaded:
        function, total = self._names.kinesis_to_s3_rds, Loaded()
        left = keys
        while left:
            try:
                response = grant.invoke(function, {"action": "load", "keys": list(left)})
            except SmarteriseError as error:
                if not isinstance(error, (RemoteFault, Throttled)) and not is_outcome_unknown(error):
                    raise
                total.failed |= dict.fromkeys(left, str(error))
                return total
            for row in rows_in(response, "objects", function):
                key, state = str(row.get("key")), text(row, "state")
                if state == "loaded":
                    total.done.append(key)
                else:
                    total.failed[key] = ": ".join(part for part in (state, text(row, "reason")) if part)
            rows = response.get("rows")
            total.count({**(rows if isinstance(rows, dict) else {}), "rejected": whole(response, "rejected")})
            further = response.get("left")
            rest = [str(key) for key in further] if isinstance(further, list) else []
            if len(rest) >= len(left):
                total.failed |= dict.fromkeys(rest, "the function had no time for it")
                return total
            left = rest
        return total

    def _files(self, grant: WriteGrant, keys: list[str], *, reload: bool, bucket: str | None) -> Loaded:
        event: JsonObject = {"action": "load", "keys": list(keys), "reload": reload}
        if bucket is not None:
            event["bucket"] = bucket
        function = self._names.s3_to_rds
        try:
            response = grant.invoke(function, event)
        except AccessError as error:
            if not is_outcome_unknown(error):
                raise
            return self._result_from_ledger(keys, error)
        except (RemoteFault, Throttled) as error:
            if len(keys) == 1:
                return self._result_from_ledger(keys, error)
            # Load each file on its own, so that one failure does not affect the others.
            total = Loaded()
            for key in keys:
                total.add(self._files(grant, [key], reload=reload, bucket=bucket))
            return total
        rows = rows_in(response, "files", function)
        if len(rows) != len(keys):
            unexpected(function, "files", f"{len(rows)} of {len(keys)}")
        return _loaded_in(keys, rows)

    def _result_from_ledger(self, keys: list[str], error: SmarteriseError) -> Loaded:
        """Return the result from the file ledger after a lost response, once loading has ended."""
        waited = 0.0
        while True:
            states = self._states(keys)
            if waited >= WAIT_S or "loading" not in states.values():
                break
            self._sleep(_POLL_S)
            waited += _POLL_S
        total = Loaded()
        for key in keys:
            if states.get(key) in _DONE:
                total.done.append(key)
            else:
                total.failed[key] = f"{states.get(key) or 'not taken up'}: {error}"
        return total

    def _states(self, keys: Sequence[str]) -> dict[str, str]:
        rows = self._questions.rows(IngestAction.FILES, keys=list(keys))
        # Rows come latest first; reversed, the latest version of a key wins.
        return {str(row.get("key")): text(row, "state") for row in reversed(list(rows))}


def batches(objects: Iterable[tuple[str, int]], data_path: DataPath) -> Iterator[list[str]]:
    """Yield objects in batches that a function can load in time.

    Args:
        objects: Key and size in bytes of each.
        data_path: Data path of the objects.
    """
    batch: list[str] = []
    size = 0
    for key, length in objects:
        if batch and (size + length > BATCH_BYTES[data_path] or len(batch) >= BATCH_KEYS[data_path]):
            yield batch
            batch, size = [], 0
        batch.append(key)
        size += length
    if batch:
        yield batch


def _loaded_in(keys: Sequence[str], rows: Sequence[JsonObject]) -> Loaded:
    total = Loaded()
    for key, row in zip(keys, rows, strict=True):
        state, reason = text(row, "state"), text(row, "reason")
        if state in _DONE:
            total.done.append(key)
            counts = row.get("rows")
            total.count(counts if isinstance(counts, dict) else {})
        else:
            total.failed[key] = visible(": ".join(part for part in (state, reason) if part))
    return total
