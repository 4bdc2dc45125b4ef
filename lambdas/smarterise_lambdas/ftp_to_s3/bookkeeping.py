"""What became of the files of a sweep: gathered, and written to the sites' manifests as the work goes on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.ftp_to_s3.lake import FAULTS
from smarterise_lambdas.ftp_to_s3.tally import Trouble
from smarterise_lambdas.shared.documents import Contended

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_lambdas.ftp_to_s3.manifest import Entry, Manifests
    from smarterise_lambdas.ftp_to_s3.tally import Tally

WRITTEN_EVERY: Final = timedelta(seconds=30)
"""A function that is killed has lost no more than this; then files are fetched again, to no harm."""


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


class Books:
    """The manifests of one server, written by many threads."""

    def __init__(
        self, manifests: Manifests, tally: Tally, *, server: str, now: Callable[[], datetime]
    ) -> None:
        self._manifests = manifests
        self._tally = tally
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
        self._tally.trouble(Trouble("MANIFEST_FAULT", self._server, message, gateway_serial, is_fault=True))
