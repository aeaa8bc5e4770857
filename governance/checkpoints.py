"""Checkpoints of the audit chain: where it ended at a time, signed, to be kept where the database is not.

A chain is whole by itself after events were taken off its end, after its database was put back to an older backup, and
after somebody who can write the file made it anew. Against a checkpoint each of these shows: the event that it names
is missing, or is another one. The signature (Ed25519) is made with a key of its own that is not in the database, so who
can write the database cannot make a checkpoint that fits.
"""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import BrokenChain, Head
from governance.database import now, reading
from governance.durable import write_durably
from governance.errors import Conflict, Invalid

FORM = "saferoom audit checkpoint 1"
SECONDS_BETWEEN = 60.0


class MalformedCheckpoint(Invalid):
    """A file is no checkpoint, was changed, or was signed with another key."""


@dataclass(frozen=True)
class Key:
    """What checkpoints are signed with. Made from 32 secret bytes (RFC 8032)."""

    _private: Ed25519PrivateKey

    @classmethod
    def of(cls, secret: bytes) -> Self:
        return cls(Ed25519PrivateKey.from_private_bytes(secret))

    @property
    def public(self) -> str:
        """The public half, 64 hexadecimal digits: who has it can tell a checkpoint that this key signed."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> str:
        return self._private.sign(content).hex()


@dataclass(frozen=True)
class Checkpoint:
    """The chain ended with `head` at the time `at`, says the holder of the key."""

    head: Head
    at: datetime
    public: str
    signature: str

    @classmethod
    def signed(cls, head: Head, key: Key, at: datetime) -> Self:
        return cls(head, at, key.public, key.sign(_content(head, at, key.public)))

    def to_json(self) -> bytes:
        facts = _facts(self.head, self.at, self.public) | {"signature": self.signature}
        return (json.dumps(facts, indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, public: str) -> Self:
        """The checkpoint that was signed with the key whose public half this is. Raises `MalformedCheckpoint`."""
        try:
            facts = json.loads(content)
            found = cls(
                Head(int(facts["sequence"]), str(facts["hash"])),
                datetime.fromisoformat(facts["at"]),
                str(facts["public_key"]),
                str(facts["signature"]),
            )
            signature = bytes.fromhex(found.signature)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise MalformedCheckpoint(
                "This file is no checkpoint of an audit chain, or is damaged. Take another copy of it."
            ) from None
        if found.public != public:
            raise MalformedCheckpoint(
                "This checkpoint was signed with another key, so it is of another installation, or the key was "
                "replaced. Take one that this installation made."
            )
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
                signature, _content(found.head, found.at, found.public)
            )
        except InvalidSignature:
            raise MalformedCheckpoint(
                "This checkpoint was changed after it was signed. Take another copy of it."
            ) from None
        return found


def require_holds(session: Session, checkpoint: Checkpoint) -> None:
    """Raise `BrokenChain` unless the chain has the event that the checkpoint names, as it was then."""
    if audit.holds(session, checkpoint.head):
        return
    end, past, when = audit.head(session).sequence, checkpoint.head.sequence, _when(checkpoint)
    what = (
        f"The audit chain ends with event {end}, and had {past} on {when}: events were taken off its end, or the "
        "database was put back to an older state."
        if end < past
        else f"Audit event {past} is not what it was on {when}: the chain was made anew, or went on from an older "
        "backup."
    )
    raise BrokenChain(
        f"{what} Stop the service and compare with the newest backup; if you put an older one back on purpose, keep "
        "both, and move the service's own checkpoint file (audit/checkpoint.json in the state folder) away."
    )


def _when(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.at:%-d %B %Y at %H:%M} UTC"


def _facts(head: Head, at: datetime, public: str) -> dict[str, Any]:
    return {"form": FORM, "sequence": head.sequence, "hash": head.hash, "at": at.isoformat(), "public_key": public}


def _content(head: Head, at: datetime, public: str) -> bytes:
    return json.dumps(_facts(head, at, public), sort_keys=True, separators=(",", ":")).encode()


def read(path: Path, key: Key) -> Checkpoint:
    """The checkpoint in a file. Raises `MalformedCheckpoint`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MalformedCheckpoint(f"The checkpoint {path} cannot be read: {error.strerror}. Check the path.") from None
    return Checkpoint.from_json(content, key.public)


def export(session: Session, path: Path, key: Key) -> Checkpoint:
    """Verify the whole chain, and write a checkpoint of its end to a new file.

    Raises:
        BrokenChain: nothing is written.
        Conflict: there is a file already.
    """
    if path.exists():
        raise Conflict(f"There is a file {path} already, and a checkpoint is not written over. Name another file.")
    made = Checkpoint.signed(audit.verified(session), key, now())
    write_durably(path, made.to_json(), mode=0o600)
    return made


class Keeper:
    """Keeps the newest checkpoint in a file outside the database, and notices a chain that no longer holds it."""

    def __init__(self, path: Path, key: Key, seconds: float = SECONDS_BETWEEN) -> None:
        self._path, self._key, self._seconds = path, key, seconds
        self._next = 0.0

    def newest(self) -> Checkpoint | None:
        """The checkpoint that was kept last; None before the first. Raises `MalformedCheckpoint`."""
        return read(self._path, self._key) if self._path.exists() else None

    def keep(self, engine: Engine) -> None:
        """Look at the chain's end and keep a checkpoint of it, at most once in so many seconds.

        Raises:
            BrokenChain: the chain no longer has what the last checkpoint names. That one is kept.
            MalformedCheckpoint: the file is none of this installation's.
        """
        if time.monotonic() < self._next:
            return
        last = self.newest()
        with reading(engine) as session:
            if last is not None:
                require_holds(session, last)
            end = audit.head(session)
        if last is None or last.head != end:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(self._path, Checkpoint.signed(end, self._key, now()).to_json(), mode=0o600)
        self._next = time.monotonic() + self._seconds
