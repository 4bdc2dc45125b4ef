"""What joins the servers into the stack: resources, the IoT step, the simulated gateways, the alarms."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from smarterise_ops.local.alarm_evaluator import AlarmEvaluator
from smarterise_ops.local.aws_server import REGION
from smarterise_ops.local.clients import connect
from smarterise_ops.local.iot_step import IotEndpoint, TopicRules
from smarterise_ops.local.provision import make_alarms, make_operator, provision
from smarterise_ops.local.publisher import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smarterise_ops.local.fleet import SimulatedSite
    from smarterise_sdk.domain.names import StackNames


_log = logging.getLogger(__name__)


class Pipeline:
    """The stack's moving parts, in this process."""

    def __init__(
        self,
        *,
        endpoint: str,
        secret: str,
        database_url: str,
        names: StackNames,
        fleet: Sequence[SimulatedSite],
    ) -> None:
        self._endpoint = endpoint
        self._database_url = database_url
        self._names = names
        self._fleet = fleet
        self._clients = connect(endpoint, secret)
        self._iot = IotEndpoint(TopicRules(self._clients))
        self._running: list[Callable[[], None]] = []

    def build(self) -> None:
        """Make the schema and every resource but the alarms."""
        from smarterise_lambdas.migrations.runner import migrate

        migrate(self._database_url)
        provision(self._clients, self._names, self._fleet, self._database_url)

    def start(self, *, seed: int, speed: float | None) -> None:
        """Take messages, let the gateways speak, and judge alarms.

        Args:
            seed: The fleet's seed.
            speed: How many times as fast as real the gateways are; `None` keeps them silent.
        """
        self._iot.start()
        self._running.append(self._iot.stop)
        if speed is not None:
            gateways = Publisher(self._fleet, self._iot.topics_url, self._names, seed=seed, speed=speed)
            gateways.start()
            self._running.append(gateways.stop)
        # The first call of a function is slow; who opens the console next need not wait for it.
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        make_alarms(self._clients, self._names, self._fleet)
        alarms = AlarmEvaluator(self._clients.cloudwatch)
        alarms.start()
        self._running.append(alarms.stop)

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
            "SMARTERISE_MQTT_PUBLISH": self._iot.topics_url,
        }
