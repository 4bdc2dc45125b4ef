"""The sites' alarms: found by their names' beginning, and their actions switched a hundred at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.stack.drift import FoundAlarm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_cloudwatch.client import CloudWatchClient

    from smarterise_sdk.domain.stack.names import StackNames

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

    def page(self, at: str) -> tuple[list[FoundAlarm], str]:
        """Return the page of alarms at a token, and the token of the next; the first and the last are empty.

        Raises:
            ClientError: If CloudWatch does not let us look.
            BotoCoreError: If it cannot be reached.
        """
        position: dict[str, Any] = {"NextToken": at} if at else {}
        response = self._cloudwatch().describe_alarms(
            AlarmNamePrefix=f"{self._names.alarm_prefix}-",
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            MaxRecords=ALARMS_A_CALL,
            **position,
        )
        listed = [*response.get("MetricAlarms", []), *response.get("CompositeAlarms", [])]
        found = [FoundAlarm(one["AlarmName"], one.get("ActionsEnabled", True)) for one in listed]
        return found, response.get("NextToken", "")

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
