"""Tests of the connection pool and the spool budget."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from smarterise_lambdas.ftp_to_s3.connection_pool import Pool, ServerLost
from smarterise_lambdas.ftp_to_s3.file_source import (
    Busy,
    ConnectionCut,
    FileRefused,
    LoginRefused,
    SourceFault,
    Unreachable,
)
from smarterise_lambdas.ftp_to_s3.spool import OutOfTime, SpoolBudget, TooLarge
from smarterise_lambdas.shared.deadline import Deadline


class FakeConnection:
    def __init__(self, source: FakeSource) -> None:
        self._source = source

    def set_timeout(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        with self._source.lock:
            self._source.open -= 1


class FakeSource:
    """A server that accepts `limit` connections and then raises `fault`."""

    name = "fake"
    location = "ftp://fake"

    def __init__(self, limit: int, fault: SourceFault) -> None:
        self.limit = limit
        self.fault = fault
        self.open = 0
        self.tries = 0
        self.highest = 0
        self.lock = threading.Lock()

    def connect(self, *, timeout: float) -> Any:
        with self.lock:
            self.tries += 1
            if self.open >= self.limit:
                raise self.fault
            self.open += 1
            self.highest = max(self.highest, self.open)
        return FakeConnection(self)


def pool_of(source: FakeSource, limit: int = 8, seconds: float = 30) -> Pool:
    return Pool(source, limit, Deadline(lambda: int(seconds * 1000), 0), pause=lambda _seconds: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [Busy("421"), LoginRefused("530"), Unreachable("refused")])
def test_a_server_that_takes_fewer_is_used_with_those(fault: SourceFault) -> None:
    source = FakeSource(3, fault)
    pool = pool_of(source)

    def work(_number: int) -> None:
        with pool.connection():
            threading.Event().wait(0.002)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(200)))
    assert source.highest == 3
    assert source.tries < 30
    assert pool.cause is None
    pool.close()
    assert source.open == 0


def test_a_refused_login_is_tried_once_a_dead_server_twice() -> None:
    refusing = FakeSource(0, LoginRefused("530"))
    with pytest.raises(ServerLost), pool_of(refusing).connection():
        pass
    assert refusing.tries == 1
    dead = FakeSource(0, Unreachable("refused"))
    pool = pool_of(dead)
    for _ in range(5):
        with pytest.raises(ServerLost), pool.connection():
            pass
    assert dead.tries == 2


def test_a_connection_is_kept_unless_something_went_wrong_on_it() -> None:
    source = FakeSource(8, Busy("421"))
    pool = pool_of(source)
    with pool.connection() as first:
        pass
    with pytest.raises(FileRefused), pool.connection():
        raise FileRefused("550")
    with pool.connection() as second:
        assert second is first
    with pytest.raises(ConnectionCut), pool.connection():
        raise ConnectionCut("cut")
    with pool.connection() as third:
        assert third is not first
    assert (source.tries, source.open) == (2, 1)


def test_so_many_files_that_fail_in_a_row_end_it_and_one_that_comes_begins_anew() -> None:
    pool = pool_of(FakeSource(8, Busy("421")))
    cut = ConnectionCut("cut")
    for _ in range(4):
        pool.record_failure(cut)
    pool.record_success()
    for _ in range(4):
        pool.record_failure(cut)
    assert not pool.is_lost
    pool.record_failure(cut)
    assert pool.cause is cut
    with pytest.raises(ServerLost), pool.connection():
        pass


def test_nobody_waits_longer_than_there_is_time() -> None:
    source = FakeSource(1, Busy("421"))
    left = [30_000]
    pool = Pool(source, 1, Deadline(lambda: left[0], 0))  # type: ignore[arg-type]
    with pool.connection(), ThreadPoolExecutor(1) as threads:

        def wait() -> None:
            with pool.connection():
                pass

        waiting = threads.submit(wait)
        left[0] = 0
        with pytest.raises(OutOfTime):
            waiting.result(5)


def test_spool_budget_waits_for_space_and_never_exceeds_its_total() -> None:
    budget = SpoolBudget(100)
    deadline = Deadline(lambda: 5_000, 0)
    budget.reserve(80, deadline)
    assert not budget.try_reserve(30)
    assert budget.try_reserve(20)
    with pytest.raises(TooLarge):
        budget.reserve(101, deadline)
    with pytest.raises(OutOfTime):
        budget.reserve(1, Deadline(lambda: 0, 0))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(budget.reserve, 50, deadline)
        budget.release(60)
        waiting.result(5)
    assert not budget.try_reserve(11)
    assert budget.try_reserve(10)
