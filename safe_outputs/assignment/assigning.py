"""To ask checkers to review, to hand that on, and to say who is away. In the caller's transaction, with audit events.

An assignment is an invitation and no monopoly: whoever may review can vote, as the rights say, and the blind rules are
the same. Nobody is told who else is assigned, and nothing here that others could see depends on who has voted.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from governance import audit
from governance.access import why_not_check
from governance.database import now, once
from governance.errors import Invalid
from governance.people import Person, Role, find_person
from safe_outputs.assignment import skills
from safe_outputs.assignment.choice import Candidate, choose
from safe_outputs.assignment.models import Absence, Assignment, Escalation, Stage
from safe_outputs.assignment.skills import IN_WORDS
from safe_outputs.errors import WrongState
from safe_outputs.models import ReleaseRequest
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.telling import tell
from safe_outputs.rights import RIGHTS, reviewers
from safe_outputs.transitions import ACTION_STATES, Action
from safe_outputs.turns import ballots_of, votes_of_turn

SAFEROOM = "saferoom"
DECLINED, AWAY, TURN_OVER = "declined", "away", "turn over"


def moved(session: Session, request: ReleaseRequest) -> None:
    """After a move: a request that begins a turn gets its checkers, one whose turn is over has none."""
    if request.state not in ACTION_STATES[Action.VOTE]:
        for each in open_assignments(session, request):
            end(session, each, TURN_OVER)
    elif not _of_turn(session, request, request.turn):
        fill(session, request)
        tell_of_missing(session, request)


def fill(session: Session, request: ReleaseRequest, more: int = 0) -> tuple[str, ...]:
    """Assign as many checkers as the request lacks, and `more`; returns their names, fewer where there are none."""
    lacks = request.checkers_needed - len(open_assignments(session, request))
    number = max(lacks, 0) + more
    if number <= 0:
        return ()
    chosen = choose(candidates(session, request, now().date()), number, keep=_who_knows_it(session, request))
    for checker in chosen:
        session.add(Assignment(request_id=request.id, turn=request.turn, checker=checker, at=now()))
        told = {"turn": request.turn, "checker": checker}
        audit.record(session, SAFEROOM, "request.assigned", f"request:{request.id}", **told)
    waits = [each for each in chosen if not ballots_of(request, each)]
    tell(session, Kind.ASSIGNED, waits, subject=request.id, project=request.project_id)
    return chosen


def candidates(session: Session, request: ReleaseRequest, day: date) -> list[Candidate]:
    """Every output checker, as she stands towards this request on a day."""
    needs, has = skills.needed(session, request), skills.skills_on(session, day)
    loads, last, away = _loads(session), _last(session), _away(session, day)
    passed = {each.checker for each in _of_turn(session, request, request.turn)}
    voted = {each.checker for each in votes_of_turn(request)}
    may = reviewers(session, request, day)
    names = session.scalars(select(Person.name).where(Person.role == Role.OUTPUT_CHECKER).order_by(Person.name))
    return [
        Candidate(
            name=name,
            may=name in may,
            can=needs <= has.get(name, frozenset()),
            away=name in away,
            passed=name in passed,
            voted=name in voted,
            load=loads.get(name, 0),
            last=last.get(name),
        )
        for name in names
    ]


def _of_turn(session: Session, request: ReleaseRequest, turn: int) -> list[Assignment]:
    told = {"request": request.id, "turn": turn}
    return list(once(session, (Assignment, request.id, turn), lambda: session.scalars(_OF_TURN, told).all()))


_OF_TURN = (
    select(Assignment)
    .where(Assignment.request_id == bindparam("request"), Assignment.turn == bindparam("turn"))
    .order_by(Assignment.id)
)


def open_assignments(session: Session, request: ReleaseRequest) -> list[Assignment]:
    """Who is asked to review the request now."""
    return [each for each in _of_turn(session, request, request.turn) if each.ended_at is None]


def _who_knows_it(session: Session, request: ReleaseRequest) -> list[str]:
    """Who voted on it in the turn before, then who was assigned then and did not hand it on."""
    before = request.turn - 1
    voted = [vote.checker for vote in request.votes if vote.turn == before]
    kept = [each.checker for each in _of_turn(session, request, before) if each.ended_because in {None, TURN_OVER}]
    return [*voted, *kept]


def _loads(session: Session) -> dict[str, int]:
    """How much waits for each checker: the statistics and files of what she is assigned, and one for each request."""
    weight = func.sum(ReleaseRequest.holds + ReleaseRequest.holds_files + 1)
    query = select(Assignment.checker, weight).join(ReleaseRequest, ReleaseRequest.id == Assignment.request_id)
    rows = session.execute(query.where(Assignment.ended_at.is_(None)).group_by(Assignment.checker)).all()
    return {checker: int(load) for checker, load in rows}


def _last(session: Session) -> dict[str, datetime]:
    rows = session.execute(select(Assignment.checker, func.max(Assignment.at)).group_by(Assignment.checker)).all()
    return {row[0]: row[1] for row in rows}


def _away(session: Session, day: date) -> set[str]:
    return set(session.scalars(select(Absence.person).where(Absence.until >= day)))


def end(session: Session, assignment: Assignment, because: str, actor: str = SAFEROOM) -> None:
    assignment.ended_at, assignment.ended_because = now(), because
    if because != TURN_OVER:
        told = {"turn": assignment.turn, "checker": assignment.checker, "because": because}
        audit.record(session, actor, "request.unassigned", f"request:{assignment.request_id}", **told)


def why_not_decline(session: Session, request: ReleaseRequest, person: str) -> str | None:
    """Why this person cannot hand her assignment on; None if she can."""
    if person not in {each.checker for each in open_assignments(session, request)}:
        return "This request is not assigned to you, so there is nothing to hand on."
    if ballots_of(request, person):
        return "You have voted on this request in this turn, so there is nothing to hand on."
    return None


def decline(session: Session, request: ReleaseRequest, *, person: str) -> None:
    """Hand an assignment on to another checker, where there is one. Raises `WrongState`."""
    if (reason := why_not_decline(session, request, person)) is not None:
        raise WrongState(reason)
    _hand_on(session, request, person, DECLINED)


def _hand_on(session: Session, request: ReleaseRequest, person: str, because: str) -> None:
    for each in open_assignments(session, request):
        if each.checker == person:
            end(session, each, because, actor=person)
    session.flush()
    fill(session, request)


def set_absence(session: Session, person: str, until: date | None, *, today: date, actor: str | None = None) -> None:
    """Say that a checker is away up to and including a day, or here again (None). What she is asked is handed on.

    Raises:
        NotFound: nobody of that name is in the register.
        Invalid: the day is over, or more than a year away.
        WrongState: she is no output checker.
    """
    if (reason := why_not_check(find_person(session, person), today)) is not None:
        raise WrongState(reason)
    if until is not None and not 0 <= (until - today).days <= 366:
        raise Invalid("Give the last day on which you are away: today or a day within a year.")
    found = session.get(Absence, person)
    if until is None:
        if found is not None:
            session.delete(found)
    elif found is None:
        session.add(Absence(person=person, until=until))
    else:
        found.until = until
    session.flush()
    audit.record(
        session, actor or person, "checker.away", f"person:{person}", until=until.isoformat() if until else None
    )
    if until is not None:
        _hand_all_on(session, person)


def _hand_all_on(session: Session, person: str) -> None:
    mine = select(Assignment.request_id).where(Assignment.checker == person, Assignment.ended_at.is_(None))
    for request in session.scalars(select(ReleaseRequest).where(ReleaseRequest.id.in_(mine))).all():
        _hand_on(session, request, person, AWAY)


def why_missing(session: Session, request: ReleaseRequest) -> str | None:
    """Why fewer checkers are asked than the request needs; None where enough are."""
    lacks = request.checkers_needed - len(open_assignments(session, request))
    if lacks <= 0 or request.state not in ACTION_STATES[Action.VOTE]:
        return None
    needed = skills.needed(session, request)
    needs = ", ".join(IN_WORDS[each] for each in skills.Skill if each in needed)
    skilled = f" who has the skills that it needs ({needs}) and" if needs else " who"
    return (
        f"{lacks} more output checker{'s' if lacks > 1 else ''} should be asked, and there is nobody{skilled} is here "
        "and may review it. Whoever may review it can vote all the same. Tell the operator if nobody does."
    )


def tell_of_missing(session: Session, request: ReleaseRequest) -> None:
    """Tell the operators, once in a turn, that there is nobody to be asked."""
    if why_missing(session, request) is not None and reach(session, request, Stage.MISSING):
        tell(session, Kind.MISSING, leads(session), subject=request.id, project=request.project_id)


def reach(session: Session, request: ReleaseRequest, stage: Stage) -> bool:
    """Note that a request reached a stage in this turn; False where it had before. Commits with what is done then."""
    if is_reached(session, request, stage):
        return False
    session.add(Escalation(request_id=request.id, turn=request.turn, stage=stage.value, at=now()))
    audit.record(session, SAFEROOM, f"request.{stage.value}", f"request:{request.id}", turn=request.turn)
    return True


def is_reached(session: Session, request: ReleaseRequest, stage: Stage) -> bool:
    return session.get(Escalation, (request.id, request.turn, stage.value)) is not None


def leads(session: Session) -> list[str]:
    """Those who are told that a review does not go on: the operators, who see no content."""
    return list(session.scalars(select(Person.name).where(Person.role == Role.OPERATOR)))


def away_until(session: Session, person: str, today: date) -> date | None:
    """The last day on which she is away, if she is."""
    found = session.get(Absence, person)
    return found.until if found is not None and found.until >= today else None


@dataclass(frozen=True)
class Asked:
    """How many are asked to review a request, and whether the reader is one of them.

    Who the others are is not said: with the number of votes it would tell who has voted. `why_missing` says why too few
    are, or None; `why_not_decline` why the reader cannot hand it on, or None.
    """

    number: int
    mine: bool
    why_missing: str | None
    why_not_decline: str | None


def asked(session: Session, request: ReleaseRequest, person: str) -> Asked:
    """Who is asked now, for a checker who may review the request."""
    found = [each.checker for each in open_assignments(session, request)]
    return Asked(
        number=len(found),
        mine=person in found,
        why_missing=why_missing(session, request),
        why_not_decline=why_not_decline(session, request, person),
    )


def asked_for(session: Session, request: ReleaseRequest, person: str, day: date) -> Asked | None:
    """The same for anybody: None where she may not review the request, or it is not under review."""
    may = RIGHTS[Action.VOTE].why_not(session, request, person, day) is None
    return asked(session, request, person) if may and request.state in ACTION_STATES[Action.VOTE] else None
