"""Reminders and escalation: by the clock, each once in a turn, whatever is killed."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import delete, select, update

from governance import audit
from governance.database import now, reading
from governance.errors import Invalid
from safe_outputs import conversation
from safe_outputs.assignment import assigning, clock
from safe_outputs.assignment.clock import look_after, look_after_reviews, set_hours
from safe_outputs.assignment.models import Assignment, Escalation
from safe_outputs.models import ReleaseRequest
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.models import Notification
from safe_outputs.turns import due_at
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House, a_submitted_request, cast_vote, the_request

HOURS = 120


def let_pass(house: House, request: str, hours: float) -> None:
    """The move has been the checkers' for so long."""
    since = now() - timedelta(hours=hours)

    def step(session) -> None:
        found = the_request(session, request)
        found.move_since = since
        found.due = due_at(found)

    house.do(step)


def told(house: House, kind: Kind) -> list[str]:
    with reading(house.engine) as session:
        return sorted(session.scalars(select(Notification.person).where(Notification.kind == kind)))


def asked(house: House, request: str) -> list[str]:
    with reading(house.engine) as session:
        return [each.checker for each in assigning.open_assignments(session, the_request(session, request))]


def rounds(house: House, times: int = 3) -> None:
    for _ in range(times):
        look_after_reviews(house.engine)


def test_nothing_happens_while_there_is_time(house: House) -> None:
    request = a_submitted_request(house)
    let_pass(house, request, HOURS * 0.74)
    rounds(house)
    assert told(house, Kind.DUE_SOON) == told(house, Kind.OVERDUE) == []


def test_who_is_asked_and_has_not_voted_is_reminded_once(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "carl")
    let_pass(house, request, HOURS * 0.76)
    rounds(house)
    assert told(house, Kind.DUE_SOON) == ["cleo"]
    assert told(house, Kind.HELD_UP) == [] and asked(house, request) == ["carl", "cleo"]


def test_what_is_overdue_goes_to_one_more_and_the_operators_are_told_once(house: House) -> None:
    request = a_submitted_request(house)
    let_pass(house, request, HOURS + 1)
    rounds(house)
    assert told(house, Kind.OVERDUE) == ["carl", "cleo"]
    assert told(house, Kind.HELD_UP) == ["otto"]
    assert asked(house, request) == ["carl", "cleo", "cora"]
    with reading(house.engine) as session:
        actions = [each.action for each in audit.events_about(session, f"request:{request}")]
    assert actions.count("request.overdue") == 1


def test_the_clock_stands_still_on_the_authors_move(house: House) -> None:
    request = a_submitted_request(house)
    house.do(
        lambda session: conversation.ask(
            session, the_request(session, request), checker="cleo", text="Which years?", today=TODAY
        )
    )
    let_pass(house, request, HOURS + 1)
    rounds(house)
    assert told(house, Kind.OVERDUE) == []


def test_a_round_that_is_killed_is_done_again_whole(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    request = a_submitted_request(house)
    let_pass(house, request, HOURS + 1)

    def killed(*_arguments, **_facts) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clock, "fill", lambda session, request, more=0: killed() if more else ())
        with pytest.raises(KeyboardInterrupt):
            look_after_reviews(house.engine)
    assert told(house, Kind.OVERDUE) == [] and told(house, Kind.HELD_UP) == []
    rounds(house)
    assert told(house, Kind.OVERDUE) == ["carl", "cleo"] and len(asked(house, request)) == 3


def test_a_request_without_checkers_gets_them_at_the_next_round(house: House) -> None:
    """Those of before there was assignment, and those for whom somebody came back."""
    request = a_submitted_request(house)
    house.do(lambda session: session.execute(delete(Assignment)))
    rounds(house)
    assert asked(house, request) == ["carl", "cleo"]


def test_a_round_with_nothing_to_do_writes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    until, today = now().date() + timedelta(days=3), now().date()
    for who in ("carl", "cleo", "cora"):
        house.do(partial(assigning.set_absence, person=who, until=until, today=today))
    a_submitted_request(house)
    rounds(house, 1)
    monkeypatch.setattr(clock, "transaction", None)
    rounds(house)


def test_who_votes_and_the_round_do_not_meet(house: House) -> None:
    """A request that is decided between looking and writing is left alone."""
    request = a_submitted_request(house)
    let_pass(house, request, HOURS + 1)
    for checker in ("carl", "cleo"):
        cast_vote(house, request, checker)
    rounds(house)
    assert told(house, Kind.OVERDUE) == []
    with reading(house.engine) as session:
        assert session.scalars(select(Escalation)).all() == []


def test_hours_are_set_by_audience_for_what_is_submitted_from_then_on(house: House) -> None:
    before = a_submitted_request(house)
    house.do(lambda session: set_hours(session, "publication", 48, actor="operator"))
    after = a_submitted_request(house)
    with reading(house.engine) as session:
        hours = {each: the_request(session, each).clock_hours for each in (before, after)}
        found = the_request(session, after)
        assert due_at(found) == found.move_since + timedelta(hours=48)
    assert hours == {before: 120, after: 48}


@pytest.mark.parametrize(
    ("audience", "hours"), [("publication", 0), ("publication", 10**6), ("everybody", 5), ("*", 5)]
)
def test_hours_that_make_no_sense_are_refused(house: House, audience: str, hours: int) -> None:
    with pytest.raises(Invalid):
        house.do(lambda session: set_hours(session, audience, hours, actor="operator"))


def test_stages_are_by_the_requests_own_hours(house: House) -> None:
    request = a_submitted_request(house)
    house.do(lambda session: session.execute(update(ReleaseRequest).values(clock_hours=10)))
    let_pass(house, request, 8)
    house.do(lambda session: look_after(session, the_request(session, request), now()))
    assert told(house, Kind.DUE_SOON) == ["carl", "cleo"]


def test_two_who_find_the_same_request_held_up_do_it_once(house: House) -> None:
    request = a_submitted_request(house)
    let_pass(house, request, HOURS + 1)
    for _ in range(2):
        house.do(lambda session: look_after(session, the_request(session, request), now()))
    assert told(house, Kind.HELD_UP) == ["otto"] and len(asked(house, request)) == 3
