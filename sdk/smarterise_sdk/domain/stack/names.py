"""Names of the resources of a stack: defaults that can be overridden per environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.functions import FUNCTIONS

if TYPE_CHECKING:
    from datetime import datetime

METRIC_NAMESPACE = "SmartMeterMetrics"
GATEWAY_DIMENSION = "GatewaySerial"


@dataclass(frozen=True, slots=True)
class StackNames:
    """Names of the resources of one stack."""

    site_config_bucket: str = "smarterise-site-config"
    site_config_key: str = "site-tiers.json"
    data_lake_bucket: str = "smarterise-data-lake-raw"
    site_config_manager: str = FUNCTIONS["site_config_manager"].name
    ftp_to_s3: str = FUNCTIONS["ftp_to_s3"].name
    s3_to_rds: str = FUNCTIONS["s3_to_rds"].name
    kinesis_to_s3_rds: str = FUNCTIONS["kinesis_to_s3_rds"].name
    alarm_notifier: str = FUNCTIONS["alarm_notifier"].name
    ingest_manager: str = FUNCTIONS["ingest_manager"].name
    migrate_database: str = FUNCTIONS["migrate_database"].name
    ftp_secret: str = "smarterise/ftp"  # noqa: S105 -- the name of one
    critical_rule_prefix: str = "critical-sites"
    non_critical_rule_prefix: str = "non-critical-sites"
    stream: str = "device-data-stream"
    topic_prefix: str = "accuenergy"
    topic_rule: str = "accuenergy_to_kinesis"
    alert_topic: str = "smarterise-alerts"
    metric_namespace: str = METRIC_NAMESPACE
    alarm_prefix: str = "smartmeter"
    api_log_group: str = "/aws/ecs/api_service"

    @property
    def functions(self) -> tuple[str, ...]:
        """Every function of the stack."""
        return tuple(getattr(self, key) for key in FUNCTIONS)

    @property
    def log_groups(self) -> tuple[str, ...]:
        """All log groups of the stack."""
        return (*(self.log_group(function) for function in self.functions), self.api_log_group)

    def log_group(self, function: str) -> str:
        """Return the log group of a function."""
        return f"/aws/lambda/{function}"

    def role(self, function: str) -> str:
        """Return the execution role of a function."""
        return f"{function}-role"

    def role_policy(self, function: str) -> str:
        """Return the inline policy of a function's role."""
        return f"{function}-policy"

    def topic(self, gateway_serial: str) -> str:
        """Return the MQTT topic on which a gateway publishes."""
        return f"{self.topic_prefix}/{gateway_serial}"

    def alarm(self, gateway_serial: str, rule: str) -> str:
        """Return the name of a site's alarm, e.g. `smartmeter-AN54101471-voltage-low`."""
        return f"{self.alarm_prefix}-{gateway_serial}-{rule}"

    def site_of_alarm(self, alarm: str) -> tuple[str, str] | None:
        """Return the gateway serial and rule in an alarm name; `None` for the name of another alarm."""
        prefix = f"{self.alarm_prefix}-"
        # A serial contains no hyphen.
        serial, _, rule = alarm.removeprefix(prefix).partition("-")
        return (serial, rule) if alarm.startswith(prefix) and serial and rule else None

    def rule_prefix(self, tier: Tier) -> str:
        """Return the name prefix of a tier's EventBridge rules."""
        return self.critical_rule_prefix if tier is Tier.CRITICAL else self.non_critical_rule_prefix

    def sweep_rule(self, tier: Tier) -> str:
        """Return the EventBridge rule of a tier's FTP sweep, e.g. `critical-sites-ftp-sweep`."""
        return f"{self.rule_prefix(tier)}-ftp-sweep"


def raw_data_lake_key(source: str, at: datetime, gateway_serial: str, batch: str) -> str:
    """Return the key of a raw object in the data lake (Hive-style partitions, for Athena).

    Args:
        source: `iot` or `ftp`.
        at: Time of the partition, UTC.
        gateway_serial: The gateway.
        batch: Unique name among objects of the same gateway and hour.
    """
    return f"raw/source={source}/dt={at:%Y-%m-%d}/hour={at:%H}/{gateway_serial}/{batch}.json.gz"


def quarantine_key(source: str, at: datetime, reason: str, batch: str) -> str:
    """Return the quarantine key of rejected input."""
    return f"quarantine/source={source}/dt={at:%Y-%m-%d}/reason={reason}/{batch}.json.gz"
