"""Reads IAM and bucket policies as far as a check needs: what a document says of one action. Pure.

It sees single documents only. Boundaries, organisation policies and conditions are beyond it, so it never
claims that a call will work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any


class Says(StrEnum):
    """What a document says of an action on a resource."""

    ALLOWS = "allows"
    ALLOWS_IF = "allows under a condition"
    DENIES = "denies"
    NOTHING = "says nothing about"


def says(
    document: Mapping[str, Any], action: str, resource: str, principals: frozenset[str] | None = None
) -> Says:
    """Return what a policy document says.

    A denial under a condition is left out: it usually guards against something else, as insecure transport.

    Args:
        document: The policy document.
        action: An IAM action, e.g. `s3:GetObject`.
        resource: An ARN.
        principals: For a resource policy, the ARNs and the account that stand for the caller; `None` for an
            identity policy, which has no principals.
    """
    said = {
        _effect(statement)
        for statement in _statements(document)
        if _concerns(statement, action, resource, principals)
    }
    return next((text for text in (Says.DENIES, Says.ALLOWS, Says.ALLOWS_IF) if text in said), Says.NOTHING)


def _effect(statement: Mapping[str, Any]) -> Says:
    is_conditional = bool(statement.get("Condition"))
    if statement.get("Effect") == "Allow":
        return Says.ALLOWS_IF if is_conditional else Says.ALLOWS
    return Says.NOTHING if is_conditional else Says.DENIES


def _statements(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for statement in _listed(document.get("Statement")):
        if isinstance(statement, Mapping):
            yield statement


def _concerns(
    statement: Mapping[str, Any], action: str, resource: str, principals: frozenset[str] | None
) -> bool:
    return (
        _in_view(statement, "Action", action.lower(), str.lower)
        and _in_view(statement, "Resource", resource, str)
        and (principals is None or _is_meant(statement, principals))
    )


def _in_view(statement: Mapping[str, Any], key: str, value: str, fold: Any) -> bool:
    if key in statement:
        return any(_matches(fold(str(pattern)), value) for pattern in _listed(statement[key]))
    if f"Not{key}" in statement:
        return not any(_matches(fold(str(pattern)), value) for pattern in _listed(statement[f"Not{key}"]))
    return False


def _is_meant(statement: Mapping[str, Any], principals: frozenset[str]) -> bool:
    if "NotPrincipal" in statement:
        return not principals & _principals(statement["NotPrincipal"])
    named = _principals(statement.get("Principal"))
    return "*" in named or bool(principals & named)


def _principals(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return {str(name) for name in _listed(value.get("AWS"))}
    return {str(name) for name in _listed(value)}


def _matches(pattern: str, value: str) -> bool:
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
