"""Which requests are on whose list, in which order and how many: asked of the database, a page at a time.

The output checker's desk has what waits for her first (of that, what is assigned to her), then what waits for others,
what is with its author, and what is decided. In each part what is overdue comes first, then the riskiest, then what has
waited longest; of what is decided, what Saferoom is about to release, then the newest. Whether a request waits for a
person is asked anew each time (I10), by the conditions of `safe_outputs.rights` in the database's words; tests hold the
two to each other.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select, true, tuple_
from sqlalchemy.orm import Session

from governance import access
from governance.database import now
from governance.people import Person, find_person
from governance.projects import Membership, Project
from safe_outputs.answers import Verdict
from safe_outputs.assignment.models import Assignment
from safe_outputs.errors import NotPermitted
from safe_outputs.kept import rank_of
from safe_outputs.lines import KEPT, RequestLine, line
from safe_outputs.models import CheckerVote, ReleaseRequest
from safe_outputs.transitions import ACTION_STATES, Action, Owner, RequestState
from safe_outputs.usable import usable

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

    def where(self, at: datetime) -> Where:
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


@dataclass(frozen=True)
class _List:
    """One list: parts that follow each other, each with its order. `mine` says which of them wait for the reader."""

    parts: tuple[tuple[Where, Order], ...]
    search: Where
    mine: Where
    at: datetime


def queue(
    session: Session, person: str, today: date, ranges: Ranges | None = None, search: Search = EVERYTHING
) -> Queue:
    """The desk of an output checker. Raises `NotPermitted` for anyone else."""
    if (reason := access.why_not_check(find_person(session, person), today)) is not None:
        raise NotPermitted(reason)
    asked, reader = ranges or Ranges(), _reader(session, person, today, search)
    totals, checkers = reader.totals(), _R.move_of == Owner.CHECKERS
    mine = reader.count(and_(checkers, reader.mine))
    return Queue(
        waiting_for_you=reader.page(
            asked.mine,
            mine,
            *reader.late_first(and_(checkers, reader.mine, reader.assigned)),
            *reader.late_first(and_(checkers, reader.mine, ~reader.assigned)),
        ),
        waiting_for_others=reader.page(
            asked.others, totals[Owner.CHECKERS] - mine, *reader.late_first(and_(checkers, ~reader.mine))
        ),
        with_author=reader.page(asked.author, totals[Owner.AUTHOR], (_with_author(), BY_RISK)),
        decided=reader.page(
            asked.decided,
            totals[Owner.SYSTEM] + totals[Owner.NOBODY],
            (_R.move_of == Owner.SYSTEM, NEWEST),
            (_R.move_of == Owner.NOBODY, NEWEST),
        ),
    )


def waiting_for(session: Session, person: str, today: date) -> Iterator[RequestLine]:
    """All that waits for this person, in order, read as far as it is looked at."""
    reader = _reader(session, person, today, EVERYTHING)
    parts = reader.late_first(and_(_R.move_of == Owner.CHECKERS, reader.mine))
    number = 1
    while lines := reader.page(Range(number), 0, *parts).lines:
        yield from lines
        number += 1


def requests_of(
    session: Session, person: str, today: date, range_: Range | None = None, search: Search = EVERYTHING
) -> Page:
    """The requests of the projects in which a person works, newest first, and those that she made."""
    hers = or_(_R.author == person, _R.project_id.in_(_projects_of(person)))
    reader = _reader(session, person, today, search)
    return reader.page(range_ or Range(), reader.count(hers), (hers, NEWEST_MADE))


@dataclass(frozen=True)
class _Reader:
    """Who reads a list at which moment, and what she looks for.

    `mine` says which requests wait for her, `assigned` which are assigned to her.
    """

    session: Session
    search: Search
    mine: Where
    assigned: Where
    at: datetime

    def page(self, range_: Range, total: int, *parts: tuple[Where, Order]) -> Page:
        """A page of parts that follow each other, each with its order."""
        found: list[RequestLine] = []
        skip = range_.offset
        for where, order in parts:
            rows = self._rows(where, order, skip, range_.size - len(found))
            found += rows
            if len(found) == range_.size:
                break
            skip = max(0, skip - self.count(where)) if skip and not rows else 0
        return Page(tuple(found), total, range_)

    def late_first(self, where: Where) -> tuple[tuple[Where, Order], ...]:
        """What is overdue, then the rest."""
        return (and_(where, _R.due < self.at), BY_RISK), (and_(where, _R.due >= self.at), BY_RISK)

    def count(self, where: Where) -> int:
        query = select(func.count()).select_from(_R).where(where)
        return self.session.scalar(self._found(query)) or 0

    def totals(self) -> Counter[Owner]:
        """How many requests are whose move, drafts left out."""
        query: Select[*tuple[Any, ...]] = select(_R.move_of, func.count()).select_from(_R).group_by(_R.move_of)
        found: Counter[Owner] = Counter(dict(self.session.execute(self._found(query)).all()))
        found[Owner.AUTHOR] -= self.count(and_(_R.move_of == Owner.AUTHOR, _R.state == RequestState.DRAFT))
        return found

    def _found(self, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """What the search finds of it."""
        return query if self.search == EVERYTHING else query.join(Project).where(self.search.where(self.at))

    def _rows(self, where: Where, order: Order, skip: int, number: int) -> list[RequestLine]:
        hers = (self.mine.label("mine"), self.assigned.label("assigned"))
        query = select(*KEPT, Project.name, *hers).join(Project).where(where, self.search.where(self.at))
        rows = self.session.execute(query.order_by(*order).offset(skip).limit(number))
        return [line(row, row.name, mine=bool(row.mine), assigned=bool(row.assigned), at=self.at) for row in rows]


def _reader(session: Session, person: str, today: date, search: Search) -> _Reader:
    return _Reader(session, search, _waits_for(session, person, today), is_assigned(person), now())


def is_assigned(person: str) -> Where:
    """Whether a request is assigned to this person now."""
    return exists().where(Assignment.request_id == _R.id, Assignment.checker == person, Assignment.ended_at.is_(None))


def _with_author() -> Where:
    return and_(_R.move_of == Owner.AUTHOR, _R.state != RequestState.DRAFT)


def _waits_for(session: Session, person: str, today: date) -> Where:
    """Whether this person can vote on a request now."""
    if access.why_not_check(session.get(Person, person), today) is not None:
        return false()
    votable = _R.state.in_(ACTION_STATES[Action.VOTE])
    voted = and_(
        _R.voted > 0,
        exists().where(CheckerVote.request_id == _R.id, CheckerVote.turn == _R.turn, CheckerVote.checker == person),
    )
    turn = case((voted, _R.voted >= _R.checkers_needed), else_=_R.voted < _R.checkers_needed)
    return and_(votable, _R.author != person, turn, *_not_hers(session, person), *_usable(session))


def _not_hers(session: Session, person: str) -> Iterator[Where]:
    """Not of a project to which she belongs (I9); most checkers belong to none."""
    if projects := list(session.scalars(_projects_of(person))):
        yield _R.project_id.not_in(projects)


def _projects_of(person: str) -> Select[str]:
    return select(Membership.project_id).where(Membership.person_name == person)


def _usable(session: Session) -> Iterator[Where]:
    """Not on data that its project may no longer use (I10); hardly any request is."""
    stands = select(_R.project_id, _R.stands_on).where(_R.move_of.in_([Owner.CHECKERS, Owner.AUTHOR])).distinct()
    found = [(project, stands_on) for project, stands_on in session.execute(stands)]
    projects = {each.id: each for each in session.scalars(select(Project))}
    data = usable(session, projects)
    if ended := [(project, on) for project, on in found if not data.may_stand(projects[project], on)]:
        yield tuple_(_R.project_id, _R.stands_on).not_in(ended)
