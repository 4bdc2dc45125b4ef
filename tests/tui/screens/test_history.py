"""The history: versions and journal, all about each, the way back, and every way in which they can lack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import SiteChange
from smarterise_sdk.errors import Denied, NotFound, SmarteriseError
from smarterise_sdk.journal.entries import LinePlace
from smarterise_tui.screens.confirm import PlanScreen, Stage
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.screens.fleet import FleetScreen
from smarterise_tui.screens.history import HistoryScreen
from smarterise_tui.screens.site import SiteScreen

SWITCHED = SiteChange("AN54101471", {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"})


@pytest.fixture
def told(stack, make_version, make_change, make_history):
    """A stack with a history: five versions, three changes."""
    problem = Problem("INVALID_TIER", 'there is no tier "HIGH"', line=7, site="AN1", field="tier")
    stack.versions = make_history(
        (
            make_version("v5", written_at="2026-03-01T12:03:31Z", is_latest=True, kind="hand edit", by=""),
            make_version("v4", written_at="2026-03-01T12:00:31Z", kind="broken", problems=(problem,)),
            make_version("v3", written_at="2026-03-01T10:04:31Z", summary="2 sites: tier"),
            make_version("v2", written_at="2026-02-28T12:04:31Z", kind="deleted", by="", reason=""),
            make_version("v1", written_at="2026-02-26T12:04:31Z", kind="first", by="ops-ben"),
        )
    )
    stack.changes.entries = (
        make_change("aaaa0001", outcome="no end", changes=(SWITCHED,)),
        make_change("bbbb0002", outcome="verified", undone_by="cccc0003", title="Switch 2 sites"),
        make_change("dddd0004", outcome="failed", reason=""),
    )
    stack.differences = (SWITCHED,)
    return stack


def lines(app, name: str) -> list[str]:
    return app.screen.query_one(f"#{name}").render().plain.splitlines()


def toasts(app) -> list[str]:
    return [notification.message for notification in app._notifications]


async def open_history(app, pilot, settled) -> None:
    await settled(pilot)
    await pilot.press("H")
    await settled(pilot)
    assert isinstance(app.screen, HistoryScreen)


async def test_both_lists_are_told_at_80_columns(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        head, *versions = lines(app, "versions")
        assert head.split() == ["AGE", "KIND", "BY", "WHAT", "WHY"]
        assert [line[2:].split()[:2] for line in versions] == [
            ["1m", "▲"],
            ["4m", "✖"],
            ["2h", "●"],
            ["1d", "✖"],
            ["3d", "●"],
        ]
        assert "hand edit" in versions[0]
        assert "1 site: tier CRITICAL → N" in versions[0]
        assert "anna" in versions[2]
        assert "arn:aws" not in "".join(versions)
        head, *changes = lines(app, "journal")
        assert head.split() == ["AGE", "CHANGE", "ID", "OUTCOME", "UNDONE", "BY", "WHAT"]
        assert changes[0].startswith("▸ 1h    aaaa0001   ▲ no end")
        assert "● verified" in changes[1]
        assert "cccc0003" in changes[1]
        assert "✖ failed" in changes[2]
        assert all(len(line) <= 76 for line in (*versions, *changes))


async def test_more_is_told_where_there_is_room(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await open_history(app, pilot, settled)
        assert lines(app, "versions")[0].split()[-2:] == ["VERSION", "WRITTEN"]
        assert lines(app, "versions")[1].rstrip().endswith("v5            2026-03-01T12:03:31Z")
        assert "anna@ops-1" in lines(app, "journal")[1]


async def test_a_version_is_told_whole_with_what_it_changed(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("down", "down", "enter")
        await settled(pilot)
        text = app.screen.text.plain
        assert told.last("diff") == ("v1", "v3")
        assert str(app.screen.query_one("#dialog").border_title).strip().startswith("Version v3")
        for expected in ("● change", "Version   v3", "2026-03-01T10:04:31Z, 2h ago", "assumed-role/ops/anna"):
            assert expected in text
        assert "tier  CRITICAL → NON_CRITICAL" in text
        await pilot.press("y")
        assert app.clipboard == text


async def test_what_a_version_changed_is_asked_only_where_it_can_be_told(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert 'line 7, site AN1, field tier: there is no tier "HIGH"' in app.screen.text.plain
        await pilot.press("escape", "end", "enter")
        await settled(pilot)
        assert "∅ nothing to compare with: this is the oldest version" in app.screen.text.plain
        assert told.times("diff") == 0
        await pilot.press("escape", "home", "enter")
        await settled(pilot)
        assert told.last("diff") == ("v3", "v5")
        told.errors["diff"] = NotFound("there is no version v3", code="VERSION_NOT_FOUND")
        await pilot.press("escape", "enter")
        await settled(pilot)
        assert "✖ there is no version v3" in app.screen.text.plain
        assert "2026-03-01T12:03:31Z" in app.screen.text.plain


async def test_a_change_is_told_whole(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert isinstance(app.screen, TextScreen)
        assert str(app.screen.query_one("#dialog").border_title).strip().startswith("Change aaaa0001")
        text = app.screen.text.plain
        for part in (
            "▲ no end",
            "Change ID aaaa0001",
            "anna@ops-1",
            "transformer works",
            "CRITICAL → NON_CRITICAL",
        ):
            assert part in text


async def test_a_plan_applied_twice_is_two_changes(make_console, stack, make_change, settled):
    stack.changes.entries = (
        make_change("aaaa0001", title="the second time"),
        make_change("bbbb0002"),
        make_change("aaaa0001", title="the first time"),
    )
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("tab", "end", "enter")
        await settled(pilot)
        assert app.screen.text.plain.startswith("the first time")
        stack.changes.entries = (make_change("cccc0003"), *stack.changes.entries)
        await pilot.press("escape", "r")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert app.screen.text.plain.startswith("the first time")


async def test_a_journal_line_that_became_unreadable_is_reported(
    make_console, stack, make_change, settled, tmp_path
):
    stack.changes.entries = (make_change("aaaa0001", place=LinePlace(tmp_path / "missing.jsonl", 0, 10)),)
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert "✖ a line of the journal" in app.screen.text.plain
        assert "aaaa0001" in app.screen.text.plain


async def test_b_plans_the_way_back_to_a_version(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("down", "down", "b")
        await settled(pilot)
        assert isinstance(app.screen, PlanScreen)
        assert told.last("plan rollback") == ("v3", False)
        await pilot.press(*"back", "enter", *"AN54101471", "enter")
        await settled(pilot)
        assert app.screen.stage is Stage.APPLIED
        requested = told.times("history"), told.times("journal")
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, HistoryScreen)
        assert (told.times("history"), told.times("journal")) == (requested[0] + 1, requested[1] + 1)
        assert app.state.model.rows["AN54101471"].site.tier is Tier.NON_CRITICAL


async def test_looking_at_a_plan_reads_nothing_again(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("b")
        await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert (told.times("history"), told.times("journal")) == (1, 1)


async def test_u_plans_the_way_back_from_a_change(make_console, told, stack, settled):
    stack.applied["bbbb0002"] = stack.make_plan((SWITCHED.inverse,), title="Switch 2 sites")
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("u")
        assert "press tab first" in toasts(app)[-1]
        await pilot.press("tab", "down", "u")
        await settled(pilot)
        assert isinstance(app.screen, PlanScreen)
        assert stack.last("plan undo") == "bbbb0002"
        assert "CRITICAL → NON_CRITICAL" in str(app.screen.query_one("#plan").content)


@pytest.mark.parametrize(("place", "word"), [(1, "broken"), (3, "deleted")])
async def test_there_is_no_way_back_to_what_cannot_be_used(make_console, told, settled, place, word):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press(*["down"] * place, "b")
        assert f"This version is {word}" in toasts(app)[-1]
        assert isinstance(app.screen, HistoryScreen)
        await pilot.press("tab", "b")
        assert "b rolls back to a version" in toasts(app)[-1]


async def test_loading_denied_empty_and_without_versions_look_different(
    make_console, stack, make_history, make_version, settled
):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        stack.gate.clear()
        history, journal = stack.history, stack.changes.list
        stack.history = lambda **k: stack.gate.wait(10) and history(**k)
        stack.changes.list = lambda: stack.gate.wait(10) and journal()
        await pilot.press("H")
        await pilot.pause(0.05)
        assert lines(app, "versions") == ["… loading the versions of the site file"]
        assert lines(app, "journal") == ["… reading the journal"]
        stack.gate.set()
        await settled(pilot)
        assert lines(app, "versions") == ["∅ no versions yet: the first change creates one"]
        assert lines(app, "journal") == ["∅ no changes in prod from this machine"]
        stack.versions = make_history((make_version("", is_latest=True, kind="first"),), is_versioned=False)
        await pilot.press("r")
        await settled(pilot)
        assert "● first" in lines(app, "versions")[1]
        assert lines(app, "versions")[-1] == "∅ bucket without versioning: rollback is not possible"
        await pilot.press("b")
        assert toasts(app)[-1] == "Bucket without versioning: rollback is not possible"
        stack.errors["history"] = Denied(
            "s3:GetObjectVersion denied for role ops-anna",
            action="s3:GetObjectVersion",
            remedy="ask for s3:GetObjectVersion on the role ops-anna",
        )
        stack.errors["journal"] = SmarteriseError("the journal cannot be read", code="JOURNAL")
        await pilot.press("r")
        await settled(pilot)
        assert lines(app, "versions")[0] == "⊘ s3:GetObjectVersion denied for role ops-anna"
        assert "ask for s3:GetObjectVersion" in "\n".join(lines(app, "versions"))
        assert lines(app, "journal")[0] == "✖ the journal cannot be read"
        await pilot.press("enter", "b", "tab", "u", "s", "enter", "down")
        assert isinstance(app.screen, HistoryScreen)


async def test_m_looks_further_back(make_console, told, settled):
    told.versions = replace(told.versions, is_complete=False)
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        assert lines(app, "versions")[-1] == "… older versions: m"
        assert told.last("history") == (20, None)
        for limit in (80, 140, 200):
            await pilot.press("m")
            await settled(pilot)
            assert told.last("history") == (limit, None)
        await pilot.press("m")
        assert "At most 200" in toasts(app)[-1]
        told.versions = replace(told.versions, is_complete=True)
        await pilot.press("r")
        await settled(pilot)
        await pilot.press("m")
        assert toasts(app)[-1] == "All versions are listed"


async def test_s_looks_what_became_of_a_change_without_an_end(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        await pilot.press("tab", "s")
        await settled(pilot)
        assert told.last("resolve") == "aaaa0001"
        assert isinstance(app.screen, TextScreen)
        assert str(app.screen.query_one("#dialog").border_title).strip().startswith("Change aaaa0001")
        assert "verified" in app.screen.text.plain
        await pilot.press("escape")
        await settled(pilot)
        assert "● verified" in lines(app, "journal")[1]
        await pilot.press("s")
        assert "nothing to resolve" in toasts(app)[-1]
        assert told.times("resolve") == 1


async def test_lists_keep_their_cursor_and_scroll(make_console, stack, make_history, make_version, settled):
    entries = tuple(make_version(f"v{n}") for n in range(60))
    stack.versions = make_history(entries)
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        versions = app.screen.versions
        await pilot.press("end")
        assert versions.current == "v59"
        assert any(line.startswith("▸") for line in lines(app, "versions"))
        stack.versions = make_history((make_version("v-new"), *entries))
        await pilot.press("r")
        await settled(pilot)
        assert versions.current == "v59"
        assert "61 of 61" in str(versions.border_title)
        await pilot.press("pageup")
        assert versions.cursor < 60
        await pilot.press("home")
        assert versions.current == "v-new"
        await pilot.click("#versions", offset=(5, 4))
        assert versions.current == "v1"
        await pilot.resize_terminal(80, 40)
        await pilot.pause()
        assert lines(app, "versions")[1].strip()


async def test_damaged_lines_and_many_changes_are_counted(make_console, stack, make_change, settled):
    stack.changes.entries = tuple(make_change(f"{n:08x}") for n in range(512))
    stack.changes.damaged_lines = (3, 17)
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        assert lines(app, "journal")[-2:] == [
            "… and 12 older changes: smarterise-ops journal list",
            "▲ 2 invalid line(s) in the journal: 3, 17",
        ]


async def test_the_tab_leads_here_and_back(make_console, told, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("4")
        await settled(pilot)
        assert isinstance(app.screen, HistoryScreen)
        await pilot.press("y")
        assert app.clipboard == "smarterise-ops sites history"
        await pilot.press("shift+tab", "y")
        assert app.clipboard == "smarterise-ops journal list"
        await pilot.press("escape")
        assert isinstance(app.screen, FleetScreen)
        await pilot.click("Tabs", offset=(38, 0))
        assert isinstance(app.screen, HistoryScreen)


async def test_nothing_is_polled_while_the_history_is_shown(make_console, told, clock, settled):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(app, pilot, settled)
        requested = len(told.requested)
        clock.advance(60)
        app.tick()
        await settled(pilot)
        assert len(told.requested) == requested
        assert lines(app, "versions")[1].split()[1] == "2m"


# Since when a site has its tier


def title(app) -> str:
    return app.screen.query_one("#title").render().plain


async def open_site(app, pilot, settled) -> None:
    await settled(pilot)
    app._show_site("AN54101471")
    await settled(pilot)
    assert isinstance(app.screen, SiteScreen)


async def test_the_site_says_since_when_it_has_its_tier(
    make_console, stack, make_history, make_version, settled, clock
):
    since = make_version("v1", written_at="2026-02-26T11:00:00Z", tiers={"AN54101471": "CRITICAL"})
    stack.versions = make_history((make_version("v2"), since))
    app = make_console()
    async with app.run_test(size=(160, 45)) as pilot:
        await open_site(app, pilot, settled)
        assert stack.last("history") == (20, "AN54101471")
        assert 'CRITICAL  since 3d  (anna: "transformer works")' in title(app)
        assert "2026-02-26T11:00:00Z, anna" in str(app.screen.query_one("#configuration").content)
        clock.advance(60)
        app.tick()
        await pilot.press("r")
        await settled(pilot)
        assert stack.times("history") == 1
        stack.site_list[0] = replace(stack.site_list[0], tier=Tier.NON_CRITICAL)
        stack.version += 1
        clock.advance(60)
        app.tick()
        await settled(pilot)
        assert "since" not in title(app)


async def test_without_a_history_the_site_is_shown_all_the_same(
    make_console, stack, make_history, make_version, settled
):
    app = make_console()
    async with app.run_test(size=(80, 24)) as pilot:
        stack.errors["history"] = Denied("s3 denied", action="s3:ListBucketVersions")
        await open_site(app, pilot, settled)
        assert "since" not in title(app)
        assert app.state.issues.of("history") == ()
        stack.errors.clear()
        stack.versions = make_history((make_version("v2", tiers={"AN54101471": "NON_CRITICAL"}),))
        await pilot.press("escape")
        await open_site(app, pilot, settled)
        assert "since" not in title(app)
        stack.versions = make_history(
            (make_version("v2", by="", reason="", tiers={"AN54101471": "CRITICAL"}),)
        )
        await pilot.press("escape")
        await open_site(app, pilot, settled)
        assert "since 2026" not in title(app)
        assert "since 2h  (by hand)" in title(app)
