"""The lists that people read: the output checker's desk, a project's requests, and releases.

A line tells how many have voted in an open turn, and never who or how.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import access
from governance.database import now
from governance.people import find_person
from governance.projects import find_project, is_member
from safe_outputs.answers import AUDIENCES, Verdict, worst
from safe_outputs.differencing import is_exact, of_request
from safe_outputs.errors import NotPermitted
from safe_outputs.models import Release, ReleaseRequest
from safe_outputs.requests import find_request
from safe_outputs.rights import why_not
from safe_outputs.transitions import IN_WORDS, Action, Owner, RequestState
from safe_outputs.turns import due_at, open_questions, votes_of_turn


@dataclass(frozen=True)
class RequestLine:
    """One line of a list: what it is, how risky, whose move it is since when, and until when.

    `move` and `since` are whose move it is now; `due` is when the checkers' clock runs out, while it runs. `differ`:
    all votes are in and are not the same, so that those who voted consolidate.
    """

    id: str
    title: str
    project: str
    author: str
    audience: str
    verdict: Verdict
    state: RequestState
    state_in_words: str
    statistics: int
    votes: int
    checkers_needed: int
    move: Owner
    since: datetime
    due: datetime | None
    overdue: bool
    questions: int
    differ: bool
    mine: bool


@dataclass(frozen=True)
class Queue:
    """The output checker's desk, mine first; in each part what is overdue, then by risk and age."""

    waiting_for_you: tuple[RequestLine, ...]
    waiting_for_others: tuple[RequestLine, ...]
    with_author: tuple[RequestLine, ...]
    decided: tuple[RequestLine, ...]


@dataclass(frozen=True)
class ReleaseLine:
    """`told`: how many of its statistics are exact, and how many have noise, in words."""

    id: str
    title: str
    project: str
    audience: str
    told: str
    released_at: datetime


def queue(session: Session, person: str, today: date) -> Queue:
    """The desk of an output checker. Raises `NotPermitted` for anyone else."""
    if (reason := access.why_not_check(find_person(session, person), today)) is not None:
        raise NotPermitted(reason)
    requests = session.scalars(select(ReleaseRequest).where(ReleaseRequest.state != RequestState.DRAFT))
    lines = [request_line(session, each, person, today) for each in requests]
    checkers = [line for line in lines if line.move is Owner.CHECKERS]
    return Queue(
        waiting_for_you=in_order(line for line in checkers if line.mine),
        waiting_for_others=in_order(line for line in checkers if not line.mine),
        with_author=in_order(line for line in lines if line.move is Owner.AUTHOR),
        decided=_newest(line for line in lines if line.move in {Owner.SYSTEM, Owner.NOBODY}),
    )


def requests_of(session: Session, person: str, today: date) -> tuple[RequestLine, ...]:
    """The requests of the projects in which a person works, newest first."""
    requests = session.scalars(select(ReleaseRequest).order_by(ReleaseRequest.created_at.desc()))
    return tuple(
        request_line(session, each, person, today)
        for each in requests
        if each.author == person or is_member(session, person, each.project_id)
    )


def request_line(session: Session, request: ReleaseRequest, person: str, today: date) -> RequestLine:
    """One line of a list, as this person reads it."""
    verdicts = [item.statistic.verdict for item in request.items if item.statistic.verdict is not None]
    verdicts += [finding.verdict for finding in of_request(session, request)]
    votes, due = votes_of_turn(request), due_at(request)
    return RequestLine(
        id=request.id,
        title=request.title,
        project=find_project(session, request.project_id).name,
        author=request.author,
        audience=AUDIENCES[request.audience],
        verdict=worst(verdicts),
        state=request.state,
        state_in_words=IN_WORDS[request.state],
        statistics=len(request.items),
        votes=len(votes),
        checkers_needed=request.checkers_needed,
        move=request.move_of,
        since=request.move_since,
        due=due,
        overdue=due is not None and due < now(),
        questions=len(open_questions(request)),
        differ=request.state is RequestState.IN_REVIEW and len(votes) >= request.checkers_needed,
        mine=why_not(session, request, person, Action.VOTE, today) is None,
    )


def releases(session: Session, *, audience: str | None = None) -> tuple[ReleaseLine, ...]:
    """The releases, newest first; of one audience, if given."""
    query = select(Release).order_by(Release.released_at.desc())
    if audience is not None:
        query = query.where(Release.audience == audience)
    return tuple(release_line(session, each) for each in session.scalars(query))


def release_line(session: Session, release: Release) -> ReleaseLine:
    """One line of a list of releases."""
    project = find_project(session, release.project_id)
    items = find_request(session, release.request_id).items
    exact = sum(is_exact(item.statistic) for item in items)
    told = _told(exact, len(items) - exact)
    return ReleaseLine(release.id, release.title, project.name, release.audience, told, release.released_at)


def _told(exact: int, noisy: int) -> str:
    """“2 exact statistics, 1 with noise”."""
    first = f"{exact} exact statistic{'s' if exact > 1 else ''}" if exact else ""
    second = f"{noisy} {'' if exact else 'statistics ' if noisy > 1 else 'statistic '}with noise" if noisy else ""
    return ", ".join(each for each in (first, second) if each)


def in_order(lines: Iterable[RequestLine]) -> tuple[RequestLine, ...]:
    """What is overdue, then the riskiest, then what has waited longest."""
    return tuple(sorted(lines, key=lambda line: (not line.overdue, -_RISK.index(line.verdict), line.since)))


def _newest(lines: Iterable[RequestLine]) -> tuple[RequestLine, ...]:
    return tuple(sorted(lines, key=lambda line: line.since, reverse=True))


_RISK = tuple(Verdict)
