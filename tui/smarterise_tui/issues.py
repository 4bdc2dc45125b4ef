"""Issues: failed requests and missing data, as a banner line and as details."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import utc_text, visible
from smarterise_sdk.errors import AccessError, Denied, InvalidDocument, SmarteriseError
from smarterise_tui import cli_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smarterise_sdk.domain.outcome import Missing
    from smarterise_sdk.journal import JournalEntry
    from smarterise_sdk.services.sites.service import SitesSnapshot
    from smarterise_sdk.settings.model import Settings

DEGRADED = "site file"
UNFINISHED = "unresolved changes"
_MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue.

    Attributes:
        source: The worker or subject; a later issue of the same source replaces it.
        status: `denied`, `warn` or `fail`.
        line: One line for the banner.
        details: Further lines for the details screen.
        key: The key that helps, as shown in the banner, e.g. `R repair`.
    """

    source: str
    status: Status
    line: str
    details: tuple[str, ...]
    key: str = ""


class Issues:
    """The current issues by source."""

    def __init__(self) -> None:
        self._by_source: dict[str, tuple[Issue, ...]] = {}

    def set(self, source: str, issues: Iterable[Issue]) -> None:
        """Replace the issues of a source; an empty iterable clears them."""
        found = tuple(issues)
        if found:
            self._by_source[source] = found
        else:
            self._by_source.pop(source, None)

    @property
    def all(self) -> list[Issue]:
        """All issues, the worst first."""
        found = [issue for issues in self._by_source.values() for issue in issues]
        return sorted(found, key=lambda issue: issue.status.rank)

    def of(self, source: str) -> tuple[Issue, ...]:
        """Return the issues of one source."""
        return self._by_source.get(source, ())


def failure(source: str, error: Exception) -> Issue:
    """Return the issue of a failed request."""
    return Issue(source, status_of(error), _one_line(error), tuple(describe(error)[1:]))


def missing_issues(source: str, missing: Iterable[Missing], total: int) -> list[Issue]:
    """Return the issues of missing values, grouped by reason; `total` is the number of requested sites."""
    by_reason: dict[tuple[str, str], list[Missing]] = {}
    for item in missing:
        by_reason.setdefault((item.action, str(item.error)), []).append(item)
    return [_missing_issue(source, same, total) for same in by_reason.values()]


def _missing_issue(source: str, missing: list[Missing], total: int) -> Issue:
    error = missing[0].error
    scope = sorted({serial for item in missing for serial in item.scope})
    cost = f"{len(scope)} of {total} sites without values" if scope else ""
    line = ": ".join(part for part in (_one_line(error), cost) if part)
    details = describe(error)[1:]
    if missing[0].action:
        details.append(f"call: {missing[0].action}")
    if scope:
        details.append(f"{cost}: {listed(scope)}")
    return Issue(source, status_of(error), line, tuple(details))


def degradation(snapshot: SitesSnapshot, settings: Settings) -> list[Issue]:
    """Return the issue of an invalid site file with a fallback version."""
    degraded = snapshot.degraded
    if degraded is None:
        return []
    version = f" ({degraded.version_id[:12]})" if degraded.version_id else ""
    first = f": {visible(str(degraded.problems[0]))}" if degraded.problems else ""
    line = f"site file invalid; showing the last valid version{version}{first}"
    problems = tuple(f"· {visible(str(problem))}" for problem in degraded.problems[:_MOST_LISTED])
    more = len(degraded.problems) - _MOST_LISTED
    if more > 0:
        problems += (f"· and {more:,} more",)
    lines = (
        visible(degraded.message),
        *problems,
        "changes are rejected until it is repaired",
        f"try: R plans a repair; or: {cli_command.repair(settings)}",
    )
    return [Issue(DEGRADED, Status.FAIL, line, lines, "R repair")]


def unfinished(changes: Sequence[JournalEntry], settings: Settings) -> list[Issue]:
    """Return the issue of unresolved changes."""
    if not changes:
        return []
    first, count = changes[0], len(changes)
    command = cli_command.resolve(settings, first.plan_id)
    line = (
        f"{first.plan_id} {first.outcome}: {command}"
        if count == 1
        else f"{count} unresolved changes: {cli_command.list_journal(settings)}"
    )
    details = tuple(
        f"{change.plan_id}  {utc_text(change.at)}  {change.title}: {change.outcome}; "
        f"{cli_command.resolve(settings, change.plan_id)}"
        for change in changes[:_MOST_LISTED]
    )
    lines = (*details, "H opens the history; s there resolves the selected change")
    return [Issue(UNFINISHED, Status.WARN, visible(line), tuple(map(visible, lines)), "H history")]


def listed(serials: Sequence[str], *, at_most: int = _MOST_LISTED) -> str:
    """Return serials as text; beyond `at_most` they are counted."""
    text = ", ".join(visible(serial) for serial in serials[:at_most])
    more = len(serials) - at_most
    return f"{text} and {more:,} more" if more > 0 else text


def status_of(error: Exception) -> Status:
    """Return the display status of an error."""
    return Status.DENIED if isinstance(error, Denied) else Status.FAIL


def is_about_credentials(error: Exception) -> bool:
    """Return whether the error concerns credentials, so that retries are useless."""
    return isinstance(error, AccessError) and error.code == "CREDENTIALS"


def describe(error: Exception) -> list[str]:
    """Return the lines of an error, control characters escaped."""
    if not isinstance(error, SmarteriseError):
        trace = traceback.format_exception(error)
        lines = ["Internal error of the console. Please report it with the lines below.", *trace]
        return [visible(line) for text in lines for line in text.splitlines()]
    lines = [error.what]
    if error.why:
        lines.append(f"why: {error.why}")
    if error.remedy:
        lines.append(f"try: {error.remedy}")
    if isinstance(error, InvalidDocument):
        lines += [f"· {problem}" for problem in error.problems]
    lines.append(f"code: {error.code}")
    if error.request_id:
        lines.append(f"AWS request id: {error.request_id}")
    return [visible(line) for text in lines for line in text.splitlines()]


def _one_line(error: Exception) -> str:
    text = error.what if isinstance(error, SmarteriseError) else f"{type(error).__name__}: {error}"
    return visible(" ".join(text.split()))
