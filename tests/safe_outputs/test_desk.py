"""The lists that the database makes are those that one would make of every request by itself, in Python."""

import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from datasets.versions import DatasetVersion, VersionState
from governance.database import now, transaction
from governance.projects import Membership, find_project
from safe_outputs import asking
from safe_outputs.answers import VERDICT_ORDER, Verdict
from safe_outputs.asking import Asker
from safe_outputs.errors import NotPermitted
from safe_outputs.lists import desk
from safe_outputs.lists.desk import EVERYTHING, Page, Range, Ranges, Search, queue, requests_of, waiting_for
from safe_outputs.lists.kept import keep, rank_of, verdict_at, verdict_of
from safe_outputs.lists.lines import RequestLine, request_line
from safe_outputs.models import ReleaseRequest, Statistic
from safe_outputs.statistics import canonical
from safe_outputs.transitions import Owner, RequestState
from safe_outputs.turns import due_at, open_questions, votes_of_turn
from tests.registers import new_register
from tests.safe_outputs.factories import CROSSTAB, TODAY, an_answer
from tests.safe_outputs.house import (
    House,
    a_draft,
    a_house,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    release_next_of,
    the_request,
)
from tests.safe_outputs.many_requests import Made, make, statistics_of

KEPT = ("holds", "voted", "asked", "stands_on", "rank", "due", "move_of", "move_since", "checkers_seconds")

VOTERS = ((), ("cleo",), ("carl",), ("cleo", "carl"), ("carl", "cora"))

requests = st.builds(
    Made,
    state=st.sampled_from([*RequestState, *[RequestState.IN_REVIEW] * 8, *[RequestState.SUBMITTED] * 3]),
    project=st.sampled_from(["heron", "wren"]),
    audience=st.sampled_from(["publication", "pre_publication"]),
    title=st.sampled_from(["Spending by site", "SPENDING 100 %", "Visits_a"]),
    hours=st.integers(1, 160),
    statistics=st.lists(st.sampled_from([0, 0, 1, 2, 3, 4, 5]), min_size=1, max_size=3).map(tuple),
    voters=st.sampled_from(VOTERS),
    asked=st.booleans(),
)
searches = st.builds(
    Search,
    title=st.sampled_from(["", "", "", "", "spending", "%", "_", "visits_a"]),
    project=st.sampled_from(["", "", "WREN", "project h"]),
    author=st.sampled_from(["", "", "ros", "rui"]),
    state=st.sampled_from([*[None] * 12, *RequestState]),
)


def finds(session: Session, search: Search, request: ReleaseRequest) -> bool:
    project = find_project(session, request.project_id)
    words = (
        (search.title, request.title),
        (search.author, request.author),
        (search.project, f"{project.name}\n{project.id}"),
    )
    state = search.state is None or request.state is search.state
    return state and all(wanted.lower() in text.lower() for wanted, text in words)


def one_by_one(session: Session, person: str, search: Search) -> list[RequestLine]:
    """Every request's line, drafts left out."""
    found = session.scalars(select(ReleaseRequest).where(ReleaseRequest.state != RequestState.DRAFT))
    return [request_line(session, each, person, TODAY) for each in found if finds(session, search, each)]


def in_order(lines: Iterable[RequestLine]) -> list[RequestLine]:
    def place(line: RequestLine) -> tuple[object, ...]:
        return not line.overdue, -VERDICT_ORDER.index(line.verdict), line.since, line.id

    return sorted(lines, key=place)


def newest(lines: Iterable[RequestLine]) -> list[RequestLine]:
    return sorted(lines, key=lambda line: (line.since, line.id), reverse=True)


def by_pages(session: Session, person: str, part: str, attribute: str, search: Search, size: int) -> list[RequestLine]:
    """A part of the desk, page by page until one is empty; its total is said on each."""
    found: list[RequestLine] = []
    for number in range(1, 100):
        page: Page = getattr(queue(session, person, TODAY, Ranges(**{part: Range(number, size)}), search), attribute)
        if not page.lines:
            assert page.total == len(found)
            return found
        found += page.lines
        assert page.pages >= number
    raise AssertionError("the pages have no end")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@example([Made(RequestState.IN_REVIEW, voters=each) for each in VOTERS], EVERYTHING, 2, False)
@example([Made(RequestState.SUBMITTED, project="wren", statistics=(each,)) for each in range(6)], EVERYTHING, 2, True)
@given(st.lists(requests, max_size=12), searches, st.integers(1, 5), st.booleans())
def test_the_desk_is_what_every_request_says_by_itself(
    wanted: list[Made], search: Search, size: int, member: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = new_register(Path(folder))
        house = a_house(engine, Path(folder))
        pools = {project: statistics_of(house, project) for project in ("heron", "wren")}
        with transaction(engine) as session:
            make(session, pools, wanted)
            if member:
                session.add(Membership(project_id="wren", person_name="cleo"))
            session.flush()
            expect_desk(session, search, size)
        engine.dispose()


def expect_desk(session: Session, search: Search, size: int) -> None:
    every = one_by_one(session, "cleo", search)
    checkers = [line for line in every if line.move is Owner.CHECKERS]
    expected = {
        ("mine", "waiting_for_you"): in_order(line for line in checkers if line.mine),
        ("others", "waiting_for_others"): in_order(line for line in checkers if not line.mine),
        ("author", "with_author"): in_order(line for line in every if line.move is Owner.AUTHOR),
        ("decided", "decided"): [
            *newest(line for line in every if line.move is Owner.SYSTEM),
            *newest(line for line in every if line.move is Owner.NOBODY),
        ],
    }
    for (part, attribute), lines in expected.items():
        assert by_pages(session, "cleo", part, attribute, search, size) == lines
    if search == EVERYTHING:
        assert list(waiting_for(session, "cleo", TODAY)) == expected["mine", "waiting_for_you"]


@pytest.mark.parametrize("person", ["rosa", "otto", "nobody-here"])
def test_nobody_else_has_a_desk(house: House, person: str) -> None:
    if person != "nobody-here":
        with pytest.raises(NotPermitted):
            house.do(lambda session: queue(session, person, TODAY))
    assert house.do(lambda session: list(waiting_for(session, person, TODAY))) == []


def test_what_a_person_may_no_longer_vote_on_waits_for_others(house: House) -> None:
    """Asked anew at each call (I10): nothing of the request changes, but the data may no longer be used."""
    request = a_submitted_request(house)
    assert [each.id for each in house.do(lambda session: queue(session, "cleo", TODAY)).waiting_for_you.lines] == [
        request
    ]

    def withdrawn(session: Session) -> desk.Queue:
        version = session.scalars(select(DatasetVersion)).one()
        version.state = VersionState.WITHDRAWN
        session.flush()
        found = queue(session, "cleo", TODAY)
        session.rollback()
        return found

    found = house.do(withdrawn)
    assert (found.waiting_for_you.total, found.waiting_for_others.total) == (0, 1)


def test_people_see_the_requests_of_their_projects_newest_first(house: House) -> None:
    pools = {project: statistics_of(house, project) for project in ("heron", "wren")}

    def step(session: Session) -> None:
        wanted = [Made(RequestState.SUBMITTED, project, hours=hours) for project in pools for hours in (3, 1, 2)]
        ids = make(session, pools, wanted)
        first = requests_of(session, "rosa", TODAY, Range(1, 2))
        second = requests_of(session, "rosa", TODAY, Range(2, 2))
        assert [each.id for each in (*first.lines, *second.lines)] == [ids[1], ids[2], ids[0]]
        assert (first.total, first.pages) == (3, 2)
        assert requests_of(session, "rosa", TODAY, search=Search(title="nothing of that")).total == 0

    house.do(step)


def expect_kept(house: House) -> None:
    """What lists read is what the one function makes of every request."""

    def step(session: Session) -> None:
        for request in session.scalars(select(ReleaseRequest)):
            before = {name: getattr(request, name) for name in KEPT}
            keep(session, request, now())
            assert {name: getattr(request, name) for name in KEPT} == before
            assert (request.voted, request.asked) == (len(votes_of_turn(request)), len(open_questions(request)))
            assert (request.due, request.holds) == (due_at(request), len(request.items))
            assert verdict_at(request.rank) is verdict_of(session, request)
        session.rollback()

    house.do(step)


def test_a_release_makes_requests_riskier_that_could_be_subtracted(house: House) -> None:
    """Those with another exact table of the same people; what is decided, and the same table, are as before."""
    pool = statistics_of(house, "heron")
    first = an_approved_request(house, [pool[0]])
    other, same, private = (a_submitted_request(house, [pool[each]]) for each in (4, 0, 5))
    draft = a_draft(house, [pool[1]])
    assert house.do(lambda session: [the_request(session, each).rank for each in (other, draft)]) == [3, 2]
    release_next_of(house)
    expect_kept(house)

    def verdicts(session: Session) -> dict[str, str]:
        return {each: verdict_at(the_request(session, each).rank) for each in (first, other, same, private, draft)}

    assert house.do(verdicts) == {first: "safe", other: "refer", same: "safe", private: "safe", draft: "refer"}


def test_an_answer_reaches_the_drafts_that_wait_for_it(house: House) -> None:
    asked = house.do(lambda session: asking.ask(session, Asker("rosa", "heron"), CROSSTAB, "code").id)
    request = a_draft(house, [asked])

    def answer(session: Session) -> None:
        statistic = asking.take_next(session, "checker")
        assert statistic is not None
        found = an_answer(house.store, verdict=Verdict.REFER)
        digest = house.store.put(canonical(found.model_dump(mode="json")))
        asking.answer(session, statistic, digest, found, actor="checker")

    house.do(answer)
    expect_kept(house)
    assert house.do(lambda session: the_request(session, request).rank) == rank_of(Verdict.REFER)
    assert house.do(lambda session: the_request(session, request).stands_on) == '[["rand_hie",3]]'


def test_overdue_is_asked_of_the_moment(house: House) -> None:
    pools = {"heron": statistics_of(house, "heron")}

    def step(session: Session) -> None:
        make(session, pools, [Made(RequestState.SUBMITTED, hours=119), Made(RequestState.SUBMITTED, hours=121)])
        lines = queue(session, "cleo", TODAY).waiting_for_you.lines
        assert [line.overdue for line in lines] == [True, False]
        assert all(line.due is not None and abs(line.due - line.since) == timedelta(hours=120) for line in lines)

    house.do(step)


def test_an_answered_statistic_repeats_its_plan(house: House) -> None:
    exact = an_answered_statistic(house)
    found = house.do(lambda session: session.get_one(Statistic, exact))
    assert (found.dataset, found.exact) == ("rand_hie", True)
