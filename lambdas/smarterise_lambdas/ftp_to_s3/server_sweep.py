"""Sweeps one server: lists it, transfers its files concurrently, and records their state in the manifests.

Files are transferred round robin over the sites, the oldest of each site first. A gateway that uploads a
week of files at once does not delay the others.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.ftp_to_s3.connection_pool import ServerLost
from smarterise_lambdas.ftp_to_s3.data_lake import StoreDown, StoreFault
from smarterise_lambdas.ftp_to_s3.file_selection import ClassifiedFiles, FileDecision, classify_files, decide
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

WORKERS_PER_CONNECTION: Final = 2
"""One worker downloads a file while the other uploads the previous one to S3."""

_LISTING_TRIES: Final = 3
_MAX_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """Options for the sweep of one server.

    Attributes:
        connections: Maximum number of connections.
        quiet: Age since the last change at which a file is transferred without a second check.
        stability_window: Time between two listings in which a file must stay unchanged.
        deletes_stored: Whether files are deleted on the server after the data lake has them.
    """

    connections: int
    quiet: timedelta
    stability_window: timedelta
    deletes_stored: bool


@dataclass(frozen=True, slots=True)
class Job:
    """One file to transfer or delete.

    Attributes:
        gateway_serial: Serial of its gateway.
        file: The file as listed.
        stored: Manifest entry, if the file is stored already and only has to be deleted on the server.
    """

    gateway_serial: str
    file: RemoteFile
    stored: Entry | None = None


@dataclass(slots=True)
class _Selection:
    """Files selected from the listings: jobs, and manifest entries of files that may still grow."""

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
        """Run the sweep. Errors are recorded, not raised; the next sweep retries."""
        with ThreadPoolExecutor(self._options.connections * WORKERS_PER_CONNECTION, "sweep") as threads:
            try:
                self._sweep(threads)
            except Exception as error:  # noqa: BLE001 -- an unexpected error must not stop other servers
                self._log.error("sweep of a server failed", extra={"cause": repr(error)})
                self._issue("UNEXPECTED", repr(error), is_fault=True)
            finally:
                list(threads.map(self._manifests.write, self._manifests.unwritten()))
                self._pool.close()
        if self._pool.cause is not None:
            self._issue(self._pool.cause.code, str(self._pool.cause), is_fault=True)
        if self._store_is_down.is_set():
            self._issue("S3_DOWN", "several uploads to S3 failed in a row; sweep stopped", is_fault=True)

    def _sweep(self, threads: ThreadPoolExecutor) -> None:
        listings = self._list_folders([""], threads)
        folders = [name for listing in listings for name in listing.folders if name in self._scope.selected]
        listings += self._list_folders(folders, threads)
        listed_at = self._now()
        found = classify_files(listings, selected=self._scope.selected, serials=self._scope.serials)
        self._report_unmatched(found)
        known = self._read_manifests(found.own, listings, threads)
        selection = self._choose(found.own, known, listed_at)
        self._work(selection.jobs, threads)
        if selection.waiting:
            self._recheck(selection.waiting, listed_at, threads)

    def _list_folders(self, folders: Iterable[str], threads: ThreadPoolExecutor) -> list[Listing]:
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
                    break  # reported once at the end of the sweep
                except OutOfTime:
                    self._issue("OUT_OF_TIME", "deadline exceeded before the folder was listed", folder)
                    break
            return None

        return [listing for listing in threads.map(one, folders) if listing is not None]

    def _read_manifests(
        self,
        own: Mapping[str, Iterable[RemoteFile]],
        listings: Iterable[Listing],
        threads: ThreadPoolExecutor,
    ) -> dict[str, dict[str, Entry]]:
        """Return the manifest entries of the listed sites; remove entries of files that are gone."""
        manifests = zip(own, threads.map(self._manifests.read, own), strict=True)
        known = {serial: entries for serial, entries in manifests if entries is not None}
        listed = {file.path for listing in listings for file in listing.files}
        folders = {listing.folder for listing in listings}
        for serial, entries in known.items():
            for path in entries:
                if path not in listed and path.rpartition("/")[0] in folders:
                    self._manifests.note(serial, path, None)
        return known

    def _choose(
        self,
        own: Mapping[str, Iterable[RemoteFile]],
        known: Mapping[str, Mapping[str, Entry]],
        listed_at: datetime,
    ) -> _Selection:
        selection = _Selection()
        for serial, files in own.items():
            entries = known.get(serial)
            for file in sorted(files, key=lambda file: (file.modified, file.name)):
                self._stats.count(Count.LISTED)
                if entries is None:  # reading its manifest failed
                    self._stats.count(Count.DEFERRED)
                    continue
                entry = entries.get(file.path)
                decision = decide(
                    file,
                    entry,
                    quiet=self._options.quiet,
                    stability_window=self._options.stability_window,
                    now=listed_at,
                )
                if decision is FileDecision.TRANSFER:
                    selection.jobs.setdefault(serial, []).append(Job(serial, file))
                elif decision is FileDecision.WAIT:
                    seen = Entry(FileState.SEEN, file.size, file.modified, listed_at)
                    selection.waiting.setdefault(serial, {})[file.path] = seen
                else:
                    self._stats.count(Count.UNCHANGED)
                    if entry is not None and entry.state is FileState.STORED and self._options.deletes_stored:
                        selection.jobs.setdefault(serial, []).append(Job(serial, file, entry))
        return selection

    def _recheck(
        self, waiting: Mapping[str, Mapping[str, Entry]], listed_at: datetime, threads: ThreadPoolExecutor
    ) -> None:
        """List recently changed files again and transfer those that are unchanged."""
        for serial, entries in waiting.items():
            for path, entry in entries.items():
                self._manifests.note(serial, path, entry)
        rest = (self._options.stability_window - (self._now() - listed_at)).total_seconds()
        listings: list[Listing] = []
        if self._deadline.remaining_s > rest + 1 and not self._pool.is_lost:
            self._pause(max(0.0, rest))
            folders = {path.rpartition("/")[0] for entries in waiting.values() for path in entries}
            listings = self._list_folders(sorted(folders), threads)
        now = self._now()
        jobs: dict[str, list[Job]] = {}
        listed = {file.path: file for listing in listings for file in listing.files}
        for serial, entries in waiting.items():
            for path, entry in entries.items():
                file = listed.get(path)
                if file is not None and entry.matches(file):
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
        queue = _round_robin(jobs.values())

        def worker(_number: int) -> None:
            while True:
                with lock:
                    job = next(queue, None)
                if job is None:
                    return
                self._process(job)
                self._manifests.done(job.gateway_serial)

        list(threads.map(worker, range(self._options.connections * WORKERS_PER_CONNECTION)))

    def _process(self, job: Job) -> None:
        """Transfer or delete one file; errors are recorded for this file only."""
        if self._store_is_down.is_set():
            self._stats.count(Count.DEFERRED)
            return
        try:
            if job.stored is None:
                self._transfer_file(job)
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
        except Exception as error:  # noqa: BLE001 -- an unexpected error must not stop the other files
            self._log.error("transfer of a file failed", extra={"file": job.file.path, "cause": repr(error)})
            self._file_issue(job, "UNEXPECTED", error, is_fault=True)

    def _transfer_file(self, job: Job) -> None:
        result = self._transfer.run(job.gateway_serial, job.file)
        self._manifests.note(job.gateway_serial, job.file.path, result.entry)
        if result.is_disputed:
            self._stats.count(Count.DISPUTED)
            message = f"the server lists {job.file.size} bytes but sends the same {result.size} each time"
            self._file_issue(job, "LENGTH_DISPUTED", message)
        if result.entry.state is FileState.EMPTY:
            self._stats.count(Count.EMPTY)
            return
        self._stats.count(Count.STORED if result.is_new else Count.IDENTICAL)
        self._stats.count(Count.BYTES, result.size if result.is_new else 0)
        if self._options.deletes_stored and not result.is_disputed:
            self._delete(job, result.entry, result.size)

    def _delete(self, job: Job, entry: Entry, size: int | None) -> None:
        if self._transfer.delete(job.file, entry, size=size):
            self._stats.count(Count.DELETED)
            self._manifests.note(job.gateway_serial, job.file.path, None)

    def _report_unmatched(self, found: ClassifiedFiles) -> None:
        self._stats.count(Count.OTHERS, found.others)
        self._stats.count(Count.UNFINISHED, found.unfinished)
        for code, names, text in (
            ("UNKNOWN_GATEWAY", found.unknown, "the file name begins with no serial of the site file"),
            ("MISPLACED", found.misplaced, "file name and folder name different gateways"),
            ("UNUSABLE_NAME", found.unusable, "no FTP command can carry the name"),
        ):
            if names:
                some = ", ".join(sorted(names)[:_MAX_NAMES])
                self._issue(code, f"{len(names)} files skipped: {text}: {some}")

    def _file_issue(self, job: Job, code: str, error: object, *, is_fault: bool = False) -> None:
        self._issue(code, str(error), job.file.path, job.gateway_serial, is_fault=is_fault)

    def _issue(
        self, code: str, message: str, file: str = "", gateway_serial: str = "", *, is_fault: bool = False
    ) -> None:
        server = self._transfer.server
        self._stats.issue(Issue(code, server, message, gateway_serial, file, is_fault=is_fault))


def _round_robin(queues: Iterable[list[Job]]) -> Iterator[Job]:
    """Yield the jobs of several queues round robin."""
    return (job for job in chain.from_iterable(zip_longest(*queues)) if job is not None)
