"""Pages do not ask the database more often when there are more requests, and keep nothing that could become untrue."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from safe_outputs.remembered import Remembered
from safe_outputs.transitions import RequestState
from tests.safe_outputs.house import House, a_submitted_request, the_request
from tests.safe_outputs.many_requests import Made, make, statistics_of
from tests.safe_outputs.web.browser import Browser

STATES = (
    RequestState.SUBMITTED,
    RequestState.IN_REVIEW,
    RequestState.CHANGES_REQUESTED,
    RequestState.RELEASED,
    RequestState.REJECTED,
)
FEW, MANY = 10, 200


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def fill(house: House, pools: dict[str, list[str]], first: int, last: int) -> list[str]:
    """So many requests in all states, every one with a vote where there can be one."""
    wanted = [
        Made(state, project=project, hours=1 + number % 150, statistics=(number % 3, 5), voters=("carl",))
        for number, (state, project) in enumerate(islice(zip(cycle(STATES), cycle(("heron", "wren"))), first, last))
    ]
    return list(house.do(lambda session: make(session, pools, wanted, first)))


@pytest.mark.parametrize(
    ("person", "path"),
    [
        ("cleo", "/queue"),
        ("cleo", "/queue?title=spending"),
        ("rosa", "/requests"),
        ("cleo", "/requests/r-000000000000"),
        ("rosa", "/requests/r-000000000000"),
        ("cleo", "/releases"),
    ],
)
def test_a_page_asks_as_often_among_many_requests_as_among_few(
    app: Flask, house: House, person: str, path: str
) -> None:
    pools = {project: statistics_of(house, project) for project in ("heron", "wren")}
    browser, engine = Browser(app).sign_in(person), app.extensions["saferoom"].engine
    counts = []
    for first, last in ((0, FEW), (FEW, MANY)):
        fill(house, pools, first, last)
        assert browser.get(path).status_code == 200  # what is kept, is kept
        with statements(engine) as asked:
            assert browser.get(path).status_code == 200
        counts.append(sorted(asked))
    assert len(counts[0]) == len(counts[1]), set(counts[0]) ^ set(counts[1])


def test_a_page_of_earlier_releases_says_that_there_are_older_ones(app: Flask, house: House) -> None:
    pools = {project: statistics_of(house, project) for project in ("heron", "wren")}
    fill(house, pools, 0, MANY)
    page = Browser(app).sign_in("cleo").get("/requests/r-000000000000").text
    assert "These are the 20 newest. Older ones stand under" in page


def test_a_file_that_was_changed_is_noticed_although_its_answer_is_kept(app: Flask, house: House) -> None:
    """I7: what was understood of an answer is kept; its bytes are read and compared with their hash each time."""
    request = a_submitted_request(house)
    cleo = Browser(app).sign_in("cleo")
    assert cleo.get(f"/requests/{request}").status_code == 200
    digest = house.do(lambda session: the_request(session, request).items[0].statistic.answer)
    path = Path(house.store._named(digest))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"100", b"101", 1))
    assert cleo.get(f"/requests/{request}").status_code == 500


def test_a_kept_part_shows_what_is_true_of_this_request(app: Flask, house: House) -> None:
    """The same answer in two requests: code and place are each one's own."""
    pools = {"heron": statistics_of(house, "heron")}
    make_two = [Made(RequestState.SUBMITTED, statistics=(0,)), Made(RequestState.SUBMITTED, statistics=(0, 1))]
    first, second = house.do(lambda session: make(session, pools, make_two))
    cleo = Browser(app).sign_in("cleo")
    for _ in range(2):
        assert ">1. " in cleo.get(f"/requests/{first}").text
        assert ">2. " in cleo.get(f"/requests/{second}").text
        assert ">2. " not in cleo.get(f"/requests/{first}").text


def test_what_is_remembered_is_bounded_and_the_oldest_goes() -> None:
    kept: Remembered[str] = Remembered(10)
    made: list[str] = []

    def get(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key * 4

        return kept.get(key, make, len)

    assert "".join(map(get, "abacab")) == "aaaabbbbaaaaccccaaaabbbb"
    assert made == ["a", "b", "c", "b"]
    assert kept.get("large", lambda: "x" * 11, len) == "x" * 11
    assert get("a") == "aaaa"
    assert made == ["a", "b", "c", "b"]
