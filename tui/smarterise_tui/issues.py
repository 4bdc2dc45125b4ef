"""What could not be had, and why: a line for the banner, the whole story for the details."""

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
    from smarterise_sdk.settings.model import Settings
    from smarterise_tui.contract import Change, SitesSnapshot

DEGRADED = "site file"
UNFINISHED = "unfinished changes"
_MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that could not be had.

    Attributes:
        source: Which worker or subject it concerns; a newer one of the same source replaces it.
        status: `denied`, `warn` or `fail`.
        line: One line for the banner.
        details: The rest of the story, a line each.
        key: What helps, as the banner says it, e.g. `R repair`.
    """

    source: str
    status: Status
    line: str
    details: tuple[str, ...]
    key: str = ""


class Issues:
    """The present troubles by source."""

    def __init__(self) -> None:
        self._by_source: dict[str, tuple[Issue, ...]] = {}

    def set(self, source: str, issues: Iterable[Issue]) -> None:
        """Replace what is known of a source; nothing clears it."""
        found = tuple(issues)
        if found:
            self._by_source[source] = found
        else:
            self._by_source.pop(source, None)

    @property
    def all(self) -> list[Issue]:
        """Every trouble, the worst first."""
        found = [issue for issues in self._by_source.values() for issue in issues]
        return sorted(found, key=lambda issue: issue.status.rank)

    def of(self, source: str) -> tuple[Issue, ...]:
        """Return the troubles of one source."""
        return self._by_source.get(source, ())


def failure(source: str, error: Exception) -> Issue:
    """Return the trouble of something that could not be had at all."""
    return Issue(source, status_of(error), _one_line(error), tuple(describe(error)[1:]))


def missing_issues(source: str, missing: Iterable[Missing], total: int) -> list[Issue]:
    """Return the troubles of an answer with holes; `total` is how many sites were asked about.

    Gaps for the same reason are told once, with all the sites they cost.
    """
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
    """Return the trouble of a site file that is broken, an earlier version standing in for it."""
    degraded = snapshot.degraded
    if degraded is None:
        return []
    version = f" ({degraded.version_id[:12]})" if degraded.version_id else ""
    first = f": {visible(str(degraded.problems[0]))}" if degraded.problems else ""
    line = f"the site file is broken; shown is its last good version{version}{first}"
    problems = tuple(f"· {visible(str(problem))}" for problem in degraded.problems[:_MOST_LISTED])
    more = len(degraded.problems) - _MOST_LISTED
    if more > 0:
        problems += (f"· and {more:,} more",)
    told = (
        visible(degraded.message),
        *problems,
        "nothing is written to it until it is mended",
        f"try: R plans the smallest fix, or the last good version; or: {cli_command.repair(settings)}",
    )
    return [Issue(DEGRADED, Status.FAIL, line, told, "R repair")]


def unfinished(changes: Sequence[Change], settings: Settings) -> list[Issue]:
    """Return the trouble of changes of which nobody knows what became of them."""
    if not changes:
        return []
    first, count = changes[0], len(changes)
    command = cli_command.resolve(settings, first.plan_id)
    line = (
        f"{first.plan_id} {first.outcome}: {command}"
        if count == 1
        else f"{count} changes without a certain end: {cli_command.list_journal(settings)}"
    )
    details = tuple(
        f"{change.plan_id}  {utc_text(change.at)}  {change.title}: {change.outcome}; "
        f"{cli_command.resolve(settings, change.plan_id)}"
        for change in changes[:_MOST_LISTED]
    )
    told = (*details, "H shows them in the history; s there does the same as the command")
    return [Issue(UNFINISHED, Status.WARN, visible(line), tuple(map(visible, told)), "H history")]


def listed(serials: Sequence[str], *, at_most: int = _MOST_LISTED) -> str:
    """Return serials as text, counted where they are too many to read."""
    text = ", ".join(visible(serial) for serial in serials[:at_most])
    more = len(serials) - at_most
    return f"{text} and {more:,} more" if more > 0 else text


def status_of(error: Exception) -> Status:
    """Return the status an error is shown with."""
    return Status.DENIED if isinstance(error, Denied) else Status.FAIL


def is_about_credentials(error: Exception) -> bool:
    """Whether asking again soon is useless: AWS does not know us, or will not let us in."""
    return isinstance(error, AccessError) and error.code == "CREDENTIALS"


def describe(error: Exception) -> list[str]:
    """Return all an error has to say, a line each, safe to show."""
    if not isinstance(error, SmarteriseError):
        story = traceback.format_exception(error)
        lines = ["The console hit a fault of its own. Please report it with the lines below.", *story]
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
