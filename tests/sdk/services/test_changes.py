"""Changes are listed, found and taken back, exactly and only as far as nobody else has gone on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, UsageError
from smarterise_sdk.services.identity import identity_of
from smarterise_sdk.settings import Environment, EnvironmentKind
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

BOTH = pytest.mark.parametrize("via", list(WritePath))
YABA = "ehm21120333"
SWITCH = {YABA: {"tier": "NON_CRITICAL"}}


def applied(stack: Stack, updates: Any = None, **how: Any) -> str:
    """Make a change and return its id."""
    plan = stack.sites.plan_update(updates or SWITCH, **how)
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    return plan.plan_id


def undone(stack: Stack, plan_id: str, **how: Any) -> str:
    """Take a change back and return the id of doing so."""
    plan = stack.changes.plan_undo(plan_id, **how)
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    return plan.plan_id


def site(home: Any, serial: str = YABA) -> Any:
    return home.file()["sites"].get(serial)


def edit(home: Any, serial: str = YABA, **fields: Any) -> None:
    """Change the file by hand."""
    file = home.file()
    file["sites"].setdefault(serial, {}).update(fields)
    home.put_file(file)


# Listing and finding ----------------------------------------------------------------------------


def test_the_newest_come_first(stack: Stack) -> None:
    first, second = applied(stack), applied(stack, {YABA: {"name": "Yaba"}}, reason="typo")
    reading = stack.changes.list()
    assert [entry.plan_id for entry in reading.entries] == [second, first]
    assert reading.entries[0].reason == "typo"
    assert reading.entries[0].outcome == "verified"


def test_other_environments_have_their_own(stack: Stack, home: Any, settings_for: Callable[..., Any]) -> None:
    plan_id = applied(stack)
    elsewhere = Environment("staging", EnvironmentKind.STAGING, "yellow")
    for changes in (
        {"environment": elsewhere},
        {"region": "us-east-1"},
        {"endpoint_url": "http://127.0.0.1:1"},
    ):
        with Stack(settings_for(**{"endpoint_url": home.url} | changes)) as other:
            assert other.changes.list().entries == ()
            with pytest.raises(NotFound) as caught:
                other.changes.find(plan_id)
            assert caught.value.code == "CHANGE_NOT_FOUND"
            assert "there is one of environment local" in caught.value.why


def test_found_by_the_beginning_of_its_id(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = [replace(stack.sites.plan_update(SWITCH), plan_id=name) for name in ("aa11", "aa22", "aa221")]
    for plan in plans:
        stack.journal.intended(plan, who="anna")
    assert stack.changes.find(" AA1").plan_id == "aa11"
    assert stack.changes.find("aa22").plan_id == "aa22", "an id is no beginning of another"
    with pytest.raises(UsageError) as caught:
        stack.changes.find("aa")
    assert "aa221, aa22, aa11" in caught.value.why
    for nothing in ("", "bb", "\x1b[2J"):
        with pytest.raises(NotFound) as missing:
            stack.changes.find(nothing)
        assert "\x1b" not in missing.value.what
        assert "journal list" in missing.value.remedy


def test_a_plan_applied_twice_is_found_as_the_change_that_it_made(stack: Stack) -> None:
    plan = stack.sites.plan_update(SWITCH)
    stack.sites.apply(plan)
    with pytest.raises(Conflict):
        stack.sites.apply(plan)
    assert [entry.outcome.value for entry in stack.changes.list().entries] == ["verified"]
    assert stack.changes.find(plan.plan_id).outcome == "verified"


def test_listing_asks_nobody_and_loads_no_boto3(stack: Stack) -> None:
    applied(stack)
    code = (
        "import sys, pathlib; from dataclasses import replace;"
        "from smarterise_sdk.settings import load_settings; from smarterise_sdk.stack import Stack;"
        "s = load_settings();"
        "s = replace(s, endpoint_url=sys.argv[2], region='eu-west-2', journal_dir=pathlib.Path(sys.argv[1]),"
        " environment=replace(s.environment, name='local'));"
        "t = Stack(s); print(len(t.changes.list().entries), len(t.changes.unresolved()));"
        "print(sorted({'boto3', 'botocore', 'pydantic', 'urllib3'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", code, str(stack.settings.journal_dir), str(stack.settings.endpoint_url)]
    ran = subprocess.run(argv, capture_output=True, text=True, env=dict(os.environ))
    assert ran.stdout.splitlines() == ["1 0", "[]"], ran.stderr


# Taking back ------------------------------------------------------------------------------------


@BOTH
def test_a_change_is_taken_back_exactly(stack: Stack, home: Any, via: WritePath) -> None:
    before = site(home)
    plan_id = applied(stack, {YABA: {"tier": "NON_CRITICAL", "name": "Yaba", "enabled": False}}, via=via)
    plan = stack.changes.plan_undo(plan_id[:5])
    assert (plan.undoes, plan.via, plan.reason) == (plan_id, via, f"undo {plan_id}")
    assert plan.title == f"Undo {plan_id}: Update 1 site"
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    assert site(home) == before
    assert list(site(home)) == list(before)
    assert stack.changes.find(plan_id).undone_by == plan.plan_id
    assert home.file()["reason"] == f"undo {plan_id}"


def test_an_undo_is_undone(stack: Stack, home: Any) -> None:
    first = applied(stack)
    after = site(home)
    second = undone(stack, first)
    third = undone(stack, second, reason="it was right after all")
    assert site(home) == after
    assert stack.changes.find(first).undone_by == ""
    assert stack.changes.find(second).undone_by == third
    fourth = undone(stack, first)
    assert site(home)["tier"] == "CRITICAL"
    assert stack.changes.find(first).undone_by == fourth


def test_what_was_added_goes_and_what_was_removed_comes_back(stack: Stack, home: Any) -> None:
    before = home.file()["sites"]
    added = applied(stack, {"NEW1": {"tier": "CRITICAL"}}, create=True)
    removed = stack.sites.plan_replace({YABA: None})
    stack.sites.apply(removed)
    assert set(home.file()["sites"]) == {"NEW1", "AN54101471", "AN10220456"}
    undone(stack, removed.plan_id)
    undone(stack, added)
    assert home.file()["sites"] == before


def test_only_what_the_change_touched_is_touched_again(stack: Stack, home: Any) -> None:
    plan_id = applied(stack)
    edit(home, name="Yaba", crew=["bola"])
    edit(home, "AN54101471", tier="CRITICAL")
    undone(stack, plan_id)
    assert site(home) == {"tier": "CRITICAL", "name": "Yaba", "note": "kept", "crew": ["bola"]}
    assert site(home, "AN54101471")["tier"] == "CRITICAL"
    assert home.file()["owner"] == "ops"


def test_a_value_that_has_moved_on_is_left_and_told(stack: Stack, home: Any) -> None:
    plan_id = applied(stack, {YABA: {"name": "Yaba"}, "AN54101471": {"tier": "CRITICAL"}})
    applied(stack, {YABA: {"name": "Yaba 2"}}, reason="second thoughts")
    before = home.file()
    with pytest.raises(Conflict) as caught:
        stack.changes.plan_undo(plan_id)
    assert caught.value.code == "MOVED_ON"
    assert "ehm21120333 name: set to Yaba by the change, now Yaba 2" in caught.value.why
    assert "AN54101471" not in caught.value.why
    assert "(second thoughts)" in caught.value.why
    assert "sites history" in caught.value.remedy
    assert home.file() == before


def test_the_later_change_is_taken_back_first(stack: Stack, home: Any) -> None:
    first = applied(stack, {YABA: {"name": "Yaba"}})
    second = applied(stack, {YABA: {"name": "Yaba 2"}})
    undone(stack, second)
    undone(stack, first)
    assert site(home)["name"] == "Yaba Market"


def test_what_is_back_already_is_nothing_to_do(stack: Stack, home: Any) -> None:
    plan_id = applied(stack, {**SWITCH, "AN54101471": {"tier": "CRITICAL"}})
    edit(home, tier="CRITICAL")
    plan = stack.changes.plan_undo(plan_id)
    assert [change.gateway_serial for change in plan.changes] == ["AN54101471"]
    assert plan.unchanged == (YABA,)
    assert "1 site is as before the change already" in plan.notes
    stack.sites.apply(plan)
    again = stack.changes.plan_undo(plan_id)
    assert again.is_empty
    assert f"change {plan_id} was taken back before, by {plan.plan_id}" in again.notes
    assert stack.sites.apply(again).state is ReceiptState.NOTHING_TO_DO


def test_a_change_that_was_not_certain_is_taken_back_as_far_as_it_shows(
    frail: Stack, proxy: Any, home: Any
) -> None:
    plan = frail.sites.plan_update(SWITCH)
    fault = proxy.fail(lambda method, path: method == "GET" and "site-tiers" in path, status=None)
    assert frail.sites.apply(plan).state is ReceiptState.UNVERIFIED
    fault.times = 0
    undo = frail.changes.plan_undo(plan.plan_id)
    assert any("ended unverified" in note for note in undo.notes)
    assert frail.sites.apply(undo).state is ReceiptState.VERIFIED
    assert site(home)["tier"] == "CRITICAL"


def test_ten_are_named_and_the_rest_counted(stack: Stack, home: Any) -> None:
    sites = {f"AN{number:04}": {"tier": "CRITICAL"} for number in range(15)}
    plan_id = applied(stack, sites, create=True)
    for serial in sites:
        edit(home, serial, name="changed")
    with pytest.raises(Conflict) as caught:
        stack.changes.plan_undo(plan_id)
    assert "and 5 more sites" in caught.value.why


# What cannot be taken back ----------------------------------------------------------------------


def test_what_was_not_written_is_not_taken_back(stack: Stack, home: Any) -> None:
    plan = stack.sites.plan_update(SWITCH)
    edit(home, name="Yaba")
    with pytest.raises(Conflict):
        stack.sites.apply(plan)
    with pytest.raises(UsageError) as caught:
        stack.changes.plan_undo(plan.plan_id)
    assert (caught.value.code, caught.value.why) == (
        "NOT_UNDOABLE",
        "it was not made: nothing was written",
    )


def test_what_is_being_made_is_not_taken_back(stack: Stack) -> None:
    plan = stack.sites.plan_update(SWITCH)
    stack.journal.intended(plan, who="anna")
    with pytest.raises(UsageError, match="cannot be taken back") as caught:
        stack.changes.plan_undo(plan.plan_id)
    assert str(os.getpid()) in caught.value.why
    assert caught.value.remedy == "wait for it to end"


def test_a_mended_file_is_not_broken_again(stack: Stack, home: Any) -> None:
    home.put_file(json.dumps(home.file()).replace("NON_CRITICAL", "NON_CRITICL").encode())
    plan = stack.sites.plan_repair()
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    with pytest.raises(UsageError) as caught:
        stack.changes.plan_undo(plan.plan_id)
    assert caught.value.code == "NOT_UNDOABLE"
    assert "would break the file again" in caught.value.why
    assert "rollback" in caught.value.remedy


def test_a_change_of_another_account_is_left_alone(
    home: Any, settings_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack(settings_for(home.url)) as stack:
        plan_id = applied(stack)
    other = identity_of("444455556666", "arn:aws:iam::444455556666:user/bob", "eu-west-2")
    monkeypatch.setattr(Stack, "identity", lambda _: other)
    with Stack(settings_for(home.url)) as stack:
        for ask in (stack.changes.plan_undo, stack.changes.resolve):
            with pytest.raises(UsageError) as caught:
                ask(plan_id)
            assert caught.value.code == "WRONG_ACCOUNT"
            assert "111122223333" in caught.value.what


def test_a_broken_file_is_not_written_to(stack: Stack, home: Any) -> None:
    plan_id = applied(stack)
    home.put_file(b"{ cut")
    with pytest.raises(InvalidDocument):
        stack.changes.plan_undo(plan_id)


# Secrets ----------------------------------------------------------------------------------------


def test_secrets_come_back_exactly_though_the_journal_has_none(stack: Stack, home: Any) -> None:
    edit(home, ftp_password="hunter2", note="token=abc123")
    before = site(home)
    changed = applied(stack, {YABA: {"ftp_password": "hunter3", "tier": "NON_CRITICAL"}})
    removal = stack.sites.plan_replace({YABA: None})
    stack.sites.apply(removal)
    applied(stack, {"AN54101471": {"tier": "CRITICAL"}})
    assert "hunter" not in stack.journal.path.read_text()
    assert "abc123" not in stack.journal.path.read_text()
    undone(stack, removal.plan_id)
    assert site(home)["ftp_password"] == "hunter3"
    undone(stack, changed)
    assert site(home) == before


def test_a_secret_beside_a_change_needs_no_version(stack: Stack, home: Any) -> None:
    edit(home, ftp_password="hunter2")
    before = site(home)
    plan_id = applied(stack)
    home.forget_file()
    home.put_file({"sites": {YABA: {**before, "tier": "NON_CRITICAL"}}})
    undone(stack, plan_id)
    assert site(home) == before


def test_secrets_that_are_not_to_be_had_are_not_made_up(stack: Stack, home: Any) -> None:
    edit(home, ftp_password="hunter2")
    plan_id = applied(stack, {YABA: {"ftp_password": "hunter3"}})
    now = home.file()
    home.forget_file()
    home.put_file(now)
    with pytest.raises(InvalidDocument) as caught:
        stack.changes.plan_undo(plan_id)
    assert caught.value.code == "NOT_UNDOABLE"
    assert "sites rollback" in caught.value.remedy
    assert json.dumps(home.file()) == json.dumps(now)


def test_a_secret_changed_since_is_noticed(stack: Stack, home: Any) -> None:
    edit(home, ftp_password="hunter2")
    plan_id = applied(stack, {YABA: {"ftp_password": "hunter3"}})
    edit(home, ftp_password="hunter4")
    with pytest.raises(Conflict) as caught:
        stack.changes.plan_undo(plan_id)
    assert caught.value.code == "MOVED_ON"
    assert "hunter" not in caught.value.why


def body(home: Any) -> bytes:
    content = (
        home.client("s3").get_object(Bucket="smarterise-site-config", Key="site-tiers.json")["Body"].read()
    )
    return bytes(content)


def test_secrets_are_those_of_the_change_though_its_file_came_again(stack: Stack, home: Any) -> None:
    """Masked, two secrets look the same, and a file put back by hand is the same to the byte."""
    edit(home, ftp_password="hunter1")
    before = body(home)
    first = applied(stack, {YABA: {"ftp_password": "hunter2"}})
    after = body(home)
    second = undone(stack, first)
    home.put_file(after)
    applied(stack, {"AN54101471": {"tier": "CRITICAL"}})
    home.put_file(before)
    undone(stack, second)
    assert site(home)["ftp_password"] == "hunter2"


def test_secrets_that_cannot_be_told_apart_are_not_guessed(stack: Stack, home: Any) -> None:
    edit(home, ftp_password="hunter1")
    before = body(home)
    for secret in ("hunter2", "hunter3"):
        plan = stack.sites.plan_update({YABA: {"ftp_password": secret}})
        home.put_file(before)
        stack.sites.apply(plan)
        home.put_file(before)
    path = stack.journal.path
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[:-1]))
    with pytest.raises(InvalidDocument) as caught:
        stack.changes.plan_undo(plan.plan_id)
    assert "several changes look like it" in caught.value.why
    assert f"journal resolve {plan.plan_id}" in caught.value.remedy
