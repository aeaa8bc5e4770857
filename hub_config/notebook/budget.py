"""How much may cross to a person's browser in a day, kept where a restart finds it.

The number on disk runs ahead of what has crossed by at most `STEP` bytes, so that it is never behind: a session that
is killed and started again begins with less, never with more.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from hub_config.notebook.outputs import KIB

BYTES_A_DAY = 64 * 1024 * KIB
"""Some 600 plots and 600 tables, or the day's work on a dozen notebooks, measured with JupyterLab. It does not make a
small dataset safe from being shown page by page; it makes sure that this takes days and stands in the record."""

STEP = 256 * KIB

RESERVE = 4
"""A quarter of the budget on top is for what tells that work goes on: with the default, some 8,000 cells run."""


def today() -> date:
    return datetime.now(UTC).date()


@dataclass
class Budget:
    """The day's budget of one person in one project. `ledger` is a file that no kernel sees.

    A ledger that cannot be read counts as used up, and so does one that cannot be written.
    """

    ledger: Path
    bytes_a_day: int = BYTES_A_DAY
    clock: Callable[[], date] = today

    def __post_init__(self) -> None:
        self.day, self.used = self._stored()
        self._reserved = self.used

    def _stored(self) -> tuple[date, int]:
        try:
            stored = json.loads(self.ledger.read_text(encoding="utf-8"))
            day, used = date.fromisoformat(stored["day"]), int(stored["bytes"])
        except FileNotFoundError:
            return self.clock(), 0
        except (OSError, ValueError, KeyError, TypeError):
            return self.clock(), self.bytes_a_day
        return day, max(0, used)

    @property
    def used_up(self) -> bool:
        self._turn_day()
        return self.used >= self.bytes_a_day

    def take(self, size: int) -> bool:
        """Whether `size` more bytes may cross; if so, they are counted. The first that do not fit use it up."""
        self._turn_day()
        if self.used + size > self.bytes_a_day or not self._count(size):
            self.used = max(self.used, self.bytes_a_day)
            self._store(self.used)
            return False
        return True

    def count(self, size: int) -> bool:
        """Count bytes that cross though the budget is used up: what tells a browser that work goes on.

        False where even the reserve for that is gone: a kernel could hide a little in each of very many answers.
        """
        self._turn_day()
        if self.used + size > self.bytes_a_day + self.bytes_a_day // RESERVE:
            return False
        if not self._count(size):
            self.used = max(self.used, self.bytes_a_day)
        return True

    def _turn_day(self) -> None:
        """Begin anew on a later day. A clock that went back refills nothing."""
        if self.clock() > self.day:
            self.day, self.used, self._reserved = self.clock(), 0, 0

    def _count(self, size: int) -> bool:
        self.used += size
        if self.used <= self._reserved:
            return True
        self._reserved = self.used + STEP
        return self._store(self._reserved)

    def _store(self, used: int) -> bool:
        """Write the ledger durably. False if that fails."""
        temporary = self.ledger.with_suffix(".new")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump({"day": self.day.isoformat(), "bytes": used}, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.ledger)
        except OSError:
            return False
        return True
