"""Reads from git which files differ from the upstream's last commit."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Attributes:
        files: Paths from the repository's root, or None if git cannot say: then every file counts.
        description: What they were compared with, or why git cannot say.
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
        top = _git(root, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return Changes(None, "git is not installed")
    if top is None or Path(top.strip()).resolve() != root.resolve():
        return Changes(None, f"{root.name}/ is not a git checkout")
    base, description = _base(root)
    if base is None:
        return Changes(None, description)
    differing = _git(root, "diff", "--name-only", "--no-renames", "-z", base, "--")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    if differing is None or untracked is None:
        return Changes(None, f"git cannot compare the files with {description}")
    return Changes(frozenset(filter(None, (differing + untracked).split("\0"))), description)


def _base(root: Path) -> tuple[str | None, str]:
    """Return the commit to compare with and its description, or None and why there is none."""
    if upstream := _git(root, "rev-parse", "--abbrev-ref", "@{upstream}"):
        name = upstream.strip()
        if common := _git(root, "merge-base", name, "HEAD"):
            return common.strip(), f"{name} ({common[:9]})"
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return None, "there is no commit yet"
    if parent := _git(root, "rev-parse", "--verify", "--quiet", "HEAD~1"):
        return parent.strip(), f"HEAD~1 ({parent[:9]}), as there is no upstream"
    if _git(root, "rev-parse", "--is-shallow-repository") == "true\n":
        return None, "the clone is shallow and has no earlier commit: git fetch --unshallow"
    return None, "HEAD is the first commit"


def _git(root: Path, *arguments: str) -> str | None:
    """Return the output of a git command, or None if it failed."""
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        check=False,
        errors="surrogateescape",
    )
    return done.stdout if done.returncode == 0 else None
