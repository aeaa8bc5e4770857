"""The audit chain (I8): every change of state leaves an event, and each event carries the hash of the one before.

The chain is verified from its first event on; an edited, removed or reordered event is named. Events are never
hidden. The database refuses to change or delete one, or to add one elsewhere than at the end (triggers in the
migrations). Who can write to the database's file can make the chain anew from any event on, or take events off its end:
that shows against a checkpoint which was signed before (`governance.checkpoints`).
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance.database import Base, UtcDateTime, now
from governance.database_text import json_with_nulls
from governance.errors import SaferoomError

GENESIS = "0" * 64
_FIRST = -(2**63)
_AT_ONCE = 5_000
_WHAT_NOW = "Stop the service, keep the database as it is, and compare with a backup and the last checkpoint."
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class BrokenChain(SaferoomError):
    """The chain of audit events does not verify."""


@dataclass(frozen=True)
class Head:
    """An event's place in the chain, and its hash: of the last one, the end of the chain."""

    sequence: int
    hash: str


class AuditEvent(Base):
    """Who did what to which subject, and when. `detail` holds names, numbers of things and hashes; no microdata."""

    __tablename__ = "audit_event"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text, index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text, unique=True)


def event_hash(event: AuditEvent) -> str:
    """SHA-256 of the event's canonical JSON, its predecessor's hash included."""
    moment = event.at.isoformat()
    content = [event.sequence, moment, event.actor, event.action, event.subject, event.detail, event.previous_hash]
    return _hash(content)


def record(session: Session, actor: str, action: str, subject: str, **detail: Any) -> AuditEvent:
    """Append an event in the caller's transaction, so that it commits with the change that it tells of.

    Raises:
        ValueError, TypeError: `detail` is nothing that JSON has.
    """
    session.flush()
    event = AuditEvent(**_after(head(session), Told(actor, action, subject, detail)))
    session.add(event)
    session.flush()
    return event


@dataclass(frozen=True)
class Told:
    """What an event says: who did what to which subject."""

    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = field(default_factory=dict)


def record_all(connection: Connection, told: Sequence[Told]) -> None:
    """Append an event for each, in this order, in the caller's transaction; for many at once. Raises as `record`."""
    last, rows = head(connection), []
    for each in told:
        rows.append(row := _after(last, each))
        last = Head(row["sequence"], row["hash"])
    if rows:
        connection.execute(_INSERT, rows)


def _after(last: Head, told: Told) -> dict[str, Any]:
    """The event that comes after the last one, as the columns of its row."""
    row: dict[str, Any] = {
        "sequence": last.sequence + 1,
        "at": now(),
        "actor": told.actor,
        "action": told.action,
        "subject": told.subject,
        "detail": json.loads(json.dumps(told.detail, allow_nan=False)),  # as it will be read again
        "previous_hash": last.hash,
    }
    return row | {"hash": _hash([row["sequence"], row["at"].isoformat(), *list(row.values())[2:]])}


_TABLE: Any = AuditEvent.__table__
_INSERT = insert(_TABLE)


def head(database: Session | Connection) -> Head:
    """The last event's place and hash; of an empty chain, 0 and zeros."""
    last = database.execute(_LAST).first()
    return Head(0, GENESIS) if last is None else Head(*last)


_LAST = select(AuditEvent.sequence, AuditEvent.hash).order_by(AuditEvent.sequence.desc()).limit(1)


def holds(session: Session, past: Head) -> bool:
    """Whether the chain has this event as it once was. One look; says nothing of the events before."""
    found = session.scalar(select(AuditEvent.hash).where(AuditEvent.sequence == past.sequence))
    return past == Head(0, GENESIS) or found == past.hash


class Happened(NamedTuple):
    """An event of a subject: when, who, what."""

    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]


def events_about(session: Session, subject: str, *, but_for: Collection[str] = ()) -> list[Happened]:
    """The events of one subject, oldest first, but for those of some actions."""
    told = {"subject": subject, "but_for": list(but_for)}
    session.flush()
    return [Happened(*row) for row in session.connection().execute(_ABOUT, told)]


_ABOUT = (
    select(AuditEvent.at, AuditEvent.actor, AuditEvent.action, AuditEvent.detail)
    .where(AuditEvent.subject == bindparam("subject"), AuditEvent.action.not_in(bindparam("but_for", expanding=True)))
    .order_by(AuditEvent.sequence)
)


def last_about(session: Session, subject: str) -> AuditEvent | None:
    """The newest event of one subject, or None."""
    query = select(AuditEvent).where(AuditEvent.subject == subject).order_by(AuditEvent.sequence.desc()).limit(1)
    return session.scalars(query).first()


def verify(session: Session) -> int:
    """The number of events, all of which were checked. Raises `BrokenChain` naming the first that does not fit."""
    return verified(session).sequence


def verified(session: Session) -> Head:
    """The end of a chain that holds from its first event on, in memory that does not grow with it.

    Raises:
        BrokenChain: names the first event that is missing, was changed, or stands elsewhere than it was written.
    """
    last = Head(0, GENESIS)
    kept = _KEPT[session.connection().dialect.name]
    for row in _rows(session, kept.page):
        if row[0] != last.sequence + 1:
            raise BrokenChain(
                f"Audit event {last.sequence + 1} is missing: the chain goes on with {row[0]}. {_WHAT_NOW}"
            )
        if row[6] != last.hash:
            raise BrokenChain(
                f"Audit event {row[0]} does not follow the one before it: one of the two was changed. {_WHAT_NOW}"
            )
        if row[7] != _hash_of_row(row, kept.read_json):
            raise BrokenChain(f"Audit event {row[0]} was changed after it was written. {_WHAT_NOW}")
        last = Head(row[0], row[7])
    return last


def _hash_of_row(row: Sequence[Any], read_json: Callable[[str], Any]) -> str | None:
    """The hash that `event_hash` gives, from a row of `_rows`; None where the row cannot be an event's."""
    sequence, at, actor, action, subject, detail, previous, _own = row
    try:
        moment = at.replace(" ", "T", 1).removesuffix(".000000") + "+00:00"
        return _hash([sequence, moment, actor, action, subject, read_json(detail), previous])
    except (AttributeError, TypeError, ValueError, RecursionError):
        return None


def _hash(content: list[Any]) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> Iterator[Sequence[Any]]:
    """Every event by its place, as the database has it: what is in a row that was edited need not be readable."""
    connection, first = session.connection(), _FIRST
    while page := connection.execute(query, {"first": first}).all():
        yield from page
        first = page[-1][0] + 1


def _page(at: ColumnElement[str], detail: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    """The next events after a place, as the database has them."""
    event = AuditEvent
    columns = (event.sequence, at, event.actor, event.action, event.subject, detail, event.previous_hash, event.hash)
    query: Select[*tuple[Any, ...]] = select(*columns).where(event.sequence >= bindparam("first", type_=BigInteger))
    return query.order_by(event.sequence).limit(_AT_ONCE)


@dataclass(frozen=True)
class _Kept:
    """How a database keeps events: the query for the next ones as it has them, and what reads its JSON."""

    page: Select[*tuple[Any, ...]]
    read_json: Callable[[str], Any]


_KEPT = {
    "sqlite": _Kept(_page(type_coerce(AuditEvent.at, Text), type_coerce(AuditEvent.detail, Text)), json.loads),
    "postgresql": _Kept(
        _page(func.to_char(AuditEvent.at, "YYYY-MM-DD HH24:MI:SS.US", type_=Text), cast(AuditEvent.detail, Text)),
        json_with_nulls,
    ),
}
