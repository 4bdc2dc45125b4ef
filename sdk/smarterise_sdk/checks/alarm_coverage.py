"""Whether somebody is told when a live site falls silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from smarterise_sdk.checks.model import Evaluation, FindingStatus, Severity, check, had
from smarterise_sdk.domain.outcome import Missing
from smarterise_sdk.domain.stack.alarms import SILENCE
from smarterise_sdk.errors import InvalidDocument, NotFound
from smarterise_sdk.services.sites.s3_transport import S3Transport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.checks.collector import Checkable, FactCollector
    from smarterise_sdk.domain.stack.names import StackNames
    from smarterise_sdk.services.sites.file import SiteFile

SUBJECT = "watching"
ALARMS_A_CALL: Final = 100
_MAX_LISTED = 5
_OF_A_MUTE_ALARM = (
    "apply Terraform, which gives each alarm its action, the topic; until then watch the sites in the console"
)


@dataclass(frozen=True, slots=True)
class WatchingFacts:
    """What is known of the alarms on silence.

    Attributes:
        names: What things are called.
        at: When it was looked.
        file: The site file from S3.
        tells: Of each live site's alarm that is there, by its name, whether it has anybody to tell.
    """

    names: StackNames
    at: datetime
    file: SiteFile | Missing
    tells: Mapping[str, bool] | Missing


def collect(stack: Checkable, ask: FactCollector) -> WatchingFacts:
    """Read the site file, and look for one alarm of each live site; nothing is changed."""
    broker, names = stack.broker, stack.settings.names
    at = datetime.now(UTC)
    file = ask.fact("s3:GetObject", f"s3://{names.site_config_bucket}", S3Transport(broker, names).read)
    if isinstance(file, Missing):
        return WatchingFacts(names, at, file, file)
    wanted = [names.alarm(serial, SILENCE) for serial in _live(file)]
    tells = ask.fact("cloudwatch:DescribeAlarms", "the live sites' alarms", lambda: _tells(broker, wanted))
    return WatchingFacts(names, at, file, tells)


@check(
    "live-sites-watched",
    subject=SUBJECT,
    title="Each live site has an alarm that tells somebody when it falls silent",
    severity=Severity.HIGH,
    rationale="Alarms are made where the stack is made: a site that is in the site file alone has none, "
    "and nobody is called for it. Looked for is the alarm on silence; a site's others are made with it.",
    expected=f"an alarm …-{SILENCE} with an action for each site that is CRITICAL and enabled",
    remedy="add the sites to smart_device_names and apply Terraform, which makes the alarms; "
    "until then watch the sites in the console",
    reads=["s3:GetObject", "cloudwatch:DescribeAlarms"],
)
def live_sites_watched(facts: WatchingFacts) -> Evaluation:
    """Judge whether any live site could fall silent without a word."""
    subject = f"alarms {facts.names.alarm('*', SILENCE)}"
    error = facts.file.error if isinstance(facts.file, Missing) else None
    if isinstance(error, NotFound):
        return Evaluation(FindingStatus.SKIP, subject, f"there are no sites to watch: {error}")
    if isinstance(error, InvalidDocument) and error.code == InvalidDocument.code:
        return Evaluation(FindingStatus.SKIP, subject, "the site file cannot be used")
    live, tells = _live(had(facts.file)), had(facts.tells)
    found = {serial: tells.get(facts.names.alarm(serial, SILENCE)) for serial in live}
    lacking = {
        "no alarm for": [serial for serial in live if found[serial] is None],
        "an alarm without an action for": [serial for serial in live if found[serial] is False],
    }
    of_all = f"of {'1 live site' if len(live) == 1 else f'{len(live)} live sites'}"
    told = [
        f"{what} {_listed(serials)} ({len(serials)} {of_all})" for what, serials in lacking.items() if serials
    ]
    if told:
        remedy = "" if lacking["no alarm for"] else _OF_A_MUTE_ALARM
        return Evaluation(FindingStatus.FAIL, subject, "; ".join(told), remedy)
    return Evaluation(FindingStatus.OK, subject, f"an alarm for each {of_all}")


def _live(file: SiteFile) -> list[str]:
    return [serial for serial, site in file.document.sites.items() if site.has_alarm_actions]


def _tells(broker: Broker, wanted: Sequence[str]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for start in range(0, len(wanted), ALARMS_A_CALL):
        part = wanted[start : start + ALARMS_A_CALL]
        response = broker.call("cloudwatch", "describe_alarms", AlarmNames=part, MaxRecords=len(part))
        found |= {alarm["AlarmName"]: bool(alarm.get("AlarmActions")) for alarm in response["MetricAlarms"]}
    return found


def _listed(serials: Sequence[str]) -> str:
    more = f" and {len(serials) - _MAX_LISTED} more" if len(serials) > _MAX_LISTED else ""
    return f"{', '.join(serials[:_MAX_LISTED])}{more}"
