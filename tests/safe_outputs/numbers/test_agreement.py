"""Agreement against the published example, and against a second computation from the definition."""

from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.numbers.agreement import FEWEST_TURNS, Pair, agreement, alpha
from safe_outputs.transitions import Vote

A, C, R = Vote.APPROVE, Vote.REQUEST_CHANGES, Vote.REJECT
turns = st.lists(st.lists(st.sampled_from(list(Vote)), max_size=4), max_size=25)


def by_definition(turns: list[list[Vote]]) -> float | None:
    """1 − observed / expected disagreement, each over every ordered pair of votes that could be compared."""
    judged = [votes for votes in turns if len(votes) > 1]
    pool = [vote for votes in judged for vote in votes]
    pairs = list(permutations(range(len(pool)), 2))
    expected = sum(pool[i] is not pool[j] for i, j in pairs) / len(pairs) if pairs else 0
    if not expected:
        return None
    observed = sum(
        sum(first is not second for first, second in permutations(votes, 2)) / (len(votes) - 1) for votes in judged
    )
    return 1 - observed / len(pool) / expected


@given(turns)
def test_alpha_is_that_of_its_definition(turns: list[list[Vote]]) -> None:
    expected = by_definition(turns)
    assert alpha(turns) == (None if expected is None else pytest.approx(expected))


def test_alpha_of_two_observers_as_published() -> None:
    """Krippendorff (2011), section A: ten things, two observers, 14 zeros and 6 ones, four unlike; α = 0.095."""
    first, second = "0100000000", "1110010010"
    turns = [[A if each == "0" else C for each in pair] for pair in zip(first, second, strict=True)]
    assert alpha(turns) == pytest.approx(0.095, abs=0.0005)


@given(turns)
def test_turns_that_differ_and_their_pairs(turns: list[list[Vote]]) -> None:
    found = agreement(turns)
    assert found.turns == sum(len(votes) >= 2 for votes in turns)
    assert found.differed == sum(any(a is not b for a, b in combinations(votes, 2)) for votes in turns)
    for pair in found.pairs:
        counted = sum({a, b} == {pair.first, pair.second} for votes in turns for a, b in combinations(votes, 2))
        assert pair.count == counted
    assert sum(pair.count for pair in found.pairs) == sum(len(v) * (len(v) - 1) // 2 for v in turns)


def test_few_turns_have_no_alpha_but_their_pairs() -> None:
    found = agreement([[A, C]] * (FEWEST_TURNS - 1))
    assert found.alpha is None
    assert found.pairs == (Pair(A, C, FEWEST_TURNS - 1),)
    assert agreement([[A, C]] * FEWEST_TURNS).alpha is not None


def test_votes_that_are_always_the_same_have_no_alpha() -> None:
    assert agreement([[A, A]] * 20).alpha is None
    assert agreement([]).pairs == ()
