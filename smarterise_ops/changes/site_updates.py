"""From a request to change sites to its receipt: reads what is asked, has it planned, tells every problem."""

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


# What is asked for ------------------------------------------------------------------------------


def switch_tier(run: Invocation, serials: Iterable[str], tier: Tier, request: Request) -> ExitCode:
    """Switch sites to a tier."""
    return _update(run, _same({"tier": tier.value}, serials), NO_FILE, request)


def switch_collection(
    run: Invocation, serials: Iterable[str], request: Request, *, enabled: bool
) -> ExitCode:
    """Have sites collected, or not."""
    return _update(run, _same({"enabled": enabled}, serials), NO_FILE, request)


def update_from(
    run: Invocation, file: str | None, settings: Sequence[str], form: UpdateFormat | None, request: Request
) -> ExitCode:
    """Change the sites that a file and settings name.

    Args:
        run: The run.
        file: The update file; `-` is standard input.
        settings: `SERIAL=TIER` each.
        form: The file's format, when its name does not tell.
        request: How the change is to go.

    Raises:
        UsageError: There is no file and no setting, or the file cannot be read.
        InvalidDocument: With every problem of what is asked, and its line; nothing was written.
    """
    if file is None and not settings:
        raise UsageError(
            "There is nothing to update: give FILE, --set SERIAL=TIER, or --where with --to or --field",
            remedy=BULK_HELP,
        )
    subject = subject_of(file)
    source = None if file is None else content_of(file)
    return _update(run, read_updates(source, subject, form=form, settings=settings), subject, request)


def update_selected(
    run: Invocation, where: Sequence[str], tier: Tier | None, settings: Sequence[str], request: Request
) -> ExitCode:
    """Change all sites for which conditions hold.

    Args:
        run: The run.
        where: Conditions, as `parse_selection` takes them.
        tier: The tier they are to have.
        settings: `NAME=VALUE` each, what other fields are to hold.
        request: How the change is to go.

    Raises:
        UsageError: Nothing says which sites, or nothing what they are to have.
        InvalidDocument: With every problem of what is asked.
    """
    if not where or (tier is None and not settings):
        raise UsageError(
            "--where says which sites, --to or --field what they are to have: give both", remedy=BULK_HELP
        )
    problems: list[Problem] = []
    fields = fields_of(settings, problems, tier=tier)
    problems += (replace(problem, site=None) for problem in _wrong(fields))
    selection = Selection(())
    try:
        selection = parse_selection(where)
    except InvalidInput as refused:
        problems[:0] = refused.problems
    if problems:
        raise cannot(NO_FILE, problems)

    def chosen(document: SiteTiers) -> Values:
        return {site.gateway_serial: fields for site in selection.of(document.sites.values())}

    return change_sites(run, lambda: _planned_selection(run, chosen, request), request)


def add_site(run: Invocation, serial: str, tier: Tier, settings: Sequence[str], request: Request) -> ExitCode:
    """Add a site that is not there yet.

    Raises:
        InvalidDocument: It is there, or what it is to be is wrong.
    """
    problems: list[Problem] = []
    fields = fields_of(settings, problems, tier=tier)
    asked = Updates({serial: fields}, tuple(problems))

    def planned() -> Plan:
        plan = _planned(run, asked, NO_FILE, replace(request, create=True))
        if not plan.changes or plan.changes[0].before is not None:
            raise InvalidDocument(
                f"there is a site {visible(serial)} already",
                remedy=f"change it: {run.another('sites', 'bulk-update', '--set', f'{serial}={tier.value}')}",
                code="SITE_EXISTS",
            )
        return plan

    return change_sites(run, planned, request)


def remove_sites(run: Invocation, serials: Sequence[str], request: Request) -> ExitCode:
    """Take sites out of the file.

    Raises:
        NotFound: One of them is not there; nothing was written.
    """

    def planned() -> Plan:
        gone: dict[str, JsonObject | None] = dict.fromkeys(serials)
        plan = run.stack.sites.plan_replace(
            gone, reason=request.reason, expect_etag=request.expect_etag, via=request.via
        )
        if plan.unchanged:
            missing = ", ".join(visible(serial) for serial in plan.unchanged)
            raise NotFound(
                f"there is no site {missing}",
                remedy=f"see which there are: {run.another('sites', 'list')}",
                code="SITE_NOT_FOUND",
            )
        return plan

    return change_sites(run, planned, request)


# How it goes ------------------------------------------------------------------------------------


def _same(fields: Mapping[str, JsonValue], serials: Iterable[str]) -> Updates:
    return Updates({serial: dict(fields) for serial in serials})


def _update(run: Invocation, updates: Updates, subject: str, request: Request) -> ExitCode:
    if not updates.values and not updates.problems:
        say(f"nothing to do: {subject} asks for nothing")
        return ExitCode.DONE
    return change_sites(run, lambda: _planned(run, updates, subject, request), request)


def _planned(run: Invocation, updates: Updates, subject: str, request: Request) -> Plan:
    """Plan the updates; what is wrong with their source and with what they ask for is told together."""
    problems = list(updates.problems)
    if updates.values:
        try:
            plan = _plan(run, updates.values, request)
        except InvalidDocument as refused:
            if not _is_of_the_file(refused) and _are_of(updates, refused.problems):
                problems += (updates.located(problem) for problem in refused.problems)
            elif not problems:
                raise
        except SmarteriseError:
            # With the source itself wrong there is enough to tell without the stack.
            if not problems:
                raise
    if problems:
        raise cannot(subject, sorted(problems, key=_by_line))
    return plan


def _planned_selection(run: Invocation, chosen: Chosen, request: Request) -> Plan:
    try:
        plan = _plan(run, chosen, request)
    except InvalidDocument as refused:
        if _is_of_the_file(refused):
            raise
        # What is wrong with the one thing asked for is wrong with every site: told once.
        raise cannot(NO_FILE, _once_each(refused.problems)) from refused
    if not plan.changes and not plan.unchanged:
        say("there is no such site: the conditions hold for none")
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


def _is_of_the_file(refused: InvalidDocument) -> bool:
    """Whether it is the site file that is wrong, and not what is asked of it."""
    return refused.code == InvalidDocument.code


def _wrong(fields: Mapping[str, JsonValue]) -> Iterable[Problem]:
    found = (field_problem("", name, value) for name, value in fields.items())
    return (problem for problem in found if problem is not None)


def _once_each(problems: Iterable[Problem]) -> list[Problem]:
    counts: dict[Problem, int] = {}
    for problem in problems:
        alike = replace(problem, site=None)
        counts[alike] = counts.get(alike, 0) + 1
    return [
        problem if count == 1 else replace(problem, message=f"{problem.message} ({count} sites)")
        for problem, count in counts.items()
    ]


def cannot(subject: str, problems: Sequence[Problem]) -> InvalidDocument:
    """Return the refusal of a file or request with everything that is wrong with it."""
    return InvalidDocument(
        f"{subject} cannot be applied: {len(problems)} problem(s)",
        problems=problems,
        remedy="mend them all; nothing was written",
    )


def _by_line(problem: Problem) -> tuple[bool, int]:
    return problem.line is None, problem.line or 0


# Files ------------------------------------------------------------------------------------------


def subject_of(file: str | None) -> str:
    """Return how a file is called in messages."""
    return NO_FILE if file is None else name_of(file)


def content_of(file: str) -> bytes:
    """Return what a file holds, or standard input; no more than is ever taken.

    Raises:
        UsageError: It cannot be read.
    """
    return read_named(file, MAX_UPDATE_BYTES + 1)
