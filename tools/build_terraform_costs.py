"""Write the tables of docs/how-to/costs.md from applied stacks.

    python tools/build_terraform_costs.py dev=STATE staging=STATE prod=STATE minimal=STATE

A STATE is what `terraform show -json` writes after an apply. Without any, the program that TF_OFFLINE names
applies each environment, without an account.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.sites.costs import HOURS_A_MONTH, READINGS_A_MONTH, monthly_cost
from smarterise_sdk.domain.sites.tier_policy import Collection
from smarterise_sdk.domain.stack.alarms import ALARM_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "how-to" / "costs.md"
ENVIRONMENTS: Final = ("dev", "staging", "prod", "minimal")
ZIPS: Final = ROOT / "terraform" / "aws-lambda" / "tests" / "fixtures"
BEGIN: Final = "<!-- BEGIN_COSTS -->"
END: Final = "<!-- END_COSTS -->"

MILLION: Final = 1_000_000
IOT_MESSAGE_USD: Final = (1.00 + 0.15 + 0.15) / MILLION
"""One message, one evaluation of the topic rule, one action. https://aws.amazon.com/iot-core/pricing/"""


DATABASE_HOUR_USD: Final = {
    "db.t4g.micro": 0.016,
    "db.t4g.small": 0.032,
    "db.t4g.medium": 0.065,
    "db.t4g.large": 0.129,
    "db.m7g.large": 0.168,
}
"""One instance of PostgreSQL in one zone. https://aws.amazon.com/rds/postgresql/pricing/"""

VCPUS: Final = 2
"""vCPUs of every class above, by which RDS Proxy is billed."""


@dataclass(frozen=True, slots=True)
class Price:
    """One line of a price list.

    Attributes:
        usd: So much.
        unit: For one of these.
        source: Where AWS says so.
    """

    usd: float
    unit: str
    source: str


PRICES: Final = {
    "database storage": Price(0.115, "GB-month of gp3, in one zone", "rds/postgresql/pricing"),
    "proxy": Price(0.015, "hour and vCPU of the database", "rds/proxy/pricing"),
    "endpoint": Price(0.010, "hour and zone", "privatelink/pricing"),
    "NAT gateway": Price(0.045, "hour", "vpc/pricing"),
    "public address": Price(0.005, "hour", "vpc/pricing"),
    "load balancer": Price(0.0225, "hour", "elasticloadbalancing/pricing"),
    "task processor": Price(0.03238, "hour and vCPU (ARM)", "fargate/pricing"),
    "task memory": Price(0.00356, "hour and GB (ARM)", "fargate/pricing"),
    "firewall": Price(5.00, "month", "waf/pricing"),
    "firewall rule": Price(1.00, "month", "waf/pricing"),
    "zone": Price(0.50, "month", "route53/pricing"),
    "key": Price(1.00, "month", "kms/pricing"),
    "secret": Price(0.40, "month", "secrets-manager/pricing"),
    "shard": Price(0.015, "hour", "kinesis/data-streams/pricing"),
    "shard kept for a week": Price(0.020, "hour", "kinesis/data-streams/pricing"),
    "stream on demand": Price(0.040, "hour", "kinesis/data-streams/pricing"),
    "alarm": Price(0.10, "month", "cloudwatch/pricing"),
}
"""US East (N. Virginia), as in `smarterise_sdk.domain.sites.costs`; sources are pages of https://aws.amazon.com/"""

DAY_H: Final = 24


@dataclass(frozen=True, slots=True)
class Charge:
    """Monthly cost of one part of a stack, in USD."""

    part: str
    usd: float


def hours(price: str, count: float = 1) -> float:
    """Return the monthly cost of items that are billed by the hour, in USD."""
    return PRICES[price].usd * HOURS_A_MONTH * count


def months(price: str, count: float = 1) -> float:
    """Return the monthly cost of items that are billed by the month, in USD."""
    return PRICES[price].usd * count


def charges(resources: Iterable[Mapping[str, Any]]) -> Iterator[Charge]:
    """Yield the fixed costs of an applied stack, without usage costs.

    Args:
        resources: Resources as `terraform show -json` has them: `type` and `values`.

    Raises:
        KeyError: If the class of the database is not in `DATABASE_HOUR_USD`.
    """
    managed = [each for each in resources if each["mode"] == "managed"]
    tasks = max((each["values"]["min_capacity"] for each in managed if each["type"] == _SCALING), default=0)
    storage_gb = max(
        (each["values"]["allocated_storage"] or 0 for each in managed if each["type"] == _DATABASE), default=0
    )
    for each in managed:
        if each["type"] == "aws_ecs_task_definition":
            yield from _tasks(each["values"], tasks)
        elif each["type"] == _DATABASE:
            yield from _database(each["values"], storage_gb)
        elif each["type"] in _BY_TYPE:
            yield from _BY_TYPE[each["type"]](each["values"])
    if any(each["type"] == "aws_route53_record" for each in managed):
        yield Charge("zone", months("zone"))


def _database(values: Mapping[str, Any], storage_gb: float) -> Iterator[Charge]:
    """Yield the costs of an instance; a replica has the storage of its primary, which the state omits."""
    machines = 2 if values["multi_az"] else 1
    rate = DATABASE_HOUR_USD[values["instance_class"]]
    part = "replica" if values["replicate_source_db"] else "database"
    yield Charge(part, rate * HOURS_A_MONTH * machines)
    yield Charge(part, months("database storage", storage_gb * machines))
    if values["manage_master_user_password"]:
        yield Charge("secrets", months("secret"))


def _tasks(values: Mapping[str, Any], count: int) -> Iterator[Charge]:
    yield Charge("tasks", hours("task processor", count * float(values["cpu"]) / 1024))
    yield Charge("tasks", hours("task memory", count * float(values["memory"]) / 1024))


def _stream(values: Mapping[str, Any]) -> Iterator[Charge]:
    shards = values["shard_count"]
    if shards is None:
        yield Charge("stream", hours("stream on demand"))
        return
    yield Charge("stream", hours("shard", shards))
    if values["retention_period"] > DAY_H:
        yield Charge("stream", hours("shard kept for a week", shards))


def _endpoint(values: Mapping[str, Any]) -> Iterator[Charge]:
    if values["vpc_endpoint_type"] == "Interface":
        yield Charge("endpoints", hours("endpoint", len(values["subnet_ids"])))


def _firewall(values: Mapping[str, Any]) -> Iterator[Charge]:
    yield Charge("firewall", months("firewall") + months("firewall rule", len(values["rule"])))


def _one(part: str, usd: float) -> Callable[[Mapping[str, Any]], Iterator[Charge]]:
    def charge(_values: Mapping[str, Any]) -> Iterator[Charge]:
        yield Charge(part, usd)

    return charge


_DATABASE: Final = "aws_db_instance"
_SCALING: Final = "aws_appautoscaling_target"
_BY_TYPE: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[Charge]]]] = {
    "aws_db_proxy": _one("proxy", hours("proxy", VCPUS)),
    "aws_vpc_endpoint": _endpoint,
    "aws_nat_gateway": _one("NAT", hours("NAT gateway") + hours("public address")),
    "aws_lb": _one("load balancer", hours("load balancer")),
    "aws_wafv2_web_acl": _firewall,
    "aws_kms_key": _one("keys", months("key")),
    "aws_secretsmanager_secret": _one("secrets", months("secret")),
    "aws_kinesis_stream": _stream,
    "aws_cloudwatch_metric_alarm": _one("alarms", months("alarm")),
}


def resources(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return all resources of a state, including those of modules."""
    return list(_walk(state["values"]["root_module"]))


def _walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _walk(child)


def standing(found: list[Mapping[str, Any]]) -> dict[str, float]:
    """Return the fixed monthly costs of a stack by part, in USD."""
    sums: dict[str, float] = defaultdict(float)
    for charge in charges(found):
        sums[charge.part] += charge.usd
    return dict(sums)


def tables(stacks: Mapping[str, list[Mapping[str, Any]]]) -> str:
    """Return the cost tables of stacks by environment, as Markdown."""
    by_stack = {name: standing(found) for name, found in stacks.items()}
    parts = sorted({part for sums in by_stack.values() for part in sums})
    rows = [(part, *(_usd(sums.get(part)) for sums in by_stack.values())) for part in parts]
    rows.append(("**total**", *(f"**{sum(sums.values()):.0f}**" for sums in by_stack.values())))
    return "\n".join(
        [
            "### Fixed costs, in USD a month\n",
            _table(("", *by_stack), rows, align="---:"),
            "### Usage costs per additional streaming site, in USD a month\n",
            _table(("", ""), _of_a_site(), align="---:"),
            "### Prices\n",
            _table(
                ("", "USD", "unit", "source"),
                [
                    *(
                        (f"`{kind}`", f"{usd:g}", "hour, in one zone", _link("rds/postgresql/pricing"))
                        for kind, usd in DATABASE_HOUR_USD.items()
                    ),
                    *(
                        (name, f"{price.usd:g}", price.unit, _link(price.source))
                        for name, price in PRICES.items()
                    ),
                ],
            ),
        ]
    )


def written(text: str, stacks: Mapping[str, list[Mapping[str, Any]]]) -> str:
    """Return the page with current tables."""
    between = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _: f"{BEGIN}\n\n{tables(stacks)}\n{END}", text)


def _of_a_site() -> list[tuple[str, ...]]:
    cost = monthly_cost({Collection.STREAMED: 1})
    lines = {
        "metrics": cost.metrics,
        "alarms": months("alarm", len(ALARM_RULES)),
        "data lake objects": cost.data_lake,
        "messages": READINGS_A_MONTH * IOT_MESSAGE_USD,
    }
    return [
        *((name, f"{usd:.2f}") for name, usd in lines.items()),
        ("**total**", f"**{sum(lines.values()):.2f}**"),
    ]


def _usd(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _link(source: str) -> str:
    return f"[{source}](https://aws.amazon.com/{source}/)"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]], *, align: str = "---") -> str:
    lines = [head, ("---", *(align for _ in head[1:])), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def applied(runner: str, environment: str) -> str:
    """Return the state of an environment that is applied offline, as JSON.

    Raises:
        subprocess.CalledProcessError: If it cannot be applied; what was said is on standard error.
    """
    with tempfile.TemporaryFile("w+") as out:
        subprocess.run(
            [
                *(runner, "apply", str(ROOT / "terraform"), f"-var-file=environments/{environment}.tfvars"),
                f"-var=lambda_package_dir={ZIPS}",
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=out,
            env={**os.environ, "TF_VAR_ftp_pass": "not-a-password"},
        )
        out.seek(0)
        return out.read()


def main() -> int:
    """Write the page; return the exit code."""
    states = {
        name: Path(path).read_text() for name, _, path in (each.partition("=") for each in sys.argv[1:])
    }
    runner = os.environ.get("TF_OFFLINE")
    if not states and not runner:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    states = states or {name: applied(str(runner), name) for name in ENVIRONMENTS}
    stacks = {name: resources(json.loads(text)) for name, text in states.items()}
    PAGE.write_text(written(PAGE.read_text(), stacks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
