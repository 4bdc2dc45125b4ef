"""The stack's Lambda functions: what each is called, may do and is told; deployed from our own sources."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_ops.local.provisioning import policies

if TYPE_CHECKING:
    from smarterise_ops.local.clients import Clients
    from smarterise_sdk.domain.stack.names import StackNames

RUNTIME: Final = "python3.12"
REFRESH_SECONDS = 2
"""How soon the stream follows a switch; on AWS the function looks every 15 s."""
SENDER: Final = "alarms@smarterise.example"
RECIPIENT: Final = "on-call@smarterise.example"
BATCHING_SECONDS = 3
"""How long the first alarm waits for others; on AWS 10 s."""
QUIET_SECONDS, STABILITY_SECONDS = 3, 2
"""When a file has stopped growing; on AWS 120 s and 15 s. Simulated gateways are on this machine."""
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Outside:
    """What functions reach that is not of AWS.

    Attributes:
        database_url: The database, with its password.
        ftp_url: The file server, without user and password.
        ftp_secret_arn: The secret that holds these.
    """

    database_url: str
    ftp_url: str
    ftp_secret_arn: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function to deploy.

    Attributes:
        name: Its deployed name.
        package: The module of its handler, in `smarterise_lambdas`.
        policy: What its role may.
        timeout: Seconds.
        memory: MB.
        environment: What it is told.
    """

    name: str
    package: str
    policy: policies.Policy
    timeout: int
    memory: int
    environment: dict[str, str]


def functions(names: StackNames, outside: Outside) -> tuple[Function, ...]:
    """Return every function of the stack."""
    site_file = {"SITE_CONFIG_BUCKET": names.site_config_bucket, "SITE_CONFIG_KEY": names.site_config_key}
    data_lake = {"DATA_LAKE_BUCKET": names.data_lake_bucket}
    metrics = {"METRIC_NAMESPACE": names.metric_namespace}
    database = {"DATABASE_URL": outside.database_url}
    return (
        Function(
            name=names.site_config_manager,
            package="site_config_manager",
            policy=policies.site_config_manager(names),
            timeout=300,
            memory=512,
            environment={
                **site_file,
                "ALARM_PREFIX": names.alarm_prefix,
                "CRITICAL_RULE_PREFIX": names.critical_rule_prefix,
                "NON_CRITICAL_RULE_PREFIX": names.non_critical_rule_prefix,
                "FTP_FUNCTION": names.ftp_to_s3,
            },
        ),
        Function(
            name=names.kinesis_to_s3_rds,
            package="kinesis_to_s3_rds",
            policy=policies.kinesis_to_s3_rds(names),
            timeout=60,
            memory=512,
            environment={
                **site_file,
                **data_lake,
                **metrics,
                **database,
                "SITE_CONFIG_LOOK_AGAIN_SECONDS": str(REFRESH_SECONDS),
            },
        ),
        Function(
            name=names.ftp_to_s3,
            package="ftp_to_s3",
            policy=policies.ftp_to_s3(names, outside.ftp_secret_arn),
            timeout=300,
            memory=1024,
            environment={
                **site_file,
                **data_lake,
                "FTP_SERVERS": _ftp_servers(outside),
                "FTP_SETTLE_SECONDS": str(STABILITY_SECONDS),
            },
        ),
        Function(
            name=names.s3_to_rds,
            package="s3_to_rds_lambda",
            policy=policies.s3_to_rds(names),
            timeout=300,
            memory=512,
            environment={**site_file, **data_lake, **metrics, **database},
        ),
        Function(
            name=names.alarm_notifier,
            package="alarm_notifier",
            policy=policies.alarm_notifier(names, SENDER),
            timeout=360,
            memory=256,
            environment={
                **site_file,
                **data_lake,
                **metrics,
                "ALARM_PREFIX": names.alarm_prefix,
                "ALERT_SENDER": SENDER,
                "ALERT_RECIPIENTS": RECIPIENT,
                "ALERT_GATHER_SECONDS": str(BATCHING_SECONDS),
            },
        ),
        Function(
            name=names.ingest_manager,
            package="ingest_manager",
            policy=policies.ingest_manager(names),
            timeout=60,
            memory=512,
            environment={**data_lake, **database},
        ),
        Function(
            name=names.migrate_database,
            package="migrate_database",
            policy=policies.migrate_database(names),
            timeout=900,
            memory=512,
            environment={**metrics, **database},
        ),
    )


def deploy_all(clients: Clients, names: StackNames, outside: Outside) -> None:
    """Make the functions and their roles."""
    with ThreadPoolExecutor(_AT_ONCE, "deploy") as threads:
        list(threads.map(lambda function: _deploy(clients, names, function), functions(names, outside)))


def make_role(clients: Clients, role: str, policy_name: str, service: str, policy: policies.Policy) -> None:
    """Make a role that a service takes on, with one policy."""
    trust = policies.trust(f"{service}.amazonaws.com")
    clients.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    clients.iam.put_role_policy(RoleName=role, PolicyName=policy_name, PolicyDocument=json.dumps(policy))


def _ftp_servers(outside: Outside) -> str:
    main = {
        "url": outside.ftp_url,
        "secret_arn": outside.ftp_secret_arn,
        "quiet_seconds": QUIET_SECONDS,
        "delete": True,  # or a stack that runs for days fills the disk
    }
    return json.dumps({"main": main})


def _deploy(clients: Clients, names: StackNames, function: Function) -> None:
    from smarterise_lambdas.bundle import source_zip

    make_role(clients, names.role(function.name), names.role_policy(function.name), "lambda", function.policy)
    clients.functions.create_function(
        FunctionName=function.name,
        Runtime=RUNTIME,
        Role=policies.role_arn(names.role(function.name)),
        Handler=f"smarterise_lambdas.{function.package}.handler.handler",
        Code={"ZipFile": source_zip(function.name)},
        Timeout=function.timeout,
        MemorySize=function.memory,
        # The emulator's own level would be inherited, and its functions would tell nothing of what goes well.
        Environment={"Variables": {"POWERTOOLS_LOG_LEVEL": "INFO", **function.environment}},
    )
