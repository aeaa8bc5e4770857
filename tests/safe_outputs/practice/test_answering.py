"""Practice answers in the register: kept with an audit event, first attempts counted, and no way to a release."""

from datetime import UTC, datetime

import pytest

from governance import audit
from governance.audit import AuditEvent
from governance.database import reading
from governance.people import Person, Role
from safe_outputs import requests
from safe_outputs.errors import MalformedRequest, NoSuchThing
from safe_outputs.models import CheckerVote, Release, ReleaseRequest, Statistic
from safe_outputs.practice import answering
from safe_outputs.practice.cases import CASES, find_case
from safe_outputs.practice.defects import Defect
from safe_outputs.practice.marking import FEWEST_PERSONS, Share
from safe_outputs.practice.models import PracticeAnswer
from safe_outputs.transitions import Vote
from tests.governance.people_factory import a_person
from tests.safe_outputs.house import House, a_draft

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def answers(
    house: House, name: str, *marked: Defect, person: str = "cleo", vote: Vote | None = None, comment: str = ""
) -> answering.Answered:
    chosen = vote or (Vote.REQUEST_CHANGES if marked else Vote.APPROVE)
    found: answering.Answered = house.do(
        lambda session: answering.answer(
            session, find_case(name), person=person, vote=chosen, marked=marked, comment=comment
        )
    )
    return found


def test_an_answer_and_its_event_are_kept_together(house: House) -> None:
    answers(house, "p17", Defect.SMALL_COUNTS, Defect.DOMINANCE, comment="Ten persons.")
    with reading(house.engine) as session:
        kept = session.get_one(PracticeAnswer, 1)
        assert (kept.person, kept.case_id, kept.attempt, kept.comment) == ("cleo", "p17", 1, "Ten persons.")
        event = audit.last_about(session, "practice:p17")
        assert event is not None
        assert (event.actor, event.action) == ("cleo", "practice.answered")
        assert event.detail == {
            "version": 1,
            "attempt": 1,
            "vote": "request_changes",
            "found": 1,
            "missed": 1,
            "false_alarms": 1,
        }
        assert audit.verify(session) > 0


def test_only_the_first_attempt_measures(house: House) -> None:
    answers(house, "p02")
    answers(house, "p02", Defect.SMALL_COUNTS)
    with reading(house.engine) as session:
        last = answering.last_answer(session, "cleo", find_case("p02"))
        assert last is not None
        assert (last.attempt, set(last.result.found)) == (2, {Defect.SMALL_COUNTS})
        found = answering.evidence(session, "cleo", LONG_AGO)
    assert (found.answered, found.of, found.measured.sensitivity) == (1, len(CASES), Share(0, 1))
    assert found.measured.approved_with_defect == Share(1, 1)
    assert found.last is not None


def test_an_answer_to_an_earlier_version_counts_no_longer(house: House) -> None:
    answers(house, "p02", Defect.SMALL_COUNTS)
    house.do(lambda session: setattr(session.get_one(PracticeAnswer, 1), "version", 0))
    with reading(house.engine) as session:
        assert answering.last_answer(session, "cleo", find_case("p02")) is None
        assert answering.first_attempts(session) == []
    assert answers(house, "p02").attempt == 1


def test_evidence_begins_at_a_moment(house: House) -> None:
    answers(house, "p01")
    with reading(house.engine) as session:
        found = answering.evidence(session, "cleo", datetime(2999, 1, 1, tzinfo=UTC))
    assert (found.answered, found.last) == (0, None)


@pytest.mark.parametrize(
    ("marked", "vote", "sentence"),
    [
        ([Defect.DOMINANCE], Vote.APPROVE, "return the case"),
        ([], Vote.REQUEST_CHANGES, "Mark at least one"),
        ([Defect.DOMINANCE], Vote.REJECT, "approved or returned"),
    ],
)
def test_a_vote_that_does_not_fit_the_marks_is_refused(
    house: House, marked: list[Defect], vote: Vote, sentence: str
) -> None:
    with pytest.raises(MalformedRequest, match=sentence):
        answers(house, "p02", *marked, vote=vote)
    with reading(house.engine) as session:
        assert session.get(PracticeAnswer, 1) is None


def test_a_comment_that_is_too_long_is_refused(house: House) -> None:
    with pytest.raises(MalformedRequest, match="5,000 characters"):
        answers(house, "p01", comment="x" * 5001)


def test_the_summary_waits_for_enough_people_to_hide_each(house: House) -> None:
    others = [f"checker-{number}" for number in range(FEWEST_PERSONS)]
    house.do(lambda session: [a_person(session, name, Role.OUTPUT_CHECKER) for name in others])
    for person in others[:-1]:
        answers(house, "p02", Defect.SMALL_COUNTS, person=person)
        with reading(house.engine) as session:
            assert answering.summary(session) is None
    answers(house, "p02", person=others[-1])
    with reading(house.engine) as session:
        found = answering.summary(session)
    assert found is not None
    assert found.by_defect == {Defect.SMALL_COUNTS: Share(4, 5)}


def test_no_case_is_a_statistic_or_a_request(house: House) -> None:
    """A case can be put into no request, voted on by no vote and released by nothing: there is only its answer."""
    for name in CASES:
        with pytest.raises(NoSuchThing):
            a_draft(house, [name])
        with pytest.raises(NoSuchThing), reading(house.engine) as session:
            requests.find_request(session, name)
    answers(house, "p02", Defect.SMALL_COUNTS)
    answers(house, "p01")
    with reading(house.engine) as session:
        for model in (Statistic, ReleaseRequest, CheckerVote, Release):
            assert session.query(model).count() == 0, model
        told = {each.subject.partition(":")[0] for each in session.query(AuditEvent).filter_by(actor="cleo")}
        assert told == {"practice"}
        assert session.get_one(Person, "cleo").training_until is not None
