"""Requests to bring something in: asked for, scanned, decided, withdrawn (I8, I9, I13).

`why_not` is the one predicate behind every button and call: who may, and is it possible now. Every function works in
the caller's transaction, so that state and audit event commit together; `bring_in` makes transactions of its own.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from datasets.errors import DamagedFile, WrongState
from datasets.ingress.errors import NotTaken, NotYours, UnknownIngress
from datasets.ingress.limits import LIMITS, limit
from datasets.ingress.models import IngressFile, IngressRequest
from datasets.ingress.scan import RULES, File, examine, refusals
from datasets.ingress.states import IN_WORDS, MOVES, OWNERS, Action, IngressState, Mover
from governance import access, audit
from governance.database import now, transaction
from governance.people import Person
from governance.projects import find_project, is_member

SYSTEM = "saferoom"
LONGEST_REASON = 2_000
WAITING = frozenset(state for state, owner in OWNERS.items() if owner is not Mover.NOBODY)


class Contents(Protocol):
    """Where bytes lie by their SHA-256, immutable and durable when `put` returns."""

    def put(self, content: bytes) -> str:
        """Keep the bytes and return their digest."""

    def get(self, digest: str) -> bytes:
        """The bytes of that digest. Raises where they are missing or were changed."""


# ---------------------------------------------------------------------------------------------- who, and when


def why_not_read(session: Session, person: str, project: str, today: date) -> str | None:
    """Why this person sees nothing of what is brought into the project: only its people and data stewards do."""
    found = session.get(Person, person)
    if (reason := access.why_not_active(found, today)) is not None:
        return reason
    if is_member(session, person, project) or access.why_not_steward(found, today) is None:
        return None
    return "Only the people of the project and data stewards see what is brought into it."


def why_not_ask(session: Session, person: str, project: str, today: date) -> str | None:
    """Why this person cannot ask to bring something into the project today, or None."""
    if (reason := access.why_not_session(session, person, project, today)) is not None:
        return reason
    query = select(func.count()).select_from(IngressRequest)
    waiting = session.scalar(query.where(IngressRequest.project_id == project, IngressRequest.state.in_(WAITING))) or 0
    if waiting >= limit("waiting"):
        return (
            f"{waiting} requests of this project wait already, and at most {LIMITS['waiting'].words}. "
            "Withdraw one, or wait for the data steward."
        )
    return None


def why_not(session: Session, request: IngressRequest, person: str, action: Action, today: date) -> str | None:
    """Why this person cannot take this step now; None if she can."""
    return _why_no_right(session, request, person, action, today) or _why_not_now(session, request, action)


def _why_no_right(session: Session, request: IngressRequest, person: str, action: Action, today: date) -> str | None:
    match MOVES[action].mover:
        case Mover.AUTHOR:
            return None if person == request.author else "Only who asked for it can withdraw it."
        case Mover.STEWARD:
            return why_not_decide(session, request, person, today)
        case _:
            return None if person == SYSTEM else "Saferoom takes this step by itself."


def why_not_decide(session: Session, request: IngressRequest, person: str, today: date) -> str | None:
    """Why this person cannot decide on the request, whatever its state (I9)."""
    if (reason := access.why_not_steward(session.get(Person, person), today)) is not None:
        return reason
    if person == request.author or is_member(session, person, request.project_id):
        return "You belong to this project, so another data steward has to decide."
    return None


def _why_not_now(session: Session, request: IngressRequest, action: Action) -> str | None:
    if request.state not in MOVES[action].before:
        return f"The request is {IN_WORDS[request.state]}, so this is not possible now."
    if action in {Action.ACCEPT, Action.DELIVER}:
        return access.why_not_open(session, find_project(session, request.project_id))
    return None


def require(session: Session, request: IngressRequest, person: str, action: Action, today: date) -> None:
    """Raise the reason why not: `NotYours` for a missing right, `WrongState` for the wrong moment."""
    if (reason := _why_no_right(session, request, person, action, today)) is not None:
        raise NotYours(reason)
    if (reason := _why_not_now(session, request, action)) is not None:
        raise WrongState(reason)


# ---------------------------------------------------------------------------------------------- finding


def find_ingress(session: Session, request_id: str, reader: str, today: date) -> IngressRequest:
    """The request of that id. Raises `UnknownIngress`, and `NotYours` for who may not see it."""
    request = session.get(IngressRequest, request_id)
    if request is None:
        raise UnknownIngress("There is no request to bring something in at this address. Look for it in the list.")
    if (reason := why_not_read(session, reader, request.project_id, today)) is not None:
        raise NotYours(reason)
    return request


def requests_of(session: Session, projects: Sequence[str]) -> list[IngressRequest]:
    """What was asked for in these projects, newest first."""
    query = select(IngressRequest).where(IngressRequest.project_id.in_(projects))
    return list(session.scalars(query.order_by(IngressRequest.asked_at.desc(), IngressRequest.id)))


def requests_in(session: Session, states: frozenset[IngressState]) -> list[IngressRequest]:
    """What is in one of these states, longest there first."""
    query = select(IngressRequest).where(IngressRequest.state.in_(states))
    return list(session.scalars(query.order_by(IngressRequest.moved_at, IngressRequest.id)))


def read_file(contents: Contents, file: IngressFile) -> bytes:
    """The bytes that were asked for. Raises `DamagedFile` where they are not those."""
    content = contents.get(file.digest)
    if hashlib.sha256(content).hexdigest() != file.digest or len(content) != file.size:
        raise DamagedFile("A file of this request is not the one that was sent. Tell the operator; it is not used.")
    return content


# ---------------------------------------------------------------------------------------------- steps


def bring_in(
    engine: Engine, contents: Contents, *, author: str, project: str, purpose: str, files: Sequence[File], today: date
) -> str:
    """Ask, and scan at once; the id of the request. Content that is not taken is not kept, and the refusal is logged.

    Raises:
        NotYours: the person may not bring anything into this project now.
        NotTaken: the words or a file; the sentence tells of each.
    """
    with transaction(engine) as session:
        _require_may_ask(session, author, project, today)
    words = _require_purpose(purpose)
    if refused := refusals(files):
        with transaction(engine) as session:
            _log_refusal(session, author, project, files)
        raise NotTaken(*refused)
    digests = [contents.put(file.content) for file in files]
    with transaction(engine) as session:
        request_id = ask(
            session, author=author, project=project, purpose=words, files=files, digests=digests, today=today
        ).id
    with transaction(engine) as session:
        scan(session, contents, session.get_one(IngressRequest, request_id))
    return request_id


def _require_may_ask(session: Session, author: str, project: str, today: date) -> None:
    if (reason := why_not_ask(session, author, project, today)) is not None:
        raise NotYours(reason)


def _require_purpose(purpose: str) -> str:
    words = purpose.strip()
    if not words:
        raise NotTaken("Say what the files are, where they come from, and what for, so that a steward can decide.")
    if len(words) > limit("purpose"):
        raise NotTaken(f"Say it shorter: at most {LIMITS['purpose'].words} are taken.")
    return words


def _log_refusal(session: Session, author: str, project: str, files: Sequence[File]) -> None:
    """Names may be anything here, so that only digests and sizes are kept."""
    sent = [[hashlib.sha256(file.content).hexdigest(), len(file.content)] for file in files[: limit("files")]]
    audit.record(session, author, "ingress.refused", f"project:{project}", files=sent, sent=len(files), rules=RULES)


def ask(
    session: Session,
    *,
    author: str,
    project: str,
    purpose: str,
    files: Sequence[File],
    digests: Sequence[str],
    today: date,
) -> IngressRequest:
    """A new request for files whose bytes are in the store under `digests`. Raises `NotYours`."""
    _require_may_ask(session, author, project, today)
    at = now()
    request = IngressRequest(
        id=f"i-{secrets.token_hex(5)}",
        project_id=project,
        author=author,
        purpose=purpose,
        state=IngressState.ASKED,
        asked_at=at,
        moved_at=at,
        files=[
            IngressFile(position=n, name=file.name, digest=digest, size=len(file.content))
            for n, (file, digest) in enumerate(zip(files, digests, strict=True), start=1)
        ],
    )
    session.add(request)
    listed = [[each.name, each.digest, each.size] for each in request.files]
    audit.record(session, author, "ingress.asked", request.subject, project=project, files=listed)
    return request


def scan(session: Session, contents: Contents, request: IngressRequest) -> None:
    """Scan the stored bytes: on to the steward with the reports, or declined with the reasons. Raises `WrongState`."""
    require(session, request, SYSTEM, Action.SCAN, now().date())
    files = [File(each.name, read_file(contents, each)) for each in request.files]
    if refused := refusals(files):
        request.reason = " ".join(refused)
        move(session, request, Action.TURN_AWAY, actor=SYSTEM, rules=RULES)
        return
    for kept, file in zip(request.files, files, strict=True):
        kept.scan = examine(file).as_json()
    request.content_hash = content_hash(request)
    move(session, request, Action.SCAN, actor=SYSTEM, rules=RULES, content=request.content_hash)


def content_hash(request: IngressRequest) -> str:
    """SHA-256 over all that a steward decides on: project, author, words, names, digests and reports."""
    files = [[each.name, each.digest, each.size, each.scan] for each in request.files]
    content = [request.id, request.project_id, request.author, request.purpose, files]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def accept(
    session: Session,
    contents: Contents,
    request: IngressRequest,
    *,
    steward: str,
    seen: str,
    reason: str,
    today: date,
) -> None:
    """Let the files in, as the steward saw them.

    Raises:
        NotYours: the person may not.
        WrongState: it does not wait for her, or is not what she saw.
        NotTaken: no reason, or one that is too long.
        DamagedFile: a stored file is not the one that was sent (or what the store raises for it).
    """
    require(session, request, steward, Action.ACCEPT, today)
    for file in request.files:
        read_file(contents, file)
    if seen != request.content_hash or seen != content_hash(request):
        raise WrongState("The request is not what you saw. Load its page again, read it, then decide.")
    _decide(session, request, Action.ACCEPT, steward, _require_reason(reason), content=seen)


def decline(session: Session, request: IngressRequest, *, steward: str, reason: str, today: date) -> None:
    """Keep the files out. Raises `NotYours`, `WrongState`, `NotTaken`."""
    require(session, request, steward, Action.DECLINE, today)
    _decide(session, request, Action.DECLINE, steward, _require_reason(reason))


def _require_reason(reason: str) -> str:
    if not reason.strip():
        raise NotTaken("Say why, so that the researcher can act on it and others can follow the decision.")
    if len(reason.strip()) > LONGEST_REASON:
        raise NotTaken(f"Say it shorter: a reason has at most {LONGEST_REASON:,} characters.")
    return reason.strip()


def _decide(
    session: Session, request: IngressRequest, action: Action, steward: str, reason: str, **detail: Any
) -> None:
    request.decided_by, request.reason = steward, reason
    digest = hashlib.sha256(reason.encode()).hexdigest()
    move(session, request, action, actor=steward, reason=digest, **detail)


def withdraw(session: Session, request: IngressRequest, *, author: str, today: date) -> None:
    """Take the request back. Raises `NotYours`, `WrongState`."""
    require(session, request, author, Action.WITHDRAW, today)
    move(session, request, Action.WITHDRAW, actor=author)


def move(session: Session, request: IngressRequest, action: Action, *, actor: str, **detail: Any) -> None:
    """One step of the table, with its audit event. Raises `WrongState`."""
    if request.state not in MOVES[action].before:
        raise WrongState(f"The request is {IN_WORDS[request.state]}, so this is not possible now.")
    before, request.state, request.moved_at = request.state, MOVES[action].after, now()
    audit.record(session, actor, f"ingress.{request.state.value}", request.subject, before=before.value, **detail)
