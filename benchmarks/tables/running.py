"""Starts product and peers as programs, with a time limit, and reads the records that they print."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.tables.environments import python_of

HERE = Path(__file__).parent
Record = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a program printed; `finished` is False where the time limit ended it."""

    records: tuple[Record, ...]
    finished: bool
    limit: float

    def median(self, name: str = "seconds", **where: object) -> float | None:
        """The median over the runs that have this number."""
        found = [
            each[name]
            for each in self.records
            if name in each and all(each.get(key) == value for key, value in where.items())
        ]
        return median(found) if found else None

    def last(self, name: str) -> Any:
        """The number in the last run that has it."""
        found = [each[name] for each in self.records if name in each]
        return found[-1] if found else None


def in_turn(turns: int, *programs: Callable[[], Outcome]) -> list[Outcome]:
    """Each program once a turn, so that a machine that is busy now and idle then is the same for all of them.

    A program that did not finish is not started again.
    """
    found: list[list[Outcome]] = [[] for _ in programs]
    for _ in range(turns):
        for outcomes, program in zip(found, programs, strict=True):
            if all(each.finished for each in outcomes):
                outcomes.append(program())
    return [
        Outcome(tuple(record for each in outcomes for record in each.records), outcomes[-1].finished, outcomes[0].limit)
        for outcomes in found
    ]


def ours(task: str, *arguments: object, limit: float) -> Outcome:
    """A task of `benchmarks.tables.ours`."""
    return _run([sys.executable, "-m", "benchmarks.tables.ours", task, *map(str, arguments)], limit)


def theirs(peer: str, script: str, *arguments: object, limit: float) -> Outcome:
    """A script of `peers`, in that peer's environment."""
    return _run([str(python_of(peer)), str(HERE / "peers" / script), *map(str, arguments)], limit)


def _run(command: list[str], limit: float) -> Outcome:
    print(" ".join(command[1:]), file=sys.stderr)
    try:
        done = subprocess.run(  # noqa: S603 - our own scripts
            command, capture_output=True, text=True, timeout=limit, cwd=HERE.parents[1], check=False
        )
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
        return Outcome(_records(text.decode() if isinstance(text, bytes) else text), finished=False, limit=limit)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(f"{command[2]} failed ({done.returncode}); its words are above.")
    return Outcome(_records(done.stdout), finished=True, limit=limit)


def _records(text: str) -> tuple[Record, ...]:
    return tuple(json.loads(line) for line in text.splitlines() if line.startswith("{"))
