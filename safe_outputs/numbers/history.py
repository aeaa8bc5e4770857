"""What the register and its audit chain tell of reviews, by a few queries over all requests of a period."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Select, exists, literal, select
from sqlalchemy.orm import Session

from governance.audit import AuditEvent
from safe_outputs.answers import Verdict
from safe_outputs.asking import read_answer
from safe_outputs.models import CheckerVote, ReleaseRequest, Remark, RequestItem, Statistic
from safe_outputs.numbers.passage import ACTIONS, Event, Passage, passage
from safe_outputs.numbers.summary import Numbers, Reviewed, numbers
from safe_outputs.return_categories import Category
from safe_outputs.store import Store
from safe_outputs.transitions import RemarkKind, RequestState, Vote

MOST = 5_000
"""How many requests are looked at, the newest decisions first."""
MOST_REFERRED = 1_000
"""Of how many referred statistics the findings are read from the store."""

ByTurn = Mapping[tuple[str, int], Any]


def numbers_of(session: Session, store: Store, since: datetime, until: datetime) -> Numbers:
    """The numbers of the requests that were decided or returned since then. Raises `Tampered`."""
    facts = {row.id: row for row in session.execute(_recent(since))}
    votes, reasons, referred = _first_votes(session, since), _reasons(session, since), _referred(session, store, since)
    reviewed = (
        Reviewed(
            id=request,
            project=facts[request].project_id,
            audience=facts[request].audience,
            passage=way,
            first_votes={turn: tuple(votes[request, turn]) for turn in way.turns if (request, turn) in votes},
            reasons={turn: frozenset(reasons[request, turn]) for turn in way.turns if (request, turn) in reasons},
            referred=tuple(sorted(referred.get(request, ()))),
            hours=facts[request].clock_hours,
        )
        for request, way in passages(session, since)
    )
    return numbers(reviewed, since, until, capped=len(facts) == MOST)


def passages(session: Session, since: datetime) -> Iterator[tuple[str, Passage]]:
    """The way of each request that was decided or returned since then, by id."""
    query = (
        select(ReleaseRequest.id, AuditEvent.at, AuditEvent.action, AuditEvent.detail)
        .join(AuditEvent, AuditEvent.subject == literal("request:") + ReleaseRequest.id)
        .where(ReleaseRequest.id.in_(_ids(since)), AuditEvent.action.in_(ACTIONS))
        .order_by(ReleaseRequest.id, AuditEvent.sequence)
    )
    for request, rows in groupby(session.execute(query), key=lambda row: row.id):
        yield request, passage(Event(row.at, row.action.removeprefix("request."), row.detail) for row in rows)


def _recent(since: datetime) -> Select[str, str, str, int]:
    return (
        select(ReleaseRequest.id, ReleaseRequest.project_id, ReleaseRequest.audience, ReleaseRequest.clock_hours)
        .where(ReleaseRequest.decided_at >= since, ReleaseRequest.state != RequestState.DRAFT)
        .order_by(ReleaseRequest.decided_at.desc(), ReleaseRequest.id)
        .limit(MOST)
    )


def _ids(since: datetime) -> Select[tuple[str]]:
    return select(_recent(since).subquery().c.id)


def _first_votes(session: Session, since: datetime) -> dict[tuple[str, int], list[Vote]]:
    query = (
        select(CheckerVote.request_id, CheckerVote.turn, CheckerVote.vote)
        .where(CheckerVote.request_id.in_(_ids(since)), CheckerVote.ballot == 1)
        .order_by(CheckerVote.id)
    )
    found: defaultdict[tuple[str, int], list[Vote]] = defaultdict(list)
    for request, turn, vote in session.execute(query):
        found[request, turn].append(vote)
    return found


def _reasons(session: Session, since: datetime) -> dict[tuple[str, int], set[Category]]:
    """The categories that early returns and the last votes for changes of a turn gave."""
    later = CheckerVote.__table__.alias("later")
    replaced = exists().where(
        later.c.request_id == CheckerVote.request_id,
        later.c.turn == CheckerVote.turn,
        later.c.checker == CheckerVote.checker,
        later.c.ballot > CheckerVote.ballot,
    )
    votes = select(CheckerVote.request_id, CheckerVote.turn, CheckerVote.category).where(
        CheckerVote.request_id.in_(_ids(since)), CheckerVote.vote == Vote.REQUEST_CHANGES, ~replaced
    )
    returns = select(Remark.request_id, Remark.turn, Remark.category).where(
        Remark.request_id.in_(_ids(since)), Remark.kind == RemarkKind.RETURNED
    )
    found: defaultdict[tuple[str, int], set[Category]] = defaultdict(set)
    for request, turn, category in [*session.execute(votes), *session.execute(returns)]:
        if category is not None:
            found[request, turn].add(category)
    return found


def _referred(session: Session, store: Store, since: datetime) -> dict[str, set[str]]:
    """The rules that referred a statistic of a request to a person, as its stored answer has them."""
    query = (
        select(RequestItem.request_id, Statistic)
        .join(Statistic, Statistic.id == RequestItem.statistic_id)
        .where(RequestItem.request_id.in_(_ids(since)), Statistic.verdict == Verdict.REFER)
        .order_by(Statistic.finished_at.desc())
        .limit(MOST_REFERRED)
    )
    found: defaultdict[str, set[str]] = defaultdict(set)
    for request, statistic in session.execute(query):
        findings = read_answer(store, statistic).findings
        found[request].update(each.rule for each in findings if each.verdict is Verdict.REFER)
    return found


def spread_of_clock(session: Session, since: datetime) -> tuple[int, ...]:
    """Checkers' seconds of each request whose decision stands and came since then, from the shortest."""
    query = select(ReleaseRequest.checkers_seconds).where(
        ReleaseRequest.decided_at >= since, ReleaseRequest.state.in_(DECIDED)
    )
    return tuple(session.scalars(query.order_by(ReleaseRequest.checkers_seconds)))


DECIDED = (RequestState.APPROVED, RequestState.RELEASED, RequestState.RECALLED, RequestState.REJECTED)
