"""Processes that race and die: never overspent, never an unpaid result, every retry byte-identical (I6)."""

import multiprocessing
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from disclosure_control import Ledger
from tests.disclosure_control.privacy import dying
from tests.disclosure_control.privacy.dying import SCOPES, ask, ask_and_die, price_of_request, shuffled, told

BUDGET = 1_000_000
PROCESSES = 16
REQUESTS = range(300)
"""Together they cost half as much again as there is."""


@pytest.fixture(scope="module")
def processes() -> Any:
    """Processes that begin with the ledger imported, and with no connection of this process's."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([dying.__name__])
    return context


@pytest.fixture
def granted(url: str) -> str:
    with Ledger(url) as ledger:
        for scope in SCOPES:
            ledger.grant(scope, BUDGET, granted_by="owner")
    return url


@pytest.fixture
def seen(folder: Path) -> Path:
    seen = folder / "seen"
    seen.mkdir()
    return seen


def assert_every_result_is_paid(ledger: Ledger, seen: Path) -> None:
    history = {charge.request: charge for charge in ledger.history(SCOPES[0])}
    for number, result in told(seen):
        charge = history[f"r{number}"]
        assert (charge.nano_rho, charge.scopes, charge.result) == (price_of_request(number), SCOPES, result)
    charged = sum(charge.nano_rho for charge in history.values())
    assert len(history) == len(ledger.history(SCOPES[0]))
    assert ledger.spent(SCOPES[0]) == ledger.spent(SCOPES[1]) == charged <= BUDGET
    ledger.verify()


def test_killed_at_every_step_between_request_and_answer(processes: Any, granted: str, seen: Path) -> None:
    """One process for each step. What it leaves behind is charged once, and answered once."""
    with Ledger(granted) as ledger:
        for step in range(1, 200):
            process = processes.Process(target=ask_and_die, args=(granted, seen / "all", [step], step))
            process.start()
            process.join(60)
            assert_every_result_is_paid(ledger, seen)
            first = ask(ledger, step)
            spent = ledger.spent(SCOPES[0])
            assert ask(ledger, step) == first
            assert {result for number, result in told(seen) if number == step} <= {first}
            assert ledger.spent(SCOPES[0]) == spent == sum(map(price_of_request, range(1, step + 1)))
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
        else:
            pytest.fail("no process came to its end")
        assert step > 25  # three transactions, and what lies between them
        states = {charge.state for charge in ledger.history(SCOPES[0])}
        assert states == {"committed"}


def test_sixteen_processes_on_one_budget_killed_at_random(processes: Any, granted: str, seen: Path) -> None:
    dice = random.Random(16)
    workers = [
        processes.Process(
            target=ask_and_die, args=(granted, seen / str(seed), shuffled(REQUESTS, seed), dice.randint(1, 2500))
        )
        for seed in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(240)
    assert {worker.exitcode for worker in workers} <= {0, -signal.SIGKILL}
    assert sum(worker.exitcode == -signal.SIGKILL for worker in workers) >= PROCESSES // 2
    with Ledger(granted) as ledger:
        assert_every_result_is_paid(ledger, seen)
        before = {charge.request: charge for charge in ledger.history(SCOPES[0])}
        assert len(before) > 100
        for charge in before.values():
            number = int(charge.request.removeprefix("r"))
            answer = ask(ledger, number)
            assert charge.result in {None, answer}
            assert ask(ledger, number) == answer
        assert sum(charge.nano_rho for charge in before.values()) == ledger.spent(SCOPES[0])
        assert_every_result_is_paid(ledger, seen)


def test_processes_that_race_for_the_last_of_a_budget_take_it_once(processes: Any, url: str, seen: Path) -> None:
    """All want all that is left, at the same time: one gets it, whichever it is."""
    with Ledger(url) as ledger:
        for scope in SCOPES:
            ledger.grant(scope, price_of_request(0), granted_by="owner")
    same_price = [number for number in range(200_000) if price_of_request(number) == price_of_request(0)][:6]
    workers = [processes.Process(target=ask_and_die, args=(url, seen / str(n), [n], 10**9)) for n in same_price]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 6
    with Ledger(url) as ledger:
        assert len(told(seen)) == len(ledger.history(SCOPES[0])) == 1
        assert ledger.remaining(SCOPES[0]) == 0


def test_processes_that_ask_the_same_get_the_same(processes: Any, granted: str, seen: Path) -> None:
    workers = [processes.Process(target=ask_and_die, args=(granted, seen / str(n), range(12), 10**9)) for n in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    results = told(seen)
    assert len(results) == 6 * 12
    assert len(set(results)) == 12
    with Ledger(granted) as ledger:
        assert_every_result_is_paid(ledger, seen)
