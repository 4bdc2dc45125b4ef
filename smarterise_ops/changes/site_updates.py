"""Changes of sites from the request to the receipt; collects every problem of a request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smarterise_ops.changes.update_file import Updates, fields_of, read_updates
from smarterise_ops.changes.update_formats import MAX_UPDATE_BYTES
from smarterise_ops.changes.workflow import BULK_HELP, change_sites
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.files import name_of, read_named
from smarterise_ops.output.render import say
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.fields import field_problem
from smarterise_sdk.domain.sites.selection import Selection, parse_selection
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidDocument, NotFound, SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from smarterise_ops.changes.workflow import Request
    from smarterise_ops.context import Invocation
    from smarterise_ops.output.formats import UpdateFormat
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.model import Tier
    from smarterise_sdk.domain.sites.plans import Plan

    Values = Mapping[str, Mapping[str, JsonValue]]
    Chosen = Callable[[SiteTiers], Values]

NO_FILE = "the request"


# Requests ---------------------------------------------------------------------------------------


def switch_tier(run: Invocation, serials: Iterable[str], tier: Tier, request: Request) -> ExitCode:
    """Change the tier of sites."""
    return _update(run, _same({"tier": tier.value}, serials), NO_FILE, request)


def switch_collection(
    run: Invocation, serials: Iterable[str], request: Request, *, enabled: bool
) -> ExitCode:
    """Enable or disable data collection of sites."""
    return _update(run, _same({"enabled": enabled}, serials), NO_FILE, request)


def update_from(
    run: Invocation, file: str | None, settings: Sequence[str], form: UpdateFormat | None, request: Request
) -> ExitCode:
    """Change sites as given in a file and in settings.

    Args:
        run: The run.
        file: The update file; `-` is standard input.
        settings: `SERIAL=TIER` each.
        form: The file's format; by default determined by its name.
        request: Options of the change.

    Raises:
        UsageError: If there is neither file nor setting, or the file cannot be read.
        InvalidDocument: If the request has problems; nothing was written.
    """
    if file is None and not settings:
        raise UsageError(
            "Nothing to update: give FILE, --set SERIAL=TIER, or --where with --to or --field",
            remedy=BULK_HELP,
        )
    subject = subject_of(file)
    source = None if file is None else content_of(file)
    return _update(run, read_updates(source, subject, form=form, settings=settings), subject, request)


def update_selected(
    run: Invocation, where: Sequence[str], tier: Tier | None, settings: Sequence[str], request: Request
) -> ExitCode:
    """Change all sites that match conditions.

    Args:
        run: The run.
        where: Conditions in the syntax of `parse_selection`.
        tier: The new tier.
        settings: `NAME=VALUE` each, for other fields.
        request: Options of the change.

    Raises:
        UsageError: If conditions or new values are missing.
        InvalidDocument: If the request has problems.
    """
    if not where or (tier is None and not settings):
        raise UsageError("--where requires --to or --field, and vice versa", remedy=BULK_HELP)
    problems: list[Problem] = []
    fields = fields_of(settings, problems, tier=tier)
    problems += (replace(problem, site=None) for problem in _field_problems(fields))
    selection = Selection(())
    try:
        selection = parse_selection(where)
    except InvalidInput as invalid:
        problems[:0] = invalid.problems
    if problems:
        raise invalid_request(NO_FILE, problems)

    def chosen(document: SiteTiers) -> Values:
        return {site.gateway_serial: fields for site in selection.of(document.sites.values())}

    return change_sites(run, lambda: _planned_selection(run, chosen, request), request)


def add_site(run: Invocation, serial: str, tier: Tier, settings: Sequence[str], request: Request) -> ExitCode:
    """Add a site.

    Raises:
        InvalidDocument: If it exists, or its fields are invalid.
    """
    problems: list[Problem] = []
    fields = fields_of(settings, problems, tier=tier)
    updates = Updates({serial: fields}, tuple(problems))

    def planned() -> Plan:
        plan = _planned(run, updates, NO_FILE, replace(request, create=True))
        if not plan.changes or plan.changes[0].before is not None:
            raise InvalidDocument(
                f"Site {visible(serial)} already exists",
                remedy=f"change it: {run.another('sites', 'bulk-update', '--set', f'{serial}={tier.value}')}",
                code="SITE_EXISTS",
            )
        return plan

    return change_sites(run, planned, request)


def remove_sites(run: Invocation, serials: Sequence[str], request: Request) -> ExitCode:
    """Remove sites from the site file.

    Raises:
        NotFound: If one of them does not exist; nothing was written.
    """

    def planned() -> Plan:
        removed: dict[str, JsonObject | None] = dict.fromkeys(serials)
        plan = run.stack.sites.plan_replace(
            removed, reason=request.reason, expect_etag=request.expect_etag, via=request.via
        )
        if plan.unchanged:
            missing = ", ".join(visible(serial) for serial in plan.unchanged)
            raise NotFound(
                f"Site not found: {missing}",
                remedy=f"list the sites: {run.another('sites', 'list')}",
                code="SITE_NOT_FOUND",
            )
        return plan

    return change_sites(run, planned, request)


# Planning ---------------------------------------------------------------------------------------


def _same(fields: Mapping[str, JsonValue], serials: Iterable[str]) -> Updates:
    return Updates({serial: dict(fields) for serial in serials})


def _update(run: Invocation, updates: Updates, subject: str, request: Request) -> ExitCode:
    if not updates.values and not updates.problems:
        say(f"No changes: {subject} contains none")
        return ExitCode.DONE
    return change_sites(run, lambda: _planned(run, updates, subject, request), request)


def _planned(run: Invocation, updates: Updates, subject: str, request: Request) -> Plan:
    """Plan the updates; problems of their source and of their values are reported together."""
    problems = list(updates.problems)
    if updates.values:
        try:
            plan = _plan(run, updates.values, request)
        except InvalidDocument as invalid:
            if not _is_site_file_error(invalid) and _are_of(updates, invalid.problems):
                problems += (updates.located(problem) for problem in invalid.problems)
            elif not problems:
                raise
        except SmarteriseError:
            # Problems of the source are reported even if the stack is not reachable.
            if not problems:
                raise
    if problems:
        raise invalid_request(subject, sorted(problems, key=_by_line))
    return plan


def _planned_selection(run: Invocation, chosen: Chosen, request: Request) -> Plan:
    try:
        plan = _plan(run, chosen, request)
    except InvalidDocument as invalid:
        if _is_site_file_error(invalid):
            raise
        # All sites have the same problem: report it once.
        raise invalid_request(NO_FILE, _deduplicated(invalid.problems)) from invalid
    if not plan.changes and not plan.unchanged:
        say("No site matches the conditions")
    return plan


def _plan(run: Invocation, values: Values | Chosen, request: Request) -> Plan:
    return run.stack.sites.plan_update(
        values,
        reason=request.reason,
        create=request.create,
        expect_etag=request.expect_etag,
        via=request.via,
    )


# Problems ---------------------------------------------------------------------------------------


def _are_of(updates: Updates, problems: Iterable[Problem]) -> bool:
    return all(problem.line is None and problem.site in updates.values for problem in problems)


def _is_site_file_error(error: InvalidDocument) -> bool:
    """Return whether the site file is invalid, and not the request."""
    return error.code == InvalidDocument.code


def _field_problems(fields: Mapping[str, JsonValue]) -> Iterable[Problem]:
    found = (field_problem("", name, value) for name, value in fields.items())
    return (problem for problem in found if problem is not None)


def _deduplicated(problems: Iterable[Problem]) -> list[Problem]:
    counts: dict[Problem, int] = {}
    for problem in problems:
        same = replace(problem, site=None)
        counts[same] = counts.get(same, 0) + 1
    return [
        problem if count == 1 else replace(problem, message=f"{problem.message} ({count} sites)")
        for problem, count in counts.items()
    ]


def invalid_request(subject: str, problems: Sequence[Problem]) -> InvalidDocument:
    """Return the error of an invalid file or request, with all its problems."""
    return InvalidDocument(
        f"{subject}: {len(problems)} {'problem' if len(problems) == 1 else 'problems'}, nothing was written",
        problems=problems,
        remedy="fix all problems and run the command again",
    )


def _by_line(problem: Problem) -> tuple[bool, int]:
    return problem.line is None, problem.line or 0


# Files ------------------------------------------------------------------------------------------


def subject_of(file: str | None) -> str:
    """Return the name of a file for messages."""
    return NO_FILE if file is None else name_of(file)


def content_of(file: str) -> bytes:
    """Return the content of a file or of standard input, up to the size limit.

    Raises:
        UsageError: If it cannot be read.
    """
    return read_named(file, MAX_UPDATE_BYTES + 1)
