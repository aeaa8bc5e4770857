"""What was made of immutable content, kept by its digest for a while: never more than a bounded number of bytes.

Only what follows from the key alone is kept: nothing that depends on who reads, on the moment, or on the register.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The things that were used last, together of at most `most` weight. For all threads of a process."""

    def __init__(self, most: int) -> None:
        self._most, self._weight = most, 0
        self._things: OrderedDict[Hashable, tuple[int, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], weight: Callable[[T], int]) -> T:
        """What `make` made for this key. Two threads may make it at once; what is heavier than all is not kept."""
        if (known := self.known(key)) is not None:
            return known
        made = make()
        self.keep(key, made, weight(made))
        return made

    def known(self, key: Hashable) -> T | None:
        """What is kept for this key."""
        with self._lock:
            if (known := self._things.get(key)) is None:
                return None
            self._things.move_to_end(key)
            return known[1]

    def keep(self, key: Hashable, made: T, weight: int) -> None:
        """Keep this for the key, unless it is heavier than all may be, or something is kept for it already."""
        with self._lock:
            if weight > self._most or key in self._things:
                return
            self._things[key] = weight, made
            self._weight += weight
            while self._weight > self._most:
                _, (gone, _) = self._things.popitem(last=False)
                self._weight -= gone
