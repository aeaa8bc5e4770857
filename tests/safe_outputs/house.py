"""A house: a real database and store, with people and projects, and one-line steps in transactions of their own."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from governance import audit
from governance.database import Base, transaction
from safe_outputs import requests, reviewing
from safe_outputs.checker.worker import release_next
from safe_outputs.contents.request_details import RequestDetails
from safe_outputs.models import ReleaseRequest
from safe_outputs.return_categories import Category
from safe_outputs.statistics import Crosstab, Private
from safe_outputs.store import Store
from safe_outputs.transitions import Vote
from tests.registers import new_register
from tests.safe_outputs.factories import (
    CODE,
    CROSSTAB,
    RELEASE_KEY,
    TODAY,
    a_project,
    a_statistic,
    an_answer,
    people,
)


@dataclass(frozen=True)
class House:
    """rosa works in heron, rui in wren; cleo, carl and cora check."""

    engine: Engine
    store: Store
    folder: Path

    def do(self, step: Callable[[Session], Any]) -> Any:
        """Run a step in a transaction of its own."""
        if self.folder in WATCHED:
            return self._watched(step)
        with transaction(self.engine) as session:
            return step(session)

    def _watched(self, step: Callable[[Session], Any]) -> Any:
        with transaction(self.engine) as session:
            before = audit.head(session)
            found = step(session)
            if session.in_transaction():  # it may have been taken back
                UNTOLD[0] += audit.head(session) == before
            return found


WATCHED: set[Path] = set()
"""The folders of houses of which it is noted when a test writes to the register past the audit chain."""

UNTOLD = [0]
"""How often a test wrote so, or may have, which the service never does."""


def a_house(engine: Engine, folder: Path) -> House:
    """Furnished by the service's own steps; in an empty SQLite file, with what they left in the first one."""
    if engine.dialect.name != "sqlite" or not _furnished_alike(engine):
        _furnish(engine)
    return House(engine, Store(folder / "store"), folder)


def _furnish(engine: Engine) -> None:
    with transaction(engine) as session:
        people(session)
        a_project(session, "heron", members=["rosa"])
        a_project(session, "wren", members=["rui"])


def _furnished_alike(engine: Engine) -> bool:
    with closing(sqlite3.connect(str(engine.url.database))) as here:
        here.execute("PRAGMA synchronous=OFF")
        empty: bool = here.execute("SELECT COUNT(*) = 0 FROM audit_event").fetchone()[0]
        if empty:
            _furnished(frozenset(Base.metadata.tables)).backup(here)
        return empty


@cache
def _furnished(_tables: frozenset[str]) -> sqlite3.Connection:
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    with TemporaryDirectory() as folder:
        engine = new_register(Path(folder))
        _furnish(engine)
        engine.dispose()
        with closing(sqlite3.connect(str(engine.url.database))) as there:
            there.backup(kept)
    return kept


def the_request(session: Session, request_id: str) -> ReleaseRequest:
    return requests.find_request(session, request_id)


def an_answered_statistic(
    house: House,
    plan: Crosstab | Private = CROSSTAB,
    *,
    author: str = "rosa",
    project: str = "heron",
    code: str = CODE,
    **answer: Any,
) -> str:
    """The id of a statistic that was asked, taken and answered."""
    made = an_answer(house.store, plan, **answer)

    def step(session: Session) -> str:
        statistic = a_statistic(session, house.store, author=author, project_id=project, code=code, answer=made)
        return statistic.id

    return str(house.do(step))


def details(statistics: list[str], **changes: Any) -> RequestDetails:
    facts = {"title": "Another title", "purpose": "Another purpose", "audience": "publication"}
    return RequestDetails.model_validate({**facts, "statistics": statistics, **changes})


def a_draft(house: House, statistics: list[str] | None = None, **changes: Any) -> str:
    """The id of rosa's draft."""
    found = [an_answered_statistic(house)] if statistics is None else statistics

    def step(session: Session) -> str:
        chosen = details(found, **changes)
        return requests.draft(session, author="rosa", project_id="heron", details=chosen, today=TODAY).id

    return str(house.do(step))


def submit(house: House, request_id: str) -> None:
    house.do(
        lambda session: requests.submit(
            session, house.store, the_request(session, request_id), author="rosa", today=TODAY
        )
    )


def a_submitted_request(house: House, statistics: list[str] | None = None, **changes: Any) -> str:
    """The id of rosa's request, submitted."""
    request_id = a_draft(house, statistics, **changes)
    submit(house, request_id)
    return request_id


def cast_vote(
    house: House,
    request_id: str,
    checker: str,
    vote: Vote = Vote.APPROVE,
    comment: str = "",
    seen: str | None = None,
    category: Category | None = Category.OTHER,
) -> None:
    """A checker's vote on what the request holds now, or on the hash `seen`."""

    def step(session: Session) -> None:
        request = the_request(session, request_id)
        hash_seen = (request.content_hash or "") if seen is None else seen
        reviewing.vote(
            session,
            house.store,
            request,
            checker=checker,
            vote=vote,
            comment=comment,
            seen=hash_seen,
            today=TODAY,
            category=None if vote is Vote.APPROVE else category,
        )

    house.do(step)


def release_next_of(house: House) -> bool:
    """Let the checker release what is approved; False when nothing is."""
    return release_next(house.engine, house.store, house.folder / "releases", {}, lambda: RELEASE_KEY)


def an_approved_request(house: House, statistics: list[str] | None = None) -> str:
    """The id of a request that two checkers approved."""
    request_id = a_submitted_request(house, statistics)
    for checker in ("cleo", "carl"):
        cast_vote(house, request_id, checker)
    return request_id
