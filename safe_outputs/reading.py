"""What each person may see of requests, statistics and releases: the views behind the pages and the API.

Blinding lives here: while a turn is open, a checker sees how many have voted, and her own vote, nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from datasets.populations import populations
from governance import access, audit
from governance.database import now
from governance.people import Role, find_person
from governance.projects import find_project, is_member
from safe_outputs.answers import AUDIENCES, Answer, Finding, Verdict, worst
from safe_outputs.asking import read_answer
from safe_outputs.conversation import is_named, may_see
from safe_outputs.differencing import is_exact, of_request
from safe_outputs.downloads import Download, downloads_of
from safe_outputs.errors import NotPermitted
from safe_outputs.models import CheckerVote, Release, ReleaseRequest, Remark
from safe_outputs.requests import find_request, why_policy_not
from safe_outputs.reviewing import SAFEROOM, why_not_approve
from safe_outputs.rights import why_not
from safe_outputs.standing import StandingOf, standings
from safe_outputs.store import Store
from safe_outputs.transitions import IN_WORDS, Action, Owner, RemarkKind, RequestState, Vote
from safe_outputs.turns import due_at, is_open, open_questions, votes_are_open, votes_of_turn


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
class StatisticView:
    """One statistic of a request, with the file that would leave as text.

    `why_not_leave`: why the release policy does not let it out for the request's audience, or None.
    """

    id: str
    position: int
    code: str
    answer: Answer
    file_text: str
    why_not_leave: str | None


@dataclass(frozen=True)
class VoteView:
    """`replaced`: the checker voted again while the checkers consolidated; her later vote counts."""

    turn: int
    checker: str
    vote: Vote
    comment: str
    at: datetime
    replaced: bool


@dataclass(frozen=True)
class RemarkView:
    """Something said about the request. `who` is nobody's name while the turn is blind and a checker asks.

    `open`: a question that nobody has answered. `answers`: the question that this is the answer to.
    """

    id: int
    turn: int
    kind: RemarkKind
    who: str
    text: str
    at: datetime
    open: bool
    answers: int | None


@dataclass(frozen=True)
class HistoryLine:
    at: datetime
    actor: str
    action: str


@dataclass(frozen=True)
class RequestView:
    """A request as one person may see it.

    `findings` are about its statistics together; `reasons` says, for each action, why she cannot take it (or None),
    `why_not_approve` why her vote cannot be an approval; `standings` what is promised to the people in its datasets.
    """

    line: RequestLine
    purpose: str
    project_purpose: str
    author_name: str
    turn: int
    content_hash: str | None
    statistics: tuple[StatisticView, ...]
    findings: tuple[Finding, ...]
    votes: tuple[VoteView, ...]
    remarks: tuple[RemarkView, ...]
    reasons: dict[Action, str | None]
    why_not_approve: str | None
    history: tuple[HistoryLine, ...]
    standings: tuple[StandingOf, ...]
    released_before: tuple["ReleaseLine", ...]
    downloads: tuple[Download, ...]
    release_id: str | None


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


def request_view(session: Session, store: Store, request_id: str, person: str, today: date) -> RequestView:
    """A request and all that its reader may know of it.

    Raises:
        NoSuchThing: there is none of that id.
        NotPermitted: she may not read it.
    """
    request = find_request(session, request_id)
    if (reason := access.why_not_read_request(session, person, request.project_id, today)) is not None:
        raise NotPermitted(reason)
    release = session.scalars(select(Release).where(Release.request_id == request.id)).first()
    return RequestView(
        line=request_line(session, request, person, today),
        purpose=request.purpose,
        project_purpose=find_project(session, request.project_id).purpose,
        author_name=find_person(session, request.author).full_name,
        turn=request.turn,
        content_hash=request.content_hash,
        statistics=tuple(_statistics(session, store, request)),
        findings=tuple(of_request(session, request)),
        votes=tuple(_visible_votes(session, request, person)),
        remarks=tuple(_visible_remarks(session, request, person)),
        reasons={action: why_not(session, request, person, action, today) for action in Action},
        why_not_approve=why_not_approve(session, store, request, person, today),
        history=tuple(_history(session, request, person)),
        standings=standings(session, (item.statistic.plan["dataset"] for item in request.items)),
        released_before=_released_before(session, request, person),
        downloads=_downloads(session, release),
        release_id=release.id if release else None,
    )


def releases(session: Session, *, audience: str | None = None) -> tuple[ReleaseLine, ...]:
    """The releases, newest first; of one audience, if given."""
    query = select(Release).order_by(Release.released_at.desc())
    if audience is not None:
        query = query.where(Release.audience == audience)
    return tuple(_release_line(session, each) for each in session.scalars(query))


def _release_line(session: Session, release: Release) -> ReleaseLine:
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


def _released_before(session: Session, request: ReleaseRequest, person: str) -> tuple[ReleaseLine, ...]:
    """Earlier releases of the request's populations: what differencing could use.

    Output checkers see all of them; others what is public, and their own projects'.
    """
    checker = find_person(session, person).role is Role.OUTPUT_CHECKER
    own = [item.statistic.plan["dataset"] for item in request.items]
    datasets = {each for linked in populations(session, own).values() for each in linked}
    earlier = session.scalars(
        select(Release).where(Release.request_id != request.id).order_by(Release.released_at.desc())
    )
    return tuple(
        _release_line(session, each)
        for each in earlier
        if (checker or each.audience == "publication" or is_member(session, person, each.project_id))
        and datasets & {item.statistic.plan["dataset"] for item in find_request(session, each.request_id).items}
    )


def _downloads(session: Session, release: Release | None) -> tuple[Download, ...]:
    """Who has fetched which file of a release, newest first, as the audit chain has it."""
    return downloads_of(session, release.id) if release is not None else ()


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


def _statistics(session: Session, store: Store, request: ReleaseRequest) -> list[StatisticView]:
    return [
        StatisticView(
            id=item.statistic_id,
            position=item.position,
            code=item.statistic.code,
            answer=answer,
            file_text=store.get(answer.file.digest).decode(),
            why_not_leave=why_policy_not(session, answer, request.audience),
        )
        for item in request.items
        if item.statistic.answer is not None
        for answer in [read_answer(store, item.statistic)]
    ]


def _visible_votes(session: Session, request: ReleaseRequest, person: str) -> list[VoteView]:
    """Votes of turns that are open, and in a blind one the reader's own."""
    return [
        _vote_view(session, request, vote)
        for vote in request.votes
        if is_open(request, vote.turn) or vote.checker == person
    ]


def _vote_view(session: Session, request: ReleaseRequest, vote: CheckerVote) -> VoteView:
    replaced = any(
        (each.turn, each.checker) == (vote.turn, vote.checker) and each.ballot > vote.ballot for each in request.votes
    )
    name = find_person(session, vote.checker).full_name
    return VoteView(vote.turn, name, vote.vote, vote.comment, vote.at, replaced)


def _visible_remarks(session: Session, request: ReleaseRequest, person: str) -> list[RemarkView]:
    checker = _reads_as_checker(session, request, person)
    unanswered = {each.id for each in open_questions(request)}
    return [
        RemarkView(
            id=each.id,
            turn=each.turn,
            kind=each.kind,
            who=_who(session, request, each, person),
            text=each.text,
            at=each.at,
            open=each.id in unanswered,
            answers=each.answers,
        )
        for each in request.remarks
        if may_see(request, each, person, checker=checker)
    ]


def _who(session: Session, request: ReleaseRequest, said: Remark, person: str) -> str:
    if said.author == SAFEROOM:
        return "Saferoom"
    return find_person(session, said.author).full_name if is_named(request, said, person) else "An output checker"


def _reads_as_checker(session: Session, request: ReleaseRequest, person: str) -> bool:
    """A checker who belongs to the project reads its requests as its people do."""
    role = find_person(session, person).role
    return role is Role.OUTPUT_CHECKER and not is_member(session, person, request.project_id)


VIEWED = "request.viewed"
"""The action of looking at a request, which is in the audit chain, and not in the history on the page itself."""


def _history(session: Session, request: ReleaseRequest, person: str) -> list[HistoryLine]:
    """The audit events of the request: in a blind turn without who votes and asks, and notes for checkers alone."""
    blind, checker = not votes_are_open(request), _reads_as_checker(session, request, person)
    return [
        HistoryLine(event.at, event.actor, event.action)
        for event in audit.events_about(session, f"request:{request.id}", but_for=[VIEWED])
        if not (blind and event.action in _CHECKERS_ACTIONS and event.actor != person)
        or event.detail.get("turn") != request.turn
        if checker or event.action != "request.note"
    ]


_CHECKERS_ACTIONS = frozenset(
    {"request.voted", "request.in_review", "request.question", "request.comment", "request.note"}
)


def in_order(lines: Iterable[RequestLine]) -> tuple[RequestLine, ...]:
    """What is overdue, then the riskiest, then what has waited longest."""
    return tuple(sorted(lines, key=lambda line: (not line.overdue, -_RISK.index(line.verdict), line.since)))


def _newest(lines: Iterable[RequestLine]) -> tuple[RequestLine, ...]:
    return tuple(sorted(lines, key=lambda line: line.since, reverse=True))


_RISK = tuple(Verdict)
