"""An answer that may have holes: the value, the gaps, or both. A gap is never silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that could not be had.

    Attributes:
        action: The IAM-style action, e.g. `cloudwatch:GetMetricData`.
        error: Why; in the SDK a `SmarteriseError`.
        scope: What is missing for it, e.g. gateway serials.
    """

    action: str
    error: Exception
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """A value with the moment it was true at, and the gaps in it."""

    value: T
    as_of: datetime
    missing: tuple[Missing, ...] = field(default=())

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing
