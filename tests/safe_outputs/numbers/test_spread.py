"""Percentiles against a second computation that counts, and silence where there is too little to tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.numbers.spread import FEWEST, MEDIAN, NINETIETH, Spread, percentile, spread

seconds = st.floats(0, 1e7, allow_nan=False)


def by_counting(values: list[float], percent: int) -> float:
    """The smallest value that enough of the values do not exceed: every value is tried, from the smallest."""
    for each in sorted(values):
        if 100 * sum(value <= each for value in values) >= percent * len(values):
            return each
    raise AssertionError


@given(st.lists(seconds, min_size=10, max_size=60), st.sampled_from([MEDIAN, NINETIETH]))
def test_a_percentile_is_the_first_value_that_enough_do_not_exceed(values: list[float], percent: int) -> None:
    assert percentile(sorted(values), percent) == by_counting(values, percent)


@pytest.mark.parametrize(("percent", "expected"), [(MEDIAN, 5.0), (NINETIETH, 9.0)])
def test_ten_values(percent: int, expected: float) -> None:
    assert percentile([float(each) for each in range(1, 11)], percent) == expected


@given(st.lists(seconds, max_size=9))
def test_too_few_values_tell_nothing(values: list[float]) -> None:
    found = spread(values)
    assert found.count == len(values)
    assert found.ninetieth is None
    assert (found.median is None) == (len(values) < FEWEST[MEDIAN])


def test_nothing_is_a_spread_too() -> None:
    assert spread([]) == Spread(0, None, None)
