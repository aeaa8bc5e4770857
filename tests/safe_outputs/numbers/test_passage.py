"""The way of a request through the review: by hand, and over random histories of the real service.

Two computations of the checkers' clock stand beside each other: the one that the service keeps with each request, and
the one from the audit chain. A third, by hand over the times at which the test did things, judges both.
"""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from governance import audit
from governance.database import reading
from governance.errors import SaferoomError
from safe_outputs import conversation, requests, reviewing
from safe_outputs.numbers.history import passages
from safe_outputs.numbers.passage import Event, Passage, Stage, passage
from safe_outputs.return_categories import Category
from safe_outputs.transitions import OWNERS, Owner, RequestState, Vote
from safe_outputs.turns import open_questions
from tests.registers import new_register
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House, a_draft, a_house, cast_vote, submit, the_request

BEGIN = datetime(2026, 11, 2, 9, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def way(*steps: tuple[int, str] | tuple[int, str, dict[str, Any]]) -> Passage:
    """The passage of events at these hours."""
    return passage(Event(BEGIN + timedelta(hours=hours), what, dict(*rest)) for hours, what, *rest in steps)


def test_each_stage_has_its_time() -> None:
    found = way(
        (0, "draft"),
        (5, "submitted"),
        (7, "in_review"),
        (8, "question", {"remark": 1}),
        (18, "answer", {"question": 1}),
        (20, "changes_requested"),
        (50, "submitted"),
        (51, "in_review"),
        (54, "approved"),
        (55, "released"),
        (99, "recalled"),
    )
    hours = {stage: seconds / 3600 for stage, seconds in found.stages.items()}
    assert hours == {Stage.WAITING: 3, Stage.IN_REVIEW: 6, Stage.WITH_AUTHOR: 40, Stage.TO_RELEASE: 1}
    assert found.to_decision == 49 * 3600
    assert found.to_release == 50 * 3600
    assert found.checkers == 9 * 3600
    assert found.turns == {1: RequestState.CHANGES_REQUESTED, 2: RequestState.APPROVED}
    assert found.recalled


def test_a_lapsed_approval_is_no_decision_and_no_return() -> None:
    found = way((0, "submitted"), (1, "in_review"), (2, "approved"), (3, "changes_requested", {"lapsed": True}))
    assert found.decided_at is None
    assert found.turns == {1: RequestState.APPROVED}
    assert found.lapses == 1


def test_a_withdrawn_request_has_no_decision() -> None:
    assert way((0, "submitted"), (1, "approved"), (2, "withdrawn")).to_decision is None
    assert way().submitted_at is None


def test_a_question_of_an_earlier_turn_stops_no_clock() -> None:
    found = way(
        (0, "submitted"), (1, "question", {"remark": 1}), (2, "changes_requested"), (3, "submitted"), (9, "rejected")
    )
    assert found.checkers == 7 * 3600


class Clock:
    """The time as the service reads it, which stands still until the test moves it."""

    def __init__(self) -> None:
        self.at = BEGIN

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Iterator[Clock]:
    found = Clock()
    with pytest.MonkeyPatch.context() as patch:
        for module in (requests, reviewing, conversation, audit):
            patch.setattr(module, "now", found)
        yield found


acts = st.tuples(
    st.sampled_from(["submit", "approve", "approve", "change", "return", "ask", "answer", "withdraw", "lapse"]),
    st.sampled_from(["cleo", "carl", "cora"]),
    st.integers(0, 100_000),
)


def act(house: House, request_id: str, what: str, person: str) -> None:
    def step(session: Session) -> None:
        request = the_request(session, request_id)
        match what:
            case "return":
                why = {"reason": "Why.", "category": Category.OTHER}
                reviewing.return_early(session, request, checker=person, today=TODAY, **why)  # type: ignore[arg-type]
            case "ask":
                conversation.ask(session, request, checker=person, text="Why?", today=TODAY)
            case "answer":
                asked = [each.id for each in open_questions(request)] or [1]
                conversation.answer(session, request, person="rosa", question=asked[0], text="So.", today=TODAY)
            case "withdraw":
                requests.withdraw(session, request, author="rosa", today=TODAY)
            case "lapse":
                requests.move(
                    session, request, RequestState.CHANGES_REQUESTED, actor="saferoom", turn=request.turn, lapsed=True
                )

    match what:
        case "submit":
            submit(house, request_id)
        case "approve" | "change":
            vote = Vote.APPROVE if what == "approve" else Vote.REQUEST_CHANGES
            cast_vote(house, request_id, person, vote, "Why.")
        case _:
            house.do(step)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(acts, max_size=14))
def test_the_audit_chain_tells_the_same_clock_as_the_service_keeps(clock: Clock, history: list[Any]) -> None:
    clock.at = BEGIN
    with tempfile.TemporaryDirectory() as folder:
        engine = new_register(Path(folder))
        house = a_house(engine, Path(folder))
        request_id = a_draft(house)
        seen = [_now(house, request_id, clock)]
        for what, person, later in [("submit", "rosa", 60), *history]:
            clock.at += timedelta(seconds=later)
            try:
                act(house, request_id, what, person)
            except SaferoomError:
                continue
            seen.append(_now(house, request_id, clock))
        with reading(engine) as session:
            found = dict(passages(session, LONG_AGO))
            request = the_request(session, request_id)
            kept = request.checkers_seconds
            if request.move_of is Owner.CHECKERS:
                kept += int((seen[-1][0] - request.move_since).total_seconds())
        engine.dispose()
    mine = sum(
        (after[0] - before[0]).total_seconds() for before, after in pairwise(seen) if before[1] is Owner.CHECKERS
    )
    assert kept == mine
    if request_id in found:
        assert found[request_id].checkers == mine
        total = (seen[-1][0] - next(at for at, _, state in seen if state is not RequestState.DRAFT)).total_seconds()
        ended = OWNERS[seen[-1][2]] is Owner.NOBODY
        assert sum(found[request_id].stages.values()) <= total
        assert ended or sum(found[request_id].stages.values()) == total


def _now(house: House, request_id: str, clock: Clock) -> tuple[datetime, Owner, RequestState]:
    """The time, whose move it is by the states alone (a question open, or not), and the state."""
    with reading(house.engine) as session:
        request = the_request(session, request_id)
        owner = OWNERS[request.state]
        if owner is Owner.CHECKERS and open_questions(request):
            owner = Owner.AUTHOR
        return clock.at, owner, request.state
