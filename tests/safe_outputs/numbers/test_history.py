"""The numbers of a register, from requests that went through the real service."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from governance.database import now, reading
from safe_outputs import requests, reviewing
from safe_outputs.answers import Verdict
from safe_outputs.numbers import present
from safe_outputs.numbers.agreement import Pair
from safe_outputs.numbers.history import numbers_of
from safe_outputs.numbers.passage import Event, Stage, passage
from safe_outputs.numbers.present import Kept, Present
from safe_outputs.numbers.spread import Spread, percentile
from safe_outputs.numbers.summary import Numbers, Reviewed, numbers
from safe_outputs.return_categories import Category
from safe_outputs.transitions import RequestState, Vote
from safe_outputs.turns import due_at
from tests.safe_outputs.factories import TODAY, a_finding
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
    release_next_of,
    submit,
    the_request,
)

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MERGE = "Merge the plans."


def the_numbers(house: House, since: datetime = LONG_AGO) -> Numbers:
    with reading(house.engine) as session:
        return numbers_of(session, house.store, since, now())


def a_referred_statistic(house: House) -> str:
    finding = a_finding(rule="differencing", verdict=Verdict.REFER)
    return an_answered_statistic(house, verdict=Verdict.REFER, findings=(finding, a_finding()))


def returned(house: House, request: str, category: Category) -> None:
    house.do(
        lambda session: reviewing.return_early(
            session, the_request(session, request), checker="cleo", reason=MERGE, today=TODAY, category=category
        )
    )


def set_clock(house: House, request: str, seconds: int) -> None:
    def step(session: Session) -> None:
        found = the_request(session, request)
        found.checkers_seconds = seconds
        found.due = due_at(found)

    house.do(step)


def test_an_empty_register_has_numbers_too(house: House) -> None:
    found = the_numbers(house)
    assert found.overall.elapsed == Spread(0, None, None)
    assert found.returns.turns == found.agreement.turns == found.overrides.referred == 0
    assert [month.of for month in found.months][:2] == ["2026-01", "2026-02"]


def test_decisions_and_releases_are_counted_where_they_belong(house: House) -> None:
    an_approved_request(house)
    release_next_of(house)
    refused = a_submitted_request(house, audience="pre_publication")
    for checker in ("cleo", "carl"):
        cast_vote(house, refused, checker, Vote.REJECT, "Out of scope.")
    a_submitted_request(house)
    found = the_numbers(house)
    assert found.overall.elapsed.count == 2
    assert found.overall.in_time == 2
    assert found.release.count == 1
    assert {each.of: each.elapsed.count for each in found.audiences} == {"publication": 1, "pre_publication": 1}
    assert [(each.of, each.elapsed.count) for each in found.projects] == [("heron", 2)]
    assert found.months[-1].elapsed.count == 2
    assert dict(found.outcomes) == {RequestState.RELEASED: 1, RequestState.REJECTED: 1}
    assert {stage: each.count for stage, each in found.stages} == dict.fromkeys(Stage, 2) | {Stage.TO_RELEASE: 1}


def test_returns_are_counted_by_turn_and_reason(house: House) -> None:
    """Two turns of one request came back, one by votes that gave two reasons, one early; a third was approved."""
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo", Vote.REQUEST_CHANGES, MERGE, category=Category.SMALL_COUNTS)
    cast_vote(house, request, "carl", Vote.REQUEST_CHANGES, MERGE, category=Category.CONTEXT_MISSING)
    submit(house, request)
    returned(house, request, Category.SMALL_COUNTS)
    submit(house, request)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker)
    found = the_numbers(house).returns
    assert (found.turns, found.returned) == (3, 2)
    assert dict(found.reasons) == {Category.SMALL_COUNTS: 2, Category.CONTEXT_MISSING: 1}


def test_a_reason_that_was_replaced_while_consolidating_does_not_count(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo", Vote.REQUEST_CHANGES, MERGE, category=Category.SMALL_COUNTS)
    cast_vote(house, request, "carl")
    cast_vote(house, request, "cleo", Vote.REQUEST_CHANGES, MERGE, category=Category.DOMINANCE)
    cast_vote(house, request, "carl", Vote.REQUEST_CHANGES, MERGE, category=Category.DOMINANCE)
    assert the_numbers(house).returns.reasons == ((Category.DOMINANCE, 1),)


def test_first_votes_of_a_turn_that_is_not_over_are_in_no_number() -> None:
    """Even where they are handed in: the sum of turns knows which are over."""
    at = datetime(2026, 11, 1, tzinfo=UTC)
    way = passage([Event(at, "submitted", {}), Event(at, "in_review", {})])
    votes = {1: (Vote.APPROVE, Vote.REJECT)}
    found = numbers([Reviewed("r-1", "heron", "publication", way, first_votes=votes)], LONG_AGO, at)
    assert found.agreement.turns == 0


def test_a_return_of_before_there_were_categories_has_none(house: House) -> None:
    request = a_submitted_request(house)
    returned(house, request, Category.OTHER)
    house.do(lambda session: setattr(the_request(session, request).remarks[0], "category", None))
    assert the_numbers(house).returns.reasons == ((None, 1),)


def test_disagreement_is_of_first_votes_in_turns_that_are_over(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    cast_vote(house, request, "carl", Vote.REJECT, "Out of scope.")
    assert the_numbers(house).agreement.turns == 0
    cast_vote(house, request, "carl")
    found = the_numbers(house).agreement
    assert (found.turns, found.differed, found.pairs) == (1, 1, (Pair(Vote.APPROVE, Vote.REJECT, 1),))


def test_no_number_changes_with_a_vote_in_an_open_turn(house: House) -> None:
    """The review is blind: who reads the numbers before and after a colleague votes learns nothing."""
    request = a_submitted_request(house)
    returned(house, request, Category.OTHER)
    submit(house, request)
    until = now()
    with reading(house.engine) as session:
        before = numbers_of(session, house.store, LONG_AGO, until)
    for checker, vote in (("cleo", Vote.REQUEST_CHANGES), ("carl", Vote.APPROVE)):
        cast_vote(house, request, checker, vote, MERGE, category=Category.DOMINANCE)
        with reading(house.engine) as session:
            assert numbers_of(session, house.store, LONG_AGO, until) == before


def test_what_was_approved_although_a_rule_referred_it(house: House) -> None:
    approved = an_approved_request(house, [a_referred_statistic(house)])
    rejected = a_submitted_request(house, [a_referred_statistic(house)])
    for checker in ("cleo", "carl"):
        cast_vote(house, rejected, checker, Vote.REJECT, "It differs by three persons.")
    an_approved_request(house)
    found = the_numbers(house).overrides
    assert (found.referred, found.approved, found.approvals) == (2, 1, 2)
    assert found.by_rule == (("differencing", 2, 1),)
    assert found.newest == (approved,)


def test_lapses_and_recalls_are_counted_and_a_lapse_is_no_return(house: House) -> None:
    lapsed = an_approved_request(house)

    def lapse(session: Session) -> None:
        requests.move(
            session, the_request(session, lapsed), RequestState.CHANGES_REQUESTED, actor="x", turn=1, lapsed=True
        )

    house.do(lapse)
    recalled = an_approved_request(house)
    release_next_of(house)
    house.do(
        lambda session: reviewing.recall(
            session, the_request(session, recalled), person="cleo", reason="A wrong year.", today=TODAY
        )
    )
    found = the_numbers(house)
    assert (found.overrides.lapses, found.overrides.recalls, found.overrides.approvals) == (1, 1, 2)
    assert found.returns.returned == 0
    assert dict(found.outcomes) == {RequestState.RECALLED: 1}


def test_what_was_decided_before_the_period_is_not_in_it(house: House) -> None:
    an_approved_request(house)
    assert the_numbers(house, now() + timedelta(seconds=1)).overall.elapsed.count == 0


def test_the_head_of_the_queue_is_the_clock_of_what_was_decided(house: House) -> None:
    """Against a second way: the stored clocks, sorted by hand. What still waits is in no number."""
    clocks = [3600 * each for each in range(12, 0, -1)]
    for clock in clocks:
        set_clock(house, an_approved_request(house), clock)
    a_submitted_request(house)
    found = Present(house.engine, house.store).of_the_queue()
    assert found == Spread(12, percentile(sorted(clocks), 50), percentile(sorted(clocks), 90))
    assert found.ninetieth == 11 * 3600


def test_kept_numbers_are_computed_anew_only_when_they_are_old() -> None:
    time, computed = [0.0], []
    kept: Kept[int] = Kept(60, clock=lambda: time[0])

    def compute() -> int:
        computed.append(time[0])
        return len(computed)

    for at, expected in ((0.0, 1), (59.0, 1), (60.0, 2), (61.0, 2)):
        time[0] = at
        assert kept.get(compute) == expected
    assert computed == [0.0, 60.0]


def test_a_computation_that_fails_is_tried_again() -> None:
    kept: Kept[int] = Kept(60)

    def fail() -> int:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        kept.get(fail)
    assert kept.get(lambda: 7) == 7


def test_the_period_begins_with_a_month() -> None:
    assert present._since(datetime(2026, 11, 26, 8, tzinfo=UTC), present.PERIOD) == datetime(2025, 11, 1, tzinfo=UTC)
