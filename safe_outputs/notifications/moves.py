"""Who is told when a release request moves, or something is asked and answered. In the transaction of the move (I8)."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.audit import AuditEvent
from governance.people import Person
from governance.projects import members
from safe_outputs.models import ReleaseRequest
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.telling import tell
from safe_outputs.public_downloads import DOWNLOADED
from safe_outputs.transitions import RequestState

Who = Callable[[Session, ReleaseRequest], set[str]]


def _author(_session: Session, request: ReleaseRequest) -> set[str]:
    return {request.author}


def _project(session: Session, request: ReleaseRequest) -> set[str]:
    return {request.author} | {each.name for each in members(session, request.project_id)}


def _project_and_takers(session: Session, request: ReleaseRequest) -> set[str]:
    """The project's people, and everybody who has downloaded the release and can be named."""
    query = select(AuditEvent.actor).where(
        AuditEvent.subject == f"release:{request.id}", AuditEvent.action == DOWNLOADED
    )
    known = session.scalars(select(Person.name).where(Person.name.in_(query)))
    return _project(session, request) | set(known)


TOLD: dict[RequestState, tuple[Kind, Who]] = {
    RequestState.CHANGES_REQUESTED: (Kind.RETURNED, _author),
    RequestState.APPROVED: (Kind.APPROVED, _author),
    RequestState.RELEASED: (Kind.RELEASED, _project),
    RequestState.REJECTED: (Kind.REJECTED, _author),
    RequestState.RECALLED: (Kind.RECALLED, _project_and_takers),
}
"""What is told of a move to a state, and to whom. Of the others nobody is: that a review began tells of a vote."""


def moved(session: Session, request: ReleaseRequest, *, actor: str, lapsed: bool = False) -> None:
    """Tell of the state to which a request has just moved. Who moved it knows."""
    if request.state in TOLD:
        kind, who = TOLD[request.state]
        _tell(session, Kind.LAPSED if lapsed else kind, who(session, request) - {actor}, request)


def asked(session: Session, request: ReleaseRequest) -> None:
    """Tell the project that a checker asks something; not who."""
    _tell(session, Kind.QUESTION, _project(session, request), request)


def answered(session: Session, request: ReleaseRequest, question: int) -> None:
    """Tell who asked that there is an answer."""
    _tell(session, Kind.ANSWER, {each.author for each in request.remarks if each.id == question}, request)


def _tell(session: Session, kind: Kind, people: set[str], request: ReleaseRequest) -> None:
    tell(session, kind, people, subject=request.id, project=request.project_id)
