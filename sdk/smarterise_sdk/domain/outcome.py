"""Partial results: a value together with what is missing from it, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that could not be read.

    Attributes:
        action: The IAM-style action, e.g. `cloudwatch:GetMetricData`.
        error: The cause; in the SDK a `SmarteriseError`.
        scope: What is missing, e.g. gateway serials.
    """

    action: str
    error: Exception
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """A value, the time at which it was read, and what is missing from it."""

    value: T
    as_of: datetime
    missing: tuple[Missing, ...] = field(default=())

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing
