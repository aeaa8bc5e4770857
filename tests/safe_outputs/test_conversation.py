"""Questions and answers in the middle of a review, who sees what of it when, and the clock that stands still."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from governance.database import now
from safe_outputs import conversation
from safe_outputs import reading as views
from safe_outputs.assignment.models import Assignment
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted, WrongState
from safe_outputs.lists import desk
from safe_outputs.transitions import CLOCK_HOURS, VISIBLE, Owner, RemarkKind, RequestState, Vote
from safe_outputs.turns import due_at, settle, whose_move
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House, a_submitted_request, cast_vote, submit, the_request


def ask(house: House, request_id: str, text: str = "Which years?", checker: str = "cleo") -> int:
    return int(
        house.do(
            lambda session: (
                conversation.ask(session, the_request(session, request_id), checker=checker, text=text, today=TODAY).id
            )
        )
    )


def answer(house: House, request_id: str, question: int, text: str = "1974 to 1982.", person: str = "rosa") -> None:
    house.do(
        lambda session: conversation.answer(
            session, the_request(session, request_id), person=person, question=question, text=text, today=TODAY
        )
    )


def comment(house: House, request_id: str, text: str, *, private: bool, checker: str = "cleo") -> None:
    house.do(
        lambda session: conversation.comment(
            session, the_request(session, request_id), checker=checker, text=text, private=private, today=TODAY
        )
    )


def seen_by(house: House, request_id: str, person: str) -> views.RequestView:
    found: views.RequestView = house.do(
        lambda session: views.request_view(session, house.store, request_id, person, TODAY)
    )
    return found


def said_to(house: House, request_id: str, person: str) -> list[tuple[str, str]]:
    return [(each.who, each.text) for each in seen_by(house, request_id, person).remarks]


def test_a_question_makes_it_the_authors_move_and_an_answer_the_checkers(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "carl")
    question = ask(house, request)
    line = seen_by(house, request, "rosa").line
    assert (line.state, line.move, line.questions, line.due) == (RequestState.IN_REVIEW, Owner.AUTHOR, 1, None)
    answer(house, request, question)
    line = seen_by(house, request, "cleo").line
    assert (line.state, line.move, line.questions, line.votes) == (RequestState.IN_REVIEW, Owner.CHECKERS, 0, 1)
    assert line.due is not None
    cast_vote(house, request, "cleo")
    assert seen_by(house, request, "cleo").line.state is RequestState.APPROVED


def test_others_can_vote_while_a_question_is_open(house: House) -> None:
    request = a_submitted_request(house)
    ask(house, request)
    cast_vote(house, request, "carl")
    assert seen_by(house, request, "carl").line.votes == 1


def test_who_asks_stays_unnamed_while_the_turn_is_blind(house: House) -> None:
    request = a_submitted_request(house)
    ask(house, request)
    for reader in ("rosa", "carl"):
        assert said_to(house, request, reader) == [("An output checker", "Which years?")]
        actors = {each.actor for each in seen_by(house, request, reader).history}
        assert actors - {"saferoom"} == {"rosa"}
    assert said_to(house, request, "cleo") == [("Cleo", "Which years?")]
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker)
    assert said_to(house, request, "rosa") == [("Cleo", "Which years?")]


@pytest.mark.parametrize(("private", "project_reads_it"), [(True, False), (False, True)])
def test_comments_are_blind_like_votes_and_notes_are_for_checkers(
    house: House, private: bool, project_reads_it: bool
) -> None:
    request = a_submitted_request(house)
    comment(house, request, "The years are missing.", private=private)
    assert said_to(house, request, "cleo") == [("Cleo", "The years are missing.")]
    assert said_to(house, request, "carl") == said_to(house, request, "rosa") == []
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "See my comment.")
    assert said_to(house, request, "carl") == [("Cleo", "The years are missing.")]
    assert bool(said_to(house, request, "rosa")) == project_reads_it
    submit(house, request)
    assert bool(said_to(house, request, "rosa")) == project_reads_it
    if private:
        assert "request.note" not in {each.action for each in seen_by(house, request, "rosa").history}


def test_every_kind_of_remark_says_who_sees_it() -> None:
    assert set(VISIBLE) == set(RemarkKind)


@pytest.mark.parametrize("person", ["cleo", "rui", "olga", "otto"])
def test_only_the_project_answers(house: House, person: str) -> None:
    request = a_submitted_request(house)
    question = ask(house, request)
    with pytest.raises(NotPermitted):
        answer(house, request, question, person=person)


def test_what_is_not_asked_is_not_answered(house: House) -> None:
    request, another = a_submitted_request(house), a_submitted_request(house)
    with pytest.raises(WrongState, match="No question is open"):
        answer(house, request, 1)
    theirs, mine = ask(house, another), ask(house, request)
    with pytest.raises(NoSuchThing, match="no such question"):
        answer(house, request, theirs)
    ask(house, request, "And which sites?")
    answer(house, request, mine)
    with pytest.raises(WrongState, match="answered already"):
        answer(house, request, mine)


@pytest.mark.parametrize(("text", "sentence"), [("  ", "nothing to send"), ("x" * 5001, "at most 5,000")])
def test_an_empty_or_endless_remark_is_refused(house: House, text: str, sentence: str) -> None:
    request = a_submitted_request(house)
    with pytest.raises(MalformedRequest, match=sentence):
        ask(house, request, text)
    assert said_to(house, request, "cleo") == []


def test_the_clock_runs_on_the_checkers_move_alone(house: House) -> None:
    """Ten hours with the checkers, a hundred with the author, then what is left of the allowance."""
    request_id = a_submitted_request(house)

    def step(session: Any) -> None:
        request = the_request(session, request_id)
        allowed = timedelta(hours=CLOCK_HOURS[request.audience])
        begun = request.move_since
        assert due_at(request) == begun + allowed
        request.state = RequestState.CHANGES_REQUESTED
        settle(request, begun + timedelta(hours=10))
        assert (request.move_of, due_at(request), request.checkers_seconds) == (Owner.AUTHOR, None, 36_000)
        request.state = RequestState.SUBMITTED
        again = begun + timedelta(hours=110)
        settle(request, again)
        assert due_at(request) == again + allowed - timedelta(hours=10)
        session.rollback()

    house.do(step)


def test_what_is_overdue_says_so_and_comes_first(house: House) -> None:
    first, second = a_submitted_request(house), a_submitted_request(house)
    _since(house, first, now() - timedelta(hours=1))
    _since(house, second, now() - timedelta(hours=CLOCK_HOURS["publication"] + 1))
    house.do(lambda session: session.execute(delete(Assignment)))
    queue = house.do(lambda session: desk.queue(session, "cleo", TODAY))
    assert [(each.id, each.overdue) for each in queue.waiting_for_you.lines] == [(second, True), (first, False)]
    ask(house, second)
    queue = house.do(lambda session: desk.queue(session, "cleo", TODAY))
    assert [(each.id, each.overdue) for each in queue.with_author.lines] == [(second, False)]


def _since(house: House, request_id: str, moment: datetime) -> None:
    def step(session: Any) -> None:
        request = the_request(session, request_id)
        request.move_since = moment
        settle(request, moment)

    house.do(step)


def test_what_lists_show_is_what_the_request_says(house: House) -> None:
    request_id = a_submitted_request(house)
    ask(house, request_id)
    cast_vote(house, request_id, "carl")
    request = house.do(lambda session: (each := the_request(session, request_id), whose_move(each)))
    assert request[0].move_of is request[1]
