"""When a signed-in person was last here: who stays away for long has to sign in again.

Kept in the register's database, so that a restart gives nobody more time.
"""

from datetime import datetime, timedelta

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance.database import Base, UtcDateTime

RESOLUTION = timedelta(seconds=60)
"""A visit this soon after the last one is not written down."""


class Presence(Base):
    """A person's last visit, in whichever browser. No row: she is signed out everywhere."""

    __tablename__ = "presence"

    person: Mapped[str] = mapped_column(Text, primary_key=True)
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime)


def arrive(session: Session, person: str, at: datetime) -> None:
    """She has just signed in."""
    session.merge(Presence(person=person, last_seen=at))


def leave(session: Session, person: str) -> None:
    """She signed out, or stayed away for too long: everything that she was given at signing in is void."""
    found = session.get(Presence, person)
    if found is not None:
        session.delete(found)
        session.flush()


def is_due(session: Session, person: str, at: datetime) -> bool:
    """Whether a visit at this time is worth writing down."""
    found = session.get(Presence, person)
    return found is not None and at - found.last_seen >= RESOLUTION


def why_not_here(session: Session, person: str, at: datetime, limit: timedelta) -> str | None:
    """Why she has to sign in again, or None while her last visit is at most `limit` ago."""
    found = session.get(Presence, person)
    if found is None:
        return "You have signed out. Sign in again."
    if at - found.last_seen > limit:
        return f"You were away for more than {hours(limit)}. Sign in again."
    return None


def hours(limit: timedelta) -> str:
    """`8 hours`, `90 minutes`, `1 minute`; less than a minute in seconds."""
    seconds = round(limit.total_seconds())
    for size, noun in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {noun}" + ("" if seconds == size else "s")
    return f"{seconds} seconds"
