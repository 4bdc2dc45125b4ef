"""Simulated gateways upload to a real FTP server: what they have, and again what was not taken."""

from __future__ import annotations

import ftplib
import io
import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_ops.local.servers import ftp
from smarterise_ops.local.servers.ports import free_port
from smarterise_ops.local.servers.processes import identity_of, is_running
from smarterise_ops.local.simulation import uploader
from smarterise_ops.local.simulation.fleet import Fault, simulated_fleet
from smarterise_ops.local.simulation.log_files import Logging
from smarterise_ops.local.simulation.measurements import SimulatedTime, speaks
from smarterise_ops.local.simulation.uploader import Uploader
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEED = 7
FLEET = tuple(replace(site, fault=None) for site in simulated_fleet(3, SEED))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[ftp.FtpServer, ftp.FtpLogin]]]:
    """Start a server in the test's directory."""
    started: list[ftp.FtpServer] = []

    def make(*, tls: bool = False) -> tuple[ftp.FtpServer, ftp.FtpLogin]:
        server = ftp.spawn(tmp_path, tmp_path / "ftp.log", tls=tls)
        started.append(server)
        return server, ftp.ready(server, tmp_path / "ftp.log")

    yield make
    for server in started:
        ftp.stop(server)


def names(home: Path) -> set[str]:
    return {path.name.partition("-")[0] for path in (home / "ftp").iterdir()}


def test_at_the_start_everybody_that_is_connected_uploads_an_hour(
    tmp_path: Path, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, login = start()
    monkeypatch.setattr(uploader, "speaks", lambda site, *_: site is not FLEET[2])
    begun = threading.Event()
    logs = Logging(SEED, SimulatedTime(datetime.now(UTC), 1.0))
    loggers = Uploader(FLEET, login, logs, started=begun.set)
    loggers.start()
    try:
        assert begun.wait(10)
        assert names(tmp_path) == {site.gateway_serial for site in FLEET[:2]}
        first = next((tmp_path / "ftp").glob(f"{FLEET[0].gateway_serial}-*")).read_bytes()
        assert first.startswith(b"Time,Freq_Hz,V1")
        assert first.count(b"\r\n") == 61
    finally:
        loggers.stop()
    mark = identity_of(server.process.pid)
    assert mark is not None
    ftp.stop(server)
    assert not is_running(mark)


def test_what_is_not_taken_is_uploaded_the_next_time(
    tmp_path: Path, start: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    server, login = start()
    logs = Logging(SEED, SimulatedTime(datetime.now(UTC), 1.0))
    site, now = FLEET[0], datetime.now(UTC)
    gateway = Uploader((site,), replace(login, port=free_port()), logs)
    begin = logs.first_row(now - logs.backlog)
    written = {site.gateway_serial: begin}
    gateway.work(site, now, written)
    assert written[site.gateway_serial] == begin
    assert "upload of ehm21120333 failed: " in caplog.text
    assert names(tmp_path) == set()
    Uploader((site,), login, logs).work(site, now, written)
    assert written[site.gateway_serial] == gateway.next_file(site, now) - logs.file_every
    kept = sorted((tmp_path / "ftp").iterdir())
    assert len(kept) == 4  # of an outage of an hour, and none of what is not closed yet
    assert server.process.poll() is None


def test_a_gateway_that_is_cut_off_keeps_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = Logging(SEED, SimulatedTime(datetime.now(UTC), 1.0))
    site = next(
        candidate
        for candidate in (replace(site, fault=Fault.SILENT_GATEWAY) for site in simulated_fleet(60, SEED))
        if not speaks(candidate, SEED, logs.day.started)
    )
    gateway = Uploader((site,), ftp.FtpLogin(1, "never used"), logs)
    now = logs.day.started
    assert gateway.work(site, now, {}) == now + logs.row_every


def test_with_tls_nothing_goes_without_it_and_the_key_is_private(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    _, login = start(tls=True)
    assert login.url.startswith("ftps://127.0.0.1:")
    with login.connect() as connection:
        assert isinstance(connection, ftplib.FTP_TLS)
        connection.storbinary("STOR it", io.BytesIO(b"said"))
    assert (tmp_path / "ftp" / "it").read_bytes() == b"said"
    with ftplib.FTP() as plain:
        plain.connect("127.0.0.1", login.port)
        with pytest.raises(ftplib.Error, match="SSL/TLS required"):
            plain.login(ftp.USER, login.password)
    assert stat.S_IMODE((tmp_path / "ftp-key.pem").stat().st_mode) == 0o600
    assert "PRIVATE" not in (tmp_path / "ftp-certificate.pem").read_text()
    assert login.exports()["SMARTERISE_FTP_CA_FILE"] == str(tmp_path / "ftp-certificate.pem")
    assert login.password not in repr(login)


def test_a_missing_package_is_told_with_what_installs_it(
    tmp_path: Path, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shadow" / "OpenSSL").mkdir(parents=True)
    (tmp_path / "shadow" / "OpenSSL" / "__init__.py").write_text(
        "raise ModuleNotFoundError('gone', name='OpenSSL')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    with pytest.raises(LocalStackError, match="FTP server did not start") as refused:
        start(tls=True)
    assert "OpenSSL is not installed" in refused.value.why
    assert "[local,ftps]" in refused.value.remedy
