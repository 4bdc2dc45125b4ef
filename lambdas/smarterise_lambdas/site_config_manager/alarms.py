"""The sites' alarms: found by their names' beginning, and their actions switched a hundred at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from smarterise_sdk.domain.following import FoundAlarm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_cloudwatch.client import CloudWatchClient

    from smarterise_sdk.domain.names import StackNames

T = TypeVar("T")

ALARMS_A_CALL: Final = 100


class Alarms:
    """The alarms whose names begin as those of sites do.

    Args:
        cloudwatch: Returns the CloudWatch client; called when it is first needed.
        names: What things are called.
    """

    def __init__(self, cloudwatch: Callable[[], CloudWatchClient], names: StackNames) -> None:
        self._cloudwatch = cloudwatch
        self._names = names

    def page(self, token: str | None) -> tuple[list[FoundAlarm], str | None]:
        """Return one page of alarms, and where the next one begins; `None` after the last.

        Raises:
            ClientError: If CloudWatch does not let us look.
            BotoCoreError: If it cannot be reached.
        """
        position: dict[str, Any] = {} if token is None else {"NextToken": token}
        answer = self._cloudwatch().describe_alarms(
            AlarmNamePrefix=f"{self._names.alarm_prefix}-",
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            MaxRecords=ALARMS_A_CALL,
            **position,
        )
        listed = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
        found = [FoundAlarm(one["AlarmName"], one.get("ActionsEnabled", True)) for one in listed]
        return found, answer.get("NextToken")

    def switch(self, alarms: Sequence[str], *, on: bool) -> None:
        """Switch the actions of at most a hundred alarms on or off.

        Raises:
            ClientError: If CloudWatch refuses.
            BotoCoreError: If it cannot be reached.
        """
        if on:
            self._cloudwatch().enable_alarm_actions(AlarmNames=alarms)
        else:
            self._cloudwatch().disable_alarm_actions(AlarmNames=alarms)


def batches(alarms: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield alarms in groups that one call takes."""
    for start in range(0, len(alarms), ALARMS_A_CALL):
        yield alarms[start : start + ALARMS_A_CALL]
