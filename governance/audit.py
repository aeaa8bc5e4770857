"""The audit chain (I8): every change of state leaves an event, and each event carries the hash of the one before.

The chain is verified from its first event on; an edited, removed or reordered event is named. Events are never
hidden. The database refuses to change or delete one (triggers in the migrations).
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance.database import Base, UtcDateTime, now
from governance.errors import SaferoomError

GENESIS = "0" * 64


class BrokenChain(SaferoomError):
    """The chain of audit events does not verify."""


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
    content = [
        event.sequence,
        event.at.isoformat(),
        event.actor,
        event.action,
        event.subject,
        event.detail,
        event.previous_hash,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def record(session: Session, actor: str, action: str, subject: str, **detail: Any) -> AuditEvent:
    """Append an event in the caller's transaction, so that it commits with the change that it tells of."""
    session.flush()
    last = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(1)).first()
    event = AuditEvent(
        sequence=last.sequence + 1 if last else 1,
        at=now(),
        actor=actor,
        action=action,
        subject=subject,
        detail=detail,
        previous_hash=last.hash if last else GENESIS,
    )
    event.hash = event_hash(event)
    session.add(event)
    session.flush()
    return event


def events_about(session: Session, subject: str) -> list[AuditEvent]:
    """The events of one subject, oldest first."""
    query = select(AuditEvent).where(AuditEvent.subject == subject).order_by(AuditEvent.sequence)
    return list(session.scalars(query))


def verify(session: Session) -> int:
    """The number of events, all of which were checked. Raises `BrokenChain` naming the first that does not fit."""
    previous, count = GENESIS, 0
    for event in _in_order(session):
        count += 1
        if event.sequence != count:
            raise BrokenChain(
                f"Audit event {count} is missing: the chain goes on with {event.sequence}. "
                "Stop the service and compare with the last exported checkpoint."
            )
        if event.previous_hash != previous or event.hash != event_hash(event):
            raise BrokenChain(
                f"Audit event {event.sequence} was changed after it was written. "
                "Stop the service and compare with the last exported checkpoint."
            )
        previous = event.hash
    return count


def _in_order(session: Session) -> Iterator[AuditEvent]:
    return iter(session.scalars(select(AuditEvent).order_by(AuditEvent.sequence).execution_options(yield_per=1000)))
