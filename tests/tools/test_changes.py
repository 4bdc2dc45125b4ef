"""What counts as changed, in real git repositories of every shape."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tools.changed_tests.changes import changes_in

if TYPE_CHECKING:
    from pathlib import Path

Git = Callable[..., None]


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Git:
    """Run git without the configuration of this machine; the last argument is a keyword `cwd`."""
    if shutil.which("git") is None:
        pytest.skip("git is missing")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-configuration"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "no-configuration"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.com")

    def run(*arguments: str, cwd: Path) -> None:
        subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True)

    return run


@pytest.fixture
def repository(git: Git, tmp_path: Path) -> Path:
    """A repository of three commits: each adds a file of its number."""
    root = tmp_path / "repository"
    root.mkdir()
    git("init", "--initial-branch=main", cwd=root)
    for number in range(3):
        (root / f"{number}.py").write_text("")
        git("add", ".", cwd=root)
        git("commit", "--message", str(number), cwd=root)
    return root


def edit(root: Path) -> None:
    """Change, delete, ignore and add files without a commit."""
    (root / "0.py").write_text("x = 1")
    (root / ".gitignore").write_text("ignored\n")
    (root / "ignored").touch()
    (root / "nätive name.py").touch()


EDITED = {"0.py", ".gitignore", "nätive name.py"}


def test_without_an_upstream_it_is_the_last_commit_and_what_is_not_committed(repository: Path) -> None:
    edit(repository)
    changes = changes_in(repository)
    assert changes.files == EDITED | {"2.py"}
    assert "HEAD~1" in changes.description
    assert "no upstream" in changes.description


def test_with_an_upstream_only_changes_of_this_side_count(git: Git, repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", str(repository), str(clone), cwd=tmp_path)
    assert changes_in(clone).files == set()
    (clone / "mine.py").touch()
    (clone / "1.py").unlink()
    git("add", "--all", cwd=clone)
    git("commit", "--message", "mine", cwd=clone)
    (repository / "theirs.py").touch()
    git("add", ".", cwd=repository)
    git("commit", "--message", "theirs", cwd=repository)
    git("fetch", cwd=clone)
    edit(clone)
    changes = changes_in(clone)
    assert changes.files == EDITED | {"mine.py", "1.py"}
    assert changes.description.startswith("origin/main (")


def test_the_first_commit_cannot_be_compared(git: Git, tmp_path: Path) -> None:
    git("init", cwd=tmp_path)
    assert changes_in(tmp_path).files is None
    assert changes_in(tmp_path).description == "there is no commit yet"
    git("commit", "--allow-empty", "--message", "first", cwd=tmp_path)
    assert changes_in(tmp_path).files is None
    assert changes_in(tmp_path).description == "HEAD is the first commit"


def test_a_shallow_clone_without_an_upstream_cannot_be_compared(
    git: Git, repository: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git("clone", "--depth=1", repository.as_uri(), str(clone), cwd=tmp_path)
    git("checkout", "--detach", cwd=clone)  # as continuous integration does
    changes = changes_in(clone)
    assert changes.files is None
    assert "git fetch --unshallow" in changes.description


def test_a_folder_that_is_no_checkout_cannot_be_compared(git: Git, repository: Path, tmp_path: Path) -> None:
    unpacked = repository / "unpacked"
    unpacked.mkdir()
    for folder in (tmp_path, unpacked):
        assert changes_in(folder).files is None
        assert "not a git checkout" in changes_in(folder).description


def test_a_machine_without_git_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert changes_in(tmp_path).files is None
    assert changes_in(tmp_path).description == "git is not installed"
