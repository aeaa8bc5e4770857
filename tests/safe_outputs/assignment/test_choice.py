"""Whom to ask: only who may and can, the least loaded first. Properties of the pure choice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.assignment.choice import Candidate, choose

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NAMES = tuple(f"c{n}" for n in range(8))


def candidates_of(**facts) -> st.SearchStrategy[list[Candidate]]:
    one = st.builds(
        Candidate,
        name=st.sampled_from(NAMES),
        may=st.booleans(),
        can=st.booleans(),
        away=st.booleans(),
        passed=st.booleans(),
        load=st.integers(0, 5),
        last=st.none() | st.integers(0, 5).map(lambda hours: NOON + timedelta(hours=hours)),
    )
    return st.lists(one, unique_by=lambda each: each.name, **facts)


@given(candidates_of(), st.integers(-1, 9), st.lists(st.sampled_from(NAMES)))
def test_nobody_is_asked_who_may_not_cannot_is_away_or_was_asked(
    found: list[Candidate], number: int, keep: list[str]
) -> None:
    chosen = choose(found, number, keep=keep)
    eligible = {each.name for each in found if each.may and each.can and not each.away and not each.passed}
    assert set(chosen) <= eligible
    assert len(chosen) == len(set(chosen)) == min(max(number, 0), len(eligible))


@given(candidates_of(), st.integers(0, 9))
def test_who_is_passed_over_has_no_less_to_do(found: list[Candidate], number: int) -> None:
    chosen = set(choose(found, number))
    asked = [each for each in found if each.name in chosen]
    others = [each for each in found if each.eligible and each.name not in chosen]
    for left in others:
        for each in asked:
            assert each.load <= left.load
            if each.load == left.load:
                assert each.last is None or (left.last is not None and each.last <= left.last)
                if each.last == left.last:
                    assert each.name < left.name


@given(candidates_of(), st.integers(0, 9), st.lists(st.sampled_from(NAMES)))
def test_who_knows_the_request_comes_first(found: list[Candidate], number: int, keep: list[str]) -> None:
    eligible = {each.name for each in found if each.eligible}
    known = [name for name in dict.fromkeys(keep) if name in eligible]
    assert choose(found, number, keep=keep)[: len(known)] == tuple(known[:number])


@given(candidates_of(), st.sets(st.sampled_from(NAMES)), st.integers(0, 9))
def test_who_has_voted_comes_last_and_changes_no_number(found: list[Candidate], voted: set[str], number: int) -> None:
    told = [replace(each, voted=each.name in voted) for each in found]
    chosen = choose(told, number)
    assert len(chosen) == len(choose(found, number))
    assert sorted(chosen, key=lambda name: name in voted) == list(chosen)


@given(candidates_of(min_size=2), st.integers(1, 9), st.randoms())
def test_the_order_in_which_they_are_given_does_not_matter(found: list[Candidate], number: int, chance) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert choose(shuffled, number) == choose(found, number)


@given(st.integers(2, 6), st.integers(1, 40))
def test_loads_stay_even(checkers: int, requests: int) -> None:
    """Requests of one size that come one by one: nobody ever has two more than another."""
    loads = dict.fromkeys(NAMES[:checkers], 0)
    for hour in range(requests):
        found = [Candidate(name, load=load) for name, load in loads.items()]
        for name in choose(found, min(2, checkers)):
            loads[name] += 1
        assert max(loads.values()) - min(loads.values()) <= 1, hour
