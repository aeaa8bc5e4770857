"""The checkers' clock: how long it runs, and what happens when it is nearly out, and out. Each stage once in a turn."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, ScalarSelect, func, or_, select
from sqlalchemy.orm import Session

from governance import audit
from governance.database import now, reading, transaction
from governance.errors import Invalid
from safe_outputs.answers import audiences_in
from safe_outputs.assignment.assigning import (
    candidates,
    fill,
    is_reached,
    leads,
    open_assignments,
    reach,
    tell_of_missing,
)
from safe_outputs.assignment.models import Assignment, ClockRule, Stage
from safe_outputs.models import ReleaseRequest
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.telling import tell
from safe_outputs.transitions import ACTION_STATES, CLOCK_HOURS, Action, Owner
from safe_outputs.turns import ballots_of, due_at

LAST_PART = 4
"""Checkers are reminded when a quarter of the hours is left."""
MOST_HOURS = 24 * 60


def hours_for(session: Session, audience: str) -> int:
    """How many hours the checkers have for a request that is submitted now; of several audiences the fewest."""
    rules = {each.audience: each.hours for each in session.scalars(select(ClockRule))}
    return min(rules.get(each, CLOCK_HOURS[each]) for each in audiences_in(audience))


def set_hours(session: Session, audience: str, hours: int, *, actor: str, **account: str) -> None:
    """Set it for requests that are submitted from now on. Raises `Invalid`."""
    if audience not in CLOCK_HOURS:
        raise Invalid(f"There is no audience “{audience[:40]}”. There are: {', '.join(CLOCK_HOURS)}.")
    if not 1 <= hours <= MOST_HOURS:
        raise Invalid(f"The checkers’ clock runs from 1 to {MOST_HOURS} hours; {hours} is none of these.")
    session.merge(ClockRule(audience=audience, hours=hours))
    audit.record(session, actor, "clock.set", f"audience:{audience}", hours=hours, **account)


def look_after_reviews(engine: Engine) -> None:
    """Ask checkers where too few are asked, remind them, escalate what is overdue; a transaction for each request.

    Killed at any moment, nothing is done twice: what was done is noted in the transaction in which people are told.
    """
    for request_id in _held_up(engine):
        with transaction(engine) as session:
            request = session.get_one(ReleaseRequest, request_id)
            if request.state in ACTION_STATES[Action.VOTE]:
                look_after(session, request, now())


def _held_up(engine: Engine) -> list[str]:
    """The requests for which there is something to do. Most rounds find none, and write nothing."""
    with reading(engine) as session:
        query = select(ReleaseRequest).where(ReleaseRequest.state.in_(ACTION_STATES[Action.VOTE]))
        late = or_(
            ReleaseRequest.due <= now() + timedelta(hours=MOST_HOURS / LAST_PART),
            _asked() < ReleaseRequest.checkers_needed,
        )
        requests = list(session.scalars(query.where(late).order_by(ReleaseRequest.submitted_at)))
        return [each.id for each in requests if _has_to_do(session, each, now())]


def _asked() -> ScalarSelect[int]:
    query = select(func.count()).where(
        Assignment.request_id == ReleaseRequest.id,
        Assignment.turn == ReleaseRequest.turn,
        Assignment.ended_at.is_(None),
    )
    return query.correlate(ReleaseRequest).scalar_subquery()


def _has_to_do(session: Session, request: ReleaseRequest, at: datetime) -> bool:
    stage = stage_at(request, at)
    if stage is not None and not is_reached(session, request, stage):
        return True
    if len(open_assignments(session, request)) >= request.checkers_needed:
        return False
    found = any(each.eligible for each in candidates(session, request, at.date()))
    return found or not is_reached(session, request, Stage.MISSING)


def look_after(session: Session, request: ReleaseRequest, at: datetime) -> None:
    """What is due for one request."""
    fill(session, request)
    tell_of_missing(session, request)
    stage = stage_at(request, at)
    if stage is None or not reach(session, request, stage):
        return
    asked = {each.checker for each in open_assignments(session, request) if not ballots_of(request, each.checker)}
    facts = {"subject": request.id, "project": request.project_id}
    if stage is Stage.DUE_SOON:
        tell(session, Kind.DUE_SOON, asked, **facts)
        return
    tell(session, Kind.OVERDUE, asked, **facts)
    tell(session, Kind.HELD_UP, leads(session), **facts)
    fill(session, request, more=1)


def stage_at(request: ReleaseRequest, at: datetime) -> Stage | None:
    """What the clock says; None while it stands still, or more than its last part is left."""
    due = due_at(request)
    if request.move_of is not Owner.CHECKERS or due is None:
        return None
    if at >= due:
        return Stage.OVERDUE
    return Stage.DUE_SOON if due - at <= timedelta(hours=request.clock_hours) / LAST_PART else None
