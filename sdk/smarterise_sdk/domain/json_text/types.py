"""Types of JSON values, and their comparison."""

from __future__ import annotations

from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """Return whether two values are equal in JSON, where `true` is not equal to 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
