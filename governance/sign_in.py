"""Signing in with name, password and one-time code: the proof, the count of failures, and what the audit chain keeps.

Whatever is wrong, the answer is one sentence, and the work is the same: one password hash, one one-time code, two
writes. So neither the answer nor its time tells whether a name exists or waits out a lock.
"""

import functools
from dataclasses import dataclass, field
from datetime import datetime

import pyotp
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from governance import attempts, audit
from governance.attempts import Counter, Kind, mark
from governance.database import transaction
from governance.errors import Refused
from governance.people import Person, find_person, password_fits

CODE_PERIOD_SECONDS = 30
CODE_DRIFT_STEPS = 1


class LoginFailed(Refused):
    """One sentence for every cause, so that a stranger learns nothing from it."""

    def __init__(self) -> None:
        super().__init__(
            "The name, password or one-time code is not right, or there were too many wrong tries. Check all three; a "
            "code can be used once and changes every 30 seconds, so wait for the next one and try again. If that fails "
            "as well, wait 15 minutes, or ask the operator to lift the lock."
        )


@dataclass(frozen=True)
class Claim:
    """What somebody gives to sign in, and where from: a network address, and the mark of a device that is known.

    `device` is one in which the person of this name has signed in before, or None.
    """

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    origin: str
    device: str | None = None


def sign_in(engine: Engine, claim: Claim, *, at: datetime, seal: bytes) -> Person:
    """The person whose name, password and one-time code these are. A code works once.

    The slow part, the password's hash, holds no lock of the database, so that strangers who guess keep nobody from
    writing.

    Raises:
        LoginFailed: for every cause, with the same sentence.
    """
    with transaction(engine) as session:
        person = session.get(Person, claim.name)
        counters = counters_of(claim, known=person is not None, seal=seal)
        permitted = attempts.begin(session, counters, at)
    step = _proved(person, claim, at, seal)
    with transaction(engine) as session:
        if permitted and step is not None and _use_code(session, claim.name, step):
            return _signed_in(session, claim, counters)
        _record_failure(session, claim, counters, at, seal, permitted=permitted)
    raise LoginFailed


def counters_of(claim: Claim, *, known: bool, seal: bytes) -> tuple[Counter, ...]:
    """What a try counts against. Of a known device only its own failures hold it up."""
    if known and claim.device is not None:
        return Counter(Kind.DEVICE, f"{claim.name}:{claim.device}"), Counter(Kind.ORIGIN, claim.origin, bars=False)
    name = Counter(Kind.PERSON, claim.name) if known else Counter(Kind.STRANGER, mark(seal, claim.name))
    return name, Counter(Kind.ORIGIN, claim.origin)


def _signed_in(session: Session, claim: Claim, counters: tuple[Counter, ...]) -> Person:
    refused = attempts.refused_before(session, counters)
    attempts.succeeded(session, counters)
    audit.record(
        session, claim.name, "person.signed_in", f"person:{claim.name}", origin=claim.origin, refused_before=refused
    )
    return find_person(session, claim.name)


def _record_failure(
    session: Session, claim: Claim, counters: tuple[Counter, ...], at: datetime, seal: bytes, *, permitted: bool
) -> None:
    """The failure as an event, and each wait that it begins. Tries during a wait are counted into the next event.

    A name that is not in the register does not get into the chain, only its mark.
    """
    if not permitted:
        attempts.refused(session, counters)
        return
    known = counters[0].kind is not Kind.STRANGER
    subject = f"person:{claim.name}" if known else f"unknown-name:{mark(seal, claim.name)[:8]}"
    refused = attempts.refused_before(session, counters)
    audit.record(session, "unknown", "sign_in.failed", subject, origin=claim.origin, refused_before=refused)
    for kind, seconds in attempts.waits_begun(session, counters, at).items():
        locked = f"origin:{claim.origin}" if kind is Kind.ORIGIN else subject
        audit.record(session, "saferoom", "sign_in.locked", locked, what=kind.value, seconds=seconds)


def _proved(person: Person | None, claim: Claim, at: datetime, seal: bytes) -> int | None:
    """The time step of the code if password and code are both right. The same work for a name that nobody has."""
    fits = password_fits(person, claim.password)
    secret = Fernet(seal).decrypt(person.totp_sealed if person else _nobody_sealed(seal)).decode()
    step = _step_of_code(secret, claim.code, at)
    return step if fits else None


def _use_code(session: Session, name: str, step: int) -> bool:
    """Mark the code's step as used. False if it was, also by somebody who was faster with the same code."""
    person = find_person(session, name)
    if step <= person.totp_last_step:
        return False
    person.totp_last_step = step
    return True


@functools.lru_cache(maxsize=1)
def _nobody_sealed(seal: bytes) -> bytes:
    return Fernet(seal).encrypt(pyotp.random_base32().encode())


def _step_of_code(totp_secret: str, code: str, at: datetime) -> int | None:
    """The time step (RFC 6238) whose code this is, one step of clock drift allowed either way."""
    totp = pyotp.TOTP(totp_secret, interval=CODE_PERIOD_SECONDS)
    present = int(at.timestamp()) // CODE_PERIOD_SECONDS
    found = None
    for step in range(present - CODE_DRIFT_STEPS, present + CODE_DRIFT_STEPS + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), code.strip()):
            found = step
    return found
