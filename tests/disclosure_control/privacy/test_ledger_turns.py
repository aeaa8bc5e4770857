"""Writers of a SQLite ledger queue for their turn: asleep, in order, and whatever becomes of who has it."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from disclosure_control import BudgetExceeded, Ledger, LedgerUnavailable
from disclosure_control.privacy.ledger import database, turns

SOON = 30.0


def hold(url: str, holding: Any) -> None:
    with Ledger(url) as ledger, ledger._database.writing():
        holding.set()
        time.sleep(600)


@pytest.fixture
def url(folder: Path) -> str:
    with Ledger(f"sqlite:///{folder}/ledger.sqlite") as ledger:
        ledger.grant("dataset:d", 1000, granted_by="owner")
    return f"sqlite:///{folder}/ledger.sqlite"


def a_holder(url: str) -> Any:
    """A process in the middle of a write."""
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    process = context.Process(target=hold, args=(url, holding))
    process.start()
    assert holding.wait(SOON)
    return process


def test_who_is_killed_in_his_turn_leaves_it(url: str) -> None:
    holder = a_holder(url)
    killing = threading.Timer(0.3, lambda: os.kill(holder.pid, signal.SIGKILL))
    killing.start()
    with Ledger(url) as ledger:
        ledger.reserve(["dataset:d"], 1, "r")
        assert ledger.spent("dataset:d") == 1
    killing.join()
    holder.join()


def test_who_is_stopped_in_his_turn_keeps_others_waiting_so_long_and_no_longer(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = a_holder(url)
    os.kill(holder.pid, signal.SIGSTOP)
    monkeypatch.setattr(database, "WAIT_MS", 200)
    with Ledger(url) as ledger:
        with pytest.raises(LedgerUnavailable, match="is busy"):
            ledger.reserve(["dataset:d"], 1, "r")
        assert ledger.spent("dataset:d") == 0  # who reads waits for nobody
    holder.kill()
    holder.join()
    monkeypatch.setattr(database, "WAIT_MS", 30_000)
    with Ledger(url) as ledger:
        ledger.reserve(["dataset:d"], 1, "r")


def test_who_gave_up_does_not_keep_the_turn_that_comes_later(folder: Path) -> None:
    ledger = folder / "ledger"
    with turns.turn(ledger, time.monotonic() + SOON):
        for _ in range(3):
            with pytest.raises(TimeoutError), turns.turn(ledger, time.monotonic() + 0.02):
                pass
    for _ in range(3):
        with turns.turn(ledger, time.monotonic() + SOON):
            pass


def test_waiting_costs_no_processor_time(url: str) -> None:
    holder = a_holder(url)
    killing = threading.Timer(1.0, lambda: os.kill(holder.pid, signal.SIGKILL))
    with Ledger(url) as ledger:
        ledger.spent("dataset:d")
        killing.start()
        began, used = time.monotonic(), time.process_time()
        ledger.reserve(["dataset:d"], 1, "r")
        waited, used = time.monotonic() - began, time.process_time() - used
    holder.join()
    assert waited > 0.5
    assert used < waited / 40  # to try again every half millisecond takes more than twice that


def test_all_who_wait_get_their_turn_one_at_a_time(folder: Path) -> None:
    ledger, inside = folder / "ledger", threading.Lock()
    seen: list[int] = []

    def take(number: int) -> None:
        for _ in range(20):
            with turns.turn(ledger, time.monotonic() + SOON):
                assert inside.acquire(blocking=False)
                seen.append(number)
                inside.release()

    takers = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sorted(seen) == sorted(list(range(8)) * 20)


def test_who_writes_out_of_turn_is_waited_for_too(url: str) -> None:
    """Software of before there were turns: SQLite's own lock keeps the two apart, and what it wrote is seen."""
    path = url.removeprefix("sqlite:///")

    def spend(begun: threading.Event) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            old.execute("BEGIN IMMEDIATE")
            old.execute("UPDATE ledger_balance SET spent = 999")
            begun.set()
            time.sleep(0.5)
            old.execute("COMMIT")

    begun = threading.Event()
    writer = threading.Thread(target=spend, args=(begun,))
    writer.start()
    assert begun.wait(SOON)
    with Ledger(url) as ledger, pytest.raises(BudgetExceeded) as told:
        ledger.reserve(["dataset:d"], 2, "r")
    assert told.value.left == 1
    writer.join()


def test_a_ledger_that_only_others_may_write_beside_is_unavailable(folder: Path) -> None:
    with pytest.raises(OSError, match="No such file"), turns.turn(folder / "nowhere" / "ledger", time.monotonic()):
        pass
