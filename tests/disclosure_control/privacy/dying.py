"""Processes that ask for private results and are killed at a step of their own: between any two statements to the
database, before any commit, between any two calls."""

import os
import random
import secrets
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import event

from disclosure_control.errors import BudgetExceeded, LedgerUnavailable
from disclosure_control.privacy.ledger import Ledger, statements

SCOPES = ("dataset:d", "project:p/d")
Step = Callable[[], None]


def price_of_request(number: int) -> int:
    return 1 + number * 7919 % 10_000


def killed_at(step: int) -> Step:
    """Counts its calls, and ends this process at once at one of them."""
    left = step

    def taken() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return taken


def watched(ledger: Ledger, step: Step) -> Ledger:
    """The ledger, with a step before each statement and before each commit of its transactions."""
    run = statements.run

    def stepping(*arguments: Any, **parameters: Any) -> Any:
        step()
        return run(*arguments, **parameters)

    statements.run = stepping
    event.listen(ledger._database.engine, "commit", lambda _connection: step())
    return ledger


def ask(ledger: Ledger, number: int, step: Step = lambda: None) -> bytes:
    """One private result, in the order that keeps the promise. Each draw is another one."""
    charge = ledger.reserve(SCOPES, price_of_request(number), f"r{number}")
    step()
    if charge.result is None:
        charge = ledger.begin(charge)
        step()
    if charge.result is None:
        drawn = secrets.token_bytes(16)
        step()
        charge = ledger.commit(charge, drawn)
        step()
    assert charge.result is not None
    return charge.result


def ask_and_die(url: str, seen: Path, numbers: Sequence[int], dies_at: int) -> None:
    """Ask for some results, telling the world of each (a line in `seen`), until the step at which this ends."""
    step = killed_at(dies_at)
    with Ledger(url) as ledger:
        watched(ledger, step)
        for number in numbers:
            tell(seen, number, _patiently(ledger, number, step))
            step()


def _patiently(ledger: Ledger, number: int, step: Step) -> bytes | None:
    while True:
        try:
            return ask(ledger, number, step)
        except BudgetExceeded:
            return None
        except LedgerUnavailable:
            continue


def tell(seen: Path, number: int, result: bytes | None) -> None:
    if result is not None:
        with seen.open("ab", buffering=0) as file:
            file.write(f"{number} {result.hex()}\n".encode())


def told(folder: Path) -> list[tuple[int, bytes]]:
    """What the world saw."""
    lines = [line.split() for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]
    return [(int(number), bytes.fromhex(result)) for number, result in lines]


def shuffled(numbers: Sequence[int], seed: int) -> list[int]:
    return random.Random(seed).sample(numbers, len(numbers))
