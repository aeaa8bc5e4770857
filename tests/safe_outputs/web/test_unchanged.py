"""A page that is sent again as it was rendered is the page that would be rendered now, for whoever reads it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from markupsafe import escape
from sqlalchemy import delete
from sqlalchemy.orm import Session

from governance import audit
from governance.agreements import agreements_of
from governance.agreements import withdraw as withdraw_agreement
from governance.audit import Head
from governance.database import reading
from governance.projects import Membership
from safe_outputs import conversation, reviewing
from safe_outputs.assignment.models import Assignment
from safe_outputs.evidence.budgets import record_budget
from safe_outputs.reading import VIEWED
from safe_outputs.reads_as import ANY_CHECKER, reads_as
from safe_outputs.transitions import Vote
from safe_outputs.web import create_app, unchanged, when_sent
from safe_outputs.web.settings import WebSettings
from safe_outputs.web.unchanged import CHANGES_ITS_REQUEST, Marks
from tests.safe_outputs.factories import PRIVATE_COUNT, TODAY
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    cast_vote,
    release_next_of,
    the_request,
)
from tests.safe_outputs.web.browser import Browser, KnownByName, sentence_of
from tests.safe_outputs.web.comparing import TIMES, Comparing
from tests.safe_outputs.web.test_speed import statements

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
READERS = ("cleo", "carl", "cora", "rosa")


@pytest.fixture
def keeping(app: Flask) -> Flask:
    """The service as it is served: what is kept is sent."""
    unchanged.attach(app)
    return app


@pytest.fixture
def anew(settings: WebSettings, hub: KnownByName, templates: FileSystemBytecodeCache) -> Flask:
    """Another process on the same register, which keeps nothing."""
    app = create_app(settings, hub)
    app.testing, app.jinja_env.bytecode_cache = True, templates
    app.extensions[unchanged.EXTENSION] = Comparing()
    return app


def says(text: str) -> str:
    """What a page says, but for the token of its forms and how long ago things were."""
    return TIMES.sub("", TOKEN.sub("", text))


def ask(house: House, request: str) -> None:
    def step(session: Session) -> None:
        found = the_request(session, request)
        conversation.ask(session, found, checker="carl", text="Why so few?", today=TODAY)

    house.do(step)


def note(house: House, request: str) -> None:
    def step(session: Session) -> None:
        found = the_request(session, request)
        conversation.comment(session, found, checker="cora", text="Hm.", private=True, today=TODAY)

    house.do(step)


def another(house: House, _request: str) -> None:
    a_submitted_request(house)


def recall(house: House, request: str) -> None:
    def step(session: Session) -> None:
        reviewing.recall(session, the_request(session, request), person="cleo", reason="A wrong year.", today=TODAY)

    house.do(step)


def end_the_agreement(house: House, _request: str) -> None:
    def step(session: Session) -> None:
        (agreement,) = agreements_of(session, "heron")
        withdraw_agreement(session, agreement, owner=agreement.owner)

    house.do(step)


STEPS: tuple[Callable[[House, str], object], ...] = (
    lambda _house, _request: None,
    note,
    another,
    lambda house, request: cast_vote(house, request, "carl", Vote.APPROVE),
    another,
    lambda house, request: cast_vote(house, request, "cleo", Vote.APPROVE),
    lambda house, _request: release_next_of(house),
    recall,
    end_the_agreement,
)


def test_after_every_step_all_read_what_is_true(keeping: Flask, anew: Flask, house: House) -> None:
    request, other = a_submitted_request(house), a_submitted_request(house)
    for step in STEPS:
        step(house, request)
        for person in READERS:
            pages = [f"/requests/{request}", f"/requests/{other}", *(["/queue"] if person != "rosa" else [])]
            for path in pages:
                true = says(Browser(anew).sign_in(person).get(path).text)
                for _ in range(2):
                    assert says(Browser(keeping).sign_in(person).get(path).text) == true, (person, path)


def test_a_question_shows_at_once(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    rosa = Browser(keeping).sign_in("rosa")
    assert "Why so few?" not in rosa.get(f"/requests/{request}").text
    ask(house, request)
    assert "Why so few?" in rosa.get(f"/requests/{request}").text


@pytest.mark.parametrize("path", ["/queue", "/requests/{}"])
def test_the_second_time_hardly_anything_is_asked(keeping: Flask, house: House, path: str) -> None:
    address = path.format(a_submitted_request(house))
    cleo, engine = Browser(keeping).sign_in("cleo"), keeping.extensions["saferoom"].engine
    numbers = []
    for _ in range(2):
        with statements(engine) as asked:
            assert cleo.get(address).status_code == 200
        numbers.append(len([each for each in asked if not each.startswith("BEGIN")]))
    assert numbers[1] <= 6 < numbers[0]


def test_what_one_request_asks_of_the_register_is_not_asked_for_the_next(keeping: Flask, house: House) -> None:
    requests, numbers = [a_submitted_request(house) for _ in range(3)], []
    cleo, engine = Browser(keeping).sign_in("cleo"), keeping.extensions["saferoom"].engine
    for ended in (False, False, True):
        if ended:
            end_the_agreement(house, "")
        with statements(engine) as asked:
            page = cleo.get(f"/requests/{requests.pop()}")
        numbers.append(len(asked))
    assert numbers[1] <= numbers[0] - 8
    assert numbers[2] >= numbers[0] - 2, "the register is another one"
    assert "agreement" in sentence_of(page)


def test_what_is_kept_for_all_checkers_says_who_reads_it_and_has_her_zone(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cleo, cora = (Browser(keeping).sign_in(each) for each in ("cleo", "cora"))
    zones = cora.form_of("/settings", "/settings/time-zone")
    assert cora.post("/settings/time-zone", {**zones, "zone": "Asia/Tokyo"}).status_code == 303
    house.do(lambda session: session.execute(delete(Assignment)))
    first, second = cleo.get(f"/requests/{request}").text, cora.get(f"/requests/{request}").text
    assert len(keeping.extensions[unchanged.EXTENSION].kept._things) == 1
    assert ("Sign out (Cleo)" in first, "Sign out (Cora)" in second) == (True, True)
    assert "Cleo" not in second
    assert ("Asia/Tokyo" in first, "Asia/Tokyo" in second) == (False, True)


def test_who_has_to_do_with_a_request_reads_it_as_herself(house: House) -> None:
    request = a_submitted_request(house)
    house.do(lambda session: session.execute(delete(Assignment)))

    def read_as() -> list[str | None]:
        with reading(house.engine) as session:
            return [reads_as(session, request, each, TODAY) for each in ("cleo", "carl", "cora", "rosa", "otto")]

    assert read_as() == [ANY_CHECKER, ANY_CHECKER, ANY_CHECKER, "person rosa", None]
    cast_vote(house, request, "cleo")
    note(house, request)
    house.do(lambda session: session.add(Membership(project_id="heron", person_name="carl")))
    assert read_as() == ["person cleo", "person carl", "person cora", "person rosa", None]


def test_no_text_opens_a_place(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    sign = "<moment:2001-02-03T04:05:06+00:00>"
    house.do(lambda session: setattr(the_request(session, request), "title", sign))
    pages = [Browser(keeping).sign_in("cleo").get(f"/requests/{request}").text for _ in range(2)]
    assert [escape(sign) in each for each in pages] == [True, True]
    assert not any(when_sent._SIGN in each for each in pages)


def test_each_look_is_on_record_also_at_what_was_kept(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    for person in ("cleo", "cleo", "carl"):
        Browser(keeping).sign_in(person).get(f"/requests/{request}")
    with reading(house.engine) as session:
        found = [each for each in audit.events_about(session, f"request:{request}") if each.action == VIEWED]
    assert [each.actor for each in found] == ["cleo", "cleo", "carl"]
    assert found[0].detail == found[1].detail


def test_who_may_no_longer_read_is_refused_whatever_is_kept(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    rosa = Browser(keeping).sign_in("rosa")
    assert rosa.get(f"/requests/{request}").status_code == 200
    house.do(lambda session: session.execute(delete(Membership).where(Membership.person_name == "rosa")))
    assert rosa.get(f"/requests/{request}").status_code == 403


def test_stored_bytes_are_compared_although_the_page_is_kept(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cleo = Browser(keeping).sign_in("cleo")
    assert [cleo.get(f"/requests/{request}").status_code for _ in range(2)] == [200, 200]
    digest = house.do(lambda session: the_request(session, request).items[0].statistic.answer)
    path = Path(house.store._named(digest))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"100", b"101", 1))
    assert cleo.get(f"/requests/{request}").status_code == 500


def test_forms_of_a_kept_page_have_the_token_of_who_reads(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    first, second = Browser(keeping).sign_in("cleo"), Browser(keeping).sign_in("cleo")
    tokens = [set(TOKEN.findall(each.get(f"/requests/{request}").text)) for each in (first, second)]
    assert all(len(each) == 1 for each in tokens) and not tokens[0] & tokens[1]
    assert second.vote(request).status_code == 303


def test_what_was_just_done_is_said_once(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cleo = Browser(keeping).sign_in("cleo")
    cleo.vote(request)
    told = ["Your vote is recorded." in cleo.get(f"/requests/{request}").text for _ in range(3)]
    assert told == [True, False, False]


def test_what_is_left_of_a_budget_is_true_although_the_chain_does_not_tell(keeping: Flask, house: House) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)])
    cleo, left = Browser(keeping).sign_in("cleo"), "1.25, just now"
    pages = [sentence_of(cleo.get(f"/requests/{request}")) for _ in range(2)]
    house.do(lambda session: record_budget(session, "dataset:rand_hie", 1_250_000_000, 0))
    pages.append(sentence_of(cleo.get(f"/requests/{request}")))
    assert [left in each for each in pages] == [False, False, True]


@pytest.mark.parametrize(
    ("action", "own", "others", "lists"),
    [
        *((action, True, False, True) for action in sorted(CHANGES_ITS_REQUEST)),
        (VIEWED, False, False, False),
        ("request.released", True, True, True),
        ("thing.nobody_knows", True, True, True),
    ],
)
def test_an_event_changes_what_the_tables_say(house: House, action: str, own: bool, others: bool, lists: bool) -> None:
    marks, seen = Marks(), []
    for _ in range(2):
        with reading(house.engine) as session:
            seen.append([marks.of(session, each) for each in ("r-1", "r-2", None)])
        house.do(lambda session: audit.record(session, "cleo", action, "request:r-1"))
    assert [one != two for one, two in zip(*seen, strict=True)] == [own, others, lists]


def test_a_state_older_than_what_was_seen_has_no_mark(house: House) -> None:
    marks = Marks()
    with reading(house.engine) as older:
        audit.head(older)
        house.do(lambda session: audit.record(session, "cleo", "request.voted", "request:r-1"))
        with reading(house.engine) as newer:
            assert marks.of(newer, "r-1") is not None
        assert marks.of(older, "r-1") is None


def test_a_register_that_was_restored_has_other_marks(house: House) -> None:
    marks = Marks()
    with reading(house.engine) as session:
        before = marks.of(session, "r-1")
        marks._last = Head(marks._last.sequence, "another past")
        marks._all = "another past"
        assert marks.of(session, "r-1") == before
