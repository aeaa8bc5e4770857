"""Views: each is on disk before it is shown, once, whoever wrote it; on both kinds of database."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine

from governance import audit, views
from governance.database import DatabaseUnavailable, reading, writing
from governance.views import View, Views


def recorded(engine: Engine) -> list[tuple[str, int]]:
    with reading(engine) as session:
        audit.verify(session)
        return sorted((each.actor, each.detail["number"]) for each in audit.events_about(session, "thing:1"))


def test_a_view_is_an_event_when_it_returns(engine: Engine) -> None:
    Views(engine).record(View("ada", "thing.viewed", "thing:1", {"number": 1}))
    assert recorded(engine) == [("ada", 1)]


def test_several_on_one_page_are_an_event_each_and_one_write(engine: Engine) -> None:
    Views(engine).record(*(View("ada", "thing.viewed", "thing:1", {"number": number}) for number in range(3)))
    Views(engine).record()
    assert recorded(engine) == [("ada", 0), ("ada", 1), ("ada", 2)]


def test_each_of_many_at_once_is_there_once_and_they_share_the_disk(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions: list[Engine] = []

    def counted(on: Engine) -> Any:
        transactions.append(on)
        return writing(on)

    monkeypatch.setattr(views, "writing", counted)
    book, together = Views(engine), threading.Barrier(8)

    def look(person: int) -> None:
        together.wait(20)
        for number in range(20):
            book.record(View(f"p{person}", "thing.viewed", "thing:1", {"number": number}))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(look, range(8)))
    assert recorded(engine) == sorted((f"p{person}", number) for person in range(8) for number in range(20))
    assert len(transactions) < 160


def test_a_view_that_another_failed_to_write_is_written_by_its_own(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, seen = Views(engine), list[str]()
    begun, waiting = threading.Event(), threading.Event()

    def failing(on: Engine) -> Any:
        begun.set()
        waiting.wait(20)
        monkeypatch.setattr(views, "writing", writing)
        raise DatabaseUnavailable

    def look(person: str) -> None:
        try:
            book.record(View(person, "thing.viewed", "thing:1", {"number": 1}))
            seen.append(person)
        except DatabaseUnavailable:
            seen.append(f"not {person}")

    monkeypatch.setattr(views, "writing", failing)
    first, second = (threading.Thread(target=look, args=(each,)) for each in ("ada", "eve"))
    first.start()
    begun.wait(20)
    second.start()
    while not book._waiting:
        second.join(0.01)
    waiting.set()
    first.join(20)
    second.join(20)
    assert sorted(seen) == ["eve", "not ada"]
    assert recorded(engine) == [("eve", 1)]


def test_what_was_taken_by_one_who_failed_is_not_lost(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Views(engine)
    page = views._Page([View("ada", "thing.viewed", "thing:1", {"number": 1})])
    assert book._all_with(page) == [page]
