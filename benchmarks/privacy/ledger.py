"""The ledger beside plain durable transactions, in one run: `python -m benchmarks.privacy.ledger`.

A pair is a reservation in two scopes and the commit of its result: two durable transactions. The peer writes the same
two rows with SQLite alone, in two immediate transactions with full synchronisation: no budget, no chain, no seal.
Then: what `spent` costs as history grows. Seconds depend on the disk and on who else uses it; trust the ratios.
"""

import argparse
import multiprocessing
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disclosure_control.privacy.ledger import Ledger

SCOPES = ("dataset:d", "project:p/d")
KEY = b"k" * 32
BUDGET = 10**17
RESULT = b"r" * 500
TO_REACH = 300
FEWEST = 200


@dataclass(frozen=True)
class Speed:
    """Pairs in a second, and what one costs each process (milliseconds of processor)."""

    pairs_per_second: float
    cpu_ms: float


def main() -> None:
    asked = _arguments()
    print("| processes | plain SQLite, pairs/s | ledger, pairs/s | ledger ÷ plain | CPU of a pair, plain | ledger |")
    print("| --- | --- | --- | --- | --- | --- |")
    reached = 0.0
    for processes in (1, 8):
        pairs = max(FEWEST, asked.pairs) // processes
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            plain = _timed(_plain_pairs, _plain(folder), processes, pairs)
            url = asked.url or f"sqlite:///{folder}/ledger.sqlite"
            ours = _timed(_ledger_pairs, _granted(url), processes, pairs)
        ratio = ours.pairs_per_second / plain.pairs_per_second
        print(
            f"| {processes} | {plain.pairs_per_second:.0f} | {ours.pairs_per_second:.0f} | {ratio:.2f} "
            f"| {plain.cpu_ms:.2f} ms | {ours.cpu_ms:.2f} ms |",
            flush=True,
        )
        reached = ours.pairs_per_second
    print(f"\nTo reach with 8 processes: {TO_REACH}. Reached: {'yes' if reached >= TO_REACH else 'no'}.\n")
    _history(asked.charges, asked.folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy.ledger", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short history")
    parser.add_argument("--pairs", type=int, default=1600, help="how many, over all processes (1600)")
    parser.add_argument("--charges", type=int, help="how long the history grows (100,000; quick: 5,000)")
    parser.add_argument("--url", help="a PostgreSQL ledger of its own, in place of a SQLite file")
    parser.add_argument("--folder", default=".", help="where the SQLite files go: a folder on the disk that counts")
    asked = parser.parse_args()
    asked.charges = asked.charges or (5_000 if asked.quick else 100_000)
    return asked


# ---------------------------------------------------------------------------------------------- pairs


def _timed(work: Callable[[str, int, int], None], where: str, processes: int, pairs: int) -> Speed:
    context = multiprocessing.get_context("spawn")
    ready, used = context.Barrier(processes + 1), context.Queue()
    workers = [context.Process(target=_work, args=(work, where, each, pairs, ready, used)) for each in range(processes)]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.perf_counter()
    cpu = sum(used.get() for _ in workers)
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return Speed(processes * pairs / seconds, 1000 * cpu / (processes * pairs))


def _work(work: Callable[[str, int, int], None], where: str, number: int, pairs: int, ready: Any, used: Any) -> None:
    work(where, -1 - number, 3)  # connections are open and statements made
    ready.wait()
    began = time.process_time()
    work(where, number, pairs)
    used.put(time.process_time() - began)


_opened: dict[str, Any] = {}


def _plain(folder: str) -> str:
    path = f"{folder}/plain.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE charge (id TEXT PRIMARY KEY, nano_rho INTEGER, result BLOB)")
    connection.close()
    return path


def _plain_pairs(path: str, number: int, pairs: int) -> None:
    connection = _opened.get(path)
    if connection is None:
        connection = _opened[path] = sqlite3.connect(path, isolation_level=None, timeout=60)
        connection.execute("PRAGMA synchronous=FULL")
    for each in range(pairs):
        name = f"{number}/{each}"
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO charge VALUES (?, ?, NULL)", (name, 1))
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE charge SET result = ? WHERE id = ?", (RESULT, name))
        connection.execute("COMMIT")


def _granted(url: str) -> str:
    with Ledger(url, key=KEY) as ledger:
        for scope in SCOPES:
            ledger.grant(scope, BUDGET, granted_by="owner")
    return url


def _ledger_pairs(url: str, number: int, pairs: int) -> None:
    ledger = _opened.get(url)
    if ledger is None:
        ledger = _opened[url] = Ledger(url, key=KEY)
    for each in range(pairs):
        ledger.commit(ledger.reserve(SCOPES, 1, f"{os.getppid()}/{number}/{each}"), RESULT)


# ---------------------------------------------------------------------------------------------- history


def _history(charges: int, folder: str) -> None:
    """What a call costs at the beginning and the end of a history, in milliseconds of processor."""
    print("| charges before | spent | reserve and commit | retry | verify | file |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(dir=folder) as inside, Ledger(f"sqlite:///{inside}/l.sqlite", key=KEY) as ledger:
        for scope in SCOPES:
            ledger.grant(scope, BUDGET, granted_by="owner")
        made = 0
        for goal in sorted({100, max(100, charges // 10), max(100, charges)}):
            _grow(ledger, made, goal)
            made = goal
            size = sum(path.stat().st_size for path in Path(inside).iterdir()) / 1e6
            print(f"| {goal:,} | {_costs(ledger, goal)} | {size:.1f} MB |", flush=True)


def _grow(ledger: Ledger, begin: int, end: int) -> None:
    """More history, without waiting for the disk: each charge as the ledger makes it, its durability aside."""
    with ledger._database.engine.connect() as connection:  # noqa: SLF001 - the ledger has no such setting
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA synchronous=OFF")
    for number in range(begin, end):
        ledger.commit(ledger.reserve(SCOPES, 1, f"r{number}"), RESULT)
    ledger.close()  # the next connection is durable again


def _costs(ledger: Ledger, goal: int) -> str:
    def pair(number: int) -> None:
        ledger.commit(ledger.reserve(SCOPES, 1, f"after {goal}/{number}"), RESULT)

    each = (
        _cpu_ms(lambda _number: ledger.spent(SCOPES[0])),
        _cpu_ms(pair),
        _cpu_ms(lambda _number: ledger.reserve(SCOPES, 1, "r7")),
    )
    whole = _cpu_ms(lambda _number: ledger.verify(), times=1)
    return " | ".join(f"{ms:.2f} ms" for ms in each) + f" | {whole / 1000:.2f} s"


def _cpu_ms(call: Callable[[int], object], times: int = 100) -> float:
    call(-1)
    began = time.process_time()
    for number in range(times):
        call(number)
    return 1000 * (time.process_time() - began) / times


if __name__ == "__main__":
    main()
