"""The proof by accounting: readings sent = rows + quarantined + reported duplicates + dropped, exactly.

One hour of 200 sites, half of them CRITICAL, with every fault in the list drawn at random from one seed:

- A CRITICAL site publishes every 6 minutes, another one every 20; these are dropped and counted.
- Every fifth CRITICAL site and all others also log a row a minute, uploaded to one of two FTP servers every
  15 or 60 minutes; where both data paths have a reading, the stream wins, even if it arrives after the file.
- The stream is read every 5 minutes, CRITICAL sites are swept every 15 minutes, all every 60, and then until
  there is nothing left to collect.

That is some 1,500 messages and 300 files of 8,500 rows in 2,000 deliveries, so that it fits into a minute of
two cores; the code is that of the functions, the servers are real. Many files at once are 30 here, in
proportion. The database maintenance is invoked by the clock of the run. What an aggregate held that came
broken cannot be counted: it is one record, and one entry in the quarantine.

`ACCOUNTING_SEEDS=1,2,3 pytest tests/accounting` runs other hours.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from . import audit
from .cloud import Cloud
from .faults import Fault
from .ftp_server import FtpServer
from .gateways import FOLDERS, LISTING, site_file, traffic
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEEDS = [int(seed) for seed in os.environ.get("ACCOUNTING_SEEDS", "4").split(",")]


@pytest.fixture
def servers(
    start_emulator: Callable[..., Any], start_postgres: Callable[..., Any], tmp_path: Path
) -> Iterator[tuple[Any, Any, dict[str, FtpServer]]]:
    """An AWS emulator, a PostgreSQL and two FTP servers, of this run alone."""
    emulator = start_emulator(tmp_path / "aws")
    postgres = start_postgres(tmp_path / "postgres")
    ftp = {name: FtpServer(tmp_path / name) for name in (LISTING, FOLDERS)}
    yield emulator, postgres, ftp
    for server in (*ftp.values(), postgres, emulator):
        server.stop()


@pytest.mark.xdist_group("accounting")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_reading_that_was_sent_is_in_one_place(
    servers: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator, postgres, ftp = servers
    cloud = Cloud(postgres, random.Random(f"ills:{seed}"), monkeypatch)
    cloud.open(emulator, site_file(traffic(seed).sites), ftp)
    run = Run(seed, cloud, ftp)
    try:
        run.through_the_hour()
        assert [fault.value for fault in Fault if not run.occurred[fault]] == [], "each fault has happened"
        assert run.books.reported["iot replaced"] > 0
        assert run.books.reported["named superseded"] > 0
        audit.everything(run)
        before = audit.state(cloud)
        run.replay()
        assert audit.state(cloud) == before, "a replay changes nothing"
        audit.everything(run)
        print(audit.summary(run))
    finally:
        cloud.close()
