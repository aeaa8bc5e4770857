"""What a reader of a request is shown beside its contents, so that she can judge them at a glance.

Whatever is here is bounded, and read for her alone: who may see what is decided where each thing is made.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from governance.people import Role, find_person
from governance.projects import is_member
from safe_outputs.models import ReleaseRequest
from safe_outputs.store import Store
from safe_outputs.submissions import ChangedSince, changed_since


@dataclass(frozen=True)
class AtAGlance:
    """`since`: what changed since the turn that the reader knows; None where there is none before this."""

    since: ChangedSince | None


def at_a_glance(session: Session, store: Store, request: ReleaseRequest, person: str) -> AtAGlance:
    """What stands beside a request for this reader, who may read it (which the caller has asked)."""
    checker = reads_as_checker(session, request, person)
    return AtAGlance(since=changed_since(session, store, request, person, checker=checker))


def reads_as_checker(session: Session, request: ReleaseRequest, person: str) -> bool:
    """A checker who belongs to the project reads its requests as its people do."""
    role = find_person(session, person).role
    return role is Role.OUTPUT_CHECKER and not is_member(session, person, request.project_id)
