"""The secrets of an installation: one file each, readable by its user alone, made where missing.

A process reads only the secrets that it needs, at the moment it needs them; none travels in an argument list.
"""

import base64
import os
import secrets
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from governance.errors import Refused
from hub_config.settings import make_private

SECRET_BYTES = 32


class Secret(StrEnum):
    """What each secret is for. The name is the file's."""

    PSEUDONYM = "pseudonym"
    """Makes pseudonyms when a dataset version is built."""
    COPIES = "copies"
    """Makes the pseudonyms of each project's copies."""
    SEAL = "seal"
    """Seals one-time-code secrets in the register."""
    GATE = "gate"
    """Signs the person and project of a call from a session."""
    WEB = "web"
    """Signs the outputs service's browser sessions."""
    LEDGER = "ledger"
    """Seals the entries of the privacy ledger; whoever writes to its database without it is noticed."""
    RELEASE = "release"
    """Signs release packages (the seed of an Ed25519 key); read by the checker alone, while it writes a release."""
    AUDIT = "audit"
    """Signs checkpoints of the audit chain."""
    METRICS = "metrics"
    """What a scraper of the outputs service's metrics shows; the operator gives it to the monitoring."""
    HUB_COOKIE = "hub_cookie"
    """Signs JupyterHub's cookies."""
    PROXY = "proxy"
    """Lets JupyterHub, and nobody else, change the proxy's routes."""


class UnsafeSecret(Refused):
    """A secret that others could have read, or that is damaged."""


@dataclass(frozen=True)
class Secrets:
    """The secrets in a folder. Reading an attribute reads the file; nothing is kept in memory here."""

    folder: Path

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The secrets of `folder`, those that were missing made now.

        Raises:
            UnsafeSecret: a file has another owner, can be read by others, or holds no secret.
            UnsafeFolder: the folder itself is not private.
        """
        make_private(folder)
        for secret in Secret:
            _make(folder / secret)
        loaded = cls(folder)
        for secret in Secret:
            loaded.text(secret)
        return loaded

    def text(self, secret: Secret) -> str:
        """The secret as 64 hexadecimal digits. Raises `UnsafeSecret`."""
        path = self.folder / secret
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise UnsafeSecret(
                f"The secret {path} can be read by others or is not yours. Set its owner and its mode (chmod 600), "
                "and replace it if somebody may have read it."
            )
        return _checked(path, path.read_text(encoding="ascii").strip())

    def key(self, secret: Secret) -> bytes:
        """The secret as 32 bytes. Raises `UnsafeSecret`."""
        return bytes.fromhex(self.text(secret))

    @property
    def pseudonym(self) -> bytes:
        return self.key(Secret.PSEUDONYM)

    @property
    def copies(self) -> bytes:
        return self.key(Secret.COPIES)

    @property
    def ledger(self) -> bytes:
        return self.key(Secret.LEDGER)

    @property
    def audit(self) -> bytes:
        return self.key(Secret.AUDIT)

    @property
    def release(self) -> bytes:
        return self.key(Secret.RELEASE)

    def renew_release(self) -> bytes:
        """Make a new key for releases in place of the present one, which is gone then. Raises `UnsafeSecret`."""
        path = self.folder / Secret.RELEASE
        _written(path).replace(path)
        return self.release

    @property
    def seal(self) -> bytes:
        """As a Fernet key."""
        return base64.urlsafe_b64encode(self.key(Secret.SEAL))

    @property
    def gate(self) -> str:
        return self.text(Secret.GATE)

    @property
    def web(self) -> str:
        return self.text(Secret.WEB)

    @property
    def metrics(self) -> str:
        return self.text(Secret.METRICS)

    @property
    def proxy(self) -> str:
        return self.text(Secret.PROXY)

    @property
    def hub_cookie_file(self) -> Path:
        return self.folder / Secret.HUB_COOKIE


def given_secret(path: Path, giver: str) -> str:
    """A secret that somebody else gave us, out of its file. Raises `UnsafeSecret`."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise UnsafeSecret(f"The secret {path} is missing. Put there what {giver} gave you (chmod 600).") from None
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise UnsafeSecret(
            f"The secret {path} can be read by others or is not yours. Set its owner and its mode (chmod 600), and get "
            f"a new one from {giver} if somebody may have read it."
        )
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise UnsafeSecret(f"The secret {path} is empty. Put there what {giver} gave you.")
    return text


def _make(path: Path) -> None:
    """Write a new secret, whole or not at all. A file that exists is left as it is."""
    if path.exists():
        return
    temporary = _written(path)
    try:
        os.link(temporary, path)  # unlike a rename, never replaces what another process has just made
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _written(path: Path) -> Path:
    """A new secret, durable, in a file of another name beside `path`."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(SECRET_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _checked(path: Path, text: str) -> str:
    try:
        whole = len(bytes.fromhex(text)) == SECRET_BYTES
    except ValueError:
        whole = False
    if not whole:
        raise UnsafeSecret(f"The secret {path} is damaged: {SECRET_BYTES} bytes in hexadecimal belong there.")
    return text
