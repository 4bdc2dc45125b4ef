"""One server swept: listed, its files taken side by side, and what became of them written down.

The files of the sites are taken in turn, the oldest of each first, so that a gateway which has been cut off
for a week and sends all of it at once keeps nobody else waiting.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.ftp_to_s3.connection_pool import ServerLost
from smarterise_lambdas.ftp_to_s3.data_lake import StoreDown, StoreFault
from smarterise_lambdas.ftp_to_s3.file_selection import ClassifiedFiles, FileDecision, decide, sort_files
from smarterise_lambdas.ftp_to_s3.file_source import (
    ConnectionCut,
    FileRefused,
    Listing,
    NotListed,
    RemoteFile,
)
from smarterise_lambdas.ftp_to_s3.manifest import Entry, FileState
from smarterise_lambdas.ftp_to_s3.report import Count, Issue
from smarterise_lambdas.ftp_to_s3.spool import OutOfTime, SpoolFull, TooLarge
from smarterise_lambdas.ftp_to_s3.transfer import FileTransfer, StillGrowing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from smarterise_lambdas.ftp_to_s3.event import Scope
    from smarterise_lambdas.ftp_to_s3.manifest import ManifestWriter
    from smarterise_lambdas.ftp_to_s3.report import SweepStats
    from smarterise_lambdas.shared.deadline import Deadline
    from smarterise_lambdas.shared.runtime import Log

WORKERS_A_CONNECTION: Final = 2
"""While one file goes to S3 the next one comes."""

_LISTING_TRIES: Final = 3
_NAMED_AT_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How a server is swept.

    Attributes:
        connections: How many connections at most.
        quiet: How long a file must not have changed to be taken at first sight.
        stability_window: How far apart two looks must be that find it unchanged.
        is_emptied: Whether files are deleted once the lake has them for certain.
    """

    connections: int
    quiet: timedelta
    stability_window: timedelta
    is_emptied: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be worked on.

    Attributes:
        gateway_serial: Whose it is.
        file: As it was listed.
        stored: What is known of it, when it only has to be deleted on the server.
    """

    gateway_serial: str
    file: RemoteFile
    stored: Entry | None = None


@dataclass(slots=True)
class _Chosen:
    """What a look at the listings came to."""

    jobs: dict[str, list[Job]] = field(default_factory=dict)
    waiting: dict[str, dict[str, Entry]] = field(default_factory=dict)


class ServerSweep:
    """One sweep of one server."""

    def __init__(
        self,
        transfer: FileTransfer,
        manifests: ManifestWriter,
        scope: Scope,
        options: SweepOptions,
        *,
        stats: SweepStats,
        log: Log,
        now: Callable[[], datetime],
        pause: Callable[[float], None],
    ) -> None:
        self._transfer = transfer
        self._pool = transfer.pool
        self._manifests = manifests
        self._scope = scope
        self._options = options
        self._stats = stats
        self._log = log
        self._now = now
        self._pause = pause
        self._deadline: Deadline = transfer.deadline
        self._store_is_down = threading.Event()

    def run(self) -> None:
        """Sweep it. Nothing that goes wrong is raised: it is counted, told, and left to the next sweep."""
        with ThreadPoolExecutor(self._options.connections * WORKERS_A_CONNECTION, "sweep") as threads:
            try:
                self._sweep(threads)
            except Exception as error:  # noqa: BLE001 -- what nobody thought of must not stop other servers
                self._log.error("a server could not be swept", extra={"cause": repr(error)})
                self._issue("UNEXPECTED", repr(error), is_fault=True)
            finally:
                list(threads.map(self._manifests.write, self._manifests.unwritten()))
                self._pool.close()
        if self._pool.cause is not None:
            self._issue(self._pool.cause.code, str(self._pool.cause), is_fault=True)
        if self._store_is_down.is_set():
            self._issue("S3_DOWN", "S3 refused several files in a row; the sweep was ended", is_fault=True)

    def _sweep(self, threads: ThreadPoolExecutor) -> None:
        listings = self._listed([""], threads)
        folders = [name for listing in listings for name in listing.folders if name in self._scope.selected]
        listings += self._listed(folders, threads)
        listed_at = self._now()
        found = sort_files(listings, selected=self._scope.selected, serials=self._scope.serials)
        self._tell_of(found)
        known = self._known(found.own, listings, threads)
        chosen = self._choose(found.own, known, listed_at)
        self._work(chosen.jobs, threads)
        if chosen.waiting:
            self._recheck(chosen.waiting, listed_at, threads)

    def _listed(self, folders: Iterable[str], threads: ThreadPoolExecutor) -> list[Listing]:
        def one(folder: str) -> Listing | None:
            for attempt in range(_LISTING_TRIES):
                try:
                    with self._pool.connection() as connection:
                        return connection.list(folder)
                except (NotListed, ConnectionCut) as fault:
                    if isinstance(fault, NotListed) or attempt == _LISTING_TRIES - 1:
                        self._issue(fault.code, str(fault), folder, is_fault=True)
                        break
                except ServerLost:
                    break  # this is told at the end
                except OutOfTime:
                    self._issue("OUT_OF_TIME", "there was no time to list what it has", folder)
                    break
            return None

        return [listing for listing in threads.map(one, folders) if listing is not None]

    def _known(
        self,
        own: Mapping[str, Iterable[RemoteFile]],
        listings: Iterable[Listing],
        threads: ThreadPoolExecutor,
    ) -> dict[str, dict[str, Entry]]:
        """Return what is known of the listed sites' files, and note which are there no longer."""
        pages = zip(own, threads.map(self._manifests.read, own), strict=True)
        known = {serial: page for serial, page in pages if page is not None}
        there = {file.path for listing in listings for file in listing.files}
        folders = {listing.folder for listing in listings}
        for serial, page in known.items():
            for path in page:
                if path not in there and path.rpartition("/")[0] in folders:
                    self._manifests.note(serial, path, None)
        return known

    def _choose(
        self,
        own: Mapping[str, Iterable[RemoteFile]],
        known: Mapping[str, Mapping[str, Entry]],
        listed_at: datetime,
    ) -> _Chosen:
        chosen = _Chosen()
        for serial, files in own.items():
            page = known.get(serial)
            for file in sorted(files, key=lambda file: (file.modified, file.name)):
                self._stats.count(Count.LISTED)
                if page is None:  # its manifest could not be read
                    self._stats.count(Count.DEFERRED)
                    continue
                entry = page.get(file.path)
                decision = decide(
                    file,
                    entry,
                    quiet=self._options.quiet,
                    stability_window=self._options.stability_window,
                    now=listed_at,
                )
                if decision is FileDecision.TAKE:
                    chosen.jobs.setdefault(serial, []).append(Job(serial, file))
                elif decision is FileDecision.WAIT:
                    seen = Entry(FileState.SEEN, file.size, file.modified, listed_at)
                    chosen.waiting.setdefault(serial, {})[file.path] = seen
                else:
                    self._stats.count(Count.UNCHANGED)
                    if entry is not None and entry.state is FileState.STORED and self._options.is_emptied:
                        chosen.jobs.setdefault(serial, []).append(Job(serial, file, entry))
        return chosen

    def _recheck(
        self, waiting: Mapping[str, Mapping[str, Entry]], listed_at: datetime, threads: ThreadPoolExecutor
    ) -> None:
        """List once more what may have been growing, and take what has not grown since."""
        for serial, entries in waiting.items():
            for path, entry in entries.items():
                self._manifests.note(serial, path, entry)
        rest = (self._options.stability_window - (self._now() - listed_at)).total_seconds()
        listings: list[Listing] = []
        if self._deadline.remaining_s > rest + 1 and not self._pool.is_lost:
            self._pause(max(0.0, rest))
            folders = {path.rpartition("/")[0] for entries in waiting.values() for path in entries}
            listings = self._listed(sorted(folders), threads)
        now = self._now()
        jobs: dict[str, list[Job]] = {}
        listed = {file.path: file for listing in listings for file in listing.files}
        for serial, entries in waiting.items():
            for path, entry in entries.items():
                file = listed.get(path)
                if file is not None and entry.is_of(file):
                    jobs.setdefault(serial, []).append(Job(serial, file))
                    continue
                self._stats.count(Count.WAITING)
                if file is not None:
                    self._manifests.note(serial, path, Entry(FileState.SEEN, file.size, file.modified, now))
        self._work(jobs, threads)

    def _work(self, jobs: Mapping[str, list[Job]], threads: ThreadPoolExecutor) -> None:
        for serial, own in jobs.items():
            self._manifests.expect(serial, len(own))
        lock = threading.Lock()
        queue = _in_turn(jobs.values())

        def worker(_number: int) -> None:
            while True:
                with lock:
                    job = next(queue, None)
                if job is None:
                    return
                self._do(job)
                self._manifests.done(job.gateway_serial)

        list(threads.map(worker, range(self._options.connections * WORKERS_A_CONNECTION)))

    def _do(self, job: Job) -> None:
        """Work on one file; whatever goes wrong with it stays with it."""
        if self._store_is_down.is_set():
            self._stats.count(Count.DEFERRED)
            return
        try:
            if job.stored is None:
                self._take(job)
            else:
                self._delete(job, job.stored, job.file.size)
        except (OutOfTime, SpoolFull, ServerLost):
            self._stats.count(Count.DEFERRED)
        except StoreDown:
            self._store_is_down.set()
            self._stats.count(Count.DEFERRED)
        except StillGrowing:
            self._stats.count(Count.WAITING)
            seen = Entry(FileState.SEEN, job.file.size, job.file.modified, self._now())
            self._manifests.note(job.gateway_serial, job.file.path, seen)
        except TooLarge as error:
            refused = Entry(
                FileState.REFUSED, job.file.size, job.file.modified, self._now(), reason="TOO_LARGE"
            )
            self._manifests.note(job.gateway_serial, job.file.path, refused)
            self._file_issue(job, "TOO_LARGE", error)
        except FileRefused as error:
            self._file_issue(job, error.code, error)
        except (ConnectionCut, StoreFault) as error:
            self._file_issue(job, error.code, error, is_fault=True)
        except Exception as error:  # noqa: BLE001 -- what nobody thought of must not stop the rest either
            self._log.error("a file could not be taken", extra={"file": job.file.path, "cause": repr(error)})
            self._file_issue(job, "UNEXPECTED", error, is_fault=True)

    def _take(self, job: Job) -> None:
        taken = self._transfer.take(job.gateway_serial, job.file)
        self._manifests.note(job.gateway_serial, job.file.path, taken.entry)
        if taken.is_disputed:
            self._stats.count(Count.DISPUTED)
            message = f"the server says {job.file.size} bytes, and sends the same {taken.size} each time"
            self._file_issue(job, "LENGTH_DISPUTED", message)
        if taken.entry.state is FileState.EMPTY:
            self._stats.count(Count.EMPTY)
            return
        self._stats.count(Count.STORED if taken.is_new else Count.IDENTICAL)
        self._stats.count(Count.BYTES, taken.size if taken.is_new else 0)
        if self._options.is_emptied and not taken.is_disputed:
            self._delete(job, taken.entry, taken.size)

    def _delete(self, job: Job, entry: Entry, size: int | None) -> None:
        if self._transfer.delete(job.file, entry, size=size):
            self._stats.count(Count.DELETED)
            self._manifests.note(job.gateway_serial, job.file.path, None)

    def _tell_of(self, found: ClassifiedFiles) -> None:
        self._stats.count(Count.OTHERS, found.others)
        self._stats.count(Count.UNFINISHED, found.unfinished)
        for code, names, text in (
            ("UNKNOWN_GATEWAY", found.unknown, "their names begin with no serial of the site file"),
            ("MISPLACED", found.misplaced, "they name another gateway than their folder does"),
            ("UNUSABLE_NAME", found.unusable, "no command can ask for them"),
        ):
            if names:
                some = ", ".join(sorted(names)[:_NAMED_AT_MOST])
                self._issue(code, f"{len(names)} files are left where they are, as {text}: {some}")

    def _file_issue(self, job: Job, code: str, error: object, *, is_fault: bool = False) -> None:
        self._issue(code, str(error), job.file.path, job.gateway_serial, is_fault=is_fault)

    def _issue(
        self, code: str, message: str, file: str = "", gateway_serial: str = "", *, is_fault: bool = False
    ) -> None:
        server = self._transfer.server
        self._stats.issue(Issue(code, server, message, gateway_serial, file, is_fault=is_fault))


def _in_turn(queues: Iterable[list[Job]]) -> Iterator[Job]:
    """Yield the jobs of several queues, one of each in turn."""
    return (job for job in chain.from_iterable(zip_longest(*queues)) if job is not None)
