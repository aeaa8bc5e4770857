"""A real SMTP server on loopback for tests, with TLS and a password if wanted, that can refuse, die and be slow."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

PASSWORD = "a password of the mail server"


@dataclass
class Inbox:
    """What the server took, and how it answers. `answer` stands for the reply to the content of a message."""

    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuse_recipient: str | None = None
    answer: str = "250 OK"
    seconds: float = 0
    before_answer: Callable[[], None] = lambda: None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Session, envelope: Envelope, to: str, _options: Any
    ) -> str:
        if self.refuse_recipient is not None:
            return self.refuse_recipient
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.seconds)
        if self.answer.startswith("250"):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            self.taken.append(message_from_bytes(content, EmailMessage, policy=policy.default))
            self.recipients.append(list(envelope.rcpt_tos))
        self.before_answer()
        return self.answer


@contextmanager
def mail_server(inbox: Inbox, port: int, **facts: Any) -> Iterator[Controller]:
    """The server on a port of loopback, until the block ends or somebody stops it."""
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **facts)
    controller.start()
    try:
        yield controller
    finally:
        if controller.server is not None:
            controller.stop(no_assert=True)


def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data.password == PASSWORD.encode())
