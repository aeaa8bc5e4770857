"""Ways for e-mail to leave: a mail server, or a folder of files in a demonstration. Both are opened once for a pass."""

import hashlib
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from governance.durable import write_durably
from governance.errors import SaferoomError

SECONDS = 20.0


class Undelivered(SaferoomError):
    """A message did not leave. `lasting`: it never will, so it is not tried again. Holds no address and no content."""

    def __init__(self, sentence: str, *, lasting: bool) -> None:
        super().__init__(sentence)
        self.lasting = lasting


class ServerSilent(SaferoomError):
    """The mail server cannot be used now: nothing is sent until a later pass."""


Send = Callable[[EmailMessage], None]
"""Raises `Undelivered` for this message, `ServerSilent` for all."""


class Post(Protocol):
    def opened(self) -> AbstractContextManager[Send]:
        """A way to send, open until the block ends. Raises `ServerSilent`."""


class Security(StrEnum):
    """How the connection to the mail server is protected; `none` is for a server on this machine."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True)
class SmtpServer:
    """A mail server. `password` reads the secret when it is needed; `authorities` replaces the system's for TLS."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: Callable[[], str] | None = None
    authorities: Path | None = None
    seconds: float = SECONDS

    @contextmanager
    def opened(self) -> Iterator[Send]:
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise _silent(error) from None
        try:
            yield lambda message: _send(server, message)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.authorities)
        if self.security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.seconds, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.seconds)
        try:
            if self.security is Security.STARTTLS:
                server.starttls(context=context)
            if self.user and self.password is not None:
                server.login(self.user, self.password())
        except BaseException:
            server.close()
            raise
        return server


def _send(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        (code, _said), *_ = error.recipients.values()
        raise _undelivered(code) from None
    except smtplib.SMTPResponseException as error:
        if error.smtp_code == 421:
            raise _silent(error) from None
        raise _undelivered(error.smtp_code) from None
    except (OSError, smtplib.SMTPException) as error:
        raise _silent(error) from None


def _undelivered(code: int) -> Undelivered:
    """The server's own words may name the person, and are not kept."""
    return Undelivered(f"The mail server did not take the message (code {code}).", lasting=500 <= code < 600)


def _silent(error: Exception) -> ServerSilent:
    return ServerSilent(
        f"The mail server cannot be used now ({type(error).__name__}). Messages wait and are tried again; nothing else "
        "waits for them. Look at the settings that begin with smtp_, and at the server."
    )


@dataclass(frozen=True)
class MailFolder:
    """A folder in which each message becomes a file, for demonstrations and trials. Nothing is sent anywhere."""

    folder: Path

    @contextmanager
    def opened(self) -> Iterator[Send]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ServerSilent(f"The folder of messages cannot be made ({error.strerror}).") from None
        yield self._keep

    def _keep(self, message: EmailMessage) -> None:
        name = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:24]
        try:
            write_durably(self.folder / f"{name}.eml", message.as_bytes(), mode=0o600)
        except OSError as error:
            raise ServerSilent(f"The message cannot be written ({error.strerror}).") from None
