"""As who a person reads a request: all who read it alike are shown the same.

An output checker who has nothing to do with a request yet (she is not of its project, was never asked to review it,
has neither voted nor said anything) is shown what every other such checker is shown. Anybody else reads it as herself.
"""

from datetime import date

from sqlalchemy import ColumnElement, Text, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from governance.access import why_not_read_request
from governance.database import once
from governance.people import Role, find_person
from governance.projects import Membership
from safe_outputs.assignment.models import Assignment
from safe_outputs.models import CheckerVote, ReleaseRequest, Remark

ANY_CHECKER = "any output checker"


def reads_as(session: Session, request_id: str, person: str, today: date) -> str | None:
    """The person's name, or what stands for all who read as she does; None where she may not, or there is none."""
    row = session.connection().execute(_HAS_TO_DO, {"request": request_id, "person": person}).first()
    if row is None:
        return None
    member: bool = once(session, ("is_member", row.project_id, person), lambda: bool(row.member))
    if why_not_read_request(session, person, row.project_id, today) is not None:
        return None
    outside = find_person(session, person).role is Role.OUTPUT_CHECKER and not member
    return ANY_CHECKER if outside and not row.acted else f"person {person}"


_R = ReleaseRequest
_PERSON: ColumnElement[str] = bindparam("person", type_=Text)
_HAS_TO_DO = select(
    _R.project_id,
    exists().where(Membership.project_id == _R.project_id, Membership.person_name == _PERSON).label("member"),
    or_(
        _R.author == _PERSON,
        exists().where(CheckerVote.request_id == _R.id, CheckerVote.checker == _PERSON),
        exists().where(Remark.request_id == _R.id, Remark.author == _PERSON),
        # without the index on checkers, so that a request's few are looked through, not all that she was ever asked
        exists().where(Assignment.request_id == _R.id, func.coalesce(Assignment.checker, "") == _PERSON),
    ).label("acted"),
).where(_R.id == bindparam("request"))
