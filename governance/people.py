"""The register of people, with what proves that somebody is who she says."""

from datetime import date
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from cryptography.fernet import Fernet
from sqlalchemy import Enum, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance import audit
from governance.database import Base, once, shared
from governance.errors import Conflict, NotFound
from governance.names import require_name

_hasher = PasswordHasher()
_nobody_hash = _hasher.hash("nobody has this password")


class Role(StrEnum):
    """What a person is here to do. One person has one role, so that nobody approves her own work (I9)."""

    RESEARCHER = "researcher"
    OUTPUT_CHECKER = "output_checker"
    DATA_OWNER = "data_owner"
    DATA_STEWARD = "data_steward"
    OPERATOR = "operator"


class Person(Base):
    """Somebody known to this installation. Times in days: a right holds up to and including its last day."""

    __tablename__ = "person"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    full_name: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(
        Enum(Role, native_enum=False, length=32, values_callable=lambda roles: [role.value for role in roles])
    )
    organisation: Mapped[str] = mapped_column(Text)
    accredited_until: Mapped[date]
    training_until: Mapped[date]
    password_hash: Mapped[str] = mapped_column(Text)
    totp_sealed: Mapped[bytes]
    totp_last_step: Mapped[int] = mapped_column(default=0)


def enrol(
    session: Session,
    *,
    name: str,
    full_name: str,
    role: Role,
    organisation: str,
    accredited_until: date,
    training_until: date,
    password: str,
    totp_secret: str,
    seal: bytes,
    actor: str,
) -> Person:
    """Enter a person into the register. The password is kept as an argon2id hash, the one-time secret sealed.

    Raises:
        Conflict: the name is taken.
        Invalid: the name cannot be part of an address.
    """
    require_name(name, "a person's name here")
    if session.get(Person, name) is not None:
        raise Conflict(f"“{name}” is already in the register. Choose another name.")
    person = Person(
        name=name,
        full_name=full_name,
        role=role,
        organisation=organisation,
        accredited_until=accredited_until,
        training_until=training_until,
        password_hash=_hasher.hash(password),
        totp_sealed=Fernet(seal).encrypt(totp_secret.encode()),
        totp_last_step=0,
    )
    session.add(person)
    audit.record(session, actor, "person.enrolled", f"person:{name}", role=role.value, organisation=organisation)
    return person


def known_person(session: Session, name: str) -> Person | None:
    """The person of that name, or None."""
    return once(session, ("person", name), lambda: session.get(Person, name))


def find_person(session: Session, name: str) -> Person:
    """The person of that name. Raises `NotFound`."""
    person = known_person(session, name)
    if person is None:
        raise NotFound(f"Nobody called “{name}” is in the register. Ask the operator to enrol the person first.")
    return person


def full_name_of(session: Session, name: str) -> str:
    """What somebody is called. Raises `NotFound`."""
    return shared(session, ("full name", name), lambda: find_person(session, name).full_name)


def password_fits(person: Person | None, password: str) -> bool:
    """Whether this is the person's password. For nobody it takes the same work, and no password fits."""
    try:
        _hasher.verify(person.password_hash if person else _nobody_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return person is not None
