"""Lists the sites' alarms by name prefix, and switches their actions, a hundred a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.stack.drift import FoundAlarm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_cloudwatch.client import CloudWatchClient

    from smarterise_sdk.domain.stack.names import StackNames

ALARMS_PER_CALL: Final = 100


class Alarms:
    """The alarms with the name prefix of site alarms.

    Args:
        cloudwatch: Returns the CloudWatch client; called on first use.
        names: Resource names of the stack.
    """

    def __init__(self, cloudwatch: Callable[[], CloudWatchClient], names: StackNames) -> None:
        self._cloudwatch = cloudwatch
        self._names = names

    def page(self, token: str) -> tuple[list[FoundAlarm], str]:
        """Return a page of alarms and the token of the next page; empty for the first and after the last.

        Raises:
            ClientError: If CloudWatch refuses.
            BotoCoreError: If it cannot be reached.
        """
        position: dict[str, Any] = {"NextToken": token} if token else {}
        response = self._cloudwatch().describe_alarms(
            AlarmNamePrefix=f"{self._names.alarm_prefix}-",
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            MaxRecords=ALARMS_PER_CALL,
            **position,
        )
        listed = [*response.get("MetricAlarms", []), *response.get("CompositeAlarms", [])]
        found = [FoundAlarm(alarm["AlarmName"], alarm.get("ActionsEnabled", True)) for alarm in listed]
        return found, response.get("NextToken", "")

    def switch(self, alarms: Sequence[str], *, on: bool) -> None:
        """Enable or disable the actions of at most 100 alarms.

        Raises:
            ClientError: If CloudWatch refuses.
            BotoCoreError: If it cannot be reached.
        """
        if on:
            self._cloudwatch().enable_alarm_actions(AlarmNames=alarms)
        else:
            self._cloudwatch().disable_alarm_actions(AlarmNames=alarms)
