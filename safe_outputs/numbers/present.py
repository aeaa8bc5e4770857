"""The numbers as pages show them: computed now and then, kept in between, so that a page view costs a look.

Each process keeps its own; they differ by minutes at the most, and the pages say of when they are.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import Engine

from governance.database import now, reading
from safe_outputs.numbers.history import numbers_of, spread_of_clock
from safe_outputs.numbers.spread import Spread, spread
from safe_outputs.numbers.summary import Numbers
from safe_outputs.store import Store

PERIOD = timedelta(days=365)
RECENT = timedelta(days=90)
KEPT_SECONDS = 300.0
HEAD_KEPT_SECONDS = 60.0

Value = TypeVar("Value")


@dataclass
class Kept(Generic[Value]):
    """A value that is computed anew, by one thread at a time, when it is older than so many seconds."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    value: Value | None = None
    until: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, compute: Callable[[], Value]) -> Value:
        """The value, computed if there is none or it is too old; while one thread does, others take the older one."""
        if self.value is not None and (self.clock() < self.until or self.lock.locked()):
            return self.value
        with self.lock:
            if self.value is None or self.clock() >= self.until:
                self.value = compute()
                self.until = self.clock() + self.seconds
            return self.value


@dataclass
class Present:
    """The numbers of the last twelve months, and the few in the queue's head, of the last ninety days."""

    engine: Engine
    store: Store
    numbers: Kept[Numbers] = field(default_factory=lambda: Kept(KEPT_SECONDS))
    head: Kept[Spread] = field(default_factory=lambda: Kept(HEAD_KEPT_SECONDS))

    def of_the_year(self) -> Numbers:
        """The numbers of the last twelve months, at most five minutes old. Raises `DatabaseUnavailable`, `Tampered`."""
        return self.numbers.get(self._compute)

    def of_the_queue(self) -> Spread:
        """Checkers' time (seconds) of what was decided in the last ninety days, at most a minute old.

        Raises `DatabaseUnavailable`.
        """
        return self.head.get(self._clock)

    def _compute(self) -> Numbers:
        at = now()
        with reading(self.engine) as session:
            return numbers_of(session, self.store, _since(at, PERIOD), at)

    def _clock(self) -> Spread:
        with reading(self.engine) as session:
            return spread(spread_of_clock(session, now() - RECENT))


def _since(at: datetime, period: timedelta) -> datetime:
    """The beginning of the month in which the period begins, so that every month shown is whole but the last."""
    return (at - period).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
