"""The pipeline of the stack: resources, IoT endpoint, simulated gateways and alarms."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_ops.local.clients import REGION, connect
from smarterise_ops.local.emulator.alarm_evaluator import AlarmEvaluator
from smarterise_ops.local.emulator.iot_endpoint import IotEndpoint, TopicRules
from smarterise_ops.local.provisioning.resources import make_alarms, make_operator, provision, sweep_now
from smarterise_ops.local.simulation.log_files import Logging
from smarterise_ops.local.simulation.measurements import SimulatedTime
from smarterise_ops.local.simulation.publisher import Publisher
from smarterise_ops.local.simulation.uploader import Uploader
from smarterise_sdk.domain.sites.model import Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smarterise_ops.local.servers.ftp import FtpLogin
    from smarterise_ops.local.simulation.fleet import SimulatedSite
    from smarterise_sdk.domain.stack.names import StackNames


_log = logging.getLogger(__name__)


class Pipeline:
    """The parts of the stack that run in the supervisor's process."""

    def __init__(
        self,
        *,
        endpoint: str,
        secret: str,
        database_url: str,
        ftp: FtpLogin,
        names: StackNames,
        fleet: Sequence[SimulatedSite],
    ) -> None:
        self._endpoint = endpoint
        self._database_url = database_url
        self._ftp = ftp
        self._names = names
        self._fleet = fleet
        self._clients = connect(endpoint, secret)
        self._iot = IotEndpoint(TopicRules(self._clients))
        self._running: list[Callable[[], None]] = []

    def build(self) -> None:
        """Create the schema and all resources except alarms."""
        from smarterise_lambdas.migrations.runner import migrate

        migrate(self._database_url)
        provision(self._clients, self._names, self._fleet, database_url=self._database_url, ftp=self._ftp)

    def start(self, *, seed: int, speed: float | None) -> None:
        """Start the IoT endpoint, the gateways and the alarm evaluation.

        Args:
            seed: Seed of the fleet.
            speed: Speed of simulated time; `None` starts no gateways.
        """
        self._iot.start()
        self._running.append(self._iot.stop)
        day = None if speed is None else SimulatedTime(datetime.now(UTC), speed)
        if day is not None:
            gateways = Publisher(self._fleet, self._iot.topics_url, self._names, seed=seed, day=day)
            gateways.start()
            self._running.append(gateways.stop)
        # The first call of a function is slow.
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        make_alarms(self._clients, self._names, self._fleet)
        if day is not None:
            loggers = Uploader(self._fleet, self._ftp, Logging(seed, day), started=self._sweep_at_once)
            loggers.start()
            self._running.append(loggers.stop)
        alarms = AlarmEvaluator(self._clients.cloudwatch)
        alarms.start()
        self._running.append(alarms.stop)

    def _sweep_at_once(self) -> None:
        """Run the scheduled sweeps once at the start."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for tier in (Tier.NON_CRITICAL, Tier.CRITICAL):  # first the sites without streaming
                sweep_now(self._clients, self._names, tier)
        except (BotoCoreError, ClientError) as error:  # the schedules retry
            _log.warning("the first sweep of the FTP server failed: %s", error)

    def _warm_up(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._clients.functions.invoke(
                FunctionName=self._names.site_config_manager, Payload=b'{"action": "get_config"}'
            )
        except (BotoCoreError, ClientError) as error:  # the next caller gets the error
            _log.warning("warm-up of %s failed: %s", self._names.site_config_manager, error)

    def stop(self) -> None:
        """Stop all parts in reverse order."""
        while self._running:
            self._running.pop()()

    def exports(self) -> dict[str, str]:
        """Return the environment variables for clients, as the stack's operator."""
        access_key, secret = make_operator(self._clients)
        return {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": REGION,
            "SMARTERISE_DATABASE_URL": self._database_url,
            **self._ftp.exports(),
            "SMARTERISE_MQTT_PUBLISH": self._iot.topics_url,
        }
