"""A register in the middle of its life: so many requests in all states, their statistics, votes, releases and events.

Everything is as the service leaves it: answers lie in the store by hash, content hashes are those that votes bind to,
and the audit chain verifies. Rows are written in bulk, since ten thousand reviews through the forms take hours.
"""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from datasets.catalogue import Catalogue
from datasets.versions import DatasetVersion, VersionState
from governance import audit
from governance.agreements import agree
from governance.audit import GENESIS, AuditEvent, event_hash
from governance.database import now, open_database, transaction
from governance.people import Person, Role
from governance.projects import ProjectState, PurposeClass, add_member, create_project, move
from hub_config.migrations import migrate
from safe_outputs.answers import VERDICT_ORDER, Answer, Source, Verdict
from safe_outputs.assignment.assigning import SAFEROOM, TURN_OVER
from safe_outputs.assignment.models import Assignment
from safe_outputs.contents.content import content_hash
from safe_outputs.lists.kept import keep
from safe_outputs.models import (
    CheckerVote,
    Release,
    ReleasedTable,
    ReleaseRequest,
    Remark,
    RequestGroup,
    RequestItem,
    Statistic,
)
from safe_outputs.statistics import Condition, Crosstab, Measure, canonical, plan_to_json
from safe_outputs.store import Store, digest_of
from safe_outputs.transitions import Owner, RemarkKind, RequestState, StatisticState, Vote
from tests.governance.people_factory import FAR
from tests.safe_outputs import factories

CHECKERS = tuple(f"checker-{number}" for number in range(1, 25))
RESEARCHERS = tuple(f"researcher-{number}" for number in range(1, 41))
PROJECTS = tuple(f"project-{number}" for number in range(1, 21))
DATASETS = ("insurance", "visits", "episodes", "prescriptions")
VERSION = 3

STATES = {
    RequestState.DRAFT: 3,
    RequestState.SUBMITTED: 15,
    RequestState.IN_REVIEW: 7,
    RequestState.CHANGES_REQUESTED: 8,
    RequestState.RELEASED: 52,
    RequestState.REJECTED: 6,
    RequestState.WITHDRAWN: 5,
    RequestState.RECALLED: 4,
}
"""How many of a hundred requests are in each state."""

OWNER = {
    RequestState.DRAFT: Owner.AUTHOR,
    RequestState.CHANGES_REQUESTED: Owner.AUTHOR,
    RequestState.SUBMITTED: Owner.CHECKERS,
    RequestState.IN_REVIEW: Owner.CHECKERS,
}
VOTES: dict[RequestState, tuple[Vote, ...]] = {
    RequestState.IN_REVIEW: (Vote.APPROVE,),
    RequestState.CHANGES_REQUESTED: (Vote.REQUEST_CHANGES, Vote.REQUEST_CHANGES),
    RequestState.RELEASED: (Vote.APPROVE, Vote.APPROVE),
    RequestState.RECALLED: (Vote.APPROVE, Vote.APPROVE),
    RequestState.REJECTED: (Vote.REJECT, Vote.REJECT),
}
GONE_OUT = (RequestState.RELEASED, RequestState.RECALLED)
SITES = ("Dayton", "Fitchburg", "Franklin", "Charleston", "Georgetown", "Seattle")
AT_ONCE = 1_000
FORM = 2
"""What is in a register; another number makes all of them anew."""


class QuickStore(Store):
    """A store whose files are not waited for: what is built here can be built again."""

    def put(self, content: bytes) -> str:
        digest = digest_of(content)
        path = Path(self._named(digest))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return digest


@dataclass
class Rows:
    """What is to be written, by table, and what happened, in no order yet."""

    tables: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[tuple[datetime, str, str, str, dict[str, Any]]] = field(default_factory=list)

    def add(self, table: Any, **row: Any) -> dict[str, Any]:
        self.tables.setdefault(table, []).append(row)
        return row

    def tell(self, at: datetime, actor: str, action: str, subject: str, **detail: Any) -> None:
        self.events.append((at, actor, action, subject, detail))


def register_in(folder: Path, requests: int, events: int) -> Path:
    """The folder of a register of that size: the one that was built before, brought up, or a new one."""
    built = folder / f"register-{FORM}-{requests}-{events}"
    if not (built / "built").exists():
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir(parents=True)
        _build(built, requests, events)
        (built / "built").touch()
    engine = open_database(database_url(built))
    migrate(engine)  # one that was built by an earlier release
    engine.dispose()
    return built


def database_url(folder: Path) -> str:
    return f"sqlite:///{folder}/register.sqlite"


def _build(folder: Path, requests: int, events: int) -> None:
    engine, store = open_database(database_url(folder)), QuickStore(folder / "store")
    migrate(engine)
    with transaction(engine) as session:
        _house(session)
    rows, chance = Rows(), random.Random(20261126)  # noqa: S311 - a likeness, no secret
    for number, state in enumerate(_states(requests)):
        _request(rows, store, number, state, chance)
    _views(rows, events, chance)
    _write(engine, rows)
    with transaction(engine) as session:
        _bind(session, store)
    _append(engine, rows)
    engine.dispose()


def _house(session: Session) -> None:
    people = dict.fromkeys(CHECKERS, Role.OUTPUT_CHECKER) | dict.fromkeys(RESEARCHERS, Role.RESEARCHER)
    for name, role in (people | {"olga": Role.DATA_OWNER, "otto": Role.OPERATOR}).items():
        session.add(_person(name, role))
    session.flush()
    for name in DATASETS:
        session.add(_version(name))
    session.flush()
    for number, project_id in enumerate(PROJECTS):
        _project(session, project_id, RESEARCHERS[2 * number : 2 * number + 2])


def _person(name: str, role: Role) -> Person:
    facts = {"accredited_until": FAR, "training_until": FAR, "password_hash": "none", "totp_sealed": b"none"}
    return Person(
        name=name, full_name=name.replace("-", " ").capitalize(), role=role, organisation="University", **facts
    )


def _version(dataset: str) -> DatasetVersion:
    value = json.loads(factories.CATALOGUE.to_json())
    catalogue = Catalogue.from_json(json.dumps({**value, "name": dataset, "title": dataset.capitalize()}))
    digests = dict.fromkeys(("inputs_digest", "content_digest", "data_digest", "manifest_digest"), "c" * 64)
    return DatasetVersion(
        dataset=dataset,
        number=VERSION,
        state=VersionState.AVAILABLE,
        catalogue_json=catalogue.to_json(),
        folder=f"datasets/{dataset}",
        rows=1,
        units=1,
        scan={},
        made_at=now(),
        **digests,
    )


def _project(session: Session, project_id: str, members: tuple[str, ...]) -> None:
    facts = {"name": project_id.capitalize(), "purpose": "How insurance changes what people spend on health."}
    made = create_project(session, project_id=project_id, purpose_class=PurposeClass.RESEARCH, actor="otto", **facts)
    session.flush()
    for state in (ProjectState.SUBMITTED, ProjectState.AGREED, ProjectState.ACCREDITED, ProjectState.ACTIVE):
        move(session, made, state, actor="otto")
    for name in members:
        add_member(session, made, name, actor="otto")
    for name in DATASETS:
        agree(session, project_id=project_id, dataset=name, version=VERSION, columns=["site", "plan"], owner="olga")


def _states(requests: int) -> list[RequestState]:
    """So many states in their shares, mixed."""
    found = [state for state, share in STATES.items() for _ in range(round(requests * share / 100))]
    found = (found + [RequestState.SUBMITTED] * requests)[:requests]
    random.Random(7).shuffle(found)  # noqa: S311 - as above
    return found


def _request(rows: Rows, store: Store, number: int, state: RequestState, chance: random.Random) -> None:
    open_now = state in OWNER
    created = now() - timedelta(hours=chance.uniform(2, 200) if open_now else chance.uniform(240, 20_000))
    project = chance.choice(PROJECTS)
    author = RESEARCHERS[2 * PROJECTS.index(project) + chance.randrange(2)]
    request_id, dataset = f"r-{number:012x}", chance.choice(DATASETS)
    submitted, moved = created + timedelta(minutes=30), created + timedelta(minutes=30 if open_now else 3_000)
    draft, turn = state is RequestState.DRAFT, 0 if state is RequestState.DRAFT else 1
    made = rows.add(
        ReleaseRequest,
        id=request_id,
        project_id=project,
        author=author,
        title=f"{chance.choice(('Spending', 'Visits', 'Length of stay', 'Enrolment'))} by site and plan, {number}",
        purpose="Table 1 of the paper: how insurance changes what people spend on health.",
        audience=chance.choice(("publication", "publication", "pre_publication")),
        state=state,
        turn=turn,
        checkers_needed=2,
        created_at=created,
        submitted_at=None if draft else submitted,
        decided_at=None if state in {RequestState.SUBMITTED, RequestState.IN_REVIEW, RequestState.DRAFT} else moved,
        move_of=OWNER.get(state, Owner.NOBODY),
        move_since=created if draft else moved,
        checkers_seconds=0,
    )
    rows.add(RequestGroup, request_id=request_id, position=1, title="", context="", audience=made["audience"])
    rows.tell(created, author, "request.drafted", f"request:{request_id}", project=project)
    asked = [
        _statistic(rows, store, request_id, place, project, author, dataset, created, chance)
        for place in range(1, chance.choice((1, 1, 2, 2, 3)) + 1)
    ]
    worst = max(VERDICT_ORDER.index(each["verdict"]) for each in asked)
    made |= {"holds": len(asked), "rank": len(VERDICT_ORDER) - 1 - worst, "stands_on": f'[["{dataset}",{VERSION}]]'}
    if not draft:
        rows.tell(submitted, author, "request.submitted", f"request:{request_id}", turn=1, content="c" * 64)
    _reviewed(rows, request_id, state, submitted, chance)
    if state in GONE_OUT:
        _released(rows, request_id, moved)


def _statistic(
    rows: Rows,
    store: Store,
    request_id: str,
    place: int,
    project: str,
    author: str,
    dataset: str,
    at: datetime,
    chance: random.Random,
) -> dict[str, Any]:
    answer = _answer(store, dataset, chance)
    statistic_id = f"s-{request_id[2:]}-{place}"
    made = rows.add(
        Statistic,
        id=statistic_id,
        project_id=project,
        author=author,
        plan=plan_to_json(answer.plan),
        plan_hash=answer.plan_hash,
        code=factories.CODE,
        state=StatisticState.ANSWERED,
        attempts=1,
        asked_at=at,
        finished_at=at,
        answer=store.put(canonical(answer.model_dump(mode="json"))),
        verdict=answer.verdict,
        version=VERSION,
        dataset=dataset,
        exact=isinstance(answer.plan, Crosstab),
    )
    rows.add(RequestItem, request_id=request_id, position=place, statistic_id=statistic_id)
    for action in ("asked", "computing", "answered"):
        rows.tell(at, "checker", f"statistic.{action}", f"statistic:{statistic_id}", plan=answer.plan_hash)
    return made


def _answer(store: Store, dataset: str, chance: random.Random) -> Answer:
    source = Source(
        dataset=dataset, title=dataset.capitalize(), version=VERSION, version_digest="a" * 64, copy_digest="b" * 64
    )
    where = (Condition(column="age", operator=">=", values=(chance.randrange(10**9),)),)
    if chance.random() < 0.2:
        price = 20_000_000 + chance.randrange(10**6)
        noisy = factories.private_count(price, by="site").model_copy(update={"dataset": dataset})
        return factories.an_answer(store, noisy, source=source)
    plan = Crosstab(
        dataset=dataset,
        dimensions=("site", "plan"),
        measure=Measure(column="spending", aggregate="mean"),
        where=where,
    )
    verdict = chance.choices((Verdict.SAFE, Verdict.PROTECTED, Verdict.REFER), (4, 5, 1))[0]
    withheld = [] if verdict is Verdict.SAFE else [(chance.choice(SITES), "50 %"), (chance.choice(SITES), "free")]
    table = factories.a_cross_table(withheld=withheld)
    finding = factories.a_finding(verdict=verdict)
    return factories.an_answer(store, plan, source=source, verdict=verdict, table=table, findings=(finding,))


def _reviewed(rows: Rows, request_id: str, state: RequestState, at: datetime, chance: random.Random) -> None:
    """Whom it was given to, their votes, and a comment in one of five reviews."""
    voters = chance.sample(CHECKERS, 2)
    for checker in voters if state is not RequestState.DRAFT else ():
        ended = {} if OWNER.get(state) is Owner.CHECKERS else {"ended_at": at, "ended_because": TURN_OVER}
        rows.add(Assignment, **{"ended_at": None, "ended_because": None} | ended, **_asked(request_id, checker, at))
        rows.tell(at, SAFEROOM, "request.assigned", f"request:{request_id}", turn=1, checker=checker)
    rows.tables[ReleaseRequest][-1]["voted"] = len(VOTES.get(state, ()))
    for place, (voter, vote) in enumerate(zip(voters, VOTES.get(state, ()), strict=False), start=1):
        voted = at + timedelta(minutes=60 * place)
        facts = {"turn": 1, "checker": voter, "ballot": 1, "vote": vote, "content_hash": "c" * 64}
        comment = "" if vote is Vote.APPROVE else "Please merge the small plans."
        rows.add(CheckerVote, request_id=request_id, comment=comment, at=voted, **facts)
        rows.tell(voted, voter, "request.voted", f"request:{request_id}", turn=1, vote=vote.value, content="c" * 64)
    if state in VOTES and chance.random() < 0.2:
        said = {"turn": 1, "kind": RemarkKind.COMMENT, "author": voters[0], "text": "The smallest cell is Dayton."}
        rows.add(Remark, request_id=request_id, at=at + timedelta(minutes=70), answers=None, **said)
        rows.tell(at, voters[0], "request.comment", f"request:{request_id}", turn=1, remark=1)


def _asked(request_id: str, checker: str, at: datetime) -> dict[str, Any]:
    return {"request_id": request_id, "turn": 1, "checker": checker, "at": at}


def _released(rows: Rows, request_id: str, at: datetime) -> None:
    request = rows.tables[ReleaseRequest][-1]
    repeated = {key: request[key] for key in ("project_id", "title", "audience")}
    rows.add(
        Release,
        id=request_id,
        request_id=request_id,
        package=request_id,
        record_hash="d" * 64,
        released_at=at,
        **repeated,
    )
    rows.tell(at, "saferoom", "request.released", f"request:{request_id}", record="d" * 64)
    for each in rows.tables[Statistic][-request["holds"] :]:
        if each["exact"]:
            rows.add(ReleasedTable, dataset=each["dataset"], plan_hash=each["plan_hash"], version=VERSION)


def _views(rows: Rows, events: int, chance: random.Random) -> None:
    """Looks at requests until there are so many events in all (the house's own are some more)."""
    requests = rows.tables[ReleaseRequest]
    while len(rows.events) < events:
        seen = chance.choice(requests)
        at = seen["created_at"] + timedelta(minutes=chance.uniform(30, 90))
        detail = {"turn": seen["turn"], "content": "c" * 64, "by": "page"}
        rows.tell(at, chance.choice(CHECKERS), "request.viewed", f"request:{seen['id']}", **detail)


def _write(engine: Engine, rows: Rows) -> None:
    order = (Statistic, ReleaseRequest, RequestGroup, RequestItem, Assignment, CheckerVote, Remark)
    with engine.begin() as connection:
        for table in (*order, Release, ReleasedTable):
            for chunk in _chunks(rows.tables.get(table, [])):
                connection.execute(insert(table), chunk)


def _chunks(rows: list[Any]) -> Iterator[list[Any]]:
    yield from (rows[first : first + AT_ONCE] for first in range(0, len(rows), AT_ONCE))


def _bind(session: Session, store: Store) -> None:
    """What is under review gets its content's hash, and what lists read of it."""
    under_review = ReleaseRequest.state.in_([RequestState.SUBMITTED, RequestState.IN_REVIEW])
    for request in session.scalars(select(ReleaseRequest).where(under_review)):
        keep(session, request, request.move_since)
        request.content_hash = content_hash(session, store, request)
        for vote in request.votes:
            vote.content_hash = request.content_hash


def _append(engine: Engine, rows: Rows) -> None:
    """All that happened in its order, as one chain after the house's own events."""
    with transaction(engine) as session:
        last = audit.head(session)
    sequence, previous, found = last.sequence, last.hash or GENESIS, []
    for at, actor, action, subject, detail in sorted(rows.events, key=lambda each: each[0]):
        sequence += 1
        event = AuditEvent(
            sequence=sequence,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            detail=detail,
            previous_hash=previous,
        )
        previous = event.hash = event_hash(event)
        found.append({column.key: getattr(event, column.key) for column in AuditEvent.__table__.columns})
    with engine.begin() as connection:
        for chunk in _chunks(found):
            connection.execute(insert(AuditEvent), chunk)
