"""What is known of a site's files from one sweep to the next: one document per site in the data lake.

It saves work and is no more than that: without it, files are fetched again and found in the lake already.
What becomes of the files of a sweep is gathered, and written to the manifests while the sweep goes on.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.ftp_to_s3.data_lake import FAULTS
from smarterise_lambdas.ftp_to_s3.report import Issue
from smarterise_lambdas.shared.s3_document import Contended, SharedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ftp_to_s3.file_source import RemoteFile
    from smarterise_lambdas.ftp_to_s3.report import SweepStats
    from smarterise_lambdas.shared.s3_document import Found

PREFIX: Final = "ftp-manifests/"
SCHEMA_VERSION: Final = 1

WRITTEN_EVERY: Final = timedelta(seconds=30)
"""A function that is killed has lost no more than this; then files are fetched again, to no harm."""


class FileState(StrEnum):
    """How far a file has come."""

    SEEN = "seen"
    """It may still be growing."""
    STORED = "stored"
    EMPTY = "empty"
    """There is nothing in it."""
    REFUSED = "refused"
    """It cannot be taken as it is; it is looked at again when it changes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a server.

    Attributes:
        state: How far it has come.
        size: Bytes, as the server listed it then.
        modified: Last change, as the server told it then.
        at: When this was written down, UTC.
        key: Where it is in the lake, when it is there.
        sha256: Of what is there, in hexadecimal digits.
        reason: Why it was refused.
    """

    state: FileState
    size: int | None
    modified: str
    at: datetime
    key: str = ""
    sha256: str = ""
    reason: str = ""

    def is_of(self, file: RemoteFile) -> bool:
        """Return whether a file is still what it was then, as far as the server tells."""
        return (self.size, self.modified) == (file.size, file.modified)

    def to_json(self) -> dict[str, Any]:
        """Return what is written down."""
        told = {
            "state": self.state.value,
            "size": self.size,
            "modified": self.modified,
            "at": self.at.isoformat(timespec="milliseconds"),
            "key": self.key,
            "sha256": self.sha256,
            "reason": self.reason,
        }
        return {name: value for name, value in told.items() if value != ""}

    @classmethod
    def from_json(cls, told: Any) -> Entry | None:
        """Return what was written down; `None` if that cannot be understood."""
        try:
            return cls(
                state=FileState(told["state"]),
                size=None if told["size"] is None else int(told["size"]),
                modified=str(told.get("modified", "")),
                at=datetime.fromisoformat(told["at"]).astimezone(UTC),
                key=str(told.get("key", "")),
                sha256=str(told.get("sha256", "")),
                reason=str(told.get("reason", "")),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


class Manifests:
    """The manifests of all sites, as far as one server is concerned."""

    def __init__(self, s3: S3Client, bucket: str, server: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._server = server

    def read(self, gateway_serial: str) -> dict[str, Entry]:
        """Return what is known of a site's files, by their paths on the server.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        return self._entries(self._document(gateway_serial).read().value)

    def update(
        self,
        gateway_serial: str,
        known: Mapping[str, Entry],
        gone: Collection[str] = (),
        *,
        now: datetime,
    ) -> None:
        """Write down what became of files, beside what others write down meanwhile.

        Args:
            gateway_serial: Whose they are.
            known: By path.
            gone: Paths at which there is nothing any more.
            now: This moment, UTC.

        Raises:
            Contended: If others wrote it each time.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """

        def edit(found: Found) -> dict[str, Any] | None:
            files = found.value.get("files")
            before = dict(files) if isinstance(files, dict) else {}
            after = dict(before)
            for path in gone:
                after.pop(self._name(path), None)
            for path, entry in known.items():
                after[self._name(path)] = entry.to_json()
            if after == before and not found.is_broken:
                return None
            return {
                **found.value,
                "schema_version": SCHEMA_VERSION,
                "gateway_serial": gateway_serial,
                "updated_at": now.isoformat(timespec="milliseconds"),
                "files": after,
            }

        self._document(gateway_serial).change(edit)

    def _document(self, gateway_serial: str) -> SharedDocument:
        return SharedDocument(self._s3, self._bucket, f"{PREFIX}{gateway_serial}.json")

    def _name(self, path: str) -> str:
        return f"{self._server}:{path}"

    def _entries(self, document: Mapping[str, Any]) -> dict[str, Entry]:
        files = document.get("files")
        own = self._name("")
        entries = (
            (name.removeprefix(own), Entry.from_json(told))
            for name, told in (files.items() if isinstance(files, dict) else ())
            if name.startswith(own)
        )
        return {path: entry for path, entry in entries if entry is not None}


@dataclass(slots=True)
class _Page:
    """The files of one site.

    Attributes:
        open: How many files are still being worked on.
        known: What is to be written down.
        gone: Paths at which there is nothing any more.
        written_at: When it was last written.
    """

    written_at: datetime
    open: int = 0
    known: dict[str, Entry] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class ManifestWriter:
    """The manifests of one server, written by many threads."""

    def __init__(
        self, manifests: Manifests, stats: SweepStats, *, server: str, now: Callable[[], datetime]
    ) -> None:
        self._manifests = manifests
        self._stats = stats
        self._server = server
        self._now = now
        self._pages: dict[str, _Page] = {}
        self._lock = threading.Lock()

    def read(self, gateway_serial: str) -> dict[str, Entry] | None:
        """Return what is known of a site's files; `None` if S3 does not let us look, which is told."""
        try:
            return self._manifests.read(gateway_serial)
        except FAULTS as error:
            self._tell(gateway_serial, error)
            return None

    def expect(self, gateway_serial: str, files: int) -> None:
        """Note how many files of a site are about to be worked on."""
        with self._lock:
            self._page(gateway_serial).open += files

    def note(self, gateway_serial: str, path: str, entry: Entry | None) -> None:
        """Note what is known of a file, or that there is none any more."""
        with self._lock:
            page = self._page(gateway_serial)
            if entry is None:
                page.known.pop(path, None)
                page.gone.add(path)
            else:
                page.gone.discard(path)
                page.known[path] = entry

    def done(self, gateway_serial: str) -> None:
        """Note that a file was worked on; write the site's page when it was the last, or it is time."""
        with self._lock:
            page = self._page(gateway_serial)
            page.open -= 1
            is_due = page.open <= 0 or self._now() - page.written_at >= WRITTEN_EVERY
        if is_due:
            self.write(gateway_serial)

    def unwritten(self) -> list[str]:
        """Return the sites of which something is not written yet."""
        with self._lock:
            return [serial for serial, page in self._pages.items() if page.known or page.gone]

    def write(self, gateway_serial: str) -> None:
        """Write a site's page; what cannot be written is told, and costs the next sweep a fetch."""
        with self._lock:
            page = self._page(gateway_serial)
            known, gone = page.known, page.gone
            page.known, page.gone, page.written_at = {}, set(), self._now()
        if not known and not gone:
            return
        try:
            self._manifests.update(gateway_serial, known, gone, now=self._now())
        except (*FAULTS, Contended) as error:
            self._tell(gateway_serial, error)

    def _page(self, gateway_serial: str) -> _Page:
        page = self._pages.get(gateway_serial)
        if page is None:
            page = self._pages[gateway_serial] = _Page(self._now())
        return page

    def _tell(self, gateway_serial: str, error: Exception) -> None:
        message = f"the manifest: {error}"
        self._stats.issue(Issue("MANIFEST_FAULT", self._server, message, gateway_serial, is_fault=True))
