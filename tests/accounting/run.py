"""One hour of a fleet, from first message to last retry, in a few seconds."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.log_files.names import parse_data_lake_key

from .books import ExpectedState
from .delivery import FileDelivery, StreamDelivery, sweep
from .faults import Fault
from .gateways import FOLDERS, traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cloud import Cloud
    from .ftp_server import FtpServer
    from .logs import Upload
    from .sent import Content

MAPPING_EVERY, CRITICAL_EVERY, OTHERS_EVERY, MAINTENANCE_EVERY = 5, 15, 60, 20
"""Minutes between the batches of the stream, the sweeps of both tiers, and the database maintenance."""
MOST_ROUNDS = 8


class Run:
    """A run of the whole pipeline.

    Attributes:
        cloud: What it runs in.
        books: Where each reading must be.
        occurred: How often each fault has really happened.
        finals: What each file on the servers was at last: all of it must be in the data lake.
        stream: What was published, and delivered.
        files: What was uploaded, and delivered.
    """

    def __init__(self, seed: int, cloud: Cloud, servers: dict[str, FtpServer]) -> None:
        self.cloud = cloud
        self.books = ExpectedState()
        self.occurred: Counter[Fault] = Counter()
        self.finals: dict[tuple[str, str], Content] = {}
        self.issues: Counter[str] = Counter()
        self._rng = random.Random(f"deliveries:{seed}")
        self._servers = servers
        self._traffic = traffic(seed)
        self._contents: dict[tuple[str, str], Content] = {}
        self._unusable: dict[str, Upload] = {}

    def through_the_hour(self) -> None:
        """Let the hour pass, and then all that was put off be done."""
        self._open_paths()
        uploads, records = list(self._traffic.uploads), list(self._traffic.records)
        for minute in range(61):
            while uploads and uploads[0].minute <= minute:
                self._upload(uploads.pop(0))
            if minute % MAPPING_EVERY == 0:
                due = [record for record in records if record.minute < minute or minute == 60]
                records = records[len(due) :]
                self.stream.publish(due)
                self.stream.poll()
            if minute % CRITICAL_EVERY == 0:
                self._collect("CRITICAL")
            if minute and minute % OTHERS_EVERY == 0:
                self._collect("NON_CRITICAL")
            if minute % MAINTENANCE_EVERY == 0:
                self.maintain()
        self._until_quiet(uploads)
        self._rename_files()
        self._until_quiet([])
        self.maintain()

    def replay(self) -> None:
        """Deliver everything again and sweep every server again."""
        self.stream.again(400)
        self.files.again()
        for tier in ("CRITICAL", "NON_CRITICAL"):
            assert self._swept(tier, None)["stored"] == 0
        self.maintain()

    def maintain(self) -> None:
        """Run the maintenance and check the counts that it reports."""
        result, expected = self.cloud.maintain(), self.books.name_rows()
        assert result["is_done"]
        decided = ("identical", "superseded", "differing")
        assert {name: result[name] for name in decided} == {name: expected[name] for name in decided}

    def content_of(self, key: str) -> Content:
        """Return what is in an object of the data lake, by what its key says of it."""
        data_lake = parse_data_lake_key(key)
        assert data_lake is not None, key
        return self._contents[data_lake.gateway_serial, data_lake.digest]

    def _open_paths(self) -> None:
        def rng() -> random.Random:
            return random.Random(self._rng.random())

        self.stream = StreamDelivery(self.cloud, self.books, rng(), self.occurred)
        self.files = FileDelivery(self.cloud, self.books, rng(), self.occurred, self.content_of)

    def _upload(self, upload: Upload) -> None:
        site, name = upload.site, upload.name
        server = self._servers[site.server]
        misdeeds = server.misdeeds
        if upload.cuts:
            misdeeds.cuts[name] = (len(upload.content.data) // 2, upload.cuts)
        if upload.lie:
            misdeeds.lies[name] = upload.lie
            if self._rng.random() < 0.5:
                misdeeds.stubborn.add(name)
        if upload.grown is not None:
            misdeeds.grows[name] = self._growth(upload)
        self._know(name, upload.content)
        path = f"{site.serial}/{name}" if site.server == FOLDERS else name
        server.upload(path, upload.content.data, is_young=upload.is_young)
        if upload.fault is Fault.NAME_WITH_NEWLINE:
            self._unusable[name] = upload
        of_the_server = (Fault.CUT_IN_MID_FILE, Fault.GROWING_FILE, Fault.LYING_SIZE)
        if upload.fault is not None and upload.fault not in of_the_server:
            self.occurred[upload.fault] += 1

    def _growth(self, upload: Upload) -> Callable[[], bytes]:
        def grow() -> bytes:
            assert upload.grown is not None
            self._know(upload.name, upload.grown)
            return upload.grown.data[len(upload.content.data) :]

        return grow

    def _know(self, name: str, content: Content) -> None:
        self._contents[content.site.serial, content.digest] = content
        self.finals[content.site.serial, name] = content

    def _collect(self, tier: str) -> None:
        """Sweep for a tier, and deliver a part of the events of what was new."""
        fault = Fault.S3_DENIED if self._rng.random() < 0.2 else None
        sweep(self.cloud, tier, fault, self.occurred)
        self.files.notice()
        self.files.deliver(self._rng.uniform(0.3, 0.8))

    def _swept(self, tier: str, fault: Fault | None) -> dict[str, Any]:
        result = sweep(self.cloud, tier, fault, self.occurred)
        assert result is not None, f"the sweep for {tier} fails on a fine day"
        self.issues.update(issue["code"] for issue in result["errors"])
        return result

    def _until_quiet(self, uploads: list[Upload]) -> None:
        for _ in range(MOST_ROUNDS):
            waiting = 0
            for tier in ("CRITICAL", "NON_CRITICAL"):
                result = self._swept(tier, None)
                waiting += result["waiting"] + result["deferred"]
            new = self.files.notice()
            self.files.deliver()
            if not (new or waiting or uploads):
                break
            minute = uploads[0].minute if uploads else 0
            while uploads and uploads[0].minute == minute:
                self._upload(uploads.pop(0))
        else:
            raise AssertionError("there is no end to it")
        for server in self._servers.values():
            self.occurred[Fault.CUT_IN_MID_FILE] += len(server.misdeeds.cut)
            self.occurred[Fault.GROWING_FILE] += len(server.misdeeds.grown)
            self.occurred[Fault.LYING_SIZE] += len(server.misdeeds.lied)
            for done in (server.misdeeds.cut, server.misdeeds.grown, server.misdeeds.lied):
                done.clear()

    def _rename_files(self) -> None:
        """Rename the files that the response reports as UNUSABLE_NAME."""
        assert self.issues["UNUSABLE_NAME"] >= len(self._unusable)
        for name, upload in self._unusable.items():
            repaired = name.replace("\n", "_")
            root = self._servers[upload.site.server].root
            (root / name).rename(root / repaired)
            self.finals[upload.site.serial, repaired] = self.finals.pop((upload.site.serial, name))
