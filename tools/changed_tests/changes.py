"""Reads from a git checkout, without the program git, which files differ from the upstream's last commit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dulwich import porcelain
from dulwich.diff_tree import tree_changes
from dulwich.errors import NotCommitError, NotGitRepository
from dulwich.graph import find_merge_base
from dulwich.objects import Commit
from dulwich.refs import Ref
from dulwich.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dulwich.objects import ObjectID


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Attributes:
        files: Paths from the repository's root, or None if they cannot be compared: then every file counts.
        description: What they were compared with, or why they cannot be compared.
    """

    files: frozenset[str] | None
    description: str


def changes_in(root: Path) -> Changes:
    """Return the files that differ from the upstream's last commit, or else from the commit before the last.

    Uncommitted and untracked files count, ignored ones do not. With an upstream the commit is the last one
    that is common to it and to `HEAD`, so that changes of others do not count.

    Args:
        root: The repository's root.
    """
    try:
        repository = Repo(root)
    except NotGitRepository:
        return Changes(None, f"{root.name}/ is not a git checkout")
    with repository:
        base, description = _base(repository)
        if base is None:
            return Changes(None, description)
        paths = {*_committed(repository, base), *_uncommitted(repository)}
        return Changes(frozenset(os.fsdecode(path) for path in paths), description)


def _base(repository: Repo) -> tuple[ObjectID | None, str]:
    """Return the commit to compare with and its description, or None and why there is none."""
    try:
        head = repository.head()
    except KeyError:
        return None, "there is no commit yet"
    if upstream := _upstream(repository):
        name, commit = upstream
        if common := find_merge_base(repository, [commit, head]):
            return common[0], f"{name} ({common[0][:9].decode()})"
    if head in repository.get_shallow():
        return None, "the clone is shallow and has no earlier commit: git fetch --unshallow"
    if parents := _commit(repository, head).parents:
        return parents[0], f"HEAD~1 ({parents[0][:9].decode()}), as there is no upstream"
    return None, "HEAD is the first commit"


def _upstream(repository: Repo) -> tuple[str, ObjectID] | None:
    """Return the name and the commit of the remote branch that the current one follows, or None."""
    try:
        section = (b"branch", porcelain.active_branch(repository))
        config = repository.get_config_stack()
        remote = config.get(section, b"remote")
        branch = config.get(section, b"merge").removeprefix(b"refs/heads/")
        folder = b"refs/heads/" if remote == b"." else b"refs/remotes/" + remote + b"/"
        commit = repository.refs[Ref(folder + branch)]
    except (KeyError, IndexError, ValueError):
        return None
    return os.fsdecode(branch if remote == b"." else remote + b"/" + branch), commit


def _committed(repository: Repo, base: ObjectID) -> Iterator[bytes]:
    """Yield the paths that differ between two commits, of renamed files both."""
    trees = (_commit(repository, commit).tree for commit in (base, repository.head()))
    for change in tree_changes(repository.object_store, *trees):
        for side in (change.old, change.new):
            if side is not None and side.path is not None:
                yield side.path


def _uncommitted(repository: Repo) -> Iterator[bytes]:
    """Yield the paths that differ between `HEAD` and the working tree, and those that are not tracked."""
    status = porcelain.status(repository, untracked_files="all")
    for paths in (*status.staged.values(), status.unstaged, status.untracked):
        yield from map(os.fsencode, paths)


def _commit(repository: Repo, name: ObjectID) -> Commit:
    commit = repository[name]
    if not isinstance(commit, Commit):
        raise NotCommitError(name)
    return commit
