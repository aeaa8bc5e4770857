"""The researchers' environment as its lock has it, and what they ask to have in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal

from flask import url_for
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from governance import packages as registered
from governance.database import reading, transaction
from governance.errors import Conflict, SaferoomError
from governance.packages import Action, PackageRequest, PackageState
from safe_outputs.web.access import reader
from safe_outputs.web.api import etags
from safe_outputs.web.api.shapes import Answer, Body, Paged
from safe_outputs.web.api.statement import Reply, api, endpoint
from safe_outputs.web.packages import read_lock
from safe_outputs.web.service import service, today

blueprint = api("packages")

Words = Annotated[str, StringConstraints(max_length=registered.LONGEST_TEXT)]


class LockedPackage(Answer):
    name: str
    version: str
    hashes: int


class OnePackageRequest(Answer):
    """A package that somebody asked for; `cannot` has for each step why the reader cannot take it, or null."""

    id: str
    author: str
    package: str
    versions: str
    purpose: str
    state: PackageState
    asked_at: datetime
    moved_at: datetime
    decided_by: str | None
    reason: str | None
    installed: str | None
    cannot: dict[str, str | None]


class Packages(Answer):
    """What is in the environment, or why nobody can say (`lock_problem`), and what was asked for, newest first."""

    lock: list[LockedPackage]
    lock_problem: str | None
    why_not_ask: str | None
    total: int
    page: int
    limit: int
    requests: list[OnePackageRequest]


class PackageWanted(Body):
    """A package as the index names it, a range of versions like `>=1.7,<2`, and what for."""

    package: Annotated[str, StringConstraints(max_length=200)]
    versions: Annotated[str, StringConstraints(max_length=200)]
    purpose: Words


class PackageStep(Body):
    """The operator's step. To accept or decline needs a reason; to mark as installed needs the lock alone."""

    step: Literal["accept", "decline", "mark_installed"]
    reason: Words = ""


@endpoint(
    blueprint, "GET", "/packages", "signed_in", "The environment and what was asked for.", query=Paged, answer=Packages
)
def listed(query: Paged) -> Packages:
    lock, problem = _lock()
    with reading(service().engine) as database:
        found = registered.all_requests(database)
        return Packages(
            lock=[LockedPackage.model_validate(lock[name]) for name in sorted(lock)],
            lock_problem=problem,
            why_not_ask=registered.why_not_ask(database, reader().name, today()),
            total=len(found),
            page=query.page,
            limit=query.limit,
            requests=[_answer(database, each) for each in found[query.places]],
        )


@endpoint(
    blueprint,
    "POST",
    "/packages",
    "researcher",
    "Ask for a package.",
    body=PackageWanted,
    answer=OnePackageRequest,
    status=201,
    etag=True,
)
def ask(body: PackageWanted) -> Reply:
    with transaction(service().engine) as database:
        found = registered.ask(
            database,
            author=reader().name,
            package=body.package,
            versions=body.versions,
            purpose=body.purpose,
            today=today(),
        )
        database.flush()
        answer = _answer(database, found)
    return Reply(answer, location=url_for("api_packages.one", package_request_id=answer.id))


@endpoint(
    blueprint,
    "GET",
    "/packages/<package_request_id>",
    "signed_in",
    "A package that somebody asked for.",
    answer=OnePackageRequest,
    etag=True,
)
def one(package_request_id: str) -> OnePackageRequest:
    with reading(service().engine) as database:
        return _answer(database, registered.find_request(database, package_request_id))


@endpoint(
    blueprint,
    "POST",
    "/packages/<package_request_id>/steps",
    "operator",
    "Accept, decline, or mark as installed.",
    body=PackageStep,
    answer=OnePackageRequest,
    etag=True,
    if_match=True,
    refuses=(Conflict,),
)
def decide(package_request_id: str, body: PackageStep) -> OnePackageRequest:
    with _changing(package_request_id) as (database, found):
        registered.decide(
            database,
            found,
            Action(body.step),
            operator=reader().name,
            reason=body.reason,
            lock=read_lock(),
            today=today(),
        )
        database.flush()
        return _answer(database, found)


@contextmanager
def _changing(package_request_id: str) -> Iterator[tuple[Session, PackageRequest]]:
    with transaction(service().engine) as database:
        found = registered.find_request(database, package_request_id)
        etags.require_match(_answer(database, found))
        yield database, found


def _answer(database: Session, found: PackageRequest) -> OnePackageRequest:
    lock, _ = _lock()
    cannot = {each.value: registered.why_not(database, found, reader().name, each, lock, today()) for each in Action}
    facts = {name: getattr(found, name) for name in OnePackageRequest.model_fields if name != "cannot"}
    return OnePackageRequest(**facts, cannot=cannot)


def _lock() -> tuple[dict[str, registered.Locked], str | None]:
    try:
        return dict(read_lock()), None
    except SaferoomError as error:
        return {}, error.sentence
