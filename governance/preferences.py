"""What people set for themselves, and where they can be written to. No right depends on it."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance import audit
from governance.database import Base
from governance.people import find_person
from governance.zones import require_zone


class Preference(Base):
    """One person's; who has set nothing has none. `zone` is the IANA name of the zone in which she reads times."""

    __tablename__ = "preference"

    person_name: Mapped[str] = mapped_column(ForeignKey("person.name"), primary_key=True)
    zone: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)


def preference_of(session: Session, person: str) -> Preference:
    """The person's settings, made where she has none. Raises `NotFound`."""
    found = session.get(Preference, find_person(session, person).name)
    if found is None:
        found = Preference(person_name=person)
        session.add(found)
    return found


def set_email(session: Session, person: str, email: str | None, *, actor: str, **account: str) -> None:
    """Where a person can be written to; None: nowhere. The caller has looked that it is an address.

    The audit chain keeps that it was changed, and not the address.
    """
    found = preference_of(session, person)
    if found.email != email:
        found.email = email
        audit.record(session, actor, "person.email_set", f"person:{person}", given=email is not None, **account)


def set_zone(session: Session, person: str, zone: str | None) -> None:
    """In which zone a person reads times; None: in the service's. The same again changes nothing.

    Raises:
        NotFound: nobody of that name is in the register.
        Invalid: there is no such zone.
    """
    found = preference_of(session, person)
    chosen = None if zone is None else require_zone(zone)
    if found.zone != chosen:
        found.zone = chosen
        audit.record(session, person, "person.zone_set", f"person:{person}", zone=chosen)
