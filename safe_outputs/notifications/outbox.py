"""What waits to be sent, after the transactions that told of it: tries, tries again later, and gives up in the end.

A message is claimed durably before it is tried, and marked as sent after the server has taken it. A process that is
killed between the two sends it once more, with the same Message-ID, by which servers and readers know it again.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from email.message import EmailMessage

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from governance.access import why_not_active
from governance.database import now, reading, transaction
from governance.people import Person
from governance.preferences import Preference
from safe_outputs.notifications.kinds import Choice
from safe_outputs.notifications.message import Letterhead, compose
from safe_outputs.notifications.models import Notification, OutgoingMail
from safe_outputs.notifications.post import Post, Send, ServerSilent, Undelivered
from safe_outputs.notifications.telling import new_mail

log = logging.getLogger("saferoom.mail")

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
MOST_TRIES = 18
"""With the waits between them, about two days and a half."""
DIGEST_HOUR = 7
"""When the daily message is made, by the clocks of the service's zone."""


@dataclass(frozen=True)
class Claimed:
    """A message that is about to be tried."""

    mail_id: int
    tries: int
    message: EmailMessage


def send_waiting(engine: Engine, post: Post, head: Letterhead) -> int:
    """Make the daily messages that are due, try all that wait and are due, and return how many were sent.

    A server that cannot be used ends the pass at once; what waits is left for a later one.
    """
    gather_digests(engine, head.zone)
    waiting = _due(engine)
    if not waiting:
        return 0
    try:
        with post.opened() as send:
            return sum(_try(engine, head, send, each) for each in waiting)
    except ServerSilent as error:
        log.warning("%s", error.sentence)
        return 0


def gather_digests(engine: Engine, zone: tzinfo) -> None:
    """Queue a message for each person with daily notifications of before this morning that she has not read."""
    waits = (
        Notification.email == Choice.DAILY,
        Notification.mail_id.is_(None),
        Notification.read_at.is_(None),
        Notification.at < this_morning(now(), zone),
    )
    with reading(engine) as session:
        people = list(session.scalars(select(Notification.person).where(*waits).distinct()))
    for person in people:
        with transaction(engine) as session:
            rows = list(session.scalars(select(Notification).where(*waits, Notification.person == person)))
            mail = new_mail(session, person) if rows else None
            for each in rows:
                each.mail_id = mail


def this_morning(present: datetime, zone: tzinfo) -> datetime:
    """The last moment at which the clocks of a zone showed the hour of the daily message."""
    local = present.astimezone(zone)
    morning = local.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    return morning if morning <= local else (morning - timedelta(days=1))


def _due(engine: Engine) -> list[int]:
    with reading(engine) as session:
        query = select(OutgoingMail.id).where(OutgoingMail.next_try_at <= now())
        return list(session.scalars(query.order_by(OutgoingMail.next_try_at, OutgoingMail.id)))


def _try(engine: Engine, head: Letterhead, send: Send, mail_id: int) -> bool:
    with transaction(engine) as session:
        claimed = _claim(session, head, mail_id)
    if claimed is None:
        return False
    try:
        send(claimed.message)
    except Undelivered as error:
        log.warning("message %d: %s", mail_id, error.sentence)
        with transaction(engine) as session:
            if error.lasting or claimed.tries >= MOST_TRIES:
                _give_up(session.get_one(OutgoingMail, mail_id))
        return False
    with transaction(engine) as session:
        mail = session.get_one(OutgoingMail, mail_id)
        mail.sent_at, mail.next_try_at = now(), None
    return True


def _claim(session: Session, head: Letterhead, mail_id: int) -> Claimed | None:
    """Count the try and put off the next; None where the person has no standing or address now, so that none is due."""
    mail = session.get_one(OutgoingMail, mail_id)
    preference = session.get(Preference, mail.person)
    address = preference.email if preference is not None else None
    query = select(Notification).where(Notification.mail_id == mail_id).order_by(Notification.id)
    told = list(session.scalars(query))
    gone = why_not_active(session.get(Person, mail.person), now().date()) is not None
    if address is None or gone or not told or mail.tries >= MOST_TRIES:
        _give_up(mail)
        return None
    mail.tries += 1
    mail.next_try_at = now() + wait_after(mail.tries)
    return Claimed(mail_id, mail.tries, compose(head, mail, address, told))


def wait_after(tries: int) -> timedelta:
    """How long until the next try: twice as long each time, up to a limit."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(tries - 1, 20)))


def _give_up(mail: OutgoingMail) -> None:
    mail.given_up_at, mail.next_try_at = now(), None
