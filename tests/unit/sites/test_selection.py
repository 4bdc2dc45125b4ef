"""Site selection: conditions are combined with AND, and invalid conditions are rejected."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.sites.selection import parse_selection

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonValue

IKEJA = Site(
    "AN54101471",
    Tier.CRITICAL,
    name="Ikeja Substation 3",
    asset_id="C001",
    capacity_kva=500.0,
    extra=MappingProxyType({"floor": 2, "crew": "north", "spare": True}),
)
YABA = Site(
    "ehm21120333", Tier.NON_CRITICAL, enabled=False, name="Yaba [east] Märkt", quality_profile="c84.1"
)
LEKKI = Site("AN10220456", Tier.NON_CRITICAL, name="ikeja annex", nominal_voltage=240.0, capacity_kva=100.0)
FLEET = (IKEJA, YABA, LEKKI)


def selected(*expressions: str) -> list[str]:
    return [site.gateway_serial for site in parse_selection(expressions).of(FLEET)]


def refusals(*expressions: str) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        parse_selection(expressions).of(FLEET)
    assert refused.value.subject == "the selection"
    return [f"{problem.message} / {problem.remedy}" for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("expressions", "found"),
    [
        (["tier=CRITICAL"], [IKEJA]),
        (["tier=critical"], [IKEJA]),
        (["tier != CRITICAL"], [YABA, LEKKI]),
        (["tier~*CRITICAL"], [IKEJA, YABA, LEKKI]),
        (["enabled=true"], [IKEJA, LEKKI]),
        (["enabled!=Yes"], [YABA]),
        (["enabled=no"], [YABA]),
        (["name~ikeja*"], [IKEJA, LEKKI]),
        (["name~Ikeja*", "tier=CRITICAL"], [IKEJA]),
        (["name!~ikeja*"], [YABA]),
        (["name=Ikeja Substation 3"], [IKEJA]),
        (["name=ikeja substation 3"], []),
        (["name~*[east]*"], [YABA]),
        (["name~*MÄRKT"], [YABA]),
        (["name~Ikeja"], []),
        (["name~ikeja substation ?"], [IKEJA]),
        (["asset_id="], [YABA, LEKKI]),
        (["asset_id!="], [IKEJA]),
        (["capacity_kva>100"], [IKEJA]),
        (["capacity_kva>=100"], [IKEJA, LEKKI]),
        (["capacity_kva<500"], [LEKKI]),
        (["capacity_kva<=500"], [IKEJA, LEKKI]),
        (["capacity_kva=500.0"], [IKEJA]),
        (["capacity_kva!=500"], [YABA, LEKKI]),
        (["capacity_kva="], [YABA]),
        (["nominal_voltage=230"], [IKEJA, YABA]),
        (["nominal_voltage~2*"], [IKEJA, YABA, LEKKI]),
        (["quality_profile=C84.1"], [YABA]),
        (["timezone=UTC"], [IKEJA, YABA, LEKKI]),
        (["gateway_serial~an*"], [IKEJA, LEKKI]),
        (["gateway_serial=ehm21120333"], [YABA]),
        (["floor=2"], [IKEJA]),
        (["floor=2.0"], [IKEJA]),
        (["floor>1"], [IKEJA]),
        (["crew=north"], [IKEJA]),
        (["crew>1"], []),
        (["crew!=north"], [YABA, LEKKI]),
        (["crew="], [YABA, LEKKI]),
        (["spare=true"], [IKEJA]),
        (["spare=1"], []),
        ([], [IKEJA, YABA, LEKKI]),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "",
)
def test_it_selects(expressions: list[str], found: list[Site]) -> None:
    assert selected(*expressions) == [site.gateway_serial for site in found]


EXAMPLE = "e.g. tier=CRITICAL, name~Ikeja*, capacity_kva>100"


@pytest.mark.parametrize(
    ("expression", "message", "remedy"),
    [
        ("Ikeja", "is not a condition", EXAMPLE),
        ("=CRITICAL", "is not a condition", EXAMPLE),
        ("", "is not a condition", EXAMPLE),
        ("tier==CRITICAL", 'unknown operator "=="', "write tier=CRITICAL"),
        ("name=~Ikeja*", 'unknown operator "=~"', "write name~Ikeja*"),
        ("name !== Ikeja", 'unknown operator "!=="', "write name!=Ikeja"),
        ("tier=CRITICL", 'unknown tier "CRITICL"', "did you mean tier=CRITICAL?"),
        ("tier=x", 'unknown tier "x"', "expected: CRITICAL, NON_CRITICAL"),
        ("enabled=maybe", 'enabled is true or false, not "maybe"', "enabled=true or enabled=false"),
        ("tier>CRITICAL", "tier is not a number", "compare it with =, !=, ~ or !~"),
        ("capacity_kva>big", 'capacity_kva is a number, not "big"', "e.g. capacity_kva>100"),
        ("capacity_kva>nan", 'capacity_kva is a number, not "nan"', "e.g. capacity_kva>100"),
        ("capacity_kva>", "has no value to compare with", EXAMPLE),
        ("floor>two", '"two" is not a number', "compare text with =, !=, ~ or !~"),
        ("teir!=CRITICAL", 'no site has a field "teir"', "did you mean tier?"),
        ("Tier=CRITICAL", 'no site has a field "Tier"', "did you mean tier?"),
        ("flor=2", 'no site has a field "flor"', "did you mean floor?"),
    ],
)
def test_what_it_cannot_mean_is_reported(expression: str, message: str, remedy: str) -> None:
    assert refusals(expression) == [f'"{expression}": {message} / {remedy}']


def test_every_problem_is_reported_and_made_visible() -> None:
    assert len(refusals("a", "tier=x", "capacity_kva>y", "tier=CRITICAL")) == 3
    (only,) = refusals("wat\x1b[2J" + "x" * 200 + "!=1")
    assert "\x1b" not in only
    assert len(only) < 400
    assert only.count("fields are gateway_serial, tier, ") == 1


# Properties -------------------------------------------------------------------------------------

TEXTS = st.text(max_size=12).map(str.strip)
SITES = st.builds(
    Site,
    st.from_regex(r"[A-Za-z0-9]{3,12}", fullmatch=True),
    st.sampled_from(Tier),
    st.booleans(),
    name=TEXTS,
    asset_id=TEXTS,
    nominal_voltage=st.floats(1, 1000),
    capacity_kva=st.none() | st.floats(1, 1000),
    extra=st.dictionaries(st.just("note"), TEXTS | st.integers() | st.booleans() | st.none()),
)
FIELDS = ["gateway_serial", "tier", "enabled", "name", "asset_id", "nominal_voltage", "capacity_kva"]


def value_of(site: Site, field: str) -> Any:
    return getattr(site, field)


def written(value: JsonValue) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@given(st.lists(SITES, min_size=1, max_size=5), st.sampled_from(FIELDS), st.data())
def test_equal_selects_those_with_the_very_value_and_unequal_the_others(
    sites: list[Site], field: str, data: st.DataObject
) -> None:
    site = data.draw(st.sampled_from(sites))
    text = written(value_of(site, field))
    assume(text[:1] not in ("=", "~"))  # `name==x` is a slip far more often than a name
    same = parse_selection([f"{field}={text}"]).of(sites)
    other = parse_selection([f"{field}!={text}"]).of(sites)
    assert site in same
    assert [one for one in sites if one in same] == list(same)
    assert all(one in same or one in other for one in sites)
    assert not [one for one in same if one in other]


@given(st.lists(SITES, max_size=5), st.floats(0, 1000), st.sampled_from(["nominal_voltage", "capacity_kva"]))
def test_numbers_part_the_fleet(sites: list[Site], limit: float, field: str) -> None:
    less = parse_selection([f"{field}<{limit!r}"]).of(sites)
    same = parse_selection([f"{field}={limit!r}"]).of(sites)
    more = parse_selection([f"{field}>{limit!r}"]).of(sites)
    absent = [site for site in sites if value_of(site, field) is None]
    assert len(less) + len(same) + len(more) + len(absent) == len(sites)
    assert list(parse_selection([f"{field}<={limit!r}"]).of(sites)) == [
        site for site in sites if site in less or site in same
    ]


@given(st.lists(SITES, max_size=5), st.text(max_size=8), st.text(max_size=8))
def test_all_conditions_must_hold(sites: list[Site], one: str, two: str) -> None:
    assume(one.strip()[:1] not in ("=", "~"))
    first, second = f"name~{one}*", f"asset_id!~*{two}"
    both = parse_selection([first, second]).of(sites)
    alone = parse_selection([second]).of(sites)
    assert list(both) == [site for site in parse_selection([first]).of(sites) if site in alone]


@given(st.lists(st.text(max_size=30) | st.from_regex(r"\A[a-z_]{0,6}[=!~<>]{0,3}.{0,8}\Z"), max_size=4))
def test_whatever_is_typed_is_understood_or_reported(expressions: list[str]) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        selection = parse_selection(expressions)
        selection.of(FLEET)
    except InvalidInput as refused:
        problems = refused.problems
        assert problems
    assert all(problem.remedy and problem.message for problem in problems)


def test_a_pattern_of_many_stars_ends() -> None:
    site = Site("AN1", Tier.CRITICAL, name="a" * 200)
    assert not parse_selection([f"name~{'a*' * 60}b"]).matches(site)
