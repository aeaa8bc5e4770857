"""What researchers bring in: asked for, read and decided on; each change names the version that it is about."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from flask import url_for
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from datasets.errors import DamagedFile, WrongState
from datasets.ingress import delivery, requests
from datasets.ingress.errors import UnknownIngress
from datasets.ingress.limits import limit
from datasets.ingress.models import IngressFile, IngressRequest
from datasets.ingress.scan import File
from datasets.ingress.states import OWNERS, IngressState, Mover
from governance.database import reading, transaction
from governance.projects import projects_of
from safe_outputs.web.access import Audience, reader
from safe_outputs.web.api import etags
from safe_outputs.web.api.shapes import DIGITS, Answer, Base64, Body, Paged, Query
from safe_outputs.web.api.statement import Reply, api, endpoint
from safe_outputs.web.ingress_view import PAGE_LINES, View, file_view, line_of, view_of
from safe_outputs.web.seen import seen_incoming
from safe_outputs.web.service import service, today

V = TypeVar("V", bound=Callable[..., Reply])

blueprint = api("incoming")

LARGEST_POSITION = 10_000
Words = Annotated[str, StringConstraints(min_length=1, max_length=requests.LONGEST_REASON)]
PARTS: dict[str, frozenset[IngressState]] = {
    "waiting": frozenset({IngressState.SCANNED}),
    "saferoom": frozenset(state for state, owner in OWNERS.items() if owner is Mover.SYSTEM),
    "done": frozenset(state for state, owner in OWNERS.items() if owner is Mover.NOBODY),
}


class IncomingLine(Answer):
    """One request in a list: its files by name, and whose move it is, in words."""

    id: str
    files: list[str]
    project: str
    author: str
    state: IngressState
    move: str
    since: datetime
    findings: int


class Incoming(Answer):
    total: int
    page: int
    limit: int
    requests: list[IncomingLine]


class MayAsk(Answer):
    """A project of yours, and why you cannot bring anything into it now, or null."""

    project: str
    why_not: str | None


class OwnIncoming(Incoming):
    projects: list[MayAsk]


class FoundInFile(Answer):
    """What the scan found, how often, and in which lines."""

    what: str
    times: int
    lines: list[int]
    where: str


class Scan(Answer):
    kind: str
    lines: int
    rows: int | None
    findings: list[FoundInFile]


class Excerpt(Answer):
    """Some lines of a file as inert text, numbered; characters that would not show are written out."""

    text: str
    first: int
    last: int
    total: int
    cut: int
    hidden: int


class IncomingFile(Answer):
    """A file that somebody brings in; `problem`: why it cannot be shown."""

    position: int
    name: str
    size: int
    digest: str
    report: Scan | None
    excerpt: Excerpt | None
    problem: str


class OneIncoming(Answer):
    """What somebody brings in, for one reader; `cannot` has for each step why she cannot take it, or null."""

    id: str
    project: str
    project_purpose: str
    author: str
    author_name: str
    purpose: str
    state: IngressState
    move: str
    since: datetime
    content_hash: str | None
    decided_by: str | None
    reason: str | None
    files: list[IncomingFile]
    cannot: dict[str, str | None]
    can_resume: bool


class Desk(Paged):
    part: Annotated[Literal["waiting", "saferoom", "done"], Field(description="which part of the desk")] = "waiting"


class From(Query):
    first: Annotated[int, Field(ge=1, lt=2**31, description="the first line that is wanted"), DIGITS] = 1


class Sent(Body):
    """A file to bring in: its name, and its bytes in base64."""

    name: Annotated[str, StringConstraints(max_length=1000)]
    content: Base64


class BringIn(Body):
    """Files to bring into a project, and what they are, where they come from and what for."""

    project: str
    purpose: Annotated[str, StringConstraints(min_length=1, max_length=limit("purpose"))]
    files: Annotated[list[Sent], Field(min_length=1, max_length=limit("files"))]


class Acceptance(Body):
    """What was read is accepted: `content_hash` is that of what was shown."""

    content_hash: str
    reason: Words


class Declined(Body):
    reason: Words


@endpoint(blueprint, "GET", "/incoming", "researcher", "What your projects bring in.", query=Paged, answer=OwnIncoming)
def mine(query: Paged) -> OwnIncoming:
    with reading(service().engine) as database:
        projects = [each.id for each in projects_of(database, reader().name)]
        found = _page(database, requests.requests_of(database, projects), query)
        asks = [
            MayAsk(project=each, why_not=requests.why_not_ask(database, reader().name, each, today()))
            for each in projects
        ]
    return OwnIncoming(**dict(found), projects=asks)


@endpoint(
    blueprint,
    "GET",
    "/incoming/queue",
    "data_steward",
    "Your desk: one part of it, a page at a time.",
    query=Desk,
    answer=Incoming,
)
def desk(query: Desk) -> Incoming:
    with reading(service().engine) as database:
        found = requests.requests_in(database, PARTS[query.part])
        return _page(database, found[::-1] if query.part == "done" else found, query)


@endpoint(
    blueprint,
    "POST",
    "/incoming",
    "researcher",
    "Ask to bring files in.",
    body=BringIn,
    answer=OneIncoming,
    status=201,
    etag=True,
    refuses=(DamagedFile,),
)
def ask(body: BringIn) -> Reply:
    request_id = requests.bring_in(
        service().engine,
        service().store,
        author=reader().name,
        project=body.project,
        purpose=body.purpose,
        files=[File(each.name, each.content) for each in body.files],
        today=today(),
    )
    reply = _shown(request_id)
    return Reply(reply.answer, reply.before, location=url_for("api_incoming.one", ingress_id=request_id))


@endpoint(
    blueprint,
    "GET",
    "/incoming/<ingress_id>",
    "signed_in",
    "What somebody brings in, with the beginning of each file.",
    answer=OneIncoming,
    etag=True,
)
def one(ingress_id: str) -> Reply:
    return _shown(ingress_id)


@endpoint(
    blueprint,
    "GET",
    f"/incoming/<ingress_id>/files/<int(max={LARGEST_POSITION}):position>",
    "signed_in",
    f"{PAGE_LINES} lines of one file as inert text.",
    query=From,
    answer=IncomingFile,
)
def file(ingress_id: str, position: int, query: From) -> Reply:
    with reading(service().engine) as database:
        found = database.get(IngressFile, (_found(database, ingress_id).id, position))
        if found is None:
            raise UnknownIngress("This request has no such file. Its answer lists those that it has.")
        shown = file_view(service().store, found, query.first, PAGE_LINES, None)
    return Reply(IncomingFile.model_validate(shown), before=lambda: seen_incoming(ingress_id, reader().name, position))


def change(path: str, access: Audience, summary: str, **facts: Any) -> Callable[[V], V]:
    """A change of what somebody brings in: with the version that it is about, answered with what it is then."""
    stated = {"answer": OneIncoming, "etag": True, "if_match": True, "refuses": (WrongState,), **facts}
    return endpoint(blueprint, "POST", f"/incoming/<ingress_id>/{path}", access, summary, **stated)


@change("withdraw", "researcher", "Take back what you asked to bring in.")
def withdraw(ingress_id: str) -> Reply:
    with _changing(ingress_id) as (database, found):
        requests.withdraw(database, found, author=reader().name, today=today())
    return _shown(ingress_id)


@change("accept", "data_steward", "Accept what you have read; it is delivered at once.", body=Acceptance)
def accept(ingress_id: str, body: Acceptance) -> Reply:
    with _changing(ingress_id) as (database, found):
        requests.accept(
            database,
            service().store,
            found,
            steward=reader().name,
            seen=body.content_hash,
            reason=body.reason,
            today=today(),
        )
    return _resumed(ingress_id)


@change("decline", "data_steward", "Decline what somebody asks to bring in.", body=Declined)
def decline(ingress_id: str, body: Declined) -> Reply:
    with _changing(ingress_id) as (database, found):
        requests.decline(database, found, steward=reader().name, reason=body.reason, today=today())
    return _shown(ingress_id)


@change("resume", "data_steward", "Let Saferoom try again what it has to do itself.")
def resume(ingress_id: str) -> Reply:
    with reading(service().engine) as database:
        etags.require_match(_answer(_view(database, ingress_id)))
    return _resumed(ingress_id)


def _resumed(ingress_id: str) -> Reply:
    delivery.resume(service().engine, service().store, service().settings.incoming, ingress_id)
    return _shown(ingress_id)


@contextmanager
def _changing(ingress_id: str) -> Iterator[tuple[Session, IngressRequest]]:
    with transaction(service().engine) as database:
        etags.require_match(_answer(_view(database, ingress_id)))
        yield database, _found(database, ingress_id)


def _shown(ingress_id: str) -> Reply:
    with reading(service().engine) as database:
        answer = _answer(_view(database, ingress_id))
    return Reply(answer, before=lambda: seen_incoming(ingress_id, reader().name))


def _found(database: Session, ingress_id: str) -> IngressRequest:
    return requests.find_ingress(database, ingress_id, reader().name, today())


def _view(database: Session, ingress_id: str) -> View:
    return view_of(database, service().store, _found(database, ingress_id), reader(), today())


def _answer(view: View) -> OneIncoming:
    line, asked = view.line, view.request
    return OneIncoming(
        id=line.id,
        project=line.project,
        project_purpose=view.project_purpose,
        author=asked.author,
        author_name=view.author_name,
        purpose=asked.purpose,
        state=line.state,
        move=line.move,
        since=line.since,
        content_hash=asked.content_hash,
        decided_by=asked.decided_by,
        reason=asked.reason,
        files=[IncomingFile.model_validate(each) for each in view.files],
        cannot=dict(view.reasons),
        can_resume=view.can_resume,
    )


def _page(database: Session, found: list[IngressRequest], wanted: Paged) -> Incoming:
    lines = [line_of(database, each, reader(), today()) for each in found[wanted.places]]
    return Incoming(
        total=len(found),
        page=wanted.page,
        limit=wanted.limit,
        requests=[IncomingLine.model_validate(each) for each in lines],
    )
