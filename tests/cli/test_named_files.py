"""Files that a user names: links, devices and directories, names that cannot be, and full disks."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smarterise_ops.files import create_named, directory_named, name_of, read_named, write_named
from smarterise_sdk.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., "subprocess.CompletedProcess[str]"]

LONG = "a" * 256
DEVICES = ["terminal"]
"""Devices of the test's own: those in /dev that everyone uses are not to be touched."""


def makes_devices() -> bool:
    """Return whether this user may make a device and open it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.close(os.open(null_device(Path(folder)), os.O_WRONLY))
        except OSError:
            return False
    return True


def null_device(folder: Path) -> Path:
    """Make a null device."""
    os.mknod(folder / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    return folder / "null"


if makes_devices():
    DEVICES += ["null"]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Make a device: a pseudo-terminal, which every user may, or a null device."""
    if request.param == "null":
        yield null_device(tmp_path)
        return
    ours, theirs = os.openpty()
    try:
        yield Path(os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(UsageError) as refused:
        call()
    return refused.value.what, refused.value.why


# Links -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["real/target", "absolute", "real/other", "far/target"])
def test_a_link_is_followed_and_stays(tmp_path: Path, target: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "target").write_text("old")
    (tmp_path / "real" / "other").symlink_to("target")
    (tmp_path / "far").symlink_to("real")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "target" if target == "absolute" else target)
    assert write_named(str(link), b"new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "other").is_symlink()
    assert (tmp_path / "real" / "target").read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["other", "target"]


def test_a_link_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    Path("link").symlink_to("../target")
    assert write_named("link", b"new")
    assert (tmp_path / "target").read_text() == "new"


def test_a_link_without_a_target_makes_the_target(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("second")
    (tmp_path / "second").symlink_to("target")
    assert write_named(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    what, why = refusal(lambda: write_named(str(tmp_path / "one"), b"new"))
    assert what.endswith("one cannot be written")
    assert why == "Too many levels of symbolic links"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_link_into_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("no/target")
    assert refusal(lambda: write_named(str(tmp_path / "link"), b"new"))[1] == "No such file or directory"


# Regular files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    assert write_named(str(path), b"new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with suppress(PermissionError):  # only root may give files away
        os.chown(path, 1234, 2345)
    before = path.stat()
    assert write_named(str(path), b"new")
    after = path.stat()
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import os; os.umask(0o027); from smarterise_ops.files import *\n"
                "write_named('written', b'x'); create_named('created', b'x')"
            ),
        ],
        cwd=tmp_path,
        check=True,
    )
    assert done.returncode == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"written": 0o640, "created": 0o640}


def test_a_file_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with path.open() as reader:
        assert write_named(str(path), b"new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_file_that_must_not_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o444)
    if os.access(path, os.W_OK):  # for root
        monkeypatch.setattr(os, "access", lambda *_: False)
    assert refusal(lambda: write_named(str(path), b"new"))[1] == "Permission denied"
    assert path.read_text() == "old"


LIMITED = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from smarterise_ops import files
from smarterise_sdk.errors import UsageError
try:
    getattr(files, sys.argv[1])("file", b"x" * 1000)
except UsageError as error:
    print(error.what, error.why, sorted(path.name for path in Path().iterdir()))
"""


@pytest.mark.parametrize(
    ("function", "old", "left"), [("write_named", "old", ["file"]), ("create_named", None, [])]
)
def test_what_cannot_be_written_completely_leaves_no_trace(
    tmp_path: Path, function: str, old: str | None, left: list[str]
) -> None:
    # A limit of the process instead of a full disk: it fails in the same place.
    if old is not None:
        (tmp_path / "file").write_text(old)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, function], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"file cannot be written File too large {left}\n"
    if old is not None:
        assert (tmp_path / "file").read_text() == old


# What is no regular file -------------------------------------------------------------------------


@pytest.mark.parametrize("through", ["itself", "a link"])
def test_a_device_is_written_to_and_stays(tmp_path: Path, device: Path, through: str) -> None:
    before = device.stat()
    name = device
    if through == "a link":
        name = tmp_path / "link"
        name.symlink_to(device)
    assert write_named(str(name), b"new")
    after = device.lstat()
    assert stat.S_ISCHR(after.st_mode)
    assert (after.st_ino, after.st_rdev) == (before.st_ino, before.st_rdev)
    assert name.is_symlink() is (through == "a link")


def test_a_fifo_is_written_to_and_stays(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    assert write_named(str(fifo), b"new" * 100_000)
    reader.join(60)
    assert read == [b"new" * 100_000]
    assert stat.S_ISFIFO(fifo.lstat().st_mode)


def test_a_reader_that_is_gone_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert write_named(f"/proc/self/fd/{writing}", b"new") is False
    finally:
        os.close(writing)


def test_a_socket_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert refusal(lambda: write_named("socket", b"new"))[1] == "No such device or address"
        assert stat.S_ISSOCK(Path("socket").lstat().st_mode)


@pytest.mark.parametrize(
    "name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "link"]
)
def test_standard_output_by_name_goes_on_where_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    code = f"from smarterise_ops.files import write_named; write_named({name!r}, b'new')"
    with (tmp_path / "out").open("wb") as out:
        out.write(b"before ")
        out.flush()
        inode = os.fstat(out.fileno()).st_ino
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, stdout=out, check=True)
        out.write(b" after")
    assert (tmp_path / "out").read_bytes() == b"before new after"
    assert (tmp_path / "out").stat().st_ino == inode
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == b"new"


def test_an_open_file_of_another_process_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w") as theirs:
        theirs.write("a long old text")
        theirs.flush()
        with subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=theirs
        ) as other:
            inode = path.stat().st_ino
            assert write_named(f"/proc/{other.pid}/fd/1", b"new")
            assert other.stdin is not None
            other.stdin.close()
            other.wait(60)
    assert (path.read_text(), path.stat().st_ino) == ("new", inode)


# Names that cannot be ----------------------------------------------------------------------------

NAMES = {
    LONG: "File name too long",
    "": "No such file or directory",
    "a\0b": "the name contains a null character",
    "a\ud800": "the name contains characters that are not allowed in file names",
    "no/file": "No such file or directory",
    "file/x": "Not a directory",
    "loop": "Too many levels of symbolic links",
    "folder": "Is a directory",
    "folder/": "Is a directory",
    "link to folder": "Is a directory",
    ".": "Is a directory",
    "..": "Is a directory",
    "/": "Is a directory",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_what_cannot_be_a_file_is_a_usage_error(around: Path, name: str) -> None:
    before = sorted(around.iterdir())
    assert refusal(lambda: write_named(name, b"new")) == (f"{name_of(name)} cannot be written", NAMES[name])
    assert refusal(lambda: read_named(name, 1)) == (f"{name_of(name)} cannot be read", NAMES[name])
    assert sorted(around.iterdir()) == before


def test_a_new_name_with_a_slash_at_its_end_is_no_file(around: Path) -> None:
    assert refusal(lambda: write_named("new/", b"new"))[1] == "Is a directory"
    assert not (around / "new").exists()


def test_an_odd_name_is_a_name(around: Path) -> None:
    name = os.fsdecode(b"a\xff\n")
    assert write_named(name, b"new")
    assert read_named(name, 10) == b"new"
    assert name_of(name) == r"a\udcff\x0a"


@pytest.mark.parametrize("name", ["loop", "file", "link to folder"])
def test_a_file_is_not_created_over_another(around: Path, name: str) -> None:
    with pytest.raises(FileExistsError):
        create_named(name, b"new")


def test_a_file_cannot_be_created_where_there_is_no_folder(around: Path) -> None:
    assert refusal(lambda: create_named("no/file", b"new"))[1] == "No such file or directory"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (LONG, "File name too long"),
        ("a\0b", "the name contains a null character"),
        ("a\ud800", "the name contains characters that are not allowed in file names"),
        ("file", "Not a directory"),
        ("file/x", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("~no such user/x", "no such user, or no home directory"),
    ],
    ids=ascii,
)
def test_what_cannot_be_a_directory_is_a_usage_error(around: Path, name: str, why: str) -> None:
    assert refusal(lambda: directory_named(Path(name))) == (
        f"{name_of(name)} cannot be used as a directory",
        why,
    )


def test_a_directory_need_not_be_there(around: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(around))
    assert directory_named(Path("new/one")) == around / "new" / "one"
    assert directory_named(Path("folder")) == around / "folder"
    assert directory_named(Path("~/folder")) == around / "folder"


def test_a_name_in_a_folder_that_was_removed_is_a_usage_error(around: Path) -> None:
    (around / "gone").mkdir()
    os.chdir(around / "gone")
    (around / "gone").rmdir()
    assert refusal(lambda: directory_named(Path("new")))[1] == "No such file or directory"
    assert refusal(lambda: write_named("new", b"new"))[1] == "No such file or directory"
    assert directory_named(around / "folder") == around / "folder"


# The command ----------------------------------------------------------------------------------------


@pytest.mark.stack
def test_an_export_follows_links_and_replaces_no_device(on_stack: Run, around: Path, device: Path) -> None:
    sites = on_stack("sites", "export").stdout
    (around / "target").write_text("old")
    (around / "link.json").symlink_to("target")
    done = on_stack("sites", "export", "link.json")
    count = len(json.loads(sites)["sites"])
    assert (done.returncode, done.stderr) == (0, f"● {count} sites written to link.json\n")
    assert (around / "link.json").is_symlink()
    assert (around / "target").read_text() == sites
    assert on_stack("sites", "export", "/dev/stdout").stdout == sites
    refused = on_stack("sites", "export", "folder")
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: folder cannot be written\nwhy: Is a directory\n",
    )
    inode = device.stat().st_ino
    assert on_stack("sites", "export", str(device)).returncode == 0
    assert stat.S_ISCHR(device.lstat().st_mode)
    assert device.stat().st_ino == inode
