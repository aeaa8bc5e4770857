"""Packages that researchers ask for. The operator owns the locked environment; nothing is installed from here.

    asked --accept--> accepted --mark_installed--> installed
      |------decline-----> declined <------|

A package counts as installed once the lock of the researchers' environment names it, in the versions that were asked
for, with hashes; `why_not_installed` reads that from the lock and takes nobody's word.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Enum, ForeignKey, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance import access, audit
from governance.database import Base, UtcDateTime, now
from governance.errors import Conflict, Invalid, NotFound, Refused
from governance.people import Person, Role
from governance.version_ranges import VersionRange

LONGEST_TEXT = 2_000
MOST_WAITING = 20
"""Of one person: a list that nobody can read through is decided by nobody."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_LOCKED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!+]+)(?: *;.*)?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class PackageState(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    INSTALLED = "installed"
    DECLINED = "declined"


class Action(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    MARK_INSTALLED = "mark_installed"


@dataclass(frozen=True)
class Move:
    """A step of the operator's from one of some states to another."""

    before: frozenset[PackageState]
    after: PackageState


S = PackageState
MOVES: dict[Action, Move] = {
    Action.ACCEPT: Move(frozenset({S.ASKED}), S.ACCEPTED),
    Action.DECLINE: Move(frozenset({S.ASKED, S.ACCEPTED}), S.DECLINED),
    Action.MARK_INSTALLED: Move(frozenset({S.ACCEPTED}), S.INSTALLED),
}

IN_WORDS: dict[PackageState, str] = {
    S.ASKED: "waiting for the operator",
    S.ACCEPTED: "accepted, and not in the environment yet",
    S.INSTALLED: "in the environment",
    S.DECLINED: "declined",
}


class PackageRequest(Base):
    """A package that a researcher asks for: `versions` is a range, `installed` the version that the lock names."""

    __tablename__ = "package_request"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    author: Mapped[str] = mapped_column(ForeignKey("person.name"))
    package: Mapped[str] = mapped_column(Text)
    versions: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    state: Mapped[PackageState] = mapped_column(
        Enum(
            PackageState, native_enum=False, length=32, values_callable=lambda states: [each.value for each in states]
        ),
        index=True,
    )
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    installed: Mapped[str | None] = mapped_column(Text)

    @property
    def subject(self) -> str:
        """What audit events name."""
        return f"package:{self.id}"


# ---------------------------------------------------------------------------------------------- the lock


@dataclass(frozen=True)
class Locked:
    """A package in the lock: its version, and how many hashes of its files stand beside it."""

    name: str
    version: str
    hashes: int


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> Mapping[str, Locked]:
    """The packages of a lock by their normal names. The lock has the form of pip's requirements with hashes.

    Raises:
        Invalid: a line is none that a lock has, so that nothing is said about what is installed.
    """
    found: dict[str, Locked] = {}
    for line in text.replace("\\\n", " ").splitlines():
        entry = line.partition(" #")[0].strip()
        if not entry or entry.startswith("#"):
            continue
        locked = _read_entry(entry)
        found[normal(locked.name)] = locked
    return found


def _read_entry(entry: str) -> Locked:
    head, *hashes = re.split(r"\s+(?=--)", entry)
    match = _LOCKED.fullmatch(head.strip())
    if match is None or not all(_HASH.fullmatch(each.strip()) for each in hashes):
        raise Invalid(
            "The lock of the researchers' environment has a line that is none of a lock. Make it anew with `make lock`."
        )
    return Locked(match.group(1), match.group(2), len(hashes))


# ---------------------------------------------------------------------------------------------- who, and when


def why_not_ask(session: Session, person: str, today: date) -> str | None:
    """Why this person cannot ask for a package today, or None."""
    found = session.get(Person, person)
    if (reason := access.why_not_active(found, today)) is not None:
        return reason
    if found is None or found.role is not Role.RESEARCHER:
        return "Only researchers ask for packages. Your role is another one."
    query = select(func.count()).select_from(PackageRequest)
    waiting = session.scalar(query.where(PackageRequest.author == person, PackageRequest.state == S.ASKED)) or 0
    if waiting >= MOST_WAITING:
        return f"{waiting} of your requests wait already, which is the most. Wait until the operator has decided."
    return None


def why_not(
    session: Session, request: PackageRequest, person: str, action: Action, lock: Mapping[str, Locked], today: date
) -> str | None:
    """Why this person cannot take this step now; None if she can."""
    return _why_no_right(session, request, person, today) or _why_not_now(request, action, lock)


def _why_no_right(session: Session, request: PackageRequest, person: str, today: date) -> str | None:
    if (reason := access.why_not_operate(session.get(Person, person), today)) is not None:
        return reason
    return "Another operator has to decide on what you asked for." if person == request.author else None


def _why_not_now(request: PackageRequest, action: Action, lock: Mapping[str, Locked]) -> str | None:
    if request.state not in MOVES[action].before:
        return f"The request is {IN_WORDS[request.state]}, so this is not possible now."
    return why_not_installed(request, lock) if action is Action.MARK_INSTALLED else None


def why_not_installed(request: PackageRequest, lock: Mapping[str, Locked]) -> str | None:
    """Why the lock does not show that what was asked for is in the environment, or None."""
    locked = lock.get(normal(request.package))
    if locked is None:
        return (
            f"The lock of the researchers' environment does not name {request.package}. Add it to "
            "requirements/session.in, then run `make lock` and `make setup`."
        )
    if not locked.hashes:
        return f"The lock names {locked.name} without a hash, so nobody knows which file it is. Run `make lock`."
    if not VersionRange.read(request.versions).holds(locked.version):
        return (
            f"The lock has {locked.name} {locked.version}, and “{request.versions}” was asked for. Change "
            "requirements/session.in, or decline and say which version there is."
        )
    return None


# ---------------------------------------------------------------------------------------------- steps


def find_request(session: Session, request_id: str) -> PackageRequest:
    """The request of that id. Raises `NotFound`."""
    request = session.get(PackageRequest, request_id)
    if request is None:
        raise NotFound("There is no request for a package at this address. Look for it in the list.")
    return request


def all_requests(session: Session) -> list[PackageRequest]:
    """Every request, newest first."""
    return list(session.scalars(select(PackageRequest).order_by(PackageRequest.asked_at.desc(), PackageRequest.id)))


def ask(session: Session, *, author: str, package: str, versions: str, purpose: str, today: date) -> PackageRequest:
    """Ask for a package.

    Raises:
        Refused: the person may not.
        Invalid: no name of a package, no range of versions, or no reason.
    """
    if (reason := why_not_ask(session, author, today)) is not None:
        raise Refused(reason)
    if not _NAME.fullmatch(package.strip()):
        raise Invalid("This is no name of a package. Write it as the package index has it, like “scikit-learn”.")
    at = now()
    request = PackageRequest(
        id=f"p-{secrets.token_hex(5)}",
        author=author,
        package=package.strip(),
        versions=VersionRange.read(versions).text,
        purpose=_require_text(purpose, "what you need the package for"),
        state=PackageState.ASKED,
        asked_at=at,
        moved_at=at,
    )
    session.add(request)
    audit.record(session, author, "package.asked", request.subject, package=request.package, versions=request.versions)
    return request


def decide(
    session: Session,
    request: PackageRequest,
    action: Action,
    *,
    operator: str,
    reason: str,
    lock: Mapping[str, Locked],
    today: date,
) -> None:
    """The operator's step. To accept or decline needs a reason; to mark as installed needs the lock alone.

    Raises:
        Refused: the person may not.
        Conflict: not in this state, or the lock does not show it.
        Invalid: no reason was given.
    """
    if (why := _why_no_right(session, request, operator, today)) is not None:
        raise Refused(why)
    if (why := _why_not_now(request, action, lock)) is not None:
        raise Conflict(why)
    if action is Action.MARK_INSTALLED:
        locked = lock[normal(request.package)]
        request.installed = locked.version
        _move(session, request, action, operator, version=locked.version)
        return
    request.decided_by, request.reason = operator, _require_text(reason, "why")
    _move(session, request, action, operator, reason=hashlib.sha256(request.reason.encode()).hexdigest())


def _move(session: Session, request: PackageRequest, action: Action, actor: str, **detail: Any) -> None:
    before, request.state, request.moved_at = request.state, MOVES[action].after, now()
    audit.record(session, actor, f"package.{request.state.value}", request.subject, before=before.value, **detail)


def _require_text(text: str, what: str) -> str:
    if not text.strip():
        raise Invalid(f"Say {what}, so that others can follow it.")
    if len(text.strip()) > LONGEST_TEXT:
        raise Invalid(f"Say it shorter: at most {LONGEST_TEXT:,} characters are kept.")
    return text.strip()
