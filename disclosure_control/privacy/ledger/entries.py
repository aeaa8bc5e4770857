"""The chain of entries: what happened to budgets and charges, each entry bound to the one before by its hash.

With a key, the hash is an HMAC-SHA-256, which nobody can make who can write to the database and does not have the key;
without one it is SHA-256, which shows damage and careless hands, and no more. A result is not kept in the chain: the
entry of its commit holds its SHA-256, so the chain seals it to its charge, its price and its request.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Connection, select

from disclosure_control.errors import BrokenLedger, LedgerError
from disclosure_control.privacy.ledger import statements
from disclosure_control.privacy.ledger.schema import entry

GENESIS = "0" * 64
SHORTEST_KEY = 32


@dataclass(frozen=True)
class Seal:
    """How entries are hashed: with the caller's key (32 bytes or more), or with none."""

    key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.key is not None and not _is_key(self.key):
            raise LedgerError(f"The key of a ledger is {SHORTEST_KEY} random bytes or more.")

    @property
    def name(self) -> str:
        """The method, and for a key its fingerprint. Kept in the database, so that another key is noticed."""
        if self.key is None:
            return "sha256"
        return "hmac-sha256:" + hmac.new(self.key, b"a saferoom ledger's key", hashlib.sha256).hexdigest()[:16]

    def over(self, content: bytes) -> str:
        if self.key is None:
            return hashlib.sha256(content).hexdigest()
        return hmac.new(self.key, content, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Head:
    """The end of the chain. Kept elsewhere, it shows later whether the ledger was put back to an older state."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class Entry:
    """One thing that happened: to a scope (`grant`, `exact`) or to a charge (named as its new state)."""

    sequence: int
    at: str
    kind: str
    subject: str
    detail: dict[str, Any]
    previous: str
    hash: str

    @classmethod
    def of(cls, row: Sequence[Any], seal: Seal) -> Self:
        """The entry in a row of `ledger_entry`. Raises `BrokenLedger` when its hash is not its own."""
        *content, own = row
        if not hmac.compare_digest(own, _hash(seal, *content)):
            raise broken(f"entry {row[0]} was changed after it was written")
        sequence, at, kind, subject, detail, previous = content
        return cls(sequence, at, kind, subject, json.loads(detail), previous, own)


def append(connection: Connection, seal: Seal, kind: str, subject: str, detail: dict[str, Any], at: str = "") -> Entry:
    """Add an entry, in the transaction that changes what it tells of. `at`: when, if not now."""
    last = head(connection)
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    content = (last.sequence + 1, at or now(), kind, subject, text, last.hash)
    own = _hash(seal, *content)
    names = ("sequence", "at", "kind", "subject", "detail", "previous")
    statements.run(connection, statements.ADD_ENTRY, **dict(zip(names, content, strict=True)), hash=own)
    return Entry(content[0], content[1], kind, subject, detail, last.hash, own)


def head(connection: Connection) -> Head:
    """The last entry's place and hash; of an empty chain, 0 and zeros."""
    last = statements.one(connection, statements.HEAD)
    return Head(*last) if last is not None else Head(0, GENESIS)


def find(connection: Connection, seal: Seal, kind: str, subject: str) -> list[Entry]:
    """The entries of one kind about one subject, oldest first. Raises `BrokenLedger`."""
    rows = statements.run(connection, statements.ENTRIES, subject=subject, kind=kind).fetchall()
    return [Entry.of(row, seal) for row in rows]


def walk(connection: Connection, seal: Seal) -> Iterator[Entry]:
    """Every entry from the first on. Raises `BrokenLedger` at the first that does not follow the one before."""
    before = Head(0, GENESIS)
    query = select(entry).order_by(entry.c.sequence).execution_options(yield_per=1000)
    for row in connection.execute(query):
        each = Entry.of(row, seal)
        if (each.sequence, each.previous) != (before.sequence + 1, before.hash):
            raise broken(f"entry {before.sequence + 1} is missing or was replaced")
        before = Head(each.sequence, each.hash)
        yield each


def digest_of(result: Any) -> str:
    """The SHA-256 that a commit's entry holds of its result; what is not bytes was not committed by a ledger."""
    return hashlib.sha256(result).hexdigest() if isinstance(result, bytes) else "not bytes"


def now() -> str:
    return datetime.now(UTC).isoformat()


def broken(what: str) -> BrokenLedger:
    return BrokenLedger(
        f"The ledger was edited: {what}. Nothing is charged or released from it. "
        "Stop the service and compare with a backup."
    )


def _is_key(key: Any) -> bool:
    return isinstance(key, bytes) and len(key) >= SHORTEST_KEY


def _hash(seal: Seal, *content: Any) -> str:
    return seal.over(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())
