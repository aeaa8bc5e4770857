"""Requests get their checkers in the transaction of the move; what is handed on, and what nobody can be asked."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from governance import audit
from governance.database import now, reading
from governance.errors import Invalid
from governance.people import Person, Role
from governance.projects import Membership
from safe_outputs import reviewing
from safe_outputs.assignment import assigning, skills
from safe_outputs.assignment.models import Assignment
from safe_outputs.assignment.skills import Skill
from safe_outputs.errors import WrongState
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.models import Notification
from safe_outputs.requests import find_request
from safe_outputs.return_categories import Category
from safe_outputs.rights import RIGHTS, reviewers
from safe_outputs.transitions import Action, RequestState, Vote
from tests.governance.people_factory import FAR, a_person
from tests.safe_outputs.factories import PRIVATE_COUNT, TODAY
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    cast_vote,
    submit,
    the_request,
)

PAST = TODAY - timedelta(days=400)


def asked(house: House, request: str) -> list[str]:
    with reading(house.engine) as session:
        return [each.checker for each in assigning.open_assignments(session, the_request(session, request))]


def missing(house: House, request: str) -> str | None:
    with reading(house.engine) as session:
        return assigning.why_missing(session, the_request(session, request))


def decline(house: House, request: str, who: str) -> None:
    house.do(lambda session: assigning.decline(session, the_request(session, request), person=who))


def away(house: House, who: str, days: int | None = 3) -> None:
    until = None if days is None else now().date() + timedelta(days=days)
    house.do(lambda session: assigning.set_absence(session, who, until, today=now().date()))


def told(house: House, kind: Kind) -> list[str]:
    with reading(house.engine) as session:
        return sorted(session.scalars(select(Notification.person).where(Notification.kind == kind)))


def give(house: House, who: str, skill: Skill) -> None:
    house.do(lambda session: skills.set_skill(session, who, skill, FAR, actor="operator"))


def test_as_many_are_asked_as_it_needs_and_told(house: House) -> None:
    request = a_submitted_request(house)
    assert asked(house, request) == ["carl", "cleo"]
    assert told(house, Kind.ASSIGNED) == ["carl", "cleo"]
    assert missing(house, request) is None
    with reading(house.engine) as session:
        events = audit.events_about(session, f"request:{request}")
        assert [each.detail["checker"] for each in events if each.action == "request.assigned"] == ["carl", "cleo"]


def test_the_next_request_goes_to_who_has_less_to_do(house: House) -> None:
    a_submitted_request(house)
    assert asked(house, a_submitted_request(house)) == ["cora", "carl"]


def test_who_may_not_review_is_not_asked(house: House) -> None:
    house.do(lambda session: session.add(Membership(project_id="heron", person_name="carl")))
    house.do(lambda session: setattr(session.get(Person, "cleo"), "training_until", PAST))
    request = a_submitted_request(house)
    assert asked(house, request) == ["cora"]
    assert "1 more output checker should be asked" in str(missing(house, request))
    assert told(house, Kind.MISSING) == ["otto"]


def test_all_who_may_review_are_those_who_may_each_by_herself(house: House) -> None:
    house.do(lambda session: session.add(Membership(project_id="heron", person_name="carl")))
    house.do(lambda session: setattr(session.get(Person, "cleo"), "training_until", PAST))
    request = a_submitted_request(house)
    with reading(house.engine) as session:
        found, everybody = find_request(session, request), session.scalars(select(Person.name)).all()
        alone = {each for each in everybody if RIGHTS[Action.VOTE].why_not(session, found, each, TODAY) is None}
        assert reviewers(session, found, TODAY) == alone == {"cora"}


def test_what_needs_a_skill_goes_to_who_has_it(house: House) -> None:
    statistics = [an_answered_statistic(house, PRIVATE_COUNT)]
    request = a_submitted_request(house, statistics)
    assert asked(house, request) == [] and "private statistics" in str(missing(house, request))
    for who in ("cora", "cleo"):
        give(house, who, Skill.PRIVATE_STATISTICS)
    assert house.do(lambda session: assigning.fill(session, the_request(session, request))) == ("cleo", "cora")
    house.do(lambda session: skills.set_skill(session, "cleo", "private_statistics", PAST, actor="operator"))
    with reading(house.engine) as session:
        assert "cleo" not in skills.skills_on(session, TODAY)


def test_a_dataset_can_need_a_skill(house: House) -> None:
    house.do(lambda session: skills.set_need(session, "rand_hie", "vulnerable_groups", wanted=True, actor="operator"))
    assert asked(house, a_submitted_request(house)) == []
    give(house, "cora", Skill.VULNERABLE_GROUPS)
    assert asked(house, a_submitted_request(house)) == ["cora"]


@pytest.mark.parametrize(("who", "skill"), [("cleo", "juggling"), ("rosa", "regressions")])
def test_what_is_no_skill_or_no_checker_is_refused(house: House, who: str, skill: str) -> None:
    with pytest.raises(Invalid):
        house.do(lambda session: skills.set_skill(session, who, skill, FAR, actor="operator"))


def test_whoever_may_review_can_vote_without_being_asked(house: House) -> None:
    request = a_submitted_request(house)
    assert "cora" not in asked(house, request)
    for checker in ("cora", "cleo"):
        cast_vote(house, request, checker)
    with reading(house.engine) as session:
        assert the_request(session, request).state is RequestState.APPROVED


def test_what_is_declined_is_handed_on_and_not_back(house: House) -> None:
    request = a_submitted_request(house)
    decline(house, request, "carl")
    assert asked(house, request) == ["cleo", "cora"]
    decline(house, request, "cora")
    assert asked(house, request) == ["cleo"] and missing(house, request) is not None
    with pytest.raises(WrongState, match="not assigned to you"):
        decline(house, request, "carl")
    cast_vote(house, request, "cleo")
    with pytest.raises(WrongState, match="You have voted"):
        decline(house, request, "cleo")


def test_who_is_away_is_passed_over_and_hands_on_what_she_has(house: House) -> None:
    request = a_submitted_request(house)
    away(house, "carl")
    assert asked(house, request) == ["cleo", "cora"]
    assert asked(house, a_submitted_request(house)) == ["cleo", "cora"]
    away(house, "carl", None)
    assert "carl" in asked(house, a_submitted_request(house))


def _ask_carl_and_cleo(request: str, session: Session) -> None:
    session.add_all(Assignment(request_id=request, turn=1, checker=who, at=now()) for who in ("carl", "cleo"))


def test_that_somebody_leaves_says_nothing_of_her_vote(house: House) -> None:
    """Whether she had voted or not, who is asked afterwards is the same."""
    first, second = a_submitted_request(house), a_submitted_request(house, [an_answered_statistic(house)])
    house.do(lambda session: session.execute(delete(Assignment)))
    for request in (first, second):
        house.do(partial(_ask_carl_and_cleo, request))
    cast_vote(house, first, "carl")
    away(house, "carl")
    assert asked(house, first) == asked(house, second) == ["cleo", "cora"]


def test_who_voted_without_being_asked_takes_the_place_of_who_hands_on(house: House) -> None:
    """She would be missing otherwise, and that nobody is left would tell of her vote."""
    request = a_submitted_request(house)
    first, second = asked(house, request)
    (third,) = {"cleo", "carl", "cora"} - {first, second}
    before = told(house, Kind.ASSIGNED)
    cast_vote(house, request, third)
    decline(house, request, first)
    assert sorted(asked(house, request)) == sorted([second, third])
    assert missing(house, request) is None
    assert told(house, Kind.ASSIGNED) == before, "nothing waits for her"


@pytest.mark.parametrize("days", [-1, 400])
def test_an_absence_is_within_a_year(house: House, days: int) -> None:
    with pytest.raises(Invalid, match="within a year"):
        away(house, "carl", days)


def test_only_checkers_are_away(house: House) -> None:
    with pytest.raises(WrongState, match="Only output checkers"):
        away(house, "rosa")


def test_the_same_checkers_are_asked_in_the_next_turn(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cora", Vote.REQUEST_CHANGES, "Merge.")
    house.do(
        lambda session: reviewing.return_early(
            session,
            the_request(session, request),
            checker="cleo",
            reason="Merge.",
            today=TODAY,
            category=next(iter(Category)),
        )
    )
    assert asked(house, request) == []
    submit(house, request)
    assert asked(house, request) == ["cora", "carl"], "who voted, then who was asked"


def test_a_move_that_fails_asks_nobody(house: House) -> None:
    def step(session) -> None:
        request = the_request(session, first)
        reviewing.vote(
            session,
            house.store,
            request,
            checker="cleo",
            vote=Vote.APPROVE,
            comment="",
            seen="another",
            today=TODAY,
        )

    first = a_submitted_request(house)
    before = asked(house, first)
    with pytest.raises(WrongState):
        house.do(step)
    assert asked(house, first) == before


def test_operators_are_told_once_that_nobody_can_be_asked(house: House) -> None:
    house.do(lambda session: a_person(session, "opal", Role.OPERATOR))
    for who in ("carl", "cleo", "cora"):
        away(house, who)
    request = a_submitted_request(house)
    for _ in range(2):
        house.do(lambda session: assigning.tell_of_missing(session, the_request(session, request)))
    assert told(house, Kind.MISSING) == ["opal", "otto"]
