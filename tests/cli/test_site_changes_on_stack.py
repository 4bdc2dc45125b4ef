"""Every way to change sites and to take it back, against the embedded stack as an operator would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smarterise_ops.local.client import RunningStack

    Run = Callable[..., subprocess.CompletedProcess[str]]
    NewSites = Callable[..., list[str]]

pytestmark = pytest.mark.stack

BUCKET, KEY = "smarterise-site-config", "site-tiers.json"
FORMATS = ("json", "yaml", "csv", "jsonl")


@pytest.fixture
def on_stack(here: Run) -> Run:
    """Within this process: there are many commands here, and none of them needs a terminal."""
    return here


@pytest.fixture(autouse=True)
def _own_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def s3_of(stack: RunningStack) -> Any:
    exports = stack.exports
    return boto3.client(
        "s3",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_DEFAULT_REGION"],
    )


@pytest.fixture
def sites(embedded_stack: RunningStack) -> Callable[[], dict[str, Any]]:
    """Return the sites as S3 has them now."""

    def read() -> dict[str, Any]:
        body = s3_of(embedded_stack).get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
        found: dict[str, Any] = json.loads(body)["sites"]
        return found

    return read


def by_hand(stack: RunningStack, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the file as the guide says: download, edit, upload."""
    s3 = s3_of(stack)
    document = json.loads(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    change(document)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(document, indent=2).encode())


def plan_id_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    plan_id: str = json.loads(done.stdout)["plan_id"]
    return plan_id


# By selection -----------------------------------------------------------------------------------


def test_sites_are_selected_by_what_they_are(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    serials = new_sites(3)
    named = "".join(f'{serial}: {{name: "Zone {serials[0]}", capacity_kva: 90}}\n' for serial in serials[:2])
    assert on_stack("sites", "bulk-update", "-", "--yes", stdin=named).returncode == 0
    where = ["--where", f"name~zone {serials[0][:5].swapcase()}*", "--where", "capacity_kva<100"]
    listed = json.loads(on_stack("sites", "list", *where, "-o", "json").stdout)
    chosen = [row["gateway_serial"] for row in listed]
    assert chosen == serials[:2]

    request = [
        "sites",
        "bulk-update",
        *where,
        "--to",
        "non_critical",
        "--field",
        "asset_id=Z9",
        "--field",
        "name=",
    ]
    planned = json.loads(on_stack(*request, "--dry-run", "-o", "json").stdout)
    assert [change["gateway_serial"] for change in planned["changed"]] == chosen
    done = on_stack(*request, "--yes")
    assert done.returncode == 0, done.stderr
    now = sites()
    for serial in serials[:2]:
        assert now[serial] == {"tier": "NON_CRITICAL", "capacity_kva": 90, "asset_id": "Z9"}
    assert now[serials[2]]["tier"] == "CRITICAL"


def test_a_selection_of_none_is_nothing_to_do(on_stack: Run) -> None:
    done = on_stack("sites", "bulk-update", "--where", "name~no such site", "--to", "CRITICAL")
    assert (done.returncode, done.stdout) == (0, "No changes\n")
    assert done.stderr == "No site matches the conditions\n"


def test_a_field_that_no_site_has_is_told_once(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    serials = new_sites(2)
    before = sites()
    where = f"gateway_serial~{serials[0][:6]}*"
    done = on_stack("sites", "bulk-update", "--where", where, "--field", "capacty_kva=9", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count('unknown field "capacty_kva"') == 1
    assert 'Did you mean "capacity_kva"?' in done.stderr
    unknown = on_stack("sites", "bulk-update", "--where", "teir!=CRITICAL", "--to", "CRITICAL", "--yes")
    assert unknown.returncode == 1
    assert "did you mean tier?" in unknown.stderr
    assert sites() == before


# One by one -------------------------------------------------------------------------------------


def test_a_site_is_added_once(on_stack: Run, sites: Any) -> None:
    add = ["sites", "add", "AN0ADDED0SITE", "--tier", "critical", "--yes"]
    done = on_stack(*add, "--field", "name=Ikeja 7", "--field", "capacity_kva=315")
    assert done.returncode == 0, done.stderr
    assert sites()["AN0ADDED0SITE"] == {"tier": "CRITICAL", "name": "Ikeja 7", "capacity_kva": 315}
    for tier in ("critical", "non_critical"):
        again = on_stack("sites", "add", "AN0ADDED0SITE", "--tier", tier, "--yes")
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.startswith("error: Site AN0ADDED0SITE already exists\n")
    assert sites()["AN0ADDED0SITE"]["tier"] == "CRITICAL"


def test_a_wrong_site_is_not_added_and_every_reason_is_told(on_stack: Run, sites: Any) -> None:
    before = sites()
    done = on_stack(
        "sites", "add", "AN0WRONG0SITE", "--tier", "CRITICAL", "--yes",
        "--field", "capacity_kva=-1", "--field", "nmae=x", "--field", "tier=CRITICAL", "--field", "oops",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n  - ") == 4
    assert sites() == before


def test_a_site_taken_out_comes_back_as_it_was(
    on_stack: Run, new_sites: NewSites, sites: Any, embedded_stack: RunningStack
) -> None:
    (serial,) = new_sites(1)
    by_hand(
        embedded_stack, lambda document: document["sites"][serial].update(note={"floor": [1, 2]}, name=None)
    )
    whole = sites()[serial]
    plan_id = plan_id_of(on_stack("sites", "remove", serial, "--reason", "sold", "--yes", "-o", "json"))
    assert serial not in sites()
    again = on_stack("sites", "remove", serial, "--yes")
    assert (again.returncode, again.stdout) == (1, "")
    assert f"Site not found: {serial}" in again.stderr
    assert plan_id_of(on_stack("undo", plan_id, "--yes", "-o", "json"))
    assert sites()[serial] == whole


def test_an_unknown_serial_keeps_all_others_in_place(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    (serial,) = new_sites(1)
    done = on_stack("sites", "remove", serial, "AN0NOBODY", "--yes")
    assert done.returncode == 1
    assert "Site not found: AN0NOBODY" in done.stderr
    assert serial in sites()


def test_sites_are_disabled_and_enabled(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    serials = new_sites(2)
    assert "Disable 2 sites" in on_stack("sites", "disable", *serials, "--yes").stderr
    assert [sites()[serial]["enabled"] for serial in serials] == [False, False]
    assert on_stack("sites", "disable", *serials, "--yes").stdout == "No changes: 2 already as requested\n"
    assert on_stack("sites", "enable", serials[0], "--yes").returncode == 0
    assert [sites()[serial]["enabled"] for serial in serials] == [True, False]


# Out and in -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_exported_is_nothing_to_import(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack, form: str, tmp_path: Path
) -> None:
    (serial,) = new_sites(1)
    odd = {"note": ["a", {"b": None}], "name": None, "gateway_serial": serial, "crew": "12", "spare": None}
    by_hand(embedded_stack, lambda document: document["sites"][serial].update(odd))
    exported = on_stack("sites", "export", "-o", form)
    assert exported.returncode == 0, exported.stderr
    for arguments, stdin in (
        ((f"sites.{form}",), ""),
        (("-", "--input-format", form), exported.stdout),
    ):
        (tmp_path / f"sites.{form}").write_text(exported.stdout)
        done = on_stack("sites", "import", *arguments, "--prune", "--yes", stdin=stdin)
        assert (done.returncode, done.stdout.partition(":")[0]) == (0, "No changes"), done.stderr
        assert "only sites are imported" not in done.stderr
    assert on_stack("sites", "validate", f"sites.{form}").returncode == 0
    named = on_stack("sites", "export", f"again.{form}")
    assert named.returncode == 0
    assert (tmp_path / f"again.{form}").read_text() == exported.stdout


def test_an_import_puts_sites_whole_and_prunes_only_when_told(
    on_stack: Run, new_sites: NewSites, sites: Any, tmp_path: Path
) -> None:
    kept, changed, gone = new_sites(3)
    assert (
        on_stack(
            "sites", "bulk-update", "-", "--yes", stdin=f"{changed}: {{name: old, asset_id: A1}}"
        ).returncode
        == 0
    )
    assert on_stack("sites", "export", "all.json").returncode == 0
    document = json.loads((tmp_path / "all.json").read_text())
    document["sites"][changed] = {"tier": "NON_CRITICAL", "name": "new"}
    document["sites"]["AN0IMPORTED"] = {"tier": "CRITICAL", "crew": "north"}
    del document["sites"][gone]
    document["owner"] = "ops"
    (tmp_path / "all.json").write_text(json.dumps(document))

    done = on_stack("sites", "import", "all.json", "--reason", "survey", "--yes")
    assert done.returncode == 0, done.stderr
    assert "▲ Only sites are imported; not changed: owner" in done.stderr
    now = sites()
    assert now[changed] == {"tier": "NON_CRITICAL", "name": "new"}
    assert now["AN0IMPORTED"] == {"tier": "CRITICAL", "crew": "north"}
    assert {kept, gone} <= set(now)
    pruned = on_stack("sites", "import", "all.json", "--prune", "--yes")
    assert pruned.returncode == 0, pruned.stderr
    assert f"{gone}  removed  (" in pruned.stderr
    assert set(sites()) == set(document["sites"])


def test_an_earlier_version_is_exported_too(on_stack: Run, new_sites: NewSites) -> None:
    (serial,) = new_sites(1)
    version = json.loads(on_stack("sites", "history", "--limit", "1", "-o", "json").stdout)[0]["version_id"]
    assert on_stack("sites", "set-tier", serial, "--to", "NON_CRITICAL", "--yes").returncode == 0
    old = json.loads(on_stack("sites", "export", "--version", version).stdout)
    assert old["sites"][serial]["tier"] == "CRITICAL"


def test_a_table_is_no_export(on_stack: Run, tmp_path: Path) -> None:
    done = on_stack("sites", "export", "-o", "table")
    assert (done.returncode, done.stdout) == (2, "")
    blocked = on_stack("sites", "export", "no/such/folder.json")
    assert blocked.returncode == 2
    assert "no/such/folder.json cannot be written" in blocked.stderr
    assert list(tmp_path.glob("**/*.json*")) == []


# History ----------------------------------------------------------------------------------------


def test_the_history_tells_who_why_and_what_by_hand_too(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack
) -> None:
    first, second = new_sites(2)
    assert (
        on_stack("sites", "set-tier", first, "--to", "NON_CRITICAL", "--reason", "w", "--yes").returncode == 0
    )
    by_hand(embedded_stack, lambda document: document["sites"][second].update(tier="NON_CRITICAL"))
    for via in ("lambda", "s3"):
        done = on_stack("sites", "history", "--limit", "3", "--via", via, "-o", "json")
        rows = json.loads(done.stdout)
        assert [row["kind"] for row in rows] == ["hand edit", "change", "change"]
        assert [row["gateway_serials"] for row in rows[:2]] == [[second], [first]]
        assert [row["is_latest"] for row in rows] == [True, False, False]
        assert rows[1]["reason"] == "w"
        assert rows[1]["by"].startswith("arn:aws:")
        assert "older versions: smarterise-ops sites history --limit 6" in done.stderr
        diff = on_stack("sites", "diff", rows[2]["version_id"], "current", "--via", via, "-o", "json")
        assert {
            (row["gateway_serial"], row["field"], row["before"], row["after"])
            for row in json.loads(diff.stdout)
        } == {(serial, "tier", "CRITICAL", "NON_CRITICAL") for serial in (first, second)}
    table = on_stack("sites", "history", "--limit", "2").stdout.splitlines()
    assert table[0].split() == ["WRITTEN", "VERSION", "KIND", "SUMMARY", "REASON", "BY"]
    assert "hand edit, current" in table[1]
    same = on_stack("sites", "diff", "current")
    assert (same.returncode, same.stderr) == (0, "● No differences between the sites of these versions\n")


def test_a_rollback_keeps_what_other_sites_became(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    first, second = new_sites(2)
    version = json.loads(on_stack("sites", "history", "--limit", "1", "-o", "json").stdout)[0]["version_id"]
    for serial in (first, second):
        assert on_stack("sites", "set-tier", serial, "--to", "NON_CRITICAL", "--yes").returncode == 0
    back = ["sites", "rollback", version, "--reason", "wrong sites"]
    assert f"{first}  tier  NON_CRITICAL → CRITICAL" in on_stack(*back, "--dry-run").stdout
    done = on_stack(*back, "--yes")
    assert done.returncode == 0, done.stderr
    assert [sites()[serial]["tier"] for serial in (first, second)] == ["CRITICAL", "NON_CRITICAL"]
    assert on_stack(*back, "--whole", "--yes").returncode == 0
    assert [sites()[serial]["tier"] for serial in (first, second)] == ["CRITICAL", "CRITICAL"]
    nowhere = on_stack("sites", "rollback", "no-such-version", "--yes")
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert "version no-such-version of" in nowhere.stderr


# Journal and undo -------------------------------------------------------------------------------


def test_a_change_is_found_shown_and_taken_back(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    (serial,) = new_sites(1)
    switch = ["sites", "set-tier", serial, "--to", "NON_CRITICAL", "--reason", "breaker", "--yes"]
    plan_id = plan_id_of(on_stack(*switch, "-o", "json"))
    listed = json.loads(on_stack("journal", "list", "-o", "json").stdout)
    assert (listed[0]["plan_id"], listed[0]["outcome"], listed[0]["reason"]) == (
        plan_id,
        "verified",
        "breaker",
    )
    shown = json.loads(on_stack("journal", "show", plan_id[:5], "-o", "json").stdout)
    assert shown["changed"] == [
        {"gateway_serial": serial, "before": {"tier": "CRITICAL"}, "after": {"tier": "NON_CRITICAL"}}
    ]
    assert shown["end"]["outcome"] == "verified"
    assert f"  {serial}  tier  CRITICAL → NON_CRITICAL" in on_stack("journal", "show", plan_id).stdout

    looked = on_stack("undo", plan_id, "--dry-run")
    assert f"undoes    {plan_id}" in looked.stdout
    undo_id = plan_id_of(on_stack("undo", plan_id, "--yes", "-o", "json"))
    assert sites()[serial]["tier"] == "CRITICAL"
    table = on_stack("journal", "list").stdout.splitlines()
    assert f"undone by {undo_id}" in next(line for line in table if line.split()[1] == plan_id)
    redone = on_stack("undo", undo_id, "--yes")
    assert redone.returncode == 0, redone.stderr
    assert sites()[serial]["tier"] == "NON_CRITICAL"


def test_what_has_moved_on_is_not_undone(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    first, second = new_sites(2)

    def set_capacity(*kva: int) -> str:
        rows = "".join(
            f"{serial}: {{capacity_kva: {value}}}\n"
            for serial, value in zip((first, second), kva, strict=False)
        )
        return plan_id_of(on_stack("sites", "bulk-update", "-", "--yes", "-o", "json", stdin=rows))

    plan_id = set_capacity(100, 100)
    set_capacity(300)
    refused = on_stack("undo", plan_id, "--yes")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert first in refused.stderr
    assert "300" in refused.stderr
    assert [sites()[serial]["capacity_kva"] for serial in (first, second)] == [300, 100]


def test_an_undo_touches_what_was_changed_and_nothing_else(
    on_stack: Run, new_sites: NewSites, sites: Any
) -> None:
    (serial,) = new_sites(1)
    plan_id = plan_id_of(on_stack("sites", "disable", serial, "--yes", "-o", "json"))
    assert on_stack("sites", "set-tier", serial, "--to", "NON_CRITICAL", "--yes").returncode == 0
    assert on_stack("undo", plan_id, "--yes").returncode == 0
    assert sites()[serial] == {"tier": "NON_CRITICAL"}


def test_an_unknown_change_is_exit_1(on_stack: Run) -> None:
    for command in (("undo", "ffff", "--yes"), ("journal", "show", "ffff"), ("journal", "resolve", "ffff")):
        done = on_stack(*command)
        assert (done.returncode, done.stdout) == (1, "")
        assert "there is no change ffff" in done.stderr
        assert "try: see all: smarterise-ops journal list" in done.stderr


KILLED = """
import os
from smarterise_sdk.settings import load_settings
from smarterise_sdk.stack import Stack
stack = Stack(load_settings())
plan = stack.sites.plan_update({{"{serial}": {{"tier": "NON_CRITICAL"}}}})
apply = stack.sites._transports.function.write
def killed(*arguments, **named):
    {before}
    os._exit(9)
stack.sites._transports.function.write = killed
stack.sites.apply(plan)
"""


@pytest.mark.parametrize(
    ("before", "state", "tier"),
    [("apply(*arguments, **named)", "verified", "NON_CRITICAL"), ("pass", "unverified", "CRITICAL")],
    ids=["killed after it wrote", "killed before it wrote"],
)
def test_a_change_that_was_killed_is_told_and_settled(
    on_stack: Run,
    new_sites: NewSites,
    embedded_stack: RunningStack,
    sites: Any,
    before: str,
    state: str,
    tier: str,
) -> None:
    (serial,) = new_sites(1)
    script = KILLED.format(serial=serial, before=before)
    env = {**os.environ, **embedded_stack.exports}
    killed = subprocess.run(
        [sys.executable, "-c", script], env=env, check=False, capture_output=True, text=True
    )
    assert killed.returncode == 9, killed.stderr
    told = on_stack("sites", "show", serial)
    assert told.returncode == 0
    (line,) = told.stderr.splitlines()
    assert line.startswith("▲ Unresolved change: ")
    plan_id = line.split()[-1]
    assert line.endswith(f"resolve with: smarterise-ops journal resolve {plan_id}")
    settled = on_stack("journal", "resolve", plan_id, "-o", "json")
    assert settled.stderr == ""
    assert json.loads(settled.stdout)["state"] == state
    assert settled.returncode == (0 if state == "verified" else 3)
    assert sites()[serial]["tier"] == tier
    if state == "verified":
        assert on_stack("sites", "show", serial).stderr == ""
        assert plan_id_of(on_stack("undo", plan_id, "--yes", "-o", "json"))
        assert sites()[serial]["tier"] == "CRITICAL"


# A file that cannot be used ----------------------------------------------------------------------


@pytest.fixture
def broken(embedded_stack: RunningStack, new_sites: NewSites) -> Iterator[str]:
    """A site of the test's own, whose tier somebody has mistyped by hand in a file cut by a comma."""
    (serial,) = new_sites(1)
    s3 = s3_of(embedded_stack)
    good = s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    document = json.loads(good)
    document["sites"][serial] = {"tier": "CRITICL", "name": "mistyped"}
    text = json.dumps(document, indent=1).replace('"CRITICL",', '"CRITICL"')
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=text.encode())
    yield serial
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=good)


def test_a_broken_file_is_mended_by_the_smallest_change(on_stack: Run, broken: str, sites: Any) -> None:
    shown = on_stack("sites", "show", broken)
    assert (shown.returncode, "CRITICAL" in shown.stdout) == (0, True)
    assert shown.stderr.splitlines()[-1] == "try: smarterise-ops sites repair --dry-run"
    refused = on_stack("sites", "disable", broken, "--yes")
    assert refused.returncode == 1
    assert "smarterise-ops sites repair --dry-run" in refused.stderr

    looked = on_stack("sites", "repair", "--dry-run")
    assert looked.returncode == 0
    assert f'site {broken}: tier "CRITICL" → "CRITICAL"' in looked.stdout
    assert f"{broken}  name  absent → mistyped" in looked.stdout
    assert "file      replaced completely, " in looked.stdout
    done = on_stack("sites", "repair", "--reason", "typo", "--yes")
    assert done.returncode == 0, done.stderr
    assert sites()[broken] == {"tier": "CRITICAL", "name": "mistyped"}
    assert on_stack("sites", "show", broken).stderr == ""
    again = on_stack("sites", "repair", "--yes")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "No changes")


def test_a_broken_file_is_put_back_as_it_was_last(on_stack: Run, broken: str, sites: Any) -> None:
    done = on_stack("sites", "repair", "--last-good", "--yes", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "verified"
    assert sites()[broken] == {"tier": "CRITICAL"}
    refused = on_stack("undo", json.loads(done.stdout)["plan_id"], "--yes")
    assert refused.returncode == 2
    assert "cannot be taken back" in refused.stderr


def test_what_nothing_can_be_made_of_names_the_way_back(
    on_stack: Run, broken: str, embedded_stack: RunningStack
) -> None:
    s3_of(embedded_stack).put_object(Bucket=BUCKET, Key=KEY, Body=b'{"schema_version": 1}')
    for request in (("--where", "tier=CRITICAL", "--to", "CRITICAL"), ("--set", f"{broken}=NON_CRITICAL")):
        refused = on_stack("sites", "bulk-update", *request, "--yes")
        assert refused.returncode == 1
        assert refused.stderr.startswith("error: the site file cannot be used, so nothing is written to it\n")
    s3_of(embedded_stack).put_object(Bucket=BUCKET, Key=KEY, Body=b"see the other file")
    done = on_stack("sites", "repair", "--dry-run")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--last-good" in done.stderr
    assert on_stack("sites", "repair", "--last-good", "--yes").returncode == 0


# Read-only --------------------------------------------------------------------------------------


def test_no_command_writes_where_it_is_read_only(
    on_stack: Run, new_sites: NewSites, sites: Any, tmp_path: Path
) -> None:
    (serial,) = new_sites(1)
    plan_id = plan_id_of(on_stack("sites", "disable", serial, "--yes", "-o", "json"))
    version = json.loads(on_stack("sites", "history", "--limit", "2", "-o", "json").stdout)[1]["version_id"]
    (tmp_path / "one.csv").write_text(f"gateway_serial,tier\n{serial},NON_CRITICAL\n")
    before = sites()
    for command in (
        ("sites", "set-tier", serial, "--to", "NON_CRITICAL"),
        ("sites", "enable", serial),
        ("sites", "remove", serial),
        ("sites", "add", "AN0NEWONE", "--tier", "CRITICAL"),
        ("sites", "bulk-update", "one.csv"),
        ("sites", "bulk-update", "--where", f"gateway_serial={serial}", "--to", "NON_CRITICAL"),
        ("sites", "import", "one.csv"),
        ("sites", "rollback", version),
        ("undo", plan_id),
    ):
        refused = on_stack(*command, "--yes", "--read-only")
        assert (refused.returncode, refused.stdout) == (1, ""), command
        assert refused.stderr.startswith("error: local is read-only\n")
        looked = on_stack(*command, "--dry-run", "--read-only")
        assert (looked.returncode, looked.stdout.splitlines()[-1]) == (
            0,
            "nothing was written (--dry-run)",
        ), command
    assert on_stack("sites", "reconcile", "--yes", "--read-only").returncode == 1
    assert on_stack("sites", "repair", "--yes", "--read-only").returncode == 1
    assert sites() == before


def test_a_write_that_cannot_be_read_back_is_exit_3(on_stack: Run, new_sites: NewSites, sites: Any) -> None:
    (serial,) = new_sites(1)
    elsewhere = {"SMARTERISE_SITE_CONFIG_BUCKET": "no-such-bucket"}
    done = on_stack("sites", "set-tier", serial, "--to", "NON_CRITICAL", "--yes", env=elsewhere)
    assert done.returncode == 3
    assert f"? {serial}: " in done.stdout
    assert sites()[serial]["tier"] == "NON_CRITICAL"
    assert "▲ Unresolved change: " in on_stack("sites", "show", serial).stderr
