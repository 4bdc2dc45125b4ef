"""The stack's Lambda functions: names, policies and environment; deployed from the project's sources."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_ops.local.provisioning import policies
from smarterise_sdk.domain.stack.functions import FUNCTIONS

if TYPE_CHECKING:
    from smarterise_ops.local.clients import Clients
    from smarterise_sdk.domain.stack.functions import FunctionSpec
    from smarterise_sdk.domain.stack.names import StackNames

RUNTIME: Final = "python3.12"
REFRESH_SECONDS = 2
"""Interval at which the stream function checks the site file; on AWS 15 s."""
SENDER: Final = "alarms@smarterise.example"
RECIPIENT: Final = "on-call@smarterise.example"
BATCHING_SECONDS = 3
"""Batching window of alarm notifications; on AWS 10 s."""
QUIET_SECONDS, STABILITY_SECONDS = 3, 2
"""Quiet time and stability window of log files; on AWS 120 s and 15 s."""
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Outside:
    """External services of the functions.

    Attributes:
        database_url: The database, with its password.
        ftp_url: The file server, without user and password.
        ftp_secret_arn: The secret with user and password.
    """

    database_url: str
    ftp_url: str
    ftp_secret_arn: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function to deploy.

    Attributes:
        name: Its deployed name.
        spec: Its code and size.
        policy: The policy of its role.
        environment: Its environment variables.
    """

    name: str
    spec: FunctionSpec
    policy: policies.Policy
    environment: dict[str, str]


def functions(names: StackNames, outside: Outside) -> tuple[Function, ...]:
    """Return every function of the stack."""
    policy_of = {
        "site_config_manager": policies.site_config_manager(names),
        "ftp_to_s3": policies.ftp_to_s3(names, outside.ftp_secret_arn),
        "s3_to_rds": policies.s3_to_rds(names),
        "kinesis_to_s3_rds": policies.kinesis_to_s3_rds(names),
        "alarm_notifier": policies.alarm_notifier(names, SENDER),
        "ingest_manager": policies.ingest_manager(names),
        "migrate_database": policies.migrate_database(names),
    }
    values = {
        "SITE_CONFIG_BUCKET": names.site_config_bucket,
        "SITE_CONFIG_KEY": names.site_config_key,
        "DATA_LAKE_BUCKET": names.data_lake_bucket,
        "METRIC_NAMESPACE": names.metric_namespace,
        "ALARM_PREFIX": names.alarm_prefix,
        "CRITICAL_RULE_PREFIX": names.critical_rule_prefix,
        "NON_CRITICAL_RULE_PREFIX": names.non_critical_rule_prefix,
        "FTP_FUNCTION": names.ftp_to_s3,
        "ALERT_SENDER": SENDER,
        "ALERT_RECIPIENTS": RECIPIENT,
    }
    database = {"DATABASE_URL": outside.database_url}
    only_here = {
        "ftp_to_s3": {"FTP_SERVERS": _ftp_servers(outside), "FTP_STABILITY_SECONDS": str(STABILITY_SECONDS)},
        "s3_to_rds": database,
        "kinesis_to_s3_rds": {**database, "SITE_CONFIG_REFRESH_SECONDS": str(REFRESH_SECONDS)},
        "alarm_notifier": {"ALERT_BATCHING_SECONDS": str(BATCHING_SECONDS)},
        "ingest_manager": database,
        "migrate_database": database,
    }
    return tuple(
        Function(
            name=getattr(names, key),
            spec=spec,
            policy=policy_of[key],
            environment={name: values[name] for name in spec.settings} | only_here.get(key, {}),
        )
        for key, spec in FUNCTIONS.items()
    )


def deploy_all(clients: Clients, names: StackNames, outside: Outside) -> None:
    """Create the functions and their roles."""
    with ThreadPoolExecutor(_AT_ONCE, "deploy") as threads:
        list(threads.map(lambda function: _deploy(clients, names, function), functions(names, outside)))


def make_role(clients: Clients, role: str, policy_name: str, service: str, policy: policies.Policy) -> None:
    """Create a service role with one policy."""
    trust = policies.trust(f"{service}.amazonaws.com")
    clients.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    clients.iam.put_role_policy(RoleName=role, PolicyName=policy_name, PolicyDocument=json.dumps(policy))


def _ftp_servers(outside: Outside) -> str:
    main = {
        "url": outside.ftp_url,
        "secret_arn": outside.ftp_secret_arn,
        "quiet_seconds": QUIET_SECONDS,
        "delete": True,  # otherwise a long-running stack fills the disk
    }
    return json.dumps({"main": main})


def _deploy(clients: Clients, names: StackNames, function: Function) -> None:
    from smarterise_lambdas.bundle import source_zip

    make_role(clients, names.role(function.name), names.role_policy(function.name), "lambda", function.policy)
    clients.functions.create_function(
        FunctionName=function.name,
        Runtime=RUNTIME,
        Role=policies.role_arn(names.role(function.name)),
        Handler=function.spec.handler,
        Code={"ZipFile": source_zip(function.spec.name)},
        Timeout=function.spec.timeout_s,
        MemorySize=function.spec.memory_mb,
        # Otherwise the functions inherit the emulator's log level.
        Environment={"Variables": {"POWERTOOLS_LOG_LEVEL": "INFO", **function.environment}},
    )
