"""Who is told when a release request moves, or something is asked and answered. In the transaction of the move (I8)."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.audit import AuditEvent
from governance.people import Person
from governance.projects import members
from safe_outputs.contents.groups import releases_of
from safe_outputs.models import ReleaseRequest
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.telling import tell
from safe_outputs.releases.owning import owners_of
from safe_outputs.releases.public_downloads import DOWNLOADED
from safe_outputs.transitions import RequestState

Who = Callable[[Session, ReleaseRequest], set[str]]


def _author(_session: Session, request: ReleaseRequest) -> set[str]:
    return {request.author}


def _project(session: Session, request: ReleaseRequest) -> set[str]:
    return {request.author} | {each.name for each in members(session, request.project_id)}


TOLD: dict[RequestState, tuple[Kind, Who]] = {
    RequestState.CHANGES_REQUESTED: (Kind.RETURNED, _author),
    RequestState.APPROVED: (Kind.APPROVED, _author),
    RequestState.RELEASED: (Kind.RELEASED, _project),
    RequestState.REJECTED: (Kind.REJECTED, _author),
}
"""What is told of a move to a state, and to whom. Of the others nobody is: that a review began tells of a vote."""


def moved(session: Session, request: ReleaseRequest, *, actor: str, lapsed: bool = False) -> None:
    """Tell of the state to which a request has just moved. Who moved it knows."""
    if request.state in TOLD:
        kind, who = TOLD[request.state]
        _tell(session, Kind.LAPSED if lapsed else kind, who(session, request) - {actor}, request)
    if request.state is RequestState.RELEASED:
        _tell(session, Kind.FROM_YOUR_DATA, owners_of(session, request), request)
    if request.state is RequestState.RECALLED:
        _recalled(session, request, actor)


def _recalled(session: Session, request: ReleaseRequest, actor: str) -> None:
    """Tell, of each release, the project, the owners, and everybody who has taken it and can be named."""
    about = _project(session, request) | owners_of(session, request)
    for release in releases_of(session, request):
        taken = select(AuditEvent.actor).where(
            AuditEvent.subject == f"release:{release.id}", AuditEvent.action == DOWNLOADED
        )
        takers = set(session.scalars(select(Person.name).where(Person.name.in_(taken))))
        people = (about | takers) - {actor}
        tell(session, Kind.RECALLED, people, subject=release.id, project=request.project_id)


def asked(session: Session, request: ReleaseRequest) -> None:
    """Tell the project that a checker asks something; not who."""
    _tell(session, Kind.QUESTION, _project(session, request), request)


def answered(session: Session, request: ReleaseRequest, question: int) -> None:
    """Tell who asked that there is an answer."""
    _tell(session, Kind.ANSWER, {each.author for each in request.remarks if each.id == question}, request)


def _tell(session: Session, kind: Kind, people: set[str], request: ReleaseRequest) -> None:
    tell(session, kind, people, subject=request.id, project=request.project_id)
