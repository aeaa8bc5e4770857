"""Which requests are on whose list, in which order and how many: asked of the database, a page at a time.

The output checker's desk has what waits for her first (of that, what is assigned to her), then what waits for others,
what is with its author, and what is decided. In each part what is overdue comes first, then the riskiest, then what has
waited longest; of what is decided, what Saferoom is about to release, then the newest. Whether a request waits for a
person is asked anew each time (I10), by the conditions of `safe_outputs.rights` in the database's words; tests hold the
two to each other.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session

from governance import access
from governance.database import UtcDateTime, now, shared
from governance.people import find_person, known_person
from governance.projects import Membership, Project
from safe_outputs.answers import Verdict
from safe_outputs.assignment.models import Assignment
from safe_outputs.errors import NotPermitted
from safe_outputs.lists.kept import rank_of
from safe_outputs.lists.lines import KEPT, RequestLine, line
from safe_outputs.lists.usable import usable
from safe_outputs.models import CheckerVote, ReleaseRequest
from safe_outputs.transitions import ACTION_STATES, Action, Owner, RequestState

Where = ColumnElement[bool]
Order = tuple[Any, ...]

_R = ReleaseRequest
BY_RISK: Order = (_R.rank, _R.move_since, _R.id)
NEWEST: Order = (_R.move_since.desc(), _R.id.desc())
NEWEST_MADE: Order = (_R.created_at.desc(), _R.id.desc())


@dataclass(frozen=True)
class Search:
    """Requests that fit all that is given.

    `title`, `project` and `author` are words in them; `project_name` is the whole name of the project.
    """

    title: str = ""
    project: str = ""
    author: str = ""
    state: RequestState | None = None
    project_name: str | None = None
    verdict: Verdict | None = None
    audience: str | None = None
    overdue: bool = False

    def where(self, at: Any) -> Where:
        """As a condition on requests and their projects."""
        return and_(
            _holds(_R.title, self.title),
            _holds(_R.author, self.author),
            or_(_holds(Project.name, self.project), _holds(Project.id, self.project)),
            _is(_R.state, self.state),
            _is(Project.name, self.project_name),
            _is(_R.rank, None if self.verdict is None else rank_of(self.verdict)),
            _is(_R.audience, self.audience),
            _R.due < at if self.overdue else true(),
        )


def _is(column: Any, value: object) -> Where:
    return true() if value is None else column == value


def _holds(column: Any, words: str) -> Where:
    return func.lower(column).contains(words.lower(), autoescape=True) if words else true()


EVERYTHING = Search()


@dataclass(frozen=True)
class Range:
    """A page of a list: its number, from 1 on, and how many lines it has."""

    number: int = 1
    size: int = 25

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


@dataclass(frozen=True)
class Page:
    """The lines of one page, and how many there are on all pages."""

    lines: tuple[RequestLine, ...]
    total: int
    range: Range

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.range.size))


@dataclass(frozen=True)
class Ranges:
    """Which page of each part of the desk."""

    mine: Range = field(default_factory=Range)
    others: Range = field(default_factory=Range)
    author: Range = field(default_factory=Range)
    decided: Range = field(default_factory=Range)


@dataclass(frozen=True)
class Queue:
    """The output checker's desk."""

    waiting_for_you: Page
    waiting_for_others: Page
    with_author: Page
    decided: Page


def queue(
    session: Session, person: str, today: date, ranges: Ranges | None = None, search: Search = EVERYTHING
) -> Queue:
    """The desk of an output checker. Raises `NotPermitted` for anyone else."""
    if (reason := access.why_not_check(find_person(session, person), today)) is not None:
        raise NotPermitted(reason)
    asked, reader = ranges or Ranges(), _reader(session, person, today, search)
    totals, mine = reader.totals(), reader.count("waiting for her")
    return Queue(
        waiting_for_you=reader.page(asked.mine, mine, "late, hers", "hers", "late, free", "free"),
        waiting_for_others=reader.page(asked.others, totals[Owner.CHECKERS] - mine, "late, of others", "of others"),
        with_author=reader.page(asked.author, totals[Owner.AUTHOR], "with author"),
        decided=reader.page(
            asked.decided, totals[Owner.SYSTEM] + totals[Owner.NOBODY], "about to be released", "ended"
        ),
    )


def waiting_for(session: Session, person: str, today: date) -> Iterator[RequestLine]:
    """All that waits for this person, in order, read as far as it is looked at."""
    reader, number = _reader(session, person, today, EVERYTHING), 1
    while lines := reader.page(Range(number), 0, "late, waiting for her", "in time, waiting for her").lines:
        yield from lines
        number += 1


def requests_of(
    session: Session, person: str, today: date, range_: Range | None = None, search: Search = EVERYTHING
) -> Page:
    """The requests of the projects in which a person works, newest first, and those that she made."""
    reader = _reader(session, person, today, search)
    return reader.page(range_ or Range(), reader.count("of her projects"), "of her projects")


@dataclass(frozen=True)
class _Shape:
    """What a list's statements depend on, but for the person and the moment, which they are told.

    `checker`: she may check at all; `member`: the projects to which she belongs; `ended`: projects and what requests of
    theirs stand on, where that may not be used any more.
    """

    search: Search
    checker: bool
    member: tuple[str, ...]
    ended: tuple[tuple[str, str], ...]


class _Statements:
    """The statements of one shape, made once each: to make one takes longer than to ask it."""

    def __init__(self, shape: _Shape) -> None:
        self._search = shape.search
        self._mine, self._assigned = _waits_for(shape), is_assigned(_PERSON)
        checkers, late = _R.move_of == Owner.CHECKERS, _R.due < _AT
        mine, others = and_(checkers, self._mine), and_(checkers, ~self._mine)
        hers, free = and_(mine, _R.id.in_(_ASKED_HER)), and_(mine, _R.id.not_in(_ASKED_HER))
        member = select(Membership.project_id).where(Membership.person_name == _PERSON)
        self._parts: dict[str, tuple[Where, Order]] = {
            "waiting for her": (mine, BY_RISK),
            "late, waiting for her": (and_(mine, late), BY_RISK),
            "in time, waiting for her": (and_(mine, _R.due >= _AT), BY_RISK),
            "late, hers": (and_(hers, late), BY_RISK),
            "hers": (and_(hers, _R.due >= _AT), BY_RISK),
            "late, free": (and_(free, late), BY_RISK),
            "free": (and_(free, _R.due >= _AT), BY_RISK),
            "late, of others": (and_(others, late), BY_RISK),
            "of others": (and_(others, _R.due >= _AT), BY_RISK),
            "with author": (and_(_R.move_of == Owner.AUTHOR, _R.state != RequestState.DRAFT), BY_RISK),
            "about to be released": (_R.move_of == Owner.SYSTEM, NEWEST),
            "ended": (_R.move_of == Owner.NOBODY, NEWEST),
            "of her projects": (or_(_R.author == _PERSON, _R.project_id.in_(member)), NEWEST_MADE),
        }
        self._made: dict[tuple[str, str], Any] = {}

    def rows(self, part: str) -> Any:
        return self._once("rows", part, self._rows)

    def count(self, part: str) -> Any:
        return self._once("count", part, self._count)

    def totals(self) -> Any:
        drafts = func.sum(case((_R.state == RequestState.DRAFT, 1), else_=0))
        query = select(_R.move_of, func.count() - drafts).group_by(_R.move_of)
        return self._once("totals", "", lambda _: self._found(query))

    def _once(self, what: str, part: str, make: Callable[[str], Any]) -> Any:
        if (what, part) not in self._made:
            self._made[what, part] = make(part)
        return self._made[what, part]

    def _rows(self, part: str) -> Any:
        where, order = self._parts[part]
        hers = (self._mine.label("mine"), self._assigned.label("assigned"))
        query = select(*KEPT, Project.name, *hers).join(Project).where(where, self._search.where(_AT))
        return query.order_by(*order).offset(bindparam("skip")).limit(bindparam("number"))

    def _count(self, part: str) -> Any:
        return self._found(select(func.count()).select_from(_R).where(self._parts[part][0]))

    def _found(self, query: Any) -> Any:
        """What the search finds of it."""
        return query if self._search == EVERYTHING else query.join(Project).where(self._search.where(_AT))


_PERSON: ColumnElement[str] = bindparam("person", type_=Text)
_AT: ColumnElement[datetime] = bindparam("at", type_=UtcDateTime)
_ASKED_HER = select(Assignment.request_id).where(Assignment.checker == _PERSON, Assignment.ended_at.is_(None))
_statements = lru_cache(maxsize=64)(_Statements)


@dataclass(frozen=True)
class _Reader:
    """Who reads lists at which moment."""

    session: Session
    statements: _Statements
    person: str
    at: datetime

    def page(self, range_: Range, total: int, *parts: str) -> Page:
        """A page of parts that follow each other, each with its order."""
        found: list[RequestLine] = []
        skip = range_.offset
        for part in parts:
            rows = self._rows(part, skip, range_.size - len(found))
            found += rows
            if len(found) == range_.size:
                break
            skip = max(0, skip - self.count(part)) if skip and not rows else 0
        return Page(tuple(found), total, range_)

    def count(self, part: str) -> int:
        return self._asked.scalar(self.statements.count(part), self._told) or 0

    def totals(self) -> Counter[Owner]:
        """How many requests are whose move, drafts left out."""
        return Counter(dict(self._asked.execute(self.statements.totals(), self._told).all()))

    @property
    def _asked(self) -> Connection:
        """What lists ask are columns, for which a session does nothing but take its time."""
        return self.session.connection()

    @property
    def _told(self) -> dict[str, Any]:
        return {"person": self.person, "at": self.at}

    def _rows(self, part: str, skip: int, number: int) -> list[RequestLine]:
        rows = self._asked.execute(self.statements.rows(part), {**self._told, "skip": skip, "number": number})
        return [line(row, row.name, mine=bool(row.mine), assigned=bool(row.assigned), at=self.at) for row in rows]


def _reader(session: Session, person: str, today: date, search: Search) -> _Reader:
    checker = access.why_not_check(known_person(session, person), today) is None
    member = tuple(sorted(session.connection().scalars(_MEMBER, {"person": person}))) if checker else ()
    ended = tuple(sorted(_ended(session))) if checker else ()
    return _Reader(session, _statements(_Shape(search, checker, member, ended)), person, now())


def is_assigned(person: Any) -> Where:
    """Whether a request is assigned to this person now."""
    # without the index on checkers, so that a request's few are looked through, not all that she is asked
    hers = func.coalesce(Assignment.checker, "") == person
    return exists().where(Assignment.request_id == _R.id, hers, Assignment.ended_at.is_(None))


def _waits_for(shape: _Shape) -> Where:
    """Whether the person can vote on a request now."""
    if not shape.checker:
        return false()
    votable = _R.state.in_(ACTION_STATES[Action.VOTE])
    voted = and_(
        _R.voted > 0,
        exists().where(CheckerVote.request_id == _R.id, CheckerVote.turn == _R.turn, CheckerVote.checker == _PERSON),
    )
    turn = case((voted, _R.voted >= _R.checkers_needed), else_=_R.voted < _R.checkers_needed)
    return and_(
        votable,
        _R.author != _PERSON,
        turn,
        _R.project_id.not_in(shape.member) if shape.member else true(),  # I9; most checkers belong to no project
        tuple_(_R.project_id, _R.stands_on).not_in(shape.ended) if shape.ended else true(),  # I10; hardly any has ended
    )


def _ended(session: Session) -> Iterator[tuple[str, str]]:
    """Projects, and what requests of theirs stand on that may no longer be used (I10)."""
    found = [(row.project_id, row.stands_on) for row in session.connection().execute(_STANDS)]
    projects = shared(session, "projects", lambda: {each.id: each for each in session.scalars(_PROJECTS)})
    data = usable(session, projects)
    return ((project, on) for project, on in found if not data.may_stand(projects[project], on))


_MEMBER = select(Membership.project_id).where(Membership.person_name == _PERSON)
_STANDS = select(_R.project_id, _R.stands_on).where(_R.move_of.in_([Owner.CHECKERS, Owner.AUTHOR])).distinct()
_PROJECTS = select(Project)
