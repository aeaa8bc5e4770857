"""What each person may see of one request and its statistics: the view behind the pages and the API.

Blinding lives here: while a turn is open, a checker sees how many have voted, and her own vote, nothing else.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from datasets.populations import populations
from governance import access, audit
from governance.database import shared
from governance.people import Role, find_person, full_name_of
from governance.projects import Membership, find_project, is_member
from safe_outputs.answers import Answer, Finding
from safe_outputs.asking import read_answer
from safe_outputs.contents.contents_view import ContentsView, contents_view
from safe_outputs.contents.groups import datasets_of, groups_of, made_from, releases_of
from safe_outputs.conversation import is_named, may_see
from safe_outputs.errors import NotPermitted
from safe_outputs.evidence.differencing import of_request
from safe_outputs.evidence.standing import StandingOf, standings
from safe_outputs.lists.lines import ReleaseLine, RequestLine, release_lines, request_line
from safe_outputs.models import CheckerVote, Release, ReleaseRequest, Remark
from safe_outputs.releases.downloads import Download, downloads_of
from safe_outputs.releases.leaving import why_policy_not
from safe_outputs.requests import find_request
from safe_outputs.return_categories import Category
from safe_outputs.reviewing import SAFEROOM, why_not_approve
from safe_outputs.rights import why_not
from safe_outputs.store import Store
from safe_outputs.transitions import GONE_OUT, Action, RemarkKind, Vote
from safe_outputs.turns import is_open, open_questions, votes_are_open


@dataclass(frozen=True)
class StatisticView:
    """One statistic of a request, with the file that would leave as text.

    `digest` is that of the answer in the store; `why_not_leave` says why the release policy does not let it out for
    its group's audience, or is None.
    """

    id: str
    position: int
    code: str
    digest: str
    answer: Answer
    file_text: str
    why_not_leave: str | None


@dataclass(frozen=True)
class VoteView:
    """`replaced`: the checker voted again while the checkers consolidated; her later vote counts.

    `category`: the main reason of a vote that does not approve.
    """

    turn: int
    checker: str
    vote: Vote
    comment: str
    at: datetime
    replaced: bool
    category: Category | None = None


@dataclass(frozen=True)
class RemarkView:
    """Something said about the request. `who` is nobody's name while the turn is blind and a checker asks.

    `open`: a question that nobody has answered. `answers`: the question that this is the answer to. `category`: the
    main reason of an early return.
    """

    id: int
    turn: int
    kind: RemarkKind
    who: str
    text: str
    at: datetime
    open: bool
    answers: int | None
    category: Category | None = None


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
    contents: ContentsView
    findings: tuple[Finding, ...]
    votes: tuple[VoteView, ...]
    remarks: tuple[RemarkView, ...]
    reasons: dict[Action, str | None]
    why_not_approve: str | None
    history: tuple[HistoryLine, ...]
    standings: tuple[StandingOf, ...]
    released_before: tuple[ReleaseLine, ...]
    more_before: bool
    downloads: tuple[Download, ...]
    releases: tuple[ReleaseLine, ...]

    @property
    def release_id(self) -> str | None:
        """The release of a request that has one; of several, that for everybody."""
        return next((each.id for each in reversed(self.releases)), None)


MOST_BEFORE = 20
"""Earlier releases that stand beside a request; `more_before` says that there are older ones."""


def request_view(session: Session, store: Store, request_id: str, person: str, today: date) -> RequestView:
    """A request and all that its reader may know of it.

    Raises:
        NoSuchThing: there is none of that id.
        NotPermitted: she may not read it.
    """
    request, store = find_request(session, request_id), store.read_once()
    if (reason := access.why_not_read_request(session, person, request.project_id, today)) is not None:
        raise NotPermitted(reason)
    releases, before = releases_of(session, request), _released_before(session, request, person)
    return RequestView(
        line=request_line(session, request, person, today),
        purpose=request.purpose,
        project_purpose=find_project(session, request.project_id).purpose,
        author_name=full_name_of(session, request.author),
        turn=request.turn,
        content_hash=request.content_hash,
        statistics=tuple(_statistics(session, store, request)),
        contents=contents_view(session, store, request),
        findings=tuple(of_request(session, request)),
        votes=tuple(_visible_votes(session, request, person)),
        remarks=tuple(_visible_remarks(session, request, person)),
        reasons={action: why_not(session, request, person, action, today) for action in Action},
        why_not_approve=why_not_approve(session, store, request, person, today),
        history=tuple(_history(session, request, person)),
        standings=standings(session, datasets_of(request)),
        released_before=before[:MOST_BEFORE],
        more_before=len(before) > MOST_BEFORE,
        downloads=tuple(each for release in releases for each in downloads_of(session, release.id)),
        releases=release_lines(session, releases),
    )


def _released_before(session: Session, request: ReleaseRequest, person: str) -> tuple[ReleaseLine, ...]:
    """The newest releases of the request's populations, one more than a page shows: what differencing could use.

    Output checkers see all of them; others what is public, and their own projects'.
    """
    datasets = {each for linked in populations(session, datasets_of(request)).values() for each in linked}
    checker = find_person(session, person).role is Role.OUTPUT_CHECKER
    told = {"request": request.id} if checker else {"request": request.id, "person": person}
    named = tuple(sorted(datasets))

    def ask() -> tuple[ReleaseLine, ...]:
        return release_lines(session, session.scalars(_before(named, checker), told).all())

    same_for_all = checker and request.state not in GONE_OUT  # a request without a release leaves out none
    return shared(session, ("released before", named), ask) if same_for_all else ask()


@lru_cache(maxsize=256)
def _before(datasets: tuple[str, ...], checker: bool) -> Select[Release]:
    """The statement; it is made once, since to make it takes longer than to ask it."""
    query = select(Release).where(Release.request_id != bindparam("request"), made_from(datasets))
    if not checker:
        hers = select(Membership.project_id).where(Membership.person_name == bindparam("person"))
        query = query.where(or_(Release.audience == "publication", Release.project_id.in_(hers)))
    return query.order_by(Release.released_at.desc(), Release.id).limit(MOST_BEFORE + 1)


def _statistics(session: Session, store: Store, request: ReleaseRequest) -> list[StatisticView]:
    return [
        StatisticView(
            id=item.statistic_id,
            position=item.position,
            code=item.statistic.code,
            digest=item.statistic.answer,
            answer=answer,
            file_text=store.get(answer.file.digest).decode(),
            why_not_leave=why_policy_not(session, answer, group.audience),
        )
        for group in groups_of(request)
        for item in group.items
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
    name = full_name_of(session, vote.checker)
    return VoteView(vote.turn, name, vote.vote, vote.comment, vote.at, replaced, vote.category)


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
            category=each.category,
        )
        for each in request.remarks
        if may_see(request, each, person, checker=checker)
    ]


def _who(session: Session, request: ReleaseRequest, said: Remark, person: str) -> str:
    if said.author == SAFEROOM:
        return "Saferoom"
    return full_name_of(session, said.author) if is_named(request, said, person) else "An output checker"


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
        if checker or event.action not in _FOR_CHECKERS
    ]


_FOR_CHECKERS = frozenset({"request.note", "request.assigned", "request.unassigned"})
"""What the project does not read: who is asked to review is not said before the votes are open."""

_CHECKERS_ACTIONS = frozenset(
    {"request.voted", "request.in_review", "request.question", "request.comment", "request.note", "request.unassigned"}
)
