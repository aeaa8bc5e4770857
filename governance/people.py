"""The register of people, and the proof that somebody is who she says: a password and a one-time code."""

from datetime import date, datetime
from enum import StrEnum

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from cryptography.fernet import Fernet
from sqlalchemy import Engine, Enum, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance import audit
from governance.database import Base, reading, transaction
from governance.errors import Conflict, NotFound, Refused
from governance.names import require_name

CODE_PERIOD_SECONDS = 30
CODE_DRIFT_STEPS = 1

_hasher = PasswordHasher()
_nobody_hash = _hasher.hash("nobody has this password")


class Role(StrEnum):
    """What a person is here to do. One person has one role, so that nobody approves her own work (I9)."""

    RESEARCHER = "researcher"
    OUTPUT_CHECKER = "output_checker"
    DATA_OWNER = "data_owner"
    DATA_STEWARD = "data_steward"
    OPERATOR = "operator"


class LoginFailed(Refused):
    """One sentence for every cause, so that a stranger learns nothing from it."""

    def __init__(self) -> None:
        super().__init__(
            "The name, password or one-time code is not right. Check all three; a code can be used once and "
            "changes every 30 seconds, so wait for the next one and try again."
        )


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


def find_person(session: Session, name: str) -> Person:
    """The person of that name. Raises `NotFound`."""
    person = session.get(Person, name)
    if person is None:
        raise NotFound(f"Nobody called “{name}” is in the register. Ask the operator to enrol the person first.")
    return person


def authenticate(engine: Engine, *, name: str, password: str, code: str, at: datetime, seal: bytes) -> Person:
    """The person whose name, password and one-time code these are. A code works once.

    The work is the same for a name that nobody has, so that the time taken tells nothing; the slow part of it, the
    password's hash, holds no lock, so that strangers who guess keep nobody from writing.

    Raises:
        LoginFailed: for every cause, with the same sentence.
    """
    with reading(engine) as session:
        person = session.get(Person, name)
    if not _password_fits(person.password_hash if person else _nobody_hash, password) or person is None:
        raise LoginFailed
    step = _step_of_code(Fernet(seal).decrypt(person.totp_sealed).decode(), code, at)
    if step is None or step <= person.totp_last_step:
        raise LoginFailed
    with transaction(engine) as session:
        return _use_code(session, name, step)


def _use_code(session: Session, name: str, step: int) -> Person:
    """Mark the code's step as used, unless somebody was faster with the same code."""
    person = find_person(session, name)
    if step <= person.totp_last_step:
        raise LoginFailed
    person.totp_last_step = step
    audit.record(session, name, "person.signed_in", f"person:{name}")
    return person


def _password_fits(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _step_of_code(totp_secret: str, code: str, at: datetime) -> int | None:
    """The time step (RFC 6238) whose code this is, one step of clock drift allowed either way."""
    totp = pyotp.TOTP(totp_secret, interval=CODE_PERIOD_SECONDS)
    present = int(at.timestamp()) // CODE_PERIOD_SECONDS
    for step in range(present - CODE_DRIFT_STEPS, present + CODE_DRIFT_STEPS + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), code.strip()):
            return step
    return None
