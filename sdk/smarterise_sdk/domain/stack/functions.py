"""The Lambda functions of the stack: code, size and settings, for zips, embedded stack and Terraform."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A Lambda function of the stack.

    Attributes:
        name: Its deployed name, unless the environment sets another.
        package: Its package in `smarterise_lambdas`.
        timeout_s: Longest run of one invocation, seconds.
        memory_mb: Memory, MB.
        requirements: Packages of PyPI that it imports itself; their own requirements come with them.
        settings: Environment variables that each environment of the stack sets, without the database login.
        folders: Other folders of `smarterise_lambdas` that go into its zip.
    """

    name: str
    package: str
    timeout_s: int
    memory_mb: int
    requirements: tuple[str, ...]
    settings: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def handler(self) -> str:
        """Its `Handler` setting."""
        return f"smarterise_lambdas.{self.package}.handler.handler"


_POWERTOOLS: Final = "aws-lambda-powertools"
_PSYCOPG: Final = "psycopg[binary]"
_SITE_FILE: Final = ("SITE_CONFIG_BUCKET", "SITE_CONFIG_KEY")
_DATA_LAKE: Final = ("DATA_LAKE_BUCKET",)
_METRICS: Final = ("METRIC_NAMESPACE",)

FUNCTIONS: Final[Mapping[str, FunctionSpec]] = MappingProxyType(
    {
        "site_config_manager": FunctionSpec(
            name="site-config-manager",
            package="site_config_manager",
            timeout_s=300,
            memory_mb=512,
            requirements=(_POWERTOOLS, "pydantic"),
            settings=(
                *_SITE_FILE,
                "ALARM_PREFIX",
                "CRITICAL_RULE_PREFIX",
                "NON_CRITICAL_RULE_PREFIX",
                "FTP_FUNCTION",
            ),
        ),
        "ftp_to_s3": FunctionSpec(
            name="ftp_to_s3",
            package="ftp_to_s3",
            timeout_s=840,  # below 15 minutes: two sweeps of the CRITICAL sites never overlap
            memory_mb=1024,
            requirements=(_POWERTOOLS,),
            settings=(*_SITE_FILE, *_DATA_LAKE),
        ),
        "s3_to_rds": FunctionSpec(
            name="s3_to_rds_lambda",
            package="s3_to_rds_lambda",
            timeout_s=300,
            memory_mb=1024,
            requirements=(_POWERTOOLS, "isal", "orjson", _PSYCOPG, "tzdata"),
            settings=(*_SITE_FILE, *_DATA_LAKE, *_METRICS),
        ),
        "kinesis_to_s3_rds": FunctionSpec(
            name="kinesis_to_s3_rds",
            package="kinesis_to_s3_rds",
            timeout_s=60,
            memory_mb=512,
            requirements=(_POWERTOOLS, "isal", "orjson", _PSYCOPG, "pybase64"),
            settings=(*_SITE_FILE, *_DATA_LAKE, *_METRICS),
        ),
        "alarm_notifier": FunctionSpec(
            name="alarm_notifier",
            package="alarm_notifier",
            timeout_s=420,  # a notification waits up to five minutes for others
            memory_mb=512,
            requirements=(_POWERTOOLS,),
            settings=(
                *_SITE_FILE,
                *_DATA_LAKE,
                *_METRICS,
                "ALARM_PREFIX",
                "ALERT_SENDER",
                "ALERT_RECIPIENTS",
            ),
        ),
        "ingest_manager": FunctionSpec(
            name="ingest-manager",
            package="ingest_manager",
            timeout_s=60,
            memory_mb=512,
            requirements=(_POWERTOOLS, _PSYCOPG),
            settings=_DATA_LAKE,
        ),
        "migrate_database": FunctionSpec(
            name="migrate_database",
            package="migrate_database",
            timeout_s=900,
            memory_mb=512,
            requirements=(_POWERTOOLS, _PSYCOPG, "alembic"),
            settings=_METRICS,
            folders=("migrations",),
        ),
    }
)
"""Every function by its key: the field of `StackNames` with its name, and the key in Terraform."""


def spec_of(name: str) -> FunctionSpec:
    """Return the function with a default deployed name, e.g. `site-config-manager`.

    Raises:
        KeyError: No function has this name.
    """
    return _BY_NAME[name]


_BY_NAME: Final = {spec.name: spec for spec in FUNCTIONS.values()}
