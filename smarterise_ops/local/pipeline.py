"""What joins the servers into the stack: resources, the IoT step, the simulated gateways, the alarms."""

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
    """The stack's moving parts, in this process."""

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
        """Make the schema and every resource but the alarms."""
        from smarterise_lambdas.migrations.runner import migrate

        migrate(self._database_url)
        provision(self._clients, self._names, self._fleet, database_url=self._database_url, ftp=self._ftp)

    def start(self, *, seed: int, speed: float | None) -> None:
        """Take messages, let the gateways speak, and judge alarms.

        Args:
            seed: The fleet's seed.
            speed: How many times as fast as real the gateways are; `None` keeps them silent.
        """
        self._iot.start()
        self._running.append(self._iot.stop)
        day = None if speed is None else SimulatedTime(datetime.now(UTC), speed)
        if day is not None:
            gateways = Publisher(self._fleet, self._iot.topics_url, self._names, seed=seed, day=day)
            gateways.start()
            self._running.append(gateways.stop)
        # The first call of a function is slow; who opens the console next need not wait for it.
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
        """Invoke what the schedules invoke, once, with their input: nobody waits for the full hour."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for tier in (Tier.NON_CRITICAL, Tier.CRITICAL):  # first those that have nothing else
                sweep_now(self._clients, self._names, tier)
        except (BotoCoreError, ClientError) as error:  # the schedules go on as ever
            _log.warning("the first sweep of the FTP server failed: %s", error)

    def _warm_up(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._clients.functions.invoke(
                FunctionName=self._names.site_config_manager, Payload=b'{"action": "get_config"}'
            )
        except (BotoCoreError, ClientError) as error:  # whoever calls it next is told
            _log.warning("%s could not be warmed up: %s", self._names.site_config_manager, error)

    def stop(self) -> None:
        """Stop everything, what was started last first."""
        while self._running:
            self._running.pop()()

    def exports(self) -> dict[str, str]:
        """Return the environment variables that point a client at the stack, as its operator."""
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
