"""`Stack`, the one door: everything an operator can ask of one environment.

Importing this module loads neither boto3 nor pydantic; each part loads when it is first used.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from smarterise_sdk.domain.ingest.manager_api import BACKFILL_CHANGE, QUARANTINE_CHANGE
from smarterise_sdk.domain.text import utc_text

if TYPE_CHECKING:
    from types import TracebackType

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.aws.session import ClientFactory
    from smarterise_sdk.checks.runner import Checks
    from smarterise_sdk.domain.json_text.types import JsonValue
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.changes import Changes
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.services.ingest.quarantine import Quarantine
    from smarterise_sdk.services.ingest.service import Ingest
    from smarterise_sdk.services.metrics import Metrics
    from smarterise_sdk.services.reconciliation import Reconciliation
    from smarterise_sdk.services.resolution import OutcomeResolver
    from smarterise_sdk.services.sites.service import Sites
    from smarterise_sdk.settings.model import Settings


class Stack:
    """One environment of the stack. Threads may share it; close it when done.

    Args:
        settings: Which environment, and what things are called there.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._factory: ClientFactory | None = None
        self._broker: Broker | None = None
        self._journal: Journal | None = None
        self._sites: Sites | None = None
        self._reconciliation: Reconciliation | None = None
        self._changes: Changes | None = None
        self._metrics: Metrics | None = None
        self._ingest: Ingest | None = None
        self._quarantine: Quarantine | None = None
        self._checks: Checks | None = None
        self._identity: Identity | None = None

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def broker(self) -> Broker:
        """The door to AWS: paced, counted, with the write gate."""
        return self._connection()[0]

    @property
    def journal(self) -> Journal:
        """The journal of changes made from this machine."""
        with self._lock:
            if self._journal is None:
                from smarterise_sdk.journal.store import Journal

                self._journal = Journal(self.settings.journal_dir, extra=_timestamp(self.settings))
            return self._journal

    @property
    def sites(self) -> Sites:
        """Sites: read them, plan a change, apply it."""
        with self._lock:
            if self._sites is None:
                from smarterise_sdk.services.sites.service import Sites

                self._sites = Sites(self.broker, self.settings, self.journal, identity=self.identity)
            return self._sites

    @property
    def reconciliation(self) -> Reconciliation:
        """What is to follow the site file: look where it does not, make it."""
        with self._lock:
            if self._reconciliation is None:
                from smarterise_sdk.services.reconciliation import Reconciliation

                self._reconciliation = Reconciliation(
                    self.broker, self.settings, self.journal, identity=self.identity
                )
            return self._reconciliation

    @property
    def changes(self) -> Changes:
        """Changes made from this machine: list them, take one back, settle one. Loads no boto3 by itself."""
        with self._lock:
            if self._changes is None:
                from smarterise_sdk.services.changes import Changes

                self._changes = Changes(
                    self.journal,
                    self.settings,
                    sites=lambda: self.sites,
                    settler=self._settler,
                    identity=self.identity,
                )
            return self._changes

    @property
    def metrics(self) -> Metrics:
        """What the meters measure."""
        with self._lock:
            if self._metrics is None:
                from smarterise_sdk.services.metrics import Metrics

                self._metrics = Metrics(self.broker, self.settings)
            return self._metrics

    @property
    def ingest(self) -> Ingest:
        """The ingest pipeline: how each road of each site is, what is missing, what can be loaded again."""
        with self._lock:
            if self._ingest is None:
                from smarterise_sdk.services.ingest.backfill import Backfilling
                from smarterise_sdk.services.ingest.service import Ingest

                backfilling = Backfilling(
                    self.broker,
                    self.settings,
                    self.journal,
                    sites=lambda: self.sites,
                    identity=self.identity,
                )
                self._ingest = Ingest(
                    self.broker, self.settings, sites=lambda: self.sites, backfilling=backfilling
                )
            return self._ingest

    @property
    def quarantine(self) -> Quarantine:
        """What could not be taken: look at it, replay it, discard it."""
        with self._lock:
            if self._quarantine is None:
                from smarterise_sdk.services.ingest.quarantine import Quarantine

                self._quarantine = Quarantine(
                    self.broker, self.settings, self.journal, identity=self.identity
                )
            return self._quarantine

    @property
    def checks(self) -> Checks:
        """The runbooks' checks."""
        with self._lock:
            if self._checks is None:
                from smarterise_sdk.checks.runner import Checks

                self._checks = Checks(self)
            return self._checks

    def identity(self) -> Identity:
        """Return who AWS says we are; asked by the first command of new credentials, then remembered.

        Raises:
            SmarteriseError: It could not be asked.
        """
        if self._identity is None:
            from smarterise_sdk.services.identity import RememberedIdentities, identity_for

            broker, factory = self._connection()
            # Not under the lock: the call may take seconds, and asking twice does no harm.
            self._identity = identity_for(broker, factory, RememberedIdentities(self.settings.state_dir))
        return self._identity

    def _settler(self) -> OutcomeResolver:
        from smarterise_sdk.services.resolution import OutcomeResolver

        return OutcomeResolver(
            self.broker,
            self.settings,
            self.journal,
            lookers={
                QUARANTINE_CHANGE: lambda plan: self.quarantine.observe(plan),
                BACKFILL_CHANGE: lambda plan: self.ingest.backfilling.observe(plan),
            },
            reconciliation=lambda: self.reconciliation,
            identity=self.identity,
        )

    def _connection(self) -> tuple[Broker, ClientFactory]:
        with self._lock:
            if self._broker is None or self._factory is None:
                from smarterise_sdk.aws.broker import Broker
                from smarterise_sdk.aws.session import ClientFactory

                self._factory = ClientFactory(self.settings)
                self._broker = Broker(self._factory, read_only=self.settings.read_only)
            return self._broker, self._factory

    def close(self) -> None:
        """Close every connection. The stack can be used again; it connects anew."""
        with self._lock:
            if self._factory is not None:
                self._factory.close()


def _timestamp(settings: Settings) -> dict[str, JsonValue]:
    """Return what every change of these settings is journalled with: where, and by whose leave."""
    until = settings.write_until
    unlock: JsonValue = (
        {"until": utc_text(until), "reason": settings.write_reason} if until is not None else None
    )
    return {"endpoint_url": settings.endpoint_url or "", "unlock": unlock}
