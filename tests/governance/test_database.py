"""The register's database: one writer at a time, one state for a reader, on both kinds (each test runs on each)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from governance import audit, database
from governance.database import DatabaseUnavailable, open_database, reading, transaction
from governance.database_text import with_nulls, without_nulls
from governance.people import Person, Role, find_person
from governance.presence import Presence, arrive
from governance.sign_in import _use_code
from tests.governance.people_factory import a_person

WRITERS = 8


def at_once(number: int, do: Callable[[int], Any]) -> list[Any]:
    """What `do` returned, called in so many threads that begin together."""
    together = threading.Barrier(number)

    def begin(turn: int) -> Any:
        together.wait(20)
        return do(turn)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(begin, range(number)))


def test_events_of_many_writers_make_one_chain(engine: Engine) -> None:
    def write(number: int) -> None:
        for each in range(5):
            with transaction(engine) as session:
                audit.record(session, f"writer-{number}", "thing.done", f"thing:{each}")

    at_once(WRITERS, write)
    with reading(engine) as session:
        assert audit.verify(session) == WRITERS * 5


def test_a_code_is_used_by_one_of_those_who_have_it(engine: Engine) -> None:
    with transaction(engine) as session:
        a_person(session, "ada")

    def use(_number: int) -> bool:
        with transaction(engine) as session:
            return _use_code(session, "ada", 57)

    assert sorted(at_once(WRITERS, use)) == [False] * (WRITERS - 1) + [True]


def test_a_writer_reads_what_the_one_before_committed_though_she_came_first(engine: Engine) -> None:
    """Read, decide, write: of `at most one` only one may pass, however late the other's first look is."""
    with transaction(engine) as session:
        a_person(session, "ada")
    begun, seen = threading.Event(), []

    def second() -> None:
        begun.set()
        with transaction(engine) as session:
            seen.append(find_person(session, "ada").full_name)

    thread = threading.Thread(target=second)
    with transaction(engine) as session:
        thread.start()
        begun.wait(20)
        find_person(session, "ada").full_name = "Ada Lovelace"
    thread.join(20)
    assert seen == ["Ada Lovelace"]


def test_a_reader_sees_one_state_and_keeps_nobody_waiting(engine: Engine) -> None:
    with transaction(engine) as session:
        a_person(session, "ada")
    with reading(engine) as earlier:
        assert earlier.scalars(select(Person.name)).all() == ["ada"]
        with transaction(engine) as session:
            a_person(session, "eve", Role.OPERATOR)
        assert earlier.scalars(select(Person.name)).all() == ["ada"]
    with reading(engine) as later:
        assert sorted(later.scalars(select(Person.name))) == ["ada", "eve"]


def test_what_fails_leaves_nothing(engine: Engine) -> None:
    def fail() -> None:
        with transaction(engine) as session:
            a_person(session, "ada")
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with reading(engine) as session:
        assert session.scalars(select(Person.name)).all() == []


@pytest.mark.parametrize("name", ["a\0b", "\ue000", "\ue000\ue002\0\ue001", "\u202eabc", "", "\U0001f600"])
def test_every_text_comes_back_whole(engine: Engine, name: str) -> None:
    with transaction(engine) as session:
        arrive(session, name, database.now())
    with reading(engine) as session:
        assert session.get_one(Presence, name).person == name
        assert session.scalars(select(Presence.person).where(Presence.person == name)).all() == [name]


@given(st.text(st.sampled_from("\0\ue000\ue001\ue002a")))
def test_the_escape_is_undone(words: str) -> None:
    assert with_nulls(without_nulls(words)) == words
    assert "\0" not in without_nulls(words)


@pytest.mark.parametrize("word", ["a\0b", "\ue000", "\ue000\ue002\0\ue001", "\\u0000", "\\\0"])
def test_every_text_in_json_comes_back_whole_and_breaks_no_query(engine: Engine, word: str) -> None:
    """One null in one value would otherwise end every query that reads a part of such a column."""
    detail = {"kind": "x", word: [word, {"deep": word}, 1, None, True]}
    with transaction(engine) as session:
        audit.record(session, "ada", "something.done", "thing:1", **detail)
    with reading(engine) as session:
        kind = audit.AuditEvent.detail["kind"].as_string()
        assert session.scalars(select(kind)).all() == ["x"]
        assert session.scalars(select(audit.AuditEvent.detail).where(kind == "x")).one() == detail


def test_who_writes_for_too_long_makes_others_give_up_with_a_sentence(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    other = open_database(engine.url.render_as_string())
    with transaction(engine) as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable, match="busy"), transaction(other):
            pass
    other.dispose()


def test_an_error_of_ours_stays_what_it_is(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="nowhere"), reading(engine) as session:
        session.execute(text("SELECT 1 FROM nowhere"))


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.sqlite", "postgresql://ada@/ada?unix_sock=/nowhere/s"])
def test_a_database_that_is_not_there_is_a_sentence(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"), reading(open_database(url)) as session:
        session.execute(text("SELECT 1"))


def test_postgresql_lets_no_reader_write(postgresql_server: Any, tmp_path: Path) -> None:
    engine = open_database(postgresql_server.new_database("tables"))
    with reading(engine) as session:
        arrive(session, "ada", database.now())
        with pytest.raises(DBAPIError, match="read-only"):
            session.flush()
    engine.dispose()
