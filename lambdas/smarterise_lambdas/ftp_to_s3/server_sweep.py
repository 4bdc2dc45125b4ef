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
from smarterise_lambdas.ftp_to_s3.file_selection import Sorted, Verdict, sort_files, verdict_on
from smarterise_lambdas.ftp_to_s3.file_source import (
    ConnectionCut,
    FileRefused,
    Listing,
    NotListed,
    RemoteFile,
)
from smarterise_lambdas.ftp_to_s3.manifest import Entry, FileState
from smarterise_lambdas.ftp_to_s3.report import Count, Trouble
from smarterise_lambdas.ftp_to_s3.spool import NoRoom, OutOfTime, TooLarge
from smarterise_lambdas.ftp_to_s3.transfer import StillGrowing, Taker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from smarterise_lambdas.ftp_to_s3.event import Scope
    from smarterise_lambdas.ftp_to_s3.manifest import Books
    from smarterise_lambdas.ftp_to_s3.report import Tally
    from smarterise_lambdas.shared.deadline import Deadline
    from smarterise_lambdas.shared.runtime import Log

WORKERS_A_CONNECTION: Final = 2
"""While one file goes to S3 the next one comes."""

_LISTING_TRIES: Final = 3
_NAMED_AT_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Habits:
    """How a server is swept.

    Attributes:
        connections: How many connections at most.
        quiet: How long a file must not have changed to be taken at first sight.
        settle: How far apart two looks must be that find it unchanged.
        is_emptied: Whether files are deleted once the lake has them for certain.
    """

    connections: int
    quiet: timedelta
    settle: timedelta
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
        taker: Taker,
        books: Books,
        scope: Scope,
        habits: Habits,
        *,
        tally: Tally,
        log: Log,
        now: Callable[[], datetime],
        pause: Callable[[float], None],
    ) -> None:
        self._taker = taker
        self._pool = taker.pool
        self._books = books
        self._scope = scope
        self._habits = habits
        self._tally = tally
        self._log = log
        self._now = now
        self._pause = pause
        self._deadline: Deadline = taker.deadline
        self._store_is_down = threading.Event()

    def run(self) -> None:
        """Sweep it. Nothing that goes wrong is raised: it is counted, told, and left to the next sweep."""
        with ThreadPoolExecutor(self._habits.connections * WORKERS_A_CONNECTION, "sweep") as threads:
            try:
                self._sweep(threads)
            except Exception as error:  # noqa: BLE001 -- what nobody thought of must not stop other servers
                self._log.error("a server could not be swept", extra={"cause": repr(error)})
                self._trouble("UNEXPECTED", repr(error), is_fault=True)
            finally:
                list(threads.map(self._books.write, self._books.unwritten()))
                self._pool.close()
        if self._pool.cause is not None:
            self._trouble(self._pool.cause.code, str(self._pool.cause), is_fault=True)
        if self._store_is_down.is_set():
            self._trouble("S3_DOWN", "S3 refused several files in a row; the sweep was ended", is_fault=True)

    def _sweep(self, threads: ThreadPoolExecutor) -> None:
        listings = self._listed([""], threads)
        folders = [name for listing in listings for name in listing.folders if name in self._scope.selected]
        listings += self._listed(folders, threads)
        looked_at = self._now()
        found = sort_files(listings, selected=self._scope.selected, serials=self._scope.serials)
        self._tell_of(found)
        known = self._known(found.own, listings, threads)
        chosen = self._choose(found.own, known, looked_at)
        self._work(chosen.jobs, threads)
        if chosen.waiting:
            self._look_again(chosen.waiting, looked_at, threads)

    def _listed(self, folders: Iterable[str], threads: ThreadPoolExecutor) -> list[Listing]:
        def one(folder: str) -> Listing | None:
            for attempt in range(_LISTING_TRIES):
                try:
                    with self._pool.connection() as connection:
                        return connection.list(folder)
                except (NotListed, ConnectionCut) as fault:
                    if isinstance(fault, NotListed) or attempt == _LISTING_TRIES - 1:
                        self._trouble(fault.code, str(fault), folder, is_fault=True)
                        break
                except ServerLost:
                    break  # this is told at the end
                except OutOfTime:
                    self._trouble("OUT_OF_TIME", "there was no time to list what it has", folder)
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
        pages = zip(own, threads.map(self._books.read, own), strict=True)
        known = {serial: page for serial, page in pages if page is not None}
        there = {file.path for listing in listings for file in listing.files}
        folders = {listing.folder for listing in listings}
        for serial, page in known.items():
            for path in page:
                if path not in there and path.rpartition("/")[0] in folders:
                    self._books.note(serial, path, None)
        return known

    def _choose(
        self,
        own: Mapping[str, Iterable[RemoteFile]],
        known: Mapping[str, Mapping[str, Entry]],
        looked_at: datetime,
    ) -> _Chosen:
        chosen = _Chosen()
        for serial, files in own.items():
            page = known.get(serial)
            for file in sorted(files, key=lambda file: (file.modified, file.name)):
                self._tally.count(Count.LISTED)
                if page is None:  # its manifest could not be read
                    self._tally.count(Count.DEFERRED)
                    continue
                entry = page.get(file.path)
                verdict = verdict_on(
                    file, entry, quiet=self._habits.quiet, settle=self._habits.settle, now=looked_at
                )
                if verdict is Verdict.TAKE:
                    chosen.jobs.setdefault(serial, []).append(Job(serial, file))
                elif verdict is Verdict.WAIT:
                    seen = Entry(FileState.SEEN, file.size, file.modified, looked_at)
                    chosen.waiting.setdefault(serial, {})[file.path] = seen
                else:
                    self._tally.count(Count.UNCHANGED)
                    if entry is not None and entry.state is FileState.STORED and self._habits.is_emptied:
                        chosen.jobs.setdefault(serial, []).append(Job(serial, file, entry))
        return chosen

    def _look_again(
        self, waiting: Mapping[str, Mapping[str, Entry]], looked_at: datetime, threads: ThreadPoolExecutor
    ) -> None:
        """List once more what may have been growing, and take what has not grown since."""
        for serial, entries in waiting.items():
            for path, entry in entries.items():
                self._books.note(serial, path, entry)
        rest = (self._habits.settle - (self._now() - looked_at)).total_seconds()
        listings: list[Listing] = []
        if self._deadline.left > rest + 1 and not self._pool.is_lost:
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
                self._tally.count(Count.WAITING)
                if file is not None:
                    self._books.note(serial, path, Entry(FileState.SEEN, file.size, file.modified, now))
        self._work(jobs, threads)

    def _work(self, jobs: Mapping[str, list[Job]], threads: ThreadPoolExecutor) -> None:
        for serial, own in jobs.items():
            self._books.expect(serial, len(own))
        lock = threading.Lock()
        queue = _in_turn(jobs.values())

        def worker(_number: int) -> None:
            while True:
                with lock:
                    job = next(queue, None)
                if job is None:
                    return
                self._do(job)
                self._books.done(job.gateway_serial)

        list(threads.map(worker, range(self._habits.connections * WORKERS_A_CONNECTION)))

    def _do(self, job: Job) -> None:
        """Work on one file; whatever goes wrong with it stays with it."""
        if self._store_is_down.is_set():
            self._tally.count(Count.DEFERRED)
            return
        try:
            if job.stored is None:
                self._take(job)
            else:
                self._delete(job, job.stored, job.file.size)
        except (OutOfTime, NoRoom, ServerLost):
            self._tally.count(Count.DEFERRED)
        except StoreDown:
            self._store_is_down.set()
            self._tally.count(Count.DEFERRED)
        except StillGrowing:
            self._tally.count(Count.WAITING)
            seen = Entry(FileState.SEEN, job.file.size, job.file.modified, self._now())
            self._books.note(job.gateway_serial, job.file.path, seen)
        except TooLarge as error:
            refused = Entry(
                FileState.REFUSED, job.file.size, job.file.modified, self._now(), reason="TOO_LARGE"
            )
            self._books.note(job.gateway_serial, job.file.path, refused)
            self._file_trouble(job, "TOO_LARGE", error)
        except FileRefused as error:
            self._file_trouble(job, error.code, error)
        except (ConnectionCut, StoreFault) as error:
            self._file_trouble(job, error.code, error, is_fault=True)
        except Exception as error:  # noqa: BLE001 -- what nobody thought of must not stop the rest either
            self._log.error("a file could not be taken", extra={"file": job.file.path, "cause": repr(error)})
            self._file_trouble(job, "UNEXPECTED", error, is_fault=True)

    def _take(self, job: Job) -> None:
        taken = self._taker.take(job.gateway_serial, job.file)
        self._books.note(job.gateway_serial, job.file.path, taken.entry)
        if taken.is_disputed:
            self._tally.count(Count.DISPUTED)
            message = f"the server says {job.file.size} bytes, and sends the same {taken.size} each time"
            self._file_trouble(job, "LENGTH_DISPUTED", message)
        if taken.entry.state is FileState.EMPTY:
            self._tally.count(Count.EMPTY)
            return
        self._tally.count(Count.STORED if taken.is_new else Count.IDENTICAL)
        self._tally.count(Count.BYTES, taken.size if taken.is_new else 0)
        if self._habits.is_emptied and not taken.is_disputed:
            self._delete(job, taken.entry, taken.size)

    def _delete(self, job: Job, entry: Entry, size: int | None) -> None:
        if self._taker.delete(job.file, entry, size=size):
            self._tally.count(Count.DELETED)
            self._books.note(job.gateway_serial, job.file.path, None)

    def _tell_of(self, found: Sorted) -> None:
        self._tally.count(Count.OTHERS, found.others)
        self._tally.count(Count.UNFINISHED, found.unfinished)
        for code, names, words in (
            ("UNKNOWN_GATEWAY", found.unknown, "their names begin with no serial of the site file"),
            ("MISPLACED", found.misplaced, "they name another gateway than their folder does"),
            ("UNUSABLE_NAME", found.unusable, "no command can ask for them"),
        ):
            if names:
                some = ", ".join(sorted(names)[:_NAMED_AT_MOST])
                self._trouble(code, f"{len(names)} files are left where they are, as {words}: {some}")

    def _file_trouble(self, job: Job, code: str, error: object, *, is_fault: bool = False) -> None:
        self._trouble(code, str(error), job.file.path, job.gateway_serial, is_fault=is_fault)

    def _trouble(
        self, code: str, message: str, file: str = "", gateway_serial: str = "", *, is_fault: bool = False
    ) -> None:
        server = self._taker.server
        self._tally.trouble(Trouble(code, server, message, gateway_serial, file, is_fault=is_fault))


def _in_turn(queues: Iterable[list[Job]]) -> Iterator[Job]:
    """Yield the jobs of several queues, one of each in turn."""
    return (job for job in chain.from_iterable(zip_longest(*queues)) if job is not None)
