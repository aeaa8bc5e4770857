"""Lists of release requests, a page at a time: the output checker's desk and a researcher's own."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from governance.agreements import agreements_of
from governance.database import reading
from governance.projects import projects_of
from safe_outputs.answers import Verdict
from safe_outputs.evidence.standing import standings
from safe_outputs.lists.desk import Page, Range, Ranges, Search, queue, requests_of
from safe_outputs.transitions import Owner, RequestState
from safe_outputs.web.access import reader
from safe_outputs.web.api.shapes import Answer, Paged, Yes
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.author import budgets_of
from safe_outputs.web.service import service, today

blueprint = api("lists")

Part = Literal["waiting_for_you", "waiting_for_others", "with_author", "decided"]


class Line(Answer):
    """One request in a list. `votes`: how many have voted in this turn, never who or how. `assigned`: to you."""

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


class Lines(Answer):
    """A page of a list; `total` is how many there are on all pages."""

    total: int
    page: int
    limit: int
    requests: list[Line]


class Wanted(Paged):
    """Which requests of a list: those that fit all that is given."""

    verdict: Verdict | None = None
    audience: Literal["pre_publication", "publication"] | None = None
    project: Annotated[str, StringConstraints(max_length=200)] | None = None
    overdue: Annotated[Yes | None, Field(description="only what is overdue")] = None


class WantedOfQueue(Wanted):
    part: Annotated[Part, Field(description="which part of the desk")] = "waiting_for_you"


@endpoint(
    blueprint,
    "GET",
    "/queue",
    "output_checker",
    "Your desk: one part of it, a page at a time.",
    query=WantedOfQueue,
    answer=Lines,
    etag=True,
)
def desk(query: WantedOfQueue) -> Lines:
    ranges = Ranges(**{name: range_of(query) if part == query.part else Range(1, 1) for name, part in PLACES.items()})
    with reading(service().engine) as database:
        found = queue(database, reader().name, today(), ranges, search_of(query))
    parts: dict[Part, Page] = {
        "waiting_for_you": found.waiting_for_you,
        "waiting_for_others": found.waiting_for_others,
        "with_author": found.with_author,
        "decided": found.decided,
    }
    return lines_of(parts[query.part])


PLACES: dict[str, Part] = {
    "mine": "waiting_for_you",
    "others": "waiting_for_others",
    "author": "with_author",
    "decided": "decided",
}
"""What the parts of the desk are called here, by their names in `Ranges`."""


class Budget(Answer):
    """What was left of a budget (billionths of ρ) after the newest charge that your projects made to it."""

    scope: str
    left: int
    at: datetime


class Standing(Answer):
    """What is promised to the people of a population, in a sentence."""

    population: str
    datasets: list[str]
    title: str
    sentence: str


class Own(Lines):
    """A page of your projects' requests, their budgets, and what is promised to the people in their data."""

    budgets: list[Budget]
    standings: list[Standing]


@endpoint(
    blueprint,
    "GET",
    "/requests",
    "researcher",
    "The requests of your projects, newest first.",
    query=Wanted,
    answer=Own,
    etag=True,
)
def own(query: Wanted) -> Own:
    with reading(service().engine) as database:
        projects = [each.id for each in projects_of(database, reader().name)]
        datasets = {each.dataset for project in projects for each in agreements_of(database, project)}
        found = lines_of(requests_of(database, reader().name, today(), range_of(query), search_of(query)))
        return Own(
            **dict(found),
            budgets=[Budget.model_validate(each) for each in budgets_of(database, service().store, projects)],
            standings=[Standing.model_validate(each) for each in standings(database, datasets)],
        )


def search_of(wanted: Wanted) -> Search:
    """What is looked for."""
    return Search(
        verdict=wanted.verdict,
        audience=wanted.audience,
        project_name=wanted.project,
        overdue=wanted.overdue is not None,
    )


def range_of(wanted: Wanted) -> Range:
    return Range(wanted.page, wanted.limit)


def lines_of(found: Page) -> Lines:
    return Lines(
        total=found.total,
        page=found.range.number,
        limit=found.range.size,
        requests=[Line.model_validate(each) for each in found.lines],
    )
