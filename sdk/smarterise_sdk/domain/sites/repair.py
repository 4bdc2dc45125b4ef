"""Repair an invalid site file with the smallest edits, and list each of them.

First the text is parsed leniently; then missing or invalid values are taken from the last valid version.
Every readable site and key is kept. Only syntax and spelling are repaired; other errors need a decision by
the operator.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.json_text.lenient import Fix, LenientText, read_leniently
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.sites.document import (
    MAX_DOCUMENT_BYTES,
    SCHEMA_VERSION,
    SUBJECT,
    SiteTiers,
    parse_site_tiers,
    render_site_tiers,
    site_tiers_of,
)
from smarterise_sdk.domain.sites.fields import FIELDS
from smarterise_sdk.domain.sites.repair_fields import FROM_GOOD, SiteRepairer, shown
from smarterise_sdk.domain.sites.updates import is_same_entry
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.json_text.lenient import Path
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue

_SHOWN: Final = 60
_METADATA: Final = frozenset(
    {"schema_version", "updated_at", "updated_by", "reason", "version", "last_updated"}
)


@dataclass(frozen=True, slots=True)
class Repair:
    """A repaired file.

    Attributes:
        document: The repaired document, without new write metadata.
        fixes: All edits, in file order; empty if the file was valid.
    """

    document: SiteTiers
    fixes: tuple[Fix, ...]


def repaired(source: bytes, good: SiteTiers | None) -> Repair:
    """Return the repaired file.

    Args:
        source: Content of the file.
        good: The last valid version; `None` if there is none.

    Raises:
        InvalidInput: The file cannot be repaired, or some problems need a decision by the operator.
    """
    try:
        return Repair(parse_site_tiers(source), ())
    except InvalidInput as error:
        if len(source) > MAX_DOCUMENT_BYTES:
            raise
        original_error = error
    fixes: list[Fix] = []
    text = read_leniently(_decoded(source, fixes), SUBJECT)
    fixes += text.fixes
    if not isinstance(text.value, dict):
        raise original_error
    repair = _Repairer(text.value, text, good.raw if good is not None else {})
    document = repair.repaired()
    # Validate the result like every reader does.
    rendered = parse_site_tiers(render_site_tiers(document))
    in_order = sorted((*fixes, *repair.fixes), key=lambda fix: fix.line or 0)
    return Repair(rendered, tuple(in_order))


def _decoded(source: bytes, fixes: list[Fix]) -> str:
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        fixes.append(Fix(1, "converted from UTF-16 to UTF-8"))
        return source.decode("utf-16", errors="replace")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        fixes.append(Fix(line, "bytes that are not UTF-8 were read as Windows-1252"))
        # Five bytes are undefined in Windows-1252; Latin-1 defines all.
        return "".join(_cp1252(part) for part in source.splitlines(keepends=True))


def _cp1252(line: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


class _Repairer:
    """Second step: turns a leniently parsed value into a valid site file."""

    def __init__(self, value: JsonObject, text: LenientText, good: JsonObject) -> None:
        self.fixes: list[Fix] = []
        self._value = value
        self._text = text
        self._good = good
        sites = good.get("sites")
        self._good_sites: JsonObject = sites if isinstance(sites, dict) else {}
        self._unresolved: list[Problem] = []

    def repaired(self) -> SiteTiers:
        if self._text.is_unbalanced:
            self._move_misplaced()
        for unread in self._text.unread:
            self._complete_unread(unread.path, unread.line)
        self._complete_cut()
        self._repair_version()
        sites = self._value.get("sites")
        if not isinstance(sites, dict):
            message = '"sites" is missing' if sites is None else '"sites" is not an object'
            remedy = "Restore the last valid version."
            self._unresolved.append(Problem("INVALID_FIELD", message, remedy, line=self._line(("sites",))))
        else:
            repair = SiteRepairer(self._text.lines, self._good_sites)
            self._value["sites"] = repair.repaired(sites)
            self.fixes += repair.fixes
            self._unresolved += repair.unresolved
        if self._unresolved:
            raise InvalidInput(SUBJECT, self._unresolved)
        return site_tiers_of(self._value)

    # Structure ------------------------------------------------------------------------------------------

    def _move_misplaced(self) -> None:
        """Move values that a missing or extra bracket has put into a site, or outside of the sites."""
        sites = self._value.get("sites")
        if not isinstance(sites, dict):
            return
        for serial, entry in list(sites.items()):
            if isinstance(entry, dict):
                self._lift(entry, ("sites", serial), sites)
        for key, value in list(self._value.items()):
            if key != "sites" and _is_site(key, value) and key not in self._good:
                self._move(self._value, (key,), sites, "moved into the sites")
        for key, value in list(sites.items()):
            is_top_level = key in _METADATA or (key in self._good and key not in self._good_sites)
            if is_top_level and not _is_site(key, value):
                self._move(sites, ("sites", key), self._value, "moved out of the sites")

    def _lift(self, entry: JsonObject, path: Path, sites: JsonObject) -> None:
        carried = self._good_sites.get(path[1])
        for key, value in list(entry.items()):
            if _is_site(key, value) and not (isinstance(carried, dict) and key in carried):
                if isinstance(value, dict):
                    self._lift(value, (*path, key), sites)
                self._move(entry, (*path, key), sites, "moved out of the site before it")
            elif key in _METADATA or (key in self._good and key not in FIELDS and _is_foreign(key, carried)):
                self._move(entry, (*path, key), self._value, "moved out of the sites")

    def _move(self, holder: JsonObject, path: Path, to: JsonObject, text: str) -> None:
        key = path[-1]
        if key in to:
            return
        to[key] = holder.pop(key)
        new_path: Path = ("sites", key) if to is not self._value else (key,)
        # Update the paths of the lines of nested values.
        for known, line in list(self._text.lines.items()):
            if known[: len(path)] == path:
                self._text.lines[(*new_path, *known[len(path) :])] = line
        self._fix(new_path, f'"{visible(key)}" {text}')

    def _complete_unread(self, path: Path, line: int) -> None:
        name = self._name(path)
        found, holder = _at(self._value, path[:-1])
        if not found or not isinstance(holder, dict) or path[-1] in holder:
            self.fixes.append(Fix(line, f"{name}: unreadable value removed"))
            return
        is_known, value = _at(self._good, path)
        if is_known:
            holder[path[-1]] = copy.deepcopy(value)
            self.fixes.append(Fix(line, f"{name} cannot be read: {shown(value)} {FROM_GOOD}"))
        else:
            self.fixes.append(Fix(line, f"{name} cannot be read: removed"))

    def _complete_cut(self) -> None:
        """Add the values missing from a truncated text, from the last valid version."""
        for path in reversed(self._text.incomplete):
            found, holder = _at(self._value, path)
            is_known, good = _at(self._good, path)
            if not found or not is_known:
                continue
            if isinstance(holder, dict) and isinstance(good, dict):
                missing = {key: value for key, value in good.items() if key not in holder}
                holder.update(copy.deepcopy(missing))
                if missing:
                    self._report_added(path, list(missing))
            elif isinstance(holder, list) and isinstance(good, list) and _is_beginning(holder, good):
                holder[:] = copy.deepcopy(good)
                self._fix_at_end(f"{self._name(path)}: the rest of the list {FROM_GOOD}")

    def _report_added(self, path: Path, missing: Sequence[str]) -> None:
        if path == ("sites",):
            count = "1 site" if len(missing) == 1 else f"{len(missing)} sites"
            self._fix_at_end(f"{count} after that {FROM_GOOD}: {_listed(missing)}")
        else:
            where = f"{self._name(path)}: " if path else ""
            self._fix_at_end(f"{where}{_listed(missing)} {FROM_GOOD}")

    def _fix_at_end(self, text: str) -> None:
        last = self._text.fixes[-1].line if self._text.fixes else None
        self.fixes.append(Fix(last, text))

    def _repair_version(self) -> None:
        version = self._value.get("schema_version", SCHEMA_VERSION)
        if version == SCHEMA_VERSION and not isinstance(version, bool):
            return
        if isinstance(version, int | float) and not isinstance(version, bool) and version > SCHEMA_VERSION:
            message = f"schema_version is {version}; this release supports {SCHEMA_VERSION}"
            remedy = "Use a newer release of the tools, or correct the number."
            field = "schema_version"
            problem = Problem("INVALID_FIELD", message, remedy, line=self._line((field,)), field=field)
            self._unresolved.append(problem)
            return
        self._value["schema_version"] = SCHEMA_VERSION
        self._fix(("schema_version",), f"schema_version {shown(version)} → {SCHEMA_VERSION}")

    # Messages -------------------------------------------------------------------------------------------

    def _fix(self, path: Path, text: str) -> None:
        self.fixes.append(Fix(self._line(path), text))

    def _line(self, path: Path) -> int | None:
        return self._text.lines.get(path)

    def _name(self, path: Path) -> str:
        in_site = len(path) > 1 and path[0] == "sites"
        parts = [f"site {visible(path[1])}", *(visible(part) for part in path[2:])] if in_site else path
        return ": ".join(visible(part) for part in parts)[: 2 * _SHOWN]


def _is_site(key: str, value: JsonValue) -> bool:
    return bool(GATEWAY_SERIAL.match(key)) and isinstance(value, dict) and "tier" in value


def _is_foreign(key: str, carried: JsonValue) -> bool:
    return not isinstance(carried, dict) or key not in carried


def _at(value: JsonValue, path: Path) -> tuple[bool, JsonValue]:
    """Return whether a path exists in a value, and the value at the path."""
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False, None
        value = value[key]
    return True, value


def _is_beginning(part: JsonValue, whole: JsonValue) -> bool:
    """Return whether a truncated value is a beginning of the whole value."""
    if isinstance(part, list) and isinstance(whole, list):
        firm = all(is_same_entry(one, other) for one, other in zip(part[:-1], whole, strict=False))
        return (
            len(part) <= len(whole) and firm and (not part or _is_beginning(part[-1], whole[len(part) - 1]))
        )
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _is_beginning(value, whole[key]) for key, value in part.items())
    return is_same_entry(part, whole)


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(visible(name) for name in names[:10])
    return f"{text} and {len(names) - 10} more" if len(names) > 10 else text
