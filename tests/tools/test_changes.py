"""What counts as changed, in real git repositories of every shape."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from dulwich import porcelain

from tools.changed_tests.changes import changes_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def default_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave out the git configuration of this machine."""
    for variable in ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(variable, str(tmp_path / "no-configuration"))


def commit(root: Path, message: str) -> None:
    """Commit all files, deleted ones too."""
    porcelain.add(root)
    porcelain.commit(root, message, author=b"test <test@example.com>", committer=b"test <test@example.com>")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of three commits: each adds a file of its number."""
    root = tmp_path / "repository"
    porcelain.init(root).close()
    for number in range(3):
        (root / f"{number}.py").write_text("")
        commit(root, str(number))
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


def test_with_an_upstream_only_changes_of_this_side_count(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    porcelain.clone(str(repository), clone).close()
    assert changes_in(clone).files == set()
    (clone / "mine.py").touch()
    (clone / "1.py").unlink()
    commit(clone, "mine")
    (repository / "theirs.py").touch()
    commit(repository, "theirs")
    porcelain.fetch(clone, quiet=True)
    edit(clone)
    changes = changes_in(clone)
    assert changes.files == EDITED | {"mine.py", "1.py"}
    assert changes.description.startswith("origin/master (")


def test_the_first_commit_cannot_be_compared(tmp_path: Path) -> None:
    porcelain.init(tmp_path).close()
    assert changes_in(tmp_path).files is None
    assert changes_in(tmp_path).description == "there is no commit yet"
    commit(tmp_path, "first")
    assert changes_in(tmp_path).files is None
    assert changes_in(tmp_path).description == "HEAD is the first commit"


def test_a_shallow_clone_without_an_upstream_cannot_be_compared(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    porcelain.clone(repository.as_uri(), clone, depth=1).close()
    porcelain.update_head(clone, "master", detached=True)  # as continuous integration does
    changes = changes_in(clone)
    assert changes.files is None
    assert "git fetch --unshallow" in changes.description


def test_a_folder_that_is_no_checkout_cannot_be_compared(repository: Path, tmp_path: Path) -> None:
    unpacked = repository / "unpacked"
    unpacked.mkdir()
    for folder in (tmp_path, unpacked):
        assert changes_in(folder).files is None
        assert "not a git checkout" in changes_in(folder).description


def test_a_machine_without_git_compares_too(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert changes_in(repository).files == {"2.py"}
