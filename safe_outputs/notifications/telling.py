"""To tell people something, in the transaction of what happened, and what they find of it in the application."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from governance import audit
from governance.database import now
from governance.errors import Invalid
from governance.people import find_person
from governance.preferences import Preference
from safe_outputs.notifications.kinds import KINDS, Choice, Kind, kinds_for
from safe_outputs.notifications.models import EmailChoice, Notification, OutgoingMail

AT_ONCE = 50
"""How many notifications a page has."""


@dataclass(frozen=True)
class Told:
    """A notification as its reader sees it. `path` is where it leads, below the outputs service."""

    id: int
    sentence: str
    path: str
    at: datetime
    read: bool


def tell(session: Session, kind: Kind, people: Iterable[str], *, subject: str, project: str) -> None:
    """Tell each of these people once, and queue her e-mail if she wants one at once, in the caller's transaction."""
    for person in sorted(set(people)):
        choice = choice_of(session, person, kind)
        mail = _mail_to(session, person) if choice is Choice.NOW else None
        facts = {"person": person, "kind": kind, "subject": subject, "project_id": project, "email": choice}
        session.add(Notification(**facts, at=now(), read_at=None, mail_id=mail))
    session.flush()


def choice_of(session: Session, person: str, kind: Kind) -> Choice:
    """When she wants an e-mail of this kind; never, where nobody knows her address."""
    preference = session.get(Preference, person)
    if preference is None or preference.email is None:
        return Choice.OFF
    chosen = session.get(EmailChoice, (person, kind))
    return KINDS[kind].email if chosen is None else chosen.choice


def _mail_to(session: Session, person: str) -> int:
    """The e-mail to her that nobody has tried to send yet, or a new one."""
    query = select(OutgoingMail.id).where(
        OutgoingMail.person == person, OutgoingMail.tries == 0, OutgoingMail.next_try_at.is_not(None)
    )
    found = session.scalars(query.limit(1)).first()
    return found if found is not None else new_mail(session, person)


def new_mail(session: Session, person: str) -> int:
    """Queue an e-mail to a person, to be sent at the next pass; returns its id."""
    at = now()
    mail = OutgoingMail(person=person, token=secrets.token_hex(12), made_at=at, tries=0, next_try_at=at)
    session.add(mail)
    session.flush()
    return mail.id


def told(session: Session, person: str, *, before: int | None = None) -> tuple[Told, ...]:
    """The newest notifications of a person; of those before one, if its id is given. At most `AT_ONCE`."""
    query = select(Notification).where(Notification.person == person).order_by(Notification.id.desc())
    if before is not None:
        query = query.where(Notification.id < before)
    return tuple(_told(each) for each in session.scalars(query.limit(AT_ONCE)))


def _told(each: Notification) -> Told:
    return Told(each.id, sentence_of(each), path_of(each), each.at, each.read_at is not None)


def sentence_of(told: Notification) -> str:
    return KINDS[told.kind].sentence.format(id=told.subject, project=told.project_id)


def path_of(told: Notification) -> str:
    """Where it leads, below the outputs service."""
    return KINDS[told.kind].path.format(id=told.subject)


def unread(session: Session, person: str) -> int:
    """How many notifications she has not marked as read."""
    query = select(func.count()).select_from(Notification)
    return session.scalar(query.where(Notification.person == person, Notification.read_at.is_(None))) or 0


def mark_read(session: Session, person: str, *, one: int | None = None, up_to: int | None = None) -> int:
    """Mark as read one notification of hers, or all up to one; returns how many were not."""
    changes = update(Notification).where(Notification.person == person, Notification.read_at.is_(None))
    changes = changes.where(Notification.id == one) if one is not None else changes.where(Notification.id <= up_to)
    return session.execute(changes.values(read_at=now())).rowcount  # type: ignore[attr-defined, no-any-return]


def choices(session: Session, person: str) -> dict[Kind, Choice]:
    """What a person wants of e-mail, for every kind that people of her role are told."""
    rows = session.scalars(select(EmailChoice).where(EmailChoice.person == person))
    chosen = {each.kind: each.choice for each in rows}
    return {kind: chosen.get(kind, KINDS[kind].email) for kind in kinds_for(find_person(session, person).role)}


def choose(session: Session, person: str, wanted: Mapping[str, str]) -> None:
    """Set what a person wants of e-mail, by kind. Raises `Invalid` for a kind or a choice that there is not."""
    present = choices(session, person)
    if not set(wanted) <= set(present) or not set(wanted.values()) <= set(Choice):
        raise Invalid("There is no such choice. Load the page again and choose from the lists.")
    for kind, choice in ((Kind(name), Choice(word)) for name, word in wanted.items()):
        if present[kind] is not choice:
            session.merge(EmailChoice(person=person, kind=kind, choice=choice))
            audit.record(session, person, "person.email_chosen", f"person:{person}", kind=kind.value, choice=choice)
