"""Full-jitter backoff: limits of the pause, growth, and large numbers of attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.backoff import full_jitter

SECONDS = st.floats(min_value=0, max_value=1e6)
CHANCES = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(st.integers(0, 10_000), SECONDS, SECONDS, CHANCES)
def test_a_pause_is_between_zero_and_the_longest(
    attempt: int, first: float, longest: float, chance: float
) -> None:
    assert 0 <= full_jitter(attempt, first=first, longest=longest, chance=lambda: chance) <= longest


@given(st.integers(0, 40), st.floats(min_value=1e-3, max_value=10), CHANCES)
def test_the_limit_doubles_with_each_attempt(attempt: int, first: float, chance: float) -> None:
    limits = {"first": first, "longest": 1e300, "chance": lambda: chance}
    pause, following = full_jitter(attempt, **limits), full_jitter(attempt + 1, **limits)
    assert following == pytest.approx(2 * pause)
    assert pause <= first * 2**attempt


@given(st.integers(0, 40), CHANCES)
def test_the_pause_is_proportional_to_chance(attempt: int, chance: float) -> None:
    limit = full_jitter(attempt, first=0.1, longest=5, chance=lambda: 1.0)
    assert full_jitter(attempt, first=0.1, longest=5, chance=lambda: chance) == pytest.approx(chance * limit)


@pytest.mark.parametrize(("attempt", "limit"), [(0, 0.1), (1, 0.2), (4, 1.6), (5, 2.0), (100, 2.0)])
def test_the_limits_of_the_first_attempts(attempt: int, limit: float) -> None:
    assert full_jitter(attempt, first=0.1, longest=2.0, chance=lambda: 1.0) == pytest.approx(limit)
