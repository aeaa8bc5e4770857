"""What an e-mail says: the same fixed sentences as the application, each with a link that asks who opens it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from governance.addresses import require_address
from safe_outputs.notifications.models import Notification, OutgoingMail
from safe_outputs.notifications.telling import path_of, sentence_of

MOST = 50
"""How many sentences a message has at most."""
FOOT = (
    "This message holds nothing of what is in a request or a release. Sign in to read it; the links let nobody in.\n"
    "Which messages you get is set on the page {settings}\n"
)


@dataclass(frozen=True)
class Letterhead:
    """What all messages share: who sends them, where the outputs service is, and the zone of those who chose none."""

    sender: str
    url: str
    zone: tzinfo


def compose(head: Letterhead, mail: OutgoingMail, to: str, told: Sequence[Notification]) -> EmailMessage:
    """The message of an outgoing mail: the same bytes and Message-ID however often it is made."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Saferoom", addr_spec=require_address(head.sender))
    message["To"] = Address(addr_spec=require_address(to))
    message["Subject"] = "Saferoom: 1 notification" if len(told) == 1 else f"Saferoom: {len(told)} notifications"
    message["Date"] = format_datetime(mail.made_at)
    message["Message-ID"] = f"<{mail.token}@{head.sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [f"{sentence_of(each)}\n{_address(head, path_of(each))}\n" for each in told[:MOST]]
    if len(told) > MOST:
        lines.append(f"{len(told) - MOST} more are here:\n{_address(head, 'notifications')}\n")
    message.set_content("\n".join([*lines, "-- ", FOOT.format(settings=_address(head, "settings"))]), cte="8bit")
    return message


def _address(head: Letterhead, path: str) -> str:
    return f"{head.url.rstrip('/')}/{path}"
