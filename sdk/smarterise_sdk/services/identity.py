"""Who AWS says we are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smarterise_sdk.aws.broker import Broker


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller.

    Attributes:
        account: AWS account id.
        arn: The caller's ARN.
        name: Short: the user, or the role and its session.
        region: The region that calls go to.
    """

    account: str
    arn: str
    name: str
    region: str


def fetch_identity(broker: Broker, region: str) -> Identity:
    """Ask AWS who is calling.

    Raises:
        SmarteriseError: It could not be asked.
    """
    answer = broker.call("sts", "get_caller_identity")
    arn = str(answer.get("Arn", ""))
    return Identity(str(answer.get("Account", "")), arn, short_name(arn), region)


def short_name(arn: str) -> str:
    """Return the telling end of an ARN: `user/ops/anna` is `anna`, `assumed-role/ops/anna` is `ops/anna`."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return (rest if kind == "assumed-role" else rest.rpartition("/")[2]) or kind
