"""`sites` against the real thing: the function, the bucket and its versions, on the embedded stack."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_s3 import S3Client

    from smarterise_ops.local.client import RunningStack

    Run = Callable[..., subprocess.CompletedProcess[str]]
    NewSites = Callable[..., list[str]]

pytestmark = pytest.mark.stack

BUCKET, KEY = "smarterise-site-config", "site-tiers.json"


def s3_of(stack: RunningStack) -> S3Client:
    exports = stack.exports
    return boto3.client(
        "s3",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_DEFAULT_REGION"],
    )


def document(stack: RunningStack) -> dict[str, Any]:
    body = s3_of(stack).get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def tier_of(stack: RunningStack, serial: str) -> str:
    tier: str = document(stack)["sites"][serial]["tier"]
    return tier


@pytest.fixture
def broken_file(embedded_stack: RunningStack) -> Iterator[None]:
    """For a while the site file has a wrong tier and a comment in it."""
    s3 = s3_of(embedded_stack)
    good = s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b'{"sites": {\n  // the works\n}}')
    yield
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=good)


def test_a_listing_says_the_same_in_every_format(on_stack: Run, embedded_stack: RunningStack) -> None:
    serials = list(document(embedded_stack)["sites"])
    listed = json.loads(on_stack("sites", "list", "-o", "json").stdout)
    assert [row["gateway_serial"] for row in listed] == serials
    assert {"tier", "enabled", "nominal_voltage", "asset_id"} <= set(listed[0])
    assert yaml.safe_load(on_stack("sites", "list", "-o", "yaml").stdout) == listed
    assert [
        json.loads(line) for line in on_stack("sites", "list", "-o", "jsonl").stdout.splitlines()
    ] == listed
    table = on_stack("sites", "list").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["SERIAL", *serials]
    rows = list(csv.DictReader(io.StringIO(on_stack("sites", "list", "-o", "csv").stdout)))
    assert [row["gateway_serial"] for row in rows] == serials
    via_s3 = on_stack("sites", "list", "-o", "json", "--via", "s3")
    assert json.loads(via_s3.stdout) == listed


def test_a_listing_can_be_narrowed(on_stack: Run, new_sites: NewSites, tmp_path: Path) -> None:
    critical, other = new_sites(1), new_sites(1, "NON_CRITICAL")
    done = on_stack("sites", "bulk-update", "-", "--yes", stdin=f"gateway_serial,enabled\n{other[0]},no\n")
    assert done.returncode == 0, done.stderr

    def listed(*arguments: str) -> set[str]:
        rows = json.loads(on_stack("sites", "list", "-o", "json", *arguments).stdout)
        return {row["gateway_serial"] for row in rows} & {*critical, *other}

    assert listed() == {*critical, *other}
    assert listed("--tier", "critical") == listed("--enabled") == set(critical)
    assert listed("--tier", "NON_CRITICAL") == listed("--disabled") == set(other)
    assert listed("--tier", "CRITICAL", "--disabled") == set()


def test_one_site_is_shown_as_one_object(on_stack: Run, new_sites: NewSites) -> None:
    (serial,) = new_sites(1)
    shown = on_stack("sites", "show", serial, "-o", "json")
    assert json.loads(shown.stdout)["gateway_serial"] == serial
    assert f"gateway_serial   {serial}\n" in on_stack("sites", "show", serial).stdout
    assert on_stack("sites", "show", serial, "-o", "json", "--via", "s3").stdout == shown.stdout


def test_an_unknown_site_is_exit_1_with_the_one_that_was_meant(on_stack: Run, new_sites: NewSites) -> None:
    (serial,) = new_sites(1)
    done = on_stack("sites", "show", serial.swapcase())
    assert (done.returncode, done.stdout) == (1, "")
    assert f'error: site "{serial.swapcase()}" does not exist' in done.stderr
    assert serial in done.stderr.splitlines()[-1]


def test_a_switch_is_planned_confirmed_written_and_read_back(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack
) -> None:
    serials = new_sites(2)
    request = ["sites", "set-tier", *serials, "--to", "non_critical", "--reason", "transformer works"]
    planned = json.loads(on_stack(*request, "--dry-run", "-o", "json").stdout)
    assert [change["gateway_serial"] for change in planned["changed"]] == serials
    assert tier_of(embedded_stack, serials[0]) == "CRITICAL"

    unasked = on_stack(*request)
    assert unasked.returncode == 2
    assert unasked.stderr.splitlines()[-1].endswith("--reason 'transformer works' --yes")
    assert tier_of(embedded_stack, serials[0]) == "CRITICAL"

    done = on_stack(*request, "--yes", "-o", "json")
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["state"] == "verified"
    assert receipt["verified"] == serials
    written = document(embedded_stack)
    assert {written["sites"][serial]["tier"] for serial in serials} == {"NON_CRITICAL"}
    assert written["reason"] == "transformer works"

    again = on_stack(*request, "--yes")
    assert (again.returncode, again.stdout) == (0, "No changes: 2 already as requested\n")


def test_a_switch_can_go_straight_to_the_file(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack
) -> None:
    (serial,) = new_sites(1)
    done = on_stack("sites", "set-tier", serial, "--to", "NON_CRITICAL", "--via", "s3", "--yes")
    assert done.returncode == 0, done.stderr
    assert "s3:PutObject" in done.stderr
    assert tier_of(embedded_stack, serial) == "NON_CRITICAL"


def test_read_only_writes_nothing(on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack) -> None:
    (serial,) = new_sites(1)
    done = on_stack("sites", "set-tier", serial, "--to", "NON_CRITICAL", "--yes", "--read-only")
    assert done.returncode == 1
    assert "read-only" in done.stderr
    assert (
        on_stack("--read-only", "sites", "set-tier", serial, "--to", "NON_CRITICAL", "--dry-run").returncode
        == 0
    )
    assert tier_of(embedded_stack, serial) == "CRITICAL"


FILES = {
    "csv": """\
gateway_serial,tier,capacity_kva
%(first)s,NON_CRITICAL,400
%(second)s,NON_CRITICAL,
""",
    "json": """\
{"%(first)s": {"tier": "NON_CRITICAL", "capacity_kva": 400},
 "%(second)s": {"tier": "NON_CRITICAL"}}
""",
    "jsonl": """\
{"gateway_serial": "%(first)s", "tier": "NON_CRITICAL", "capacity_kva": 400}
{"gateway_serial": "%(second)s", "tier": "NON_CRITICAL"}
""",
    "yaml": """\
%(first)s: {tier: NON_CRITICAL, capacity_kva: 400}
%(second)s: NON_CRITICAL
""",
}


@pytest.mark.parametrize("suffix", FILES)
def test_every_format_of_file_changes_the_sites(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack, tmp_path: Path, suffix: str
) -> None:
    first, second, third = new_sites(3)
    (tmp_path / f"u.{suffix}").write_text(FILES[suffix] % {"first": first, "second": second})
    done = on_stack("sites", "bulk-update", f"u.{suffix}", "--set", f"{third}=non_critical", "--yes")
    assert done.returncode == 0, done.stderr
    assert "✔ 3 changed, verified" in done.stdout
    sites = document(embedded_stack)["sites"]
    assert sites[first]["capacity_kva"] == 400
    assert {sites[serial]["tier"] for serial in (first, second, third)} == {"NON_CRITICAL"}
    assert "capacity_kva" not in sites[second]


def test_every_problem_is_told_at_once_and_nothing_is_written(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack, tmp_path: Path
) -> None:
    first, second = new_sites(2)
    lines = [
        "gateway_serial,tier,nominal_voltage,teir",
        f"{first},NON_CRITICAL,,",
        f"{second},NONCRITICAL,-5,x",
        "AN00NOSUCHSITE,CRITICAL,,",
        f"{first},CRITICAL",
    ]
    (tmp_path / "u.csv").write_text("\n".join(lines))
    before = document(embedded_stack)
    done = on_stack("sites", "bulk-update", "u.csv", "--set", "oops", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    told = done.stderr.splitlines()
    assert told[0] == "error: u.csv: 6 problems, nothing was written"
    assert [line.split(":")[0] for line in told[1:7]] == [
        f"  - line 3, site {second}, field tier",
        f"  - line 3, site {second}, field nominal_voltage",
        f"  - line 3, site {second}, field teir",
        "  - line 4, site AN00NOSUCHSITE",
        "  - line 5",
        "  - --set oops is not SERIAL=TIER (e.g. --set AN54101471=CRITICAL)",
    ]
    assert 'Did you mean "NON_CRITICAL"?' in told[1]
    assert document(embedded_stack) == before


def test_what_sites_list_prints_changes_nothing_when_given_back(on_stack: Run) -> None:
    for form in ("csv", "json", "jsonl", "yaml"):
        listed = on_stack("sites", "list", "-o", form).stdout
        done = on_stack("sites", "bulk-update", "-", "--input-format", form, "--yes", stdin=listed)
        assert (done.returncode, done.stdout.partition(":")[0]) == (0, "No changes"), done.stderr


def test_a_file_that_asks_for_nothing_is_nothing_to_do(on_stack: Run) -> None:
    done = on_stack("sites", "bulk-update", "-", stdin="gateway_serial,tier\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No changes: standard input contains none\n"


def test_a_new_site_must_be_meant(on_stack: Run, embedded_stack: RunningStack) -> None:
    refused = on_stack("sites", "bulk-update", "--set", "AN0NEW0SITE0=CRITICAL", "--yes")
    assert refused.returncode == 1
    assert "AN0NEW0SITE0" not in document(embedded_stack)["sites"]
    assert (
        on_stack("sites", "bulk-update", "--set", "AN0NEW0SITE0=CRITICAL", "--create", "--yes").returncode
        == 0
    )
    assert tier_of(embedded_stack, "AN0NEW0SITE0") == "CRITICAL"


def test_another_etag_than_expected_is_a_conflict(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack
) -> None:
    (serial,) = new_sites(1)
    update = ["sites", "bulk-update", "--set", f"{serial}=NON_CRITICAL", "--yes"]
    etag = json.loads(on_stack(*update, "--dry-run", "-o", "json").stdout)["base_etag"]
    new_sites(1)
    done = on_stack(*update, "--expect-etag", etag)
    assert (done.returncode, done.stdout) == (4, "")
    assert "try: read it again and plan again" in done.stderr
    assert tier_of(embedded_stack, serial) == "CRITICAL"


def test_a_change_by_the_stock_aws_cli_is_seen(
    on_stack: Run, new_sites: NewSites, embedded_stack: RunningStack, tmp_path: Path
) -> None:
    (serial,) = new_sites(1)
    payload = json.dumps({"action": "update_sites", "updates": {serial: {"tier": "NON_CRITICAL"}}})
    command = [
        str(Path(sys.executable).with_name("aws")),
        "lambda",
        "invoke",
        "--function-name",
        "site-config-manager",
        "--payload",
        payload,
        "r.json",
    ]
    env = {**os.environ, **embedded_stack.exports}
    subprocess.run(command, env=env, cwd=tmp_path, check=True, capture_output=True)
    assert json.loads(on_stack("sites", "show", serial, "-o", "json").stdout)["tier"] == "NON_CRITICAL"


@pytest.mark.usefixtures("broken_file")
def test_a_broken_file_is_told_and_never_overwritten(on_stack: Run, embedded_stack: RunningStack) -> None:
    listed = on_stack("sites", "list", "-o", "json")
    assert listed.returncode == 0
    serials = [row["gateway_serial"] for row in json.loads(listed.stdout)]
    assert serials
    assert listed.stderr.startswith("▲ ")
    assert "line 2" in listed.stderr
    shown = on_stack("sites", "show", serials[0])
    assert shown.returncode == 0
    assert shown.stderr.startswith("▲ ")
    for via in ("lambda", "s3"):
        refused = on_stack("sites", "set-tier", serials[0], "--to", "CRITICAL", "--yes", "--via", via)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "line 2" in refused.stderr
    body = s3_of(embedded_stack).get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    assert b"// the works" in body


def at_a_terminal(stack: RunningStack, response: str, *arguments: str) -> tuple[int, str, str]:
    """Run with a terminal as standard input and error; return code, stdout and what the terminal showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "smarterise_ops.main", *arguments],
        env={**os.environ, **stack.exports},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        shown = ""
        while not shown.endswith("? [y/N] "):
            shown += os.read(ours, 1024).decode()
        os.write(ours, f"{response}\n".encode())
        assert process.stdout is not None
        out = process.stdout.read()
        code = process.wait(timeout=60)
    try:
        while chunk := os.read(ours, 1024):
            shown += chunk.decode()
    except OSError:
        pass  # Linux's way of saying that the other end of a terminal is closed
    finally:
        os.close(ours)
    return code, out, shown


@pytest.mark.parametrize(("response", "code", "tier"), [("n", 1, "CRITICAL"), ("y", 0, "NON_CRITICAL")])
def test_somebody_at_a_terminal_is_asked(
    embedded_stack: RunningStack, new_sites: NewSites, response: str, code: int, tier: str
) -> None:
    (serial,) = new_sites(1)
    ended, out, shown = at_a_terminal(
        embedded_stack, response, "sites", "set-tier", serial, "--to", "NON_CRITICAL"
    )
    assert ended == code
    assert f"{serial}  tier  CRITICAL → NON_CRITICAL" in shown
    assert ("not applied" in shown) is (response == "n")
    assert out.startswith("✔ 1 changed") is (response == "y")
    assert tier_of(embedded_stack, serial) == tier
