"""Turns to write: one at a time, among threads and among processes; and nothing depends on them but time."""

import fcntl
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from governance import audit, writers
from governance.database import Base, open_database, reading, transaction
from governance.writers import Turns


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[None]:
    """As by another process: a lock belongs to whoever opened the folder, and this opens it anew."""
    opened = os.open(folder, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(opened)


@pytest.mark.parametrize("shared", [True, False], ids=["threads of a process", "processes"])
def test_one_has_a_turn_at_a_time_and_all_have_theirs(tmp_path: Path, shared: bool) -> None:
    one = Turns(tmp_path)
    inside, most, had = 0, 0, 0

    def write(_number: int) -> None:
        nonlocal inside, most, had
        with (one if shared else Turns(tmp_path)).turn():
            inside += 1
            most = max(most, inside)
            time.sleep(0.002)
            inside, had = inside - 1, had + 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(40)))
    assert (most, had) == (1, 40)


def test_who_waits_goes_on_as_soon_as_the_other_is_done(tmp_path: Path) -> None:
    order, waiting = list[str](), threading.Event()

    def write() -> None:
        waiting.set()
        with Turns(tmp_path).turn():
            order.append("she")

    with held_elsewhere(tmp_path):
        thread = threading.Thread(target=write)
        thread.start()
        waiting.wait(5)
        time.sleep(0.02)
        order.append("the other")
    thread.join(5)
    assert order == ["the other", "she"]


@pytest.mark.parametrize("by", ["a process", "a thread"])
def test_after_a_long_wait_one_goes_on_without_a_turn(tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "PATIENCE_SECONDS", 0.05)
    turns, gone_on = Turns(tmp_path), False
    with held_elsewhere(tmp_path) if by == "a process" else turns.turn(), turns.turn():
        gone_on = True
    assert gone_on
    with turns.turn():
        assert turns._threads.locked(), "what was not had is not given back"


def test_a_child_that_was_forked_in_a_turn_does_not_keep_it(tmp_path: Path) -> None:
    turns, end = Turns(tmp_path), multiprocessing.get_context("fork").Event()
    with turns.turn():
        child = multiprocessing.get_context("fork").Process(target=end.wait, args=(20,))
        child.start()
    begun = time.monotonic()
    with Turns(tmp_path).turn():
        waited = time.monotonic() - begun
    end.set()
    child.join(20)
    assert waited < writers.PATIENCE_SECONDS / 2


def test_a_register_whose_folder_is_not_there_is_sqlites_to_refuse(tmp_path: Path) -> None:
    with Turns(tmp_path / "nowhere").turn():
        assert not (tmp_path / "nowhere").exists()


def test_a_transaction_has_a_turn_until_it_has_committed(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/register.sqlite")
    Base.metadata.create_all(engine)
    other = os.open(tmp_path, os.O_RDONLY)
    with transaction(engine) as session:
        audit.record(session, "ada", "thing.done", "thing:1")
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with reading(engine) as session:
        assert audit.verify(session) == 1, "who only reads waits for nobody"
    os.close(other)
    engine.dispose()
