"""Tries at signing in, counted: who fails often waits, and the waits grow.

A try is counted, durably, before it is looked at, so that neither many tries at once nor a restart get more than their
share. A try during a wait is not looked at, and does not make the wait longer.

What is counted, and why each apart from the others:

- a *person*: guesses at one person's password and code, wherever they come from;
- a *stranger*: a name that is not in the register, the same way, so that nobody can tell the two apart. It is kept as
  a keyed hash, since people type passwords into the wrong field;
- a *device*: a browser in which this person has signed in before. Only its own failures make it wait, so nobody who
  guesses elsewhere can keep a person from signing in on a machine of hers;
- an *origin*: one network address that tries many names.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Enum, Index, Text, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance import audit
from governance.database import Base, UtcDateTime
from governance.people import find_person


class Kind(StrEnum):
    """What is counted; see the module's own words."""

    PERSON = "person"
    STRANGER = "stranger"
    DEVICE = "device"
    ORIGIN = "origin"


@dataclass(frozen=True)
class Patience:
    """How many failures are free, how long the waits are, and when all is forgotten.

    `most_kept` bounds the storage: beyond it, the counters whose last try is oldest are forgotten.
    """

    free: int
    first_wait: timedelta
    longest_wait: timedelta
    forgotten_after: timedelta
    most_kept: int | None

    def wait(self, failures: int) -> timedelta | None:
        """How long nobody may try after so many failures: doubled each time, up to the longest. None while free."""
        if failures < self.free:
            return None
        doublings = min(failures - self.free, 30)
        return min(self.first_wait * (1 << doublings), self.longest_wait)


_HALF_A_MINUTE, _QUARTER, _HOUR, _DAY = (
    timedelta(seconds=30),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(days=1),
)

PATIENCE: dict[Kind, Patience] = {
    # Five slips are human. After them about a hundred guesses a day are left for password and code together. The
    # longest wait is one that a person can sit out, since somebody else may have caused it.
    Kind.PERSON: Patience(5, _HALF_A_MINUTE, _QUARTER, _DAY, most_kept=None),
    Kind.STRANGER: Patience(5, _HALF_A_MINUTE, _QUARTER, _DAY, most_kept=10_000),
    Kind.DEVICE: Patience(5, _HALF_A_MINUTE, _QUARTER, _DAY, most_kept=10_000),
    # A university may stand behind one address: fifty slips within an hour are still its people's. What succeeds from
    # there does not undo them, or a guesser with an account of her own would sign in between her guesses.
    Kind.ORIGIN: Patience(50, _HALF_A_MINUTE, _QUARTER, _HOUR, most_kept=10_000),
}


class SignInAttempts(Base):
    """One counter. `refused` counts the tries that came during waits since the last one that was looked at."""

    __tablename__ = "sign_in_attempts"

    kind: Mapped[Kind] = mapped_column(
        Enum(Kind, native_enum=False, length=32, values_callable=lambda kinds: [kind.value for kind in kinds]),
        primary_key=True,
    )
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    last_try: Mapped[datetime] = mapped_column(UtcDateTime)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_sign_in_attempts_kind_last_try", "kind", "last_try"),)


@dataclass(frozen=True)
class Counter:
    """A counter by its name. One that does not bar only counts: its wait does not hold up this try."""

    kind: Kind
    key: str
    bars: bool = True


def mark(seal: bytes, text: str) -> str:
    """A keyed hash (HMAC-SHA-256, 128 bits of it): equal texts have equal marks, and no mark tells its text."""
    return hmac.new(seal, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]


def begin(session: Session, counters: Iterable[Counter], at: datetime) -> bool:
    """Count a try as a failure, and say whether it may be looked at: not while a counter that bars is in a wait."""
    pairs = [(counter, _row(session, counter, at)) for counter in counters]
    permitted = not any(counter.bars and _waits(row, at) for counter, row in pairs)
    for counter, row in pairs:
        row.last_try = at
        if permitted:
            row.failures += 1
            wait = PATIENCE[counter.kind].wait(row.failures)
            row.locked_until = None if wait is None else at + wait
    session.flush()
    return permitted


def refused(session: Session, counters: Iterable[Counter]) -> None:
    """Count a try that `begin` did not permit: a second write, as other failures have one, so that none is quicker."""
    for counter in counters:
        row = session.get(SignInAttempts, (counter.kind, counter.key))
        if row is not None:
            row.refused += 1


def waits_begun(session: Session, counters: Iterable[Counter], at: datetime) -> dict[Kind, int]:
    """The waits in seconds that a failure, which `begin` has counted, has begun."""
    waits = {}
    for counter in counters:
        row = session.get(SignInAttempts, (counter.kind, counter.key))
        if row is not None and row.locked_until is not None and row.locked_until > at:
            waits[counter.kind] = round((row.locked_until - at).total_seconds())
    return waits


def refused_before(session: Session, counters: Iterable[Counter]) -> int:
    """How many tries came during the waits since the last one that was looked at; asked once, then forgotten."""
    most = 0
    for counter in counters:
        row = session.get(SignInAttempts, (counter.kind, counter.key))
        if row is not None:
            most, row.refused = max(most, row.refused), 0
    return most


def succeeded(session: Session, counters: Iterable[Counter]) -> None:
    """Forget the person's or device's failures; take back what `begin` counted against the origin."""
    for counter in counters:
        row = session.get(SignInAttempts, (counter.kind, counter.key))
        if row is None:
            continue
        if counter.kind is not Kind.ORIGIN:
            session.delete(row)
            continue
        row.failures -= 1
        if PATIENCE[Kind.ORIGIN].wait(row.failures) is None:
            row.locked_until = None


def unlock(session: Session, name: str, *, actor: str, **detail: str) -> bool:
    """End a person's waits, on all her devices. Returns whether there was anything to end. Raises `NotFound`."""
    find_person(session, name)
    hers = delete(SignInAttempts).where(
        ((SignInAttempts.kind == Kind.PERSON) & (SignInAttempts.key == name))
        | ((SignInAttempts.kind == Kind.DEVICE) & SignInAttempts.key.startswith(name + ":", autoescape=True))
    )
    counters = session.execute(hers.returning(SignInAttempts.key)).all()
    audit.record(session, actor, "sign_in.unlocked", f"person:{name}", counters=len(counters), **detail)
    return bool(counters)


def _row(session: Session, counter: Counter, at: datetime) -> SignInAttempts:
    """The counter's row, begun anew if it is new or its last try is long ago."""
    patience = PATIENCE[counter.kind]
    row = session.get(SignInAttempts, (counter.kind, counter.key))
    if row is None:
        row = SignInAttempts(kind=counter.kind, key=counter.key, failures=0, refused=0, last_try=at, locked_until=None)
        session.add(row)
        session.flush()
        _make_room(session, counter.kind, patience.most_kept)
    elif at - row.last_try > patience.forgotten_after:
        row.failures, row.refused, row.locked_until = 0, 0, None
    return row


def _make_room(session: Session, kind: Kind, most: int | None) -> None:
    """Forget the counters whose last try is oldest, down to the number that is kept."""
    kept = session.scalar(select(func.count()).select_from(SignInAttempts).where(SignInAttempts.kind == kind)) or 0
    if most is None or kept <= most:
        return
    oldest = (
        select(SignInAttempts.key)
        .where(SignInAttempts.kind == kind)
        .order_by(SignInAttempts.last_try, SignInAttempts.key)
        .limit(kept - most)
    )
    session.execute(
        delete(SignInAttempts).where(SignInAttempts.kind == kind, SignInAttempts.key.in_(oldest.scalar_subquery()))
    )


def _waits(row: SignInAttempts, at: datetime) -> bool:
    return row.locked_until is not None and row.locked_until > at
