"""Files of sites, judged and read whole: every problem with its line, and nothing lost on the way round."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.changes.site_export import rows_of
from smarterise_ops.changes.site_import import read_sites
from smarterise_ops.output.formats import OutputFormat, UpdateFormat
from smarterise_ops.output.render import object_as_data, rows_as_data
from smarterise_sdk.domain.sites.document import new_site_tiers
from smarterise_sdk.domain.sites.updates import is_same_entry, replace_sites

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., "subprocess.CompletedProcess[str]"]

GOOD = {
    "site-tiers.json": '{"schema_version": 1, "owner": "ops", "sites": {"AN54101471": {"tier": "CRITICAL"}}}',
    "old.json": '{"version": 1, "sites": {"AN54101471": {"tier": "CRITICAL", "enabled": true}}}',
    "sites.yaml": "schema_version: 1\nsites:\n  AN54101471: {tier: CRITICAL}\n",
    "rows.yaml": "AN54101471: {tier: CRITICAL}\n",
    "rows.csv": "gateway_serial,tier\nAN54101471,CRITICAL\n",
    "rows.json": '[{"gateway_serial": "AN54101471", "tier": "CRITICAL"}]',
    "rows.jsonl": '{"gateway_serial": "AN54101471", "tier": "CRITICAL"}\n',
    "without-a-suffix": "gateway_serial,tier\nAN54101471,CRITICAL\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_called_good(cli: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD[name])
    done = cli("sites", "validate", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"● {name}: 1 site, no problems\n", "")
    assert json.loads(cli("sites", "validate", name, "-o", "json").stdout) == []


BAD = {
    "site-tiers.json": (
        '{"sites": {\n"AN54101471": {"tier":"CRITICL"},\n"AN9":{"tier":"CRITICAL",\n"enabled":1},\n"x!":{}}}',
        [(2, "AN54101471", "tier"), (4, "AN9", "enabled"), (5, "x!", None), (5, "x!", "tier")],
    ),
    "cut.json": ('{"sites": {\n "AN54101471": {"tier": "CRITICAL"},', [(2, None, None)]),
    "nothing.json": ('{"schema_version": 1}', [(None, None, "sites")]),
    "sites.yaml": (
        "sites:\n  AN54101471:\n    name: x\n    tier: CRITICL\n  AN9: 5\n",
        [(4, "AN54101471", "tier"), (5, "AN9", None)],
    ),
    "rows.csv": (
        "gateway_serial,tier,enabled\nAN54101471,,maybe\nAN54101472,CRITICAL,yes\nAN54101472,CRITICAL,yes\n",
        [(2, "AN54101471", "enabled"), (2, "AN54101471", "tier"), (4, "AN54101472", None)],
    ),
    "rows.jsonl": (
        '{"gateway_serial": "AN54101471", "tier": "X"}\n{"gateway_serial": "!"}\nno\n',
        [(1, "AN54101471", "tier"), (2, None, None), (3, None, None)],
    ),
    "empty.json": ("", [(None, None, None)]),
}


@pytest.mark.parametrize("name", BAD)
def test_everything_wrong_is_told_with_its_place(cli: Run, tmp_path: Path, name: str) -> None:
    text, places = BAD[name]
    (tmp_path / name).write_text(text)
    done = cli("sites", "validate", name, "-o", "json")
    assert done.returncode == 1
    problems = json.loads(done.stdout)
    assert {(problem["line"], problem["site"], problem["field"]) for problem in problems} == set(places)
    table = cli("sites", "validate", name)
    assert (table.returncode, len(table.stdout.splitlines())) == (1, 1 + len(problems))
    # The same file is not imported, for the same reasons, and nobody is asked for it.
    refused = cli("sites", "import", name, "--yes", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n  - ") == len(problems)


def test_a_file_that_names_no_site_is_not_imported(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text('{"schema_version": 1, "sites": {}}')
    done = cli(
        "sites", "import", "none.json", "--prune", "--yes", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "contains no site" in done.stderr


def test_a_file_that_is_not_there_is_a_usage_error(cli: Run) -> None:
    for command in ("validate", "import"):
        done = cli("sites", command, "no.json")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: no.json cannot be read\n")


def test_standard_input_is_judged_too(cli: Run) -> None:
    done = cli("sites", "validate", "-", "--input-format", "yaml", stdin="AN54101471: {tier: x}")
    assert done.returncode == 1
    assert "INVALID_TIER" not in done.stdout
    assert "Set it to CRITICAL or NON_CRITICAL." in done.stdout


# Round trips ------------------------------------------------------------------------------------

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "enabled": st.booleans(),
    "name": st.none() | TEXT,
    "asset_id": st.none() | TEXT,
    "nominal_voltage": st.none() | st.integers(1, 1000) | st.floats(0.5, 1000),
    "capacity_kva": st.none() | st.integers(1, 1000),
    "timezone": st.none() | st.sampled_from(["UTC", "Africa/Lagos"]),
}
ENTRIES = st.builds(
    lambda tier, known, unknown: {**unknown, "tier": tier, **known},
    st.sampled_from(["CRITICAL", "NON_CRITICAL"]),
    st.dictionaries(st.sampled_from(sorted(KNOWN)), st.none()).flatmap(
        lambda names: st.fixed_dictionaries({name: KNOWN[name] for name in names})
    ),
    st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,6}x", fullmatch=True), JSON, max_size=2),
)
SITES = st.dictionaries(st.from_regex(r"[A-Za-z0-9]{3,8}", fullmatch=True), ENTRIES, min_size=1, max_size=4)


def is_printable(sites: dict[str, Any]) -> bool:
    """Whether YAML and UTF-8 have all of its characters."""
    text = json.dumps(sites, ensure_ascii=False)
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize("form", list(UpdateFormat))
@given(SITES.filter(is_printable))
def test_what_is_exported_reads_back_as_it_was(form: UpdateFormat, sites: dict[str, Any]) -> None:
    document = new_site_tiers(sites)
    output = OutputFormat(form.value)
    if form in (UpdateFormat.JSON, UpdateFormat.YAML):
        text = object_as_data(document.raw, output)
    else:
        text = rows_as_data(rows_of(document, output), output)
    read = read_sites(text.encode(), "-", form)
    assert read.problems == ()
    replacing = read.replacing(document, prune=True)
    assert replace_sites(document, replacing).changed == ()
    assert all(is_same_entry(replacing[serial], entry) for serial, entry in sites.items())


@given(SITES, SITES)
def test_pruning_leaves_what_the_file_names_and_nothing_else(
    there: dict[str, Any], wanted: dict[str, Any]
) -> None:
    document = new_site_tiers(there)
    read = read_sites(json.dumps({"sites": wanted}).encode(), "f.json")
    pruned = replace_sites(document, read.replacing(document, prune=True)).document
    assert dict(pruned.site_objects) == wanted
    kept = replace_sites(document, read.replacing(document, prune=False)).document
    assert dict(kept.site_objects) == there | wanted


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from([None, *UpdateFormat]),
)
def test_whatever_the_file_is_it_is_read_or_told(source: bytes, form: UpdateFormat | None) -> None:
    read = read_sites(source, "file", form)
    assert read.problems or read.sites or yaml.safe_load(source) is not None
