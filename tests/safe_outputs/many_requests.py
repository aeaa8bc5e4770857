"""Registers of many requests in any state, for what is asked of the database: rows as the service leaves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from governance.database import now
from safe_outputs.answers import Verdict
from safe_outputs.lists.kept import keep, keep_released
from safe_outputs.models import CheckerVote, Release, ReleaseRequest, Remark, RequestGroup, RequestItem, Statistic
from safe_outputs.statistics import Condition, Crosstab, Private
from safe_outputs.transitions import OWNERS, Owner, RemarkKind, RequestState, Vote
from tests.safe_outputs.factories import CROSSTAB, PRIVATE_COUNT, a_statistic, an_answer
from tests.safe_outputs.house import House

AUTHORS = {"heron": "rosa", "wren": "rui"}
VOTED = frozenset({RequestState.IN_REVIEW, RequestState.APPROVED, RequestState.RELEASED, RequestState.RECALLED})


@dataclass(frozen=True)
class Made:
    """What one request is to be. `statistics` are places in the pool of its project; `voters` vote in its turn."""

    state: RequestState
    project: str = "heron"
    audience: str = "publication"
    title: str = "Spending by site"
    hours: int = 1
    statistics: tuple[int, ...] = (0,)
    voters: tuple[str, ...] = ()
    asked: bool = False


def statistics_of(house: House, project: str) -> list[str]:
    """Statistics that differ in verdict, in the version that they stand on, and in whether they have noise."""

    def step(session: Session) -> list[str]:
        plans: list[Crosstab | Private] = [CROSSTAB, *(_narrower(each) for each in range(1, 5)), PRIVATE_COUNT]
        verdicts = (Verdict.SAFE, Verdict.PROTECTED, Verdict.REFER, Verdict.SAFE, Verdict.SAFE, Verdict.SAFE)
        found = [
            a_statistic(
                session,
                house.store,
                author=AUTHORS[project],
                project_id=project,
                answer=an_answer(house.store, plan, verdict=verdict),
            )
            for plan, verdict in zip(plans, verdicts, strict=True)
        ]
        found[3].version = 2
        return [each.id for each in found]

    return list(house.do(step))


def _narrower(number: int) -> Crosstab:
    return CROSSTAB.model_copy(update={"where": (Condition(column="age", operator=">=", values=(number,)),)})


def make(session: Session, pools: dict[str, list[str]], wanted: Sequence[Made], first: int = 0) -> list[str]:
    """The ids of these requests, with votes, questions and releases as their states ask for, and what lists read."""
    made = [_make(session, pools, each, f"r-{number:012x}") for number, each in enumerate(wanted, start=first)]
    for request in made:
        keep(session, request, request.move_since)
        if request.state in {RequestState.RELEASED, RequestState.RECALLED}:
            _release(session, request)
    return [each.id for each in made]


def _make(session: Session, pools: dict[str, list[str]], wanted: Made, request_id: str) -> ReleaseRequest:
    at = now() - timedelta(hours=wanted.hours)
    question = wanted.asked and OWNERS[wanted.state] is Owner.CHECKERS
    request = ReleaseRequest(
        id=request_id,
        project_id=wanted.project,
        author=AUTHORS[wanted.project],
        title=wanted.title,
        purpose="Table 1",
        audience=wanted.audience,
        state=wanted.state,
        turn=0 if wanted.state is RequestState.DRAFT else 1,
        checkers_needed=2,
        content_hash="c" * 64,
        created_at=at,
        submitted_at=at,
        move_of=Owner.AUTHOR if question else OWNERS[wanted.state],
        move_since=at,
        checkers_seconds=0,
    )
    group = RequestGroup(position=1, title=wanted.title, context="Table 1", audience=wanted.audience)
    request.groups.append(group)
    session.add(request)
    session.flush()
    for place, each in enumerate(sorted(set(wanted.statistics)), start=1):
        statistic = session.get_one(Statistic, pools[wanted.project][each])
        request.items.append(RequestItem(position=place, statistic=statistic))
    for voter in wanted.voters if wanted.state in VOTED else ():
        request.votes.append(_vote(voter, at))
    if question:
        facts = {"turn": 1, "kind": RemarkKind.QUESTION, "author": "cleo", "text": "Why?", "at": at}
        request.remarks.append(Remark(**facts))
    session.flush()
    return request


def _vote(checker: str, at: datetime) -> CheckerVote:
    return CheckerVote(turn=1, checker=checker, ballot=1, vote=Vote.APPROVE, comment="", content_hash="c" * 64, at=at)


def _release(session: Session, request: ReleaseRequest) -> None:
    session.add(
        Release(
            id=request.id,
            request_id=request.id,
            project_id=request.project_id,
            title=request.title,
            audience=request.audience,
            package=request.id,
            record_hash="d" * 64,
            released_at=request.move_since,
        )
    )
    keep_released(session, request)
