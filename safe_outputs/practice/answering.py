"""Answering practice cases, and what comes of it: a person's own results, and an anonymous summary.

Every function works in the caller's transaction, so that an answer and its audit event commit together (I8).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from governance import audit
from governance.database import now
from safe_outputs.errors import MalformedRequest
from safe_outputs.practice.case import Case
from safe_outputs.practice.cases import CASES, find_case
from safe_outputs.practice.defects import Defect
from safe_outputs.practice.marking import FEWEST_PERSONS, Marked, Measured, mark, measure
from safe_outputs.practice.models import PracticeAnswer
from safe_outputs.transitions import Vote

LONGEST = 5000
VOTES = (Vote.APPROVE, Vote.REQUEST_CHANGES)


@dataclass(frozen=True)
class Answered:
    """An attempt at a case as it is now, judged."""

    case: Case
    attempt: int
    vote: Vote
    marked: frozenset[Defect]
    comment: str
    at: datetime
    result: Marked


@dataclass(frozen=True)
class Evidence:
    """What practice says of one checker's training: first attempts at the present cases, since a moment.

    It is evidence and no right: nobody gains or loses one by it.
    """

    person: str
    answered: int
    of: int
    last: datetime | None
    measured: Measured


def answer(
    session: Session, case: Case, *, person: str, vote: Vote, marked: Iterable[Defect], comment: str
) -> Answered:
    """Keep a person's answer to a case, and say how it was.

    Raises:
        MalformedRequest: the vote is not one for practice, does not fit what was marked, or the comment is too long.
    """
    chosen = frozenset(marked)
    _require_answer(vote, chosen, comment)
    attempt = 1 + (session.scalar(select(func.max(PracticeAnswer.attempt)).where(*_of(person, case))) or 0)
    given = PracticeAnswer(
        person=person,
        case_id=case.id,
        version=case.version,
        attempt=attempt,
        vote=vote,
        marked=sorted(chosen),
        comment=comment.strip(),
        at=now(),
    )
    session.add(given)
    judged = _judged(given, case)
    told = {name: len(getattr(judged.result, name)) for name in ("found", "missed", "false_alarms")}
    facts = {"version": case.version, "attempt": attempt, "vote": vote.value, **told}
    audit.record(session, person, "practice.answered", f"practice:{case.id}", **facts)
    return judged


def _require_answer(vote: Vote, marked: frozenset[Defect], comment: str) -> None:
    if vote not in VOTES:
        raise MalformedRequest("A practice case is approved or returned. Press one of the two buttons.")
    if vote is Vote.APPROVE and marked:
        raise MalformedRequest("You marked a defect, so return the case; or take the mark away and approve it.")
    if vote is not Vote.APPROVE and not marked:
        raise MalformedRequest(
            "Mark at least one defect, so that what you found can be compared with what was planted."
        )
    if len(comment) > LONGEST:
        raise MalformedRequest(f"Use at most {LONGEST:,} characters.")


def last_answer(session: Session, person: str, case: Case) -> Answered | None:
    """A person's last attempt at a case as it is now, or None."""
    query = select(PracticeAnswer).where(*_of(person, case)).order_by(PracticeAnswer.attempt.desc()).limit(1)
    found = session.scalars(query).first()
    return None if found is None else _judged(found, case)


def first_attempts(
    session: Session, person: str | None = None, since: datetime | None = None
) -> list[tuple[str, Answered]]:
    """The first attempts at the cases as they are now, with who made them, oldest first; of one person if given.

    Only these measure anything: after the first, one knows what was planted.
    """
    query = select(PracticeAnswer).where(PracticeAnswer.attempt == 1).order_by(PracticeAnswer.id)
    query = query if person is None else query.where(PracticeAnswer.person == person)
    query = query if since is None else query.where(PracticeAnswer.at >= since)
    present = {name: find_case(name) for name in CASES}
    return [
        (each.person, _judged(each, present[each.case_id]))
        for each in session.scalars(query)
        if each.case_id in present and present[each.case_id].version == each.version
    ]


def measured(answers: Iterable[Answered]) -> Measured:
    """How well these answers found what was planted."""
    return measure((each.case, each.result, each.vote) for each in answers)


def evidence(session: Session, person: str, since: datetime) -> Evidence:
    """What practice says of a person's training since then."""
    found = [each for _, each in first_attempts(session, person, since)]
    return Evidence(person, len(found), len(CASES), max((each.at for each in found), default=None), measured(found))


def summary(session: Session) -> Measured | None:
    """How well all who practised find defects, without anybody's name; None while they are too few to stay unnamed."""
    by_person: defaultdict[str, list[Answered]] = defaultdict(list)
    for person, each in first_attempts(session):
        by_person[person].append(each)
    if len(by_person) < FEWEST_PERSONS:
        return None
    return measured(each for answers in by_person.values() for each in answers)


def _of(person: str, case: Case) -> tuple[ColumnElement[bool], ...]:
    """Her attempts at the case as it is now."""
    return (
        PracticeAnswer.person == person,
        PracticeAnswer.case_id == case.id,
        PracticeAnswer.version == case.version,
    )


def _judged(given: PracticeAnswer, case: Case) -> Answered:
    marked = frozenset(Defect(each) for each in given.marked)
    result = mark(case, marked, given.vote)
    return Answered(case, given.attempt, given.vote, marked, given.comment, given.at, result)
