"""The ledger: never overspent, never an unpaid result, whatever dies when (I6)."""

import multiprocessing
import os
import random
import signal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from disclosure_control import BudgetExceeded, Ledger, LedgerError

BUDGET = 1_000_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.sqlite"


@pytest.fixture
def ledger(url: str) -> Ledger:
    ledger = Ledger(url)
    for scope in ("dataset:d", "project:p/d"):
        ledger.grant(scope, BUDGET, granted_by="owner")
    return ledger


def test_a_charge_takes_from_every_scope_or_none(ledger: Ledger) -> None:
    ledger.grant("project:q/d", 10, granted_by="owner")
    with pytest.raises(BudgetExceeded, match="“project:q/d” has ρ = 1e-08 left"):
        ledger.reserve(["dataset:d", "project:q/d"], 11, "r")
    assert ledger.spent("dataset:d") == 0
    ledger.reserve(["dataset:d", "project:q/d"], 10, "r")
    assert (ledger.remaining("dataset:d"), ledger.remaining("project:q/d")) == (BUDGET - 10, 0)


def test_a_scope_without_a_grant_has_nothing(ledger: Ledger) -> None:
    with pytest.raises(BudgetExceeded):
        ledger.reserve(["dataset:other"], 1, "r")


def test_the_same_request_is_charged_once(ledger: Ledger) -> None:
    first = ledger.reserve(["dataset:d"], 5, "r")
    assert ledger.reserve(["dataset:d"], 5, "r") == first
    assert ledger.spent("dataset:d") == 5
    with pytest.raises(LedgerError, match="another price"):
        ledger.reserve(["dataset:d"], 6, "r")


def test_a_result_is_stored_once(ledger: Ledger) -> None:
    charge = ledger.reserve(["dataset:d"], 5, "r")
    assert ledger.commit(charge, b"first").result == b"first"
    assert ledger.commit(charge, b"first").state == "committed"
    with pytest.raises(LedgerError, match="second draw"):
        ledger.commit(charge, b"second")
    assert ledger.reserve(["dataset:d"], 5, "r").result == b"first"


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_is_positive(ledger: Ledger, price: int) -> None:
    with pytest.raises(LedgerError, match="positive"):
        ledger.reserve(["dataset:d"], price, "r")
    with pytest.raises(LedgerError, match="positive"):
        ledger.grant("dataset:d", price, granted_by="owner")


def test_a_ledger_of_another_schema_is_not_touched(ledger: Ledger, url: str) -> None:
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE ledger_schema SET version = 99"))
    with pytest.raises(LedgerError, match="schema version 99"):
        Ledger(url)


def spend_and_die(url: str, folder: str, seed: int) -> None:
    """Spend in small steps, and die at a random one between request and commit."""
    dice, ledger = random.Random(seed), Ledger(url)
    for number in range(60):
        try:
            charge = ledger.reserve(["dataset:d", "project:p/d"], dice.randint(1, 12_000), f"{seed}/{number}")
        except BudgetExceeded:
            return
        if dice.random() < 0.02:
            os.kill(os.getpid(), signal.SIGKILL)
        Path(folder, f"{seed}-{number}").touch()
        if dice.random() < 0.02:
            os.kill(os.getpid(), signal.SIGKILL)
        ledger.commit(charge, b"result")


def test_processes_that_race_and_die_never_overspend(ledger: Ledger, url: str, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=spend_and_die, args=(url, str(seen), seed)) for seed in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    history = {charge.request for charge in ledger.history("dataset:d")}
    assert ledger.spent("dataset:d") == ledger.spent("project:p/d") <= BUDGET
    assert {path.name.replace("-", "/") for path in seen.iterdir()} <= history
    assert len(history) > 60
    assert any(worker.exitcode == -signal.SIGKILL for worker in workers)
