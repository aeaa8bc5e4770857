"""One line of the lists that people read: of a request, and of a release.

A line tells how many have voted in an open turn, and never who or how.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from governance.database import now
from governance.projects import Project, find_project
from safe_outputs.answers import Verdict, audience_in_words
from safe_outputs.assignment.assigning import open_assignments
from safe_outputs.lists.kept import verdict_at
from safe_outputs.models import Release, ReleaseRequest, RequestFile, RequestGroup, RequestItem, Statistic
from safe_outputs.rights import why_not
from safe_outputs.transitions import IN_WORDS, Action, Owner, RequestState


@dataclass(frozen=True)
class RequestLine:
    """One line of a list: what it is, how risky, whose move it is since when, and until when.

    `move` and `since` are whose move it is now; `due` is when the checkers' clock runs out, while it runs. `differ`:
    all votes are in and are not the same, so that those who voted consolidate. `mine`: the reader can vote on it now;
    `assigned`: she is asked to.
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
    files: int
    votes: int
    checkers_needed: int
    move: Owner
    since: datetime
    due: datetime | None
    overdue: bool
    questions: int
    differ: bool
    mine: bool
    assigned: bool


@dataclass(frozen=True)
class ReleaseLine:
    """`told`: how many of its statistics are exact, how many have noise, and how many files there are, in words."""

    id: str
    title: str
    project: str
    audience: str
    told: str
    released_at: datetime


def request_line(session: Session, request: ReleaseRequest, person: str, today: date) -> RequestLine:
    """One line of a list, as this person reads it."""
    project = find_project(session, request.project_id).name
    mine = why_not(session, request, person, Action.VOTE, today) is None
    assigned = person in {each.checker for each in open_assignments(session, request)}
    return line(request, project, mine=mine, assigned=assigned, at=now())


def line(kept: Any, project: str, *, mine: bool, assigned: bool, at: datetime) -> RequestLine:
    """The line of a request, or of a row with the columns `KEPT`."""
    return RequestLine(
        id=kept.id,
        title=kept.title,
        project=project,
        author=kept.author,
        audience=audience_in_words(kept.audience),
        verdict=verdict_at(kept.rank),
        state=kept.state,
        state_in_words=IN_WORDS[kept.state],
        statistics=kept.holds,
        files=kept.holds_files,
        votes=kept.voted,
        checkers_needed=kept.checkers_needed,
        move=kept.move_of,
        since=kept.move_since,
        due=kept.due,
        overdue=kept.due is not None and kept.due < at,
        questions=kept.asked,
        differ=kept.state is RequestState.IN_REVIEW and kept.voted >= kept.checkers_needed,
        mine=mine,
        assigned=assigned,
    )


KEPT = tuple(
    getattr(ReleaseRequest, name)
    for name in (
        *("id", "title", "author", "audience", "rank", "state", "holds", "holds_files", "voted", "checkers_needed"),
        *("move_of", "move_since", "due", "asked"),
    )
)
"""The columns of which a line is made."""


def releases(session: Session, *, audience: str | None = None) -> tuple[ReleaseLine, ...]:
    """The releases, newest first; of one audience, if given."""
    query = select(Release).order_by(Release.released_at.desc())
    if audience is not None:
        query = query.where(Release.audience == audience)
    return release_lines(session, session.scalars(query).all())


def release_lines(session: Session, found: Sequence[Release]) -> tuple[ReleaseLine, ...]:
    """The lines of these releases, asked for together."""
    if not found:
        return ()
    numbers: Counter[tuple[str, str, str]] = Counter()
    wanted = {"requests": [each.request_id for each in found]}
    for request, audience, exact, number in session.execute(_STATISTICS, wanted):
        numbers[request, audience, "exact" if exact else "noisy"] = number
    for request, audience, number in session.execute(_FILES, wanted):
        numbers[request, audience, "files"] = number
    names: dict[str, str] = dict(
        session.execute(_PROJECTS, {"projects": list({each.project_id for each in found})}).all()
    )

    def line_of(each: Release) -> ReleaseLine:
        told = _told(*(numbers[each.request_id, each.audience, what] for what in ("exact", "noisy", "files")))
        return ReleaseLine(each.id, each.title, names[each.project_id], each.audience, told, each.released_at)

    return tuple(map(line_of, found))


def _leaving(kind: type[RequestItem] | type[RequestFile]) -> Any:
    in_group = and_(RequestGroup.request_id == kind.request_id, RequestGroup.position == kind.in_group)
    query = select(kind.request_id, RequestGroup.audience).join(RequestGroup, in_group)
    wanted = query.where(kind.request_id.in_(bindparam("requests", expanding=True)))
    return wanted.group_by(kind.request_id, RequestGroup.audience)


_STATISTICS = (
    _leaving(RequestItem)
    .join(Statistic, Statistic.id == RequestItem.statistic_id)
    .add_columns(Statistic.exact, func.count())
    .group_by(Statistic.exact)
)
_FILES = _leaving(RequestFile).add_columns(func.count())
_PROJECTS = select(Project.id, Project.name).where(Project.id.in_(bindparam("projects", expanding=True)))


def _told(exact: int, noisy: int, files: int) -> str:
    """“2 exact statistics, 1 with noise, 1 file”."""
    first = f"{exact} exact statistic{'s' if exact > 1 else ''}" if exact else ""
    second = f"{noisy} {'' if exact else 'statistics ' if noisy > 1 else 'statistic '}with noise" if noisy else ""
    third = f"{files} file{'s' if files > 1 else ''}" if files else ""
    return ", ".join(each for each in (first, second, third) if each)
