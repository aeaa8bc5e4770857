"""Release requests: who may do what in which state, and what an approval stands on (I7, I8, I9, I13)."""

import pytest

from governance import audit, projects
from governance.database import reading, transaction
from safe_outputs import requests
from safe_outputs.answers import Verdict
from safe_outputs.asking import find_statistic
from safe_outputs.contents.content import content_hash
from safe_outputs.contents.request_details import read_details
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted, Tampered, WrongState
from safe_outputs.models import ReleaseRequest
from safe_outputs.transitions import (
    ACTION_STATES,
    IN_WORDS,
    OWNERS,
    REQUEST_TRANSITIONS,
    RequestState,
    Vote,
    decided,
)
from tests.safe_outputs.factories import PRIVATE_COUNT, TODAY
from tests.safe_outputs.house import (
    House,
    a_draft,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
    details,
    the_request,
)


def state_of(house: House, request_id: str) -> RequestState:
    with reading(house.engine) as session:
        return the_request(session, request_id).state


def test_two_checkers_approve_and_one_is_not_enough(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    assert state_of(house, request) is RequestState.IN_REVIEW
    cast_vote(house, request, "carl")
    assert state_of(house, request) is RequestState.APPROVED


def test_nobody_votes_twice_in_a_turn(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    with pytest.raises(WrongState, match="You have voted in this turn already"):
        cast_vote(house, request, "cleo")
    assert state_of(house, request) is RequestState.IN_REVIEW


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ("rosa", "You wrote this request"),
        ("rui", "Only output checkers review"),
        ("otto", "Only output checkers review"),
        ("olga", "Only output checkers review"),
        ("nobody", "not in the register"),
    ],
)
def test_nobody_else_approves(house: House, person: str, reason: str) -> None:
    request = a_submitted_request(house)
    with pytest.raises(NotPermitted, match=reason):
        cast_vote(house, request, person)


def test_a_checker_who_joins_the_project_cannot_vote(house: House) -> None:
    request = a_submitted_request(house)
    with transaction(house.engine) as session:
        session.add(projects.Membership(project_id="heron", person_name="cleo"))
    with pytest.raises(NotPermitted, match="You belong to this project"):
        cast_vote(house, request, "cleo")


def test_a_request_cannot_be_edited_after_submission_and_loses_nothing(house: House) -> None:
    request_id = a_submitted_request(house)
    with pytest.raises(WrongState, match="under review"), transaction(house.engine) as session:
        requests.edit(session, the_request(session, request_id), author="rosa", details=details(["s-0"]), today=TODAY)
    with reading(house.engine) as session:
        request = the_request(session, request_id)
        assert (request.title, len(request.items)) == ("Another title", 1)


def test_a_draft_can_be_edited_by_its_author_only(house: House) -> None:
    request_id = a_draft(house)
    another = an_answered_statistic(house, PRIVATE_COUNT)
    for person in ("rui", "cleo"):
        with pytest.raises(NotPermitted), transaction(house.engine) as session:
            requests.edit(
                session, the_request(session, request_id), author=person, details=details([another]), today=TODAY
            )
    with transaction(house.engine) as session:
        requests.edit(session, the_request(session, request_id), author="rosa", details=details([another]), today=TODAY)
    with reading(house.engine) as session:
        assert [item.statistic_id for item in the_request(session, request_id).items] == [another]


def test_statistics_of_other_projects_cannot_be_requested(house: House) -> None:
    others = an_answered_statistic(house, author="rui", project="wren")
    with pytest.raises(NoSuchThing):
        a_draft(house, [others])


def test_what_is_blocked_or_unanswered_cannot_be_submitted(house: House) -> None:
    blocked = an_answered_statistic(house, verdict=Verdict.BLOCKED)
    with pytest.raises(NotPermitted, match="is blocked"):
        a_submitted_request(house, [blocked])
    with transaction(house.engine) as session:
        statistic = find_statistic(session, blocked, "heron")
        statistic.state, statistic.answer = statistic.state.ASKED, None
    with pytest.raises(WrongState, match="has no answer"):
        a_submitted_request(house, [blocked])


def test_a_vote_binds_to_what_was_read(house: House) -> None:
    request = a_submitted_request(house)
    with pytest.raises(WrongState, match="changed after you opened it"):
        cast_vote(house, request, "cleo", seen="0" * 64)


def test_other_votes_need_a_reason(house: House) -> None:
    request = a_submitted_request(house)
    with pytest.raises(MalformedRequest, match="Say what has to change"):
        cast_vote(house, request, "cleo", Vote.REJECT)


def test_an_earlier_turn_never_counts_again(house: House) -> None:
    request_id = a_submitted_request(house)
    cast_vote(house, request_id, "cleo", Vote.REQUEST_CHANGES, "Say which years.")
    cast_vote(house, request_id, "carl", Vote.REQUEST_CHANGES, "Say which years.")
    assert state_of(house, request_id) is RequestState.CHANGES_REQUESTED
    with transaction(house.engine) as session:
        requests.submit(session, house.store, the_request(session, request_id), author="rosa", today=TODAY)
    cast_vote(house, request_id, "cora")
    assert state_of(house, request_id) is RequestState.IN_REVIEW
    cast_vote(house, request_id, "cleo")
    assert state_of(house, request_id) is RequestState.APPROVED


def test_changed_words_code_or_content_change_the_hash(house: House) -> None:
    request_id = a_submitted_request(house)
    with transaction(house.engine) as session:
        request = the_request(session, request_id)
        before = content_hash(session, house.store, request)
        assert before == request.content_hash
        for change in ("title", "purpose"):
            setattr(request, change, "Something else")
            assert content_hash(session, house.store, request) != before
            session.refresh(request)
        request.items[0].statistic.code = "something_else()"
        assert content_hash(session, house.store, request) != before
        session.rollback()


def test_a_stored_answer_that_was_changed_is_noticed(house: House) -> None:
    request_id = a_submitted_request(house)
    with reading(house.engine) as session:
        digest = the_request(session, request_id).items[0].statistic.answer or ""
    path = house.folder / "store" / digest[:2] / digest
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"100", b"101"))
    with pytest.raises(Tampered), reading(house.engine) as session:
        content_hash(session, house.store, the_request(session, request_id))


def test_every_state_has_an_owner_words_and_a_way_on() -> None:
    for state in RequestState:
        assert state in OWNERS
        assert state in IN_WORDS
        assert state in REQUEST_TRANSITIONS
    reached = {after for afters in REQUEST_TRANSITIONS.values() for after in afters}
    assert reached | {RequestState.DRAFT} == set(RequestState)
    for action, states in ACTION_STATES.items():
        assert states <= set(RequestState), action


@pytest.mark.parametrize(
    ("votes", "outcome"),
    [
        ([], None),
        ([Vote.APPROVE], None),
        ([Vote.REJECT], None),
        ([Vote.APPROVE, Vote.APPROVE], RequestState.APPROVED),
        ([Vote.REQUEST_CHANGES, Vote.REQUEST_CHANGES], RequestState.CHANGES_REQUESTED),
        ([Vote.REJECT, Vote.REJECT], RequestState.REJECTED),
        ([Vote.APPROVE, Vote.REQUEST_CHANGES], None),
        ([Vote.REQUEST_CHANGES, Vote.REJECT], None),
        ([Vote.APPROVE, Vote.APPROVE, Vote.REJECT], None),
    ],
)
def test_what_votes_come_to(votes: list[Vote], outcome: RequestState | None) -> None:
    assert decided(votes, 2) is outcome


def test_nothing_is_decided_by_nobody() -> None:
    with pytest.raises(ValueError, match="at least one checker"):
        decided([], 0)


def test_every_step_is_in_the_audit_chain(house: House) -> None:
    request_id = an_approved_request(house)
    with reading(house.engine) as session:
        actions = [event.action for event in audit.events_about(session, f"request:{request_id}")]
        assert audit.verify(session) > len(actions)
    assert actions == [
        "request.drafted",
        "request.submitted",
        "request.assigned",
        "request.assigned",
        "request.in_review",
        "request.voted",
        "request.voted",
        "request.approved",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"title": "", "purpose": "p", "audience": "publication", "statistics": ["s"]},
        {"title": "t", "purpose": "p", "audience": "everybody", "statistics": ["s"]},
        {"title": "t", "purpose": "p", "audience": "publication", "statistics": []},
        {"title": "t", "purpose": "p", "audience": "publication", "statistics": ["s"], "state": "approved"},
        [],
        None,
    ],
)
def test_malformed_details_say_where(wrong: object) -> None:
    with pytest.raises(MalformedRequest, match="cannot be kept"):
        read_details(wrong)


def test_a_statistic_is_in_a_request_once(house: House) -> None:
    statistic = an_answered_statistic(house)
    with pytest.raises(MalformedRequest, match="once only"):
        a_draft(house, [statistic, statistic])


def test_withdrawn_requests_stay_withdrawn(house: House) -> None:
    request_id = a_submitted_request(house)
    with transaction(house.engine) as session:
        requests.withdraw(session, the_request(session, request_id), author="rosa", today=TODAY)
    assert state_of(house, request_id) is RequestState.WITHDRAWN
    with pytest.raises(WrongState), transaction(house.engine) as session:
        requests.submit(session, house.store, the_request(session, request_id), author="rosa", today=TODAY)
    assert isinstance(request_id, str)
    with reading(house.engine) as session:
        assert session.get(ReleaseRequest, request_id) is not None
