"""Two people at the same instant: each rule that looks first and writes then holds, on both kinds of database."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from governance import agreements, audit
from governance.database import reading, transaction
from governance.errors import SaferoomError
from safe_outputs import asking
from safe_outputs.asking import Asker
from safe_outputs.models import ReleaseRequest, Statistic
from safe_outputs.requests import find_request
from safe_outputs.transitions import RequestState, StatisticState, Vote
from tests.safe_outputs.factories import CODE, CROSSTAB, PRIVATE_COUNT
from tests.safe_outputs.house import House, a_submitted_request, cast_vote

Step = Callable[[], object]


def at_once(steps: Sequence[Step]) -> list[object]:
    """What each step came to, all begun together: its value, or the error of ours that refused it."""
    together = threading.Barrier(len(steps))

    def begin(step: Step) -> object:
        together.wait(20)
        try:
            return step()
        except SaferoomError as error:
            return type(error)

    with ThreadPoolExecutor(len(steps)) as threads:
        return list(threads.map(begin, steps))


def the_request(house: House, request_id: str) -> ReleaseRequest:
    with reading(house.engine) as session:
        audit.verify(session)
        found = find_request(session, request_id)
        assert found.votes is not None
        return found


@pytest.mark.parametrize("turn", range(3))
def test_two_checkers_vote_at_the_same_instant_and_both_count(house: House, turn: int) -> None:
    request = a_submitted_request(house)
    found = at_once([lambda each=each: cast_vote(house, request, each) for each in ("cleo", "carl")])  # type: ignore[misc]
    assert found == [None, None]
    after = the_request(house, request)
    assert sorted(vote.checker for vote in after.votes) == ["carl", "cleo"]
    assert after.state is RequestState.APPROVED


def test_one_checker_who_presses_twice_has_one_vote(house: House) -> None:
    request = a_submitted_request(house)
    found = at_once([lambda: cast_vote(house, request, "cleo")] * 4)
    assert [each for each in found if each is None] == [None]
    after = the_request(house, request)
    assert len(after.votes) == 1
    assert after.state is RequestState.IN_REVIEW


def test_a_vote_and_a_rejection_at_the_same_instant_never_approve(house: House) -> None:
    request = a_submitted_request(house)
    at_once(
        [
            lambda: cast_vote(house, request, "cleo"),
            lambda: cast_vote(house, request, "carl", Vote.REJECT, "Too few persons."),
        ]
    )
    assert the_request(house, request).state is not RequestState.APPROVED


def test_a_statistic_that_waits_is_taken_once(house: House) -> None:
    asked = house.do(lambda session: asking.ask(session, Asker("rosa", "heron"), CROSSTAB, CODE).id)

    def take() -> str | None:
        with transaction(house.engine) as session:
            taken = asking.take_next(session, "checker")
            return None if taken is None else taken.id

    assert sorted(at_once([take] * 4), key=str) == [None, None, None, asked]
    with reading(house.engine) as session:
        statistic = session.get_one(Statistic, asked)
        assert (statistic.attempts, statistic.state) == (1, StatisticState.COMPUTING)


def test_a_private_question_asked_twice_at_once_is_one_statistic(house: House) -> None:
    def ask() -> object:
        return house.do(lambda session: asking.ask(session, Asker("rosa", "heron"), PRIVATE_COUNT, CODE).id)

    assert len(set(at_once([ask] * 4))) == 1


def test_at_most_one_agreement_is_in_force(house: House) -> None:
    def agree(session: Session) -> int:
        made = agreements.agree(
            session, project_id="heron", dataset="another", version=1, columns=["site"], owner="olga"
        )
        return made.version

    found = at_once([lambda: house.do(agree)] * 4)
    assert sum(each == 1 for each in found) == 1
