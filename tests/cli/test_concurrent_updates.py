"""Sixteen operators at once, on the same sites: nothing is lost, and who comes too late is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smarterise_ops.local.client import RunningStack

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.stack

WRITERS = 16
BUCKET, KEY = "smarterise-site-config", "site-tiers.json"


def versions(stack: RunningStack, run_id: str) -> Iterator[dict[str, Any]]:
    """Yield every version of the file in which a run's sites are, the newest first."""
    exports = stack.exports
    s3: Any = boto3.client(
        "s3",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_DEFAULT_REGION"],
    )
    for listed in s3.list_object_versions(Bucket=BUCKET, Prefix=KEY)["Versions"]:
        body = s3.get_object(Bucket=BUCKET, Key=KEY, VersionId=listed["VersionId"])["Body"].read()
        if run_id.encode() in body:  # what others left in this stack need not even be JSON
            yield json.loads(body)


@pytest.mark.parametrize("via", ["lambda", "s3"])
def test_sixteen_bulk_updates_at_once(
    here: Run, embedded_stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, via: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    run_id = uuid.uuid4().hex[:8]
    shared = [f"AN{run_id}S{number}" for number in range(4)]
    own = {writer: f"AN{run_id}W{writer:02}" for writer in range(WRITERS)}
    rows = "".join(f"{serial},CRITICAL,1\n" for serial in (*shared, *own.values()))
    made = here(
        "sites", "bulk-update", "-", "--create", "--yes", stdin=f"gateway_serial,tier,capacity_kva\n{rows}"
    )
    assert made.returncode == 0, made.stderr

    processes = []
    for writer, serial in own.items():
        # Each has the site of its own and two of those that all fight for; its number is its mark.
        asked = (serial, shared[writer % 4], shared[(writer + 1) % 4])
        rows = "".join(f"{one},{100 + writer}\n" for one in asked)
        (tmp_path / f"{writer}.csv").write_text(f"gateway_serial,capacity_kva\n{rows}")
        command = [sys.executable, "-m", "smarterise_ops.main", "sites", "bulk-update", f"{writer}.csv"]
        processes.append(
            subprocess.Popen(
                [*command, "--yes", "--reason", f"{run_id} {writer}", "--via", via, "-o", "json"],
                env={**os.environ, **embedded_stack.exports},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    ends = [(*process.communicate(timeout=200), process.returncode) for process in processes]

    codes = {writer: code for writer, (_, _, code) in enumerate(ends)}
    assert set(codes.values()) <= {0, 3, 4}, [err for _, err, code in ends if code not in (0, 3, 4)]
    winners = {writer for writer, code in codes.items() if code != 4}
    assert winners

    files = versions(embedded_stack, run_id)
    history = [file for file in files if str(file.get("reason", "")).startswith(run_id)]
    assert sorted(file["reason"] for file in history) == sorted(f"{run_id} {writer}" for writer in winners)
    file = next(versions(embedded_stack, run_id))["sites"]
    for writer, serial in own.items():
        assert file[serial]["capacity_kva"] == (100 + writer if writer in winners else 1), codes
    # The newest version that asked for a shared site has it.
    for number, serial in enumerate(shared):
        askers = {
            f"{run_id} {writer}": writer for writer in winners if number in (writer % 4, (writer + 1) % 4)
        }
        latest = next((askers[file["reason"]] for file in history if file["reason"] in askers), None)
        assert file[serial]["capacity_kva"] == (1 if latest is None else 100 + latest)

    for writer, (out, err, code) in enumerate(ends):
        if code == 4:
            assert out == ""
            assert "error: " in err
            assert "try: " in err
        else:
            assert set(json.loads(out)["verified"]) | set(json.loads(out)["unverified"]) >= {own[writer]}
    journal = json.loads(here("journal", "list", "-o", "json").stdout)
    outcomes = [row["outcome"] for row in journal if row["reason"].startswith(run_id)]
    assert "in progress" not in outcomes
    assert "no end" not in outcomes
    # Who lost while planning never came so far as the journal; who lost while writing is there as failed.
    assert len(outcomes) - outcomes.count("failed") == len(winners)
