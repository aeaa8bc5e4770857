"""Whose data is in a request: who speaks for a dataset, and whom an owner lets see and take what left of it.

An owner speaks for a dataset in a project if she agreed to the project's use of it, or is of the organisation that owns
it. Her delegates are people of her own organisation whom she names, until a day. Both rights are asked anew each time.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from datasets.versions import versions_of
from governance import access, audit
from governance.agreements import Agreement
from governance.database import Base
from governance.errors import Invalid
from governance.people import Person, Role, find_person
from safe_outputs.contents.groups import datasets_of
from safe_outputs.errors import NotPermitted
from safe_outputs.models import ReleaseRequest

DELEGATES = frozenset({Role.DATA_OWNER, Role.DATA_STEWARD, Role.RESEARCHER})
"""Who can be a delegate: neither those who review, nor those who run the service and see no content."""
MOST_DAYS = 366


class OwnerDelegate(Base):
    """A person whom an owner lets see and take what was released of her data, up to and including a day."""

    __tablename__ = "owner_delegate"

    owner: Mapped[str] = mapped_column(ForeignKey("person.name"), primary_key=True)
    delegate: Mapped[str] = mapped_column(ForeignKey("person.name"), primary_key=True)
    until: Mapped[date]


def why_not_own(person: Person | None, today: date) -> str | None:
    """Why this person is no data owner today."""
    if (reason := access.why_not_active(person, today)) is not None:
        return reason
    if person is None or person.role is not Role.DATA_OWNER:
        return "Only data owners, and those whom they name, see what becomes of their data. Your role is another one."
    return None


def speaks_for(session: Session, owner: Person, project_id: str, dataset: str) -> bool:
    """Whether an owner agreed to the project's use of the dataset, or is of the organisation that owns it."""
    agreed = select(Agreement.id).where(
        Agreement.owner == owner.name, Agreement.project_id == project_id, Agreement.dataset == dataset
    )
    if session.scalars(agreed.limit(1)).first() is not None:
        return True
    versions = versions_of(session, dataset)
    return bool(versions) and versions[-1].catalogue.owner == owner.organisation


def owners_through(session: Session, person: str, today: date) -> tuple[Person, ...]:
    """The owners in whose name this person sees their data's releases today: herself, and those who named her."""
    found = session.get(Person, person)
    if found is None or access.why_not_active(found, today) is not None:
        return ()
    query = select(Person).join(OwnerDelegate, OwnerDelegate.owner == Person.name)
    query = query.where(OwnerDelegate.delegate == person, OwnerDelegate.until >= today).order_by(Person.name)
    named = [each for each in session.scalars(query) if each.organisation == found.organisation]
    asked = [found, *named] if found.role in DELEGATES else []
    return tuple(each for each in asked if why_not_own(each, today) is None)


def speaks_for_all(session: Session, person: str, project_id: str, datasets: Iterable[str], today: date) -> bool:
    """Whether this person speaks for every one of these datasets, of which there is at least one."""
    owners, wanted = owners_through(session, person, today), list(datasets)
    return bool(wanted) and all(
        any(speaks_for(session, owner, project_id, each) for owner in owners) for each in wanted
    )


def why_not_owner_of(session: Session, request: ReleaseRequest, person: str, today: date) -> str | None:
    """Why this person is no owner of anything in a request."""
    found = session.get(Person, person)
    if (reason := why_not_own(found, today)) is not None:
        return reason
    if found is not None and _owns_some(session, request, found):
        return None
    return "Nothing in this request is of your data. Its author, its data's owners and output checkers can recall it."


def owners_of(session: Session, request: ReleaseRequest) -> set[str]:
    """The owners of anything in a request."""
    owners = session.scalars(select(Person).where(Person.role == Role.DATA_OWNER))
    return {each.name for each in owners if _owns_some(session, request, each)}


def _owns_some(session: Session, request: ReleaseRequest, owner: Person) -> bool:
    return any(speaks_for(session, owner, request.project_id, each) for each in datasets_of(request))


def delegates_of(session: Session, owner: str, today: date) -> tuple[OwnerDelegate, ...]:
    """Whom she has named and whose time is not over, by name."""
    query = select(OwnerDelegate).where(OwnerDelegate.owner == owner, OwnerDelegate.until >= today)
    return tuple(session.scalars(query.order_by(OwnerDelegate.delegate)))


def name_delegate(session: Session, *, owner: str, delegate: str, until: date, today: date) -> None:
    """Let a person of the owner's organisation see and take what left of her data; named again, until another day.

    Raises:
        NotPermitted: she is no data owner.
        NotFound: nobody of that name is in the register.
        Invalid: the person is of another organisation, has a role that excludes it, or the day is not within a year.
    """
    found = find_person(session, owner)
    if (reason := why_not_own(found, today)) is not None:
        raise NotPermitted(reason)
    person = find_person(session, delegate)
    if person.name == owner or person.organisation != found.organisation:
        raise Invalid("A delegate is another person of your own organisation. Name somebody of yours.")
    if person.role not in DELEGATES:
        raise Invalid(
            "Output checkers and operators cannot be delegates, so that nobody has two hats. Name another one."
        )
    if not 0 <= (until - today).days <= MOST_DAYS:
        raise Invalid("Give the last day on which the person is your delegate: today or a day within a year.")
    present = session.get(OwnerDelegate, (owner, delegate))
    if present is None:
        session.add(OwnerDelegate(owner=owner, delegate=delegate, until=until))
    else:
        present.until = until
    audit.record(session, owner, "owner.delegate_named", f"person:{delegate}", owner=owner, until=until.isoformat())


def end_delegate(session: Session, *, owner: str, delegate: str, today: date) -> None:
    """Take it back; whoever is no delegate stays none. Raises `NotPermitted` for anyone but a data owner."""
    if (reason := why_not_own(session.get(Person, owner), today)) is not None:
        raise NotPermitted(reason)
    present = session.get(OwnerDelegate, (owner, delegate))
    if present is not None:
        session.delete(present)
        audit.record(session, owner, "owner.delegate_ended", f"person:{delegate}", owner=owner)
