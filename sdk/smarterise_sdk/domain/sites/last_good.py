"""Selects the fallback version of the site file: the latest valid one, used while the current is invalid."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from smarterise_sdk.domain.problems import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from smarterise_sdk.domain.sites.history import FileVersion

T = TypeVar("T")

MAX_FALLBACK_READS: Final = 50
"""Number of earlier versions that are read to find a fallback version."""


def latest_first(versions: Iterable[FileVersion], deletions: Iterable[FileVersion]) -> Iterator[FileVersion]:
    """Merge the versions and delete markers of a page of ListObjectVersions, the latest first.

    S3 lists the two separately, each in order. Their times, to the second, determine the common order.
    """
    return heapq.merge(versions, deletions, key=_recency, reverse=True)


def first_valid(versions: Iterable[FileVersion], read: Callable[[FileVersion], T | None]) -> T | None:
    """Return the content of the first valid version; `None` if there is none.

    Args:
        versions: Versions in order of preference; delete markers are skipped.
        read: Returns the parsed content, or `None` if it no longer exists. Raises `InvalidInput` if it is
            invalid. Other errors are passed on.
    """
    for version in versions:
        if version.is_deletion:
            continue
        try:
            content = read(version)
        except InvalidInput:
            continue
        if content is not None:
            return content
    return None


def last_good(
    versions: Iterable[FileVersion],
    read: Callable[[FileVersion], T | None],
    *,
    current_id: str | None = None,
) -> T | None:
    """Return the content of the fallback version; `None` if none of the latest fifty versions is valid.

    Args:
        versions: Versions of the file, the latest first.
        read: As for `first_valid`.
        current_id: Id of the invalid current version; without it the version marked as latest is skipped.
    """
    earlier = (
        version
        for version in versions
        if not version.is_deletion
        and not (version.is_latest if current_id is None else version.version_id == current_id)
    )
    return first_valid(islice(earlier, MAX_FALLBACK_READS), read)


def _recency(version: FileVersion) -> tuple[bool, datetime]:
    return version.is_latest, version.written_at
